import assert from 'node:assert/strict';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { lineage, type LineageInput } from '../../src/flows/gate/lineage.ts';
import { report } from '../../src/flows/watch/report.ts';
import { revoke } from '../../src/flows/gate/revoke.ts';
import { bundleFor, manifest, signBundle, type Name } from '../domain/policy/world.ts';
import {
  bare,
  idOf,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  signerOf,
  type GateWorld,
} from '../flows/gate-world.ts';
import {
  PREDICATES,
  REVOCATION,
  answerOf,
  answers,
  attach,
  revocationOf,
  world,
  type Answer,
} from './denials-world.ts';

/** Who looks at a lineage alone is told of a "no" as whoever decides. */
const POLICY = parsePolicy(policyText());

async function lineageOf(of: GateWorld, place: LineageInput['place'], text = policyText()): Promise<Answer> {
  const input = { shown: 'x', place, policy: parsePolicy(text), environment: null, timestampAuthorities: [] };
  const ports = { ...of.ports, files: createFiles(), trust: async () => [] };
  return answerOf((await lineage(input, ports as unknown as Parameters<typeof lineage>[1])).verdict);
}

async function reportOf(of: GateWorld, reference: string, text: Buffer): Promise<Answer> {
  const input = { name: 'acme/enc', reference, policy: parsePolicy(text), environment: null, at: null };
  const ports = { ...of.ports, files: createFiles(), trust: async () => [] };
  return answerOf((await report({ ...input, timestampAuthorities: [] }, ports as never, of.registry)).verdict);
}

const no = (by: Name, id: string, over: object = {}) =>
  bundleFor({ by, type: PREDICATES.revocation, about: bare(id), predicate: { ...revocationOf(id), ...over } });

async function lose(of: GateWorld, name: Name): Promise<void> {
  const target = { kind: 'principal', name, since: '2026-01-01T00:00:00.000Z' } as const;
  const input = { action: 'revoke', target, reason: 'lost', artifact: null, policy: POLICY } as const;
  await revoke(input, { ...of.ports, registry: of.registry, signer: signerOf('rob') });
}

test('what is open to the gate is open in the lineage: unread, by one lost since, of an ancestor, under an earlier policy', async (t) => {
  const noRita = Buffer.from(policyText().toString().replace('revoker: [rita, rob]', 'revoker: [rob]'));
  const data = { ...REVOCATION, name: 'acme/data' };
  const cases: Readonly<
    Record<
      string,
      readonly [(of: GateWorld, ids: { model: string; dataset: string }) => Promise<unknown>, string, number, Buffer?]
    >
  > = {
    'of a later version': [
      async (of, { model }) => attach(of, model, no('rita', model, { version: 3 }), REVOCATION),
      'claim-malformed',
      4,
    ],
    'by one lost since': [
      async (of, { model }) => (await lose(of, 'rita'), attach(of, model, no('rita', model), REVOCATION)),
      'denial-unconfirmed',
      4,
    ],
    'of the dataset, by one lost since': [
      async (of, { dataset }) => (await lose(of, 'rita'), attach(of, dataset, no('rita', dataset), data)),
      'denial-unconfirmed',
      4,
    ],
    'by a revoker of before': [
      async (of, { model }) => attach(of, model, no('rita', model), REVOCATION),
      'revocation-orphaned',
      1,
      noRita,
    ],
  };
  for (const [what, [say, code, exit, text = policyText()]] of Object.entries(cases)) {
    const of = await world(t);
    const ids = await publishStory(of);
    await promoteAs(of, 'ci', 'staging');
    await say(of, ids);
    const place = { kind: 'registry', name: 'acme/enc', reference: ids.model, registry: of.registry } as const;
    assert.deepEqual(await lineageOf(of, place, text), [[code], exit], what);
    assert.deepEqual(await reportOf(of, ids.model, text), [[code], exit], `${what}: report`);
    const [codes, gate] = (await answers(of, ids.model, text))['promote'] ?? [[], 0];
    assert.ok(codes.includes(code) && gate === exit, `${what}: the gate says ${codes.join()}`);
  }
});

test('so it is of a folder: what its claims hold and nobody can judge is open, and a stranger’s is a stranger’s', async (t) => {
  const of = await world(t);
  const files = { 'config.json': '{}' };
  const root = join(of.folder, 'm');
  await mkdir(root);
  await writeFile(join(root, 'config.json'), files['config.json']);
  const { dataset } = await publishStory(of);
  const id = idOf(files);
  const described = (await of.registry.claims('acme/data', dataset)).map((each) => Buffer.from(each).toString());
  const claims = [...modelClaims(id, dataset).map(([, bundle]) => Buffer.from(bundle).toString()), ...described];
  await writeFile(join(root, 'claims.jsonl'), claims.map((line) => `${line}\n`).join(''));
  const place = { kind: 'path', location: root } as const;
  assert.deepEqual(await lineageOf(of, place), [[], 0]);
  const add = async (bundle: Uint8Array) =>
    appendFile(join(root, 'claims.jsonl'), `${Buffer.from(bundle).toString()}\n`);
  const unread = (by: Name) => signBundle(by, Buffer.from(`{"predicateType":"x",${statement(id).slice(1)}`));
  await add(no('mallory', id));
  await add(unread('mallory'));
  assert.deepEqual(await lineageOf(of, place), [[], 0]);
  await add(unread('rita'));
  assert.deepEqual(await lineageOf(of, place), [['claim-malformed'], 4]);
});

function statement(id: string): string {
  return Buffer.from(buildStatement([manifest(bare(id))], PREDICATES.revocation, revocationOf(id))).toString();
}
