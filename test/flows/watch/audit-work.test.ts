import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import type { TimeMemory, VersionMemory } from '../../../src/domain/ports/trust.ts';
import { memoryOnce } from '../../../src/flows/gate/memory-once.ts';
import { readLog } from '../../../src/flows/registry/gate-claims.ts';
import { readOnce } from '../../../src/flows/registry/read-once.ts';
import { audit } from '../../../src/flows/watch/audit.ts';
import {
  MODEL_FILES,
  gateWorld,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  type GateWorld,
} from '../gate-world.ts';

const RULES = `
  - name: staging
    require: [bom, { claim: evaluation, where: predicate.result == "PASSED" }]`;

async function promoteMany(
  world: GateWorld,
  from: number,
  to: number,
  { dataset, text = policyText() }: { readonly dataset: string; readonly text?: Buffer },
): Promise<void> {
  for (let n = from; n < to; n += 1) {
    const files = { ...MODEL_FILES, 'config.json': `{"n":${n}}` };
    await world.publish(`acme/m${n}:1`, files, (id) => modelClaims(id, dataset).map(([, bundle]) => bundle));
    const target = { name: `acme/m${n}`, reference: '1' };
    assert.equal((await promoteAs(world, 'ci', 'staging', { target, text })).verdict.exitCode, 0);
  }
}

/** Calls of built-in functions while something runs, by their names. */
async function callsIn<T extends object>(
  owner: T,
  name: keyof T & string,
  work: () => Promise<unknown>,
): Promise<number> {
  const real = owner[name] as (...words: readonly unknown[]) => unknown;
  let calls = 0;
  const change = (to: unknown): void => {
    Object.assign(owner, { [name]: to });
    syncBuiltinESMExports();
  };
  change((...words: readonly unknown[]) => ((calls += 1), real(...words)));
  try {
    await work();
  } finally {
    change(real);
  }
  return calls;
}

test('each signature is verified once in an audit, each text read once, and nothing is anew for each what is the same for all', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const { dataset } = await publishStory(world);
  const text = policyText(RULES);
  const policy = parsePolicy(text);
  const pinnedAt = async (): Promise<{ size: number; root: string }> => {
    const { entries } = await readLog(world.registry);
    return { size: entries.length, root: Buffer.from(entries.rootAt(entries.length) ?? '', 'hex').toString('base64') };
  };
  const run = async (): Promise<void> => {
    const { promotions } = await audit({ policy, pinned: await pinnedAt() }, world.registry, world.ports);
    for (const { verdict } of promotions) assert.deepEqual(findingsOf(verdict), []);
  };
  const counts: Record<string, number[]> = {};
  for (const [from, to] of [
    [0, 1],
    [1, 3],
    [3, 5],
  ] as const) {
    await promoteMany(world, from, to, { dataset, text });
    await run();
    (counts['signatures'] ??= []).push(await callsIn(crypto, 'createVerify', run));
    (counts['texts'] ??= []).push(await callsIn(JSON, 'parse', run));
    (counts['hashes'] ??= []).push(await callsIn(crypto, 'hash', run));
  }
  const grown = Object.fromEntries(
    Object.entries(counts).map(([name, all]) => [name, all.slice(1).map((each, at) => (each - (all[at] ?? 0)) / 2)]),
  );
  assert.deepEqual(grown['signatures'], [5, 5], 'training, BOM, evaluation, approval, promotion');
  assert.deepEqual(grown['texts'], [21, 21]);
  const [few = 0, many = 0] = grown['hashes'] ?? [];
  assert.ok(many < few + 1 && few < 100, `as many hashes for each, whatever the log: ${few} and ${many}`);
});

/** What a run asks of the registry and of the memory of this user, by what is asked. */
async function askedBy(world: GateWorld, policy = parsePolicy(policyText())): Promise<Record<string, number>> {
  const asked: Record<string, number> = {};
  const counted = <T extends object>(of: T, names: readonly (keyof T & string)[]): T =>
    names.reduce((all, name) => {
      const real = of[name] as (...words: readonly unknown[]) => unknown;
      const instead = (...words: readonly unknown[]) => {
        asked[name] = (asked[name] ?? 0) + 1;
        return real(...words);
      };
      return { ...all, [name]: instead };
    }, of);
  const registry = counted<Registry>(world.registry, ['getManifest', 'claims', 'attachments', 'openBlob']);
  const versions = counted<VersionMemory>(world.ports.versions, ['highest', 'remember']);
  const times = counted<TimeMemory>({ newest: async () => null, remember: async () => {}, forget: async () => false }, [
    'newest',
  ]);
  const { promotions } = await audit({ policy }, registry, { ...world.ports, versions, times });
  assert.deepEqual(
    promotions.flatMap(({ verdict }) => findingsOf(verdict)),
    [],
  );
  return asked;
}

test('an audit reads the memory of this user once, and each manifest, claim and file no oftener than it must', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const { dataset } = await publishStory(world);
  await promoteMany(world, 0, 3, { dataset });
  const few = await askedBy(world);
  await promoteMany(world, 3, 9, { dataset });
  const many = await askedBy(world);
  assert.deepEqual([few['highest'], few['newest']], [1, 1]);
  assert.deepEqual([many['highest'], many['newest']], [1, 1], 'whatever is promoted');
  const each = Object.fromEntries(Object.entries(many).map(([name, count]) => [name, (count - (few[name] ?? 0)) / 6]));
  // The dataset that all of them were made from is read with the first.
  assert.deepEqual(each, { getManifest: 1, claims: 1, attachments: 1, openBlob: 2, highest: 0, newest: 0 });
});

test('what a run learns counts for the rest of it, is kept at once, and never goes back', async () => {
  const kept = new Map<string, number>([['line', 3]]);
  const written: string[] = [];
  const remember = async (line: string, version: number): Promise<void> => {
    written.push(`${line} ${version}`);
    kept.set(line, version);
  };
  const versions = {
    highest: async (line: string) => kept.get(line) ?? null,
    remember,
    keptIn: (line: string) => line,
  };
  const times: TimeMemory = {
    newest: async (anchors) => Math.max(...anchors.map((each) => kept.get(each) ?? 0)) || null,
    remember: async (found) => {
      for (const [anchor, time] of found) await remember(anchor, time);
    },
    forget: async () => kept.delete('a'),
  };
  const once = memoryOnce({ versions, times });
  assert.equal(await once.versions.highest('other'), null);
  await once.versions.remember('line', 2);
  await once.versions.remember('line', 3);
  await once.versions.remember('line', 4);
  await once.versions.remember('other', 0);
  assert.deepEqual([await once.versions.highest('line'), await once.versions.highest('other')], [4, 0]);
  assert.equal(await once.times.newest(['a', 'b']), null);
  await once.times.remember(
    new Map([
      ['a', 7],
      ['b', 5],
    ]),
  );
  await once.times.remember(new Map([['a', 6]]));
  assert.equal(await once.times.newest(['b', 'a']), 7);
  assert.deepEqual(written, ['line 4', 'other 0', 'a 7', 'b 5']);
  assert.equal(await once.times.forget(), true);
  assert.equal(await once.times.newest(['a']), null);
});

test('a memory that cannot be read is said for each that is asked about, not only for the first', async () => {
  const broken = async (): Promise<never> => Promise.reject(new Error('broken'));
  const versions: VersionMemory = { highest: broken, remember: broken, keptIn: (line) => line };
  const once = memoryOnce({ versions });
  await assert.rejects(once.versions.highest('line'), /broken/);
  await assert.rejects(once.versions.highest('line'), /broken/);
});

test('what a registry gave is kept up to a number of bytes, by name, id and kind, and a failure is asked about again', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const { dataset, model } = await publishStory(world);
  const asked: string[] = [];
  let broken = true;
  const claims: Registry['claims'] = async (name, id) => {
    asked.push(name);
    if (broken) throw new Error('the network is away');
    return world.registry.claims(name, id);
  };
  const registry = { ...world.registry, claims };
  const once = readOnce(registry);
  await assert.rejects(once.claims('acme/enc', model), /away/);
  broken = false;
  assert.deepEqual(await once.claims('acme/enc', model), await world.registry.claims('acme/enc', model));
  assert.deepEqual(await once.claims('acme/data', dataset), await world.registry.claims('acme/data', dataset));
  await once.claims('acme/enc', model);
  assert.deepEqual(asked, ['acme/enc', 'acme/enc', 'acme/data']);
  assert.deepEqual(await once.getManifest('acme/enc', model), await world.registry.getManifest('acme/enc', model));
  const small = readOnce(registry, 1);
  asked.length = 0;
  for (let time = 0; time < 2; time += 1) await small.claims('acme/data', dataset);
  assert.deepEqual(asked, ['acme/data', 'acme/data'], 'nothing is kept that is too large');
});
