import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRegistries } from '../../../src/adapters/registries/index.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { attachClaim } from '../../../src/flows/registry/attach.ts';
import { findingsOf, verdictOf } from '../../../src/domain/base/verdict.ts';
import { audit, type AuditOutcome } from '../../../src/flows/watch/audit.ts';
import { checkEnvironment } from '../../../src/flows/gate/environment.ts';
import { lineage } from '../../../src/flows/gate/lineage.ts';
import { rollback } from '../../../src/flows/gate/rollback.ts';
import { readFeeds } from '../../../src/flows/content/scan.ts';
import { bundleFor } from '../../domain/policy/world.ts';
import {
  MODEL_FILES,
  bare,
  gateWorld,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  signerOf,
  type GateWorld,
} from '../gate-world.ts';

function codesOf({ promotions }: AuditOutcome): readonly string[] {
  return promotions.flatMap(({ environment, verdict }) =>
    findingsOf(verdict).map(({ code, subject }) => `${environment} ${code} ${subject ?? ''}`),
  );
}

test('what became known to be bad since it was promoted is found where it runs', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  await publishStory(world);
  for (const environment of ['staging', 'prod']) await promoteAs(world, 'ci', environment);
  const feedOf = async (digest: string) =>
    (
      await readFeeds(['list.txt'], {
        feeds: { read: async () => ({ bytes: Buffer.from(`${digest}  evil\n`), fetched: '2026-11-20T00:00:00Z' }) },
        clock: world.ports.clock,
      })
    ).index;
  const policy = parsePolicy(policyText());
  assert.deepEqual(codesOf(await audit({ policy }, world.registry, world.ports)), []);
  assert.deepEqual(
    codesOf(await audit({ policy, feeds: await feedOf(sha256Hex('something else')) }, world.registry, world.ports)),
    [],
  );
  const feeds = await feedOf(sha256Hex(MODEL_FILES['model.safetensors']));
  assert.deepEqual(codesOf(await audit({ policy, feeds }, world.registry, world.ports)), [
    'prod scan-finding model.safetensors',
    'staging scan-finding model.safetensors',
  ]);
  const accepted = parsePolicy(
    policyText(
      undefined,
      'suppressions: [{ rule: WM-FEED-001, path: model.safetensors, reason: a false alarm of that feed, expires: 2027-01-01 }]',
    ),
  );
  assert.equal(
    (await audit({ policy: accepted, feeds }, world.registry, world.ports)).promotions.some(({ verdict }) =>
      verdict.checks.some(({ name, passed }) => name === 'content scan' && !passed),
    ),
    false,
  );
});

/** The same registry as whoever may write it could show it: without one claim. */
function hiding(world: GateWorld, bundle: Uint8Array): GateWorld {
  const { registry } = world;
  const claims: Registry['claims'] = async (name, id) =>
    (await registry.claims(name, id)).filter((each) => sha256Hex(each) !== sha256Hex(bundle));
  return { ...world, registry: { ...registry, claims } };
}

test('a claim of an ancestor that is in the log and not shown refuses everywhere: it might have said no', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const { model, dataset } = await publishStory(world);
  for (const environment of ['staging', 'prod']) await promoteAs(world, 'ci', environment);
  const policy = parsePolicy(policyText());
  const extra = bundleFor({
    by: 'erin',
    type: PREDICATES.evaluation,
    about: bare(dataset),
    predicate: { result: 'FAILED', configuration: [] },
    name: 'acme/data',
  });
  await attachClaim({ name: 'acme/data', manifest: dataset, bundle: extra }, world.registry);
  const ask = async ({ registry, ports }: GateWorld): Promise<readonly string[]> => {
    const { checks } = await checkEnvironment(
      { id: model, name: 'acme/enc', policy, environment: 'prod' },
      registry,
      ports,
    );
    return findingsOf(verdictOf({ subject: model, checks })).map(({ code, subject }) => `${code} ${subject}`);
  };
  const shown = async ({ registry, ...of }: GateWorld): Promise<readonly string[]> => {
    const place = { kind: 'registry', name: 'acme/enc', reference: '1.0', registry } as const;
    const ports = {
      ...of.ports,
      files: createFiles(),
      signal: new AbortController().signal,
      trust: async () => [],
      locate: (path: string) => path,
      registry: async () => registry,
    };
    return findingsOf(
      (await lineage({ shown: 'it', place, policy, environment: null, timestampAuthorities: [] }, ports)).verdict,
    ).map(({ code, subject }) => `${code} ${subject}`);
  };
  const audited = async ({ registry, ports }: GateWorld): Promise<readonly string[]> =>
    codesOf(await audit({ policy }, registry, ports));
  assert.deepEqual([await ask(world), await shown(world), await audited(world)], [[], [], []]);
  const without = hiding(world, extra);
  const missing = `claim-missing ${dataset}`;
  assert.deepEqual(await ask(without), [missing]);
  assert.deepEqual(await shown(without), [missing]);
  assert.deepEqual(await audited(without), [`prod ${missing}`, `staging ${missing}`]);
  assert.deepEqual(
    findingsOf((await promoteAs(without, 'ci', 'staging')).verdict).map(({ code, subject }) => `${code} ${subject}`),
    [missing],
  );
});

test('an ancestor’s claim that came along with another artifact is found there', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const { dataset } = await publishStory(world);
  const story = bundleFor({
    by: 'dana',
    type: PREDICATES.reference,
    about: bare(dataset),
    predicate: { attester: { id: 'dana' }, references: [], more: 'words' },
    name: 'acme/data',
  });
  const other = { 'model.safetensors': 'other weights', 'config.json': '{}' };
  for (const tag of ['1', '2'])
    await world.publish(`acme/other:${tag}`, { ...other, 'tag.json': tag }, (id) => [
      ...modelClaims(id, dataset).map(([, bundle]) => bundle),
      ...(tag === '1' ? [story] : []),
    ]);
  assert.equal((await promoteAs(world, 'ci', 'staging')).verdict.exitCode, 0);
  assert.deepEqual(
    findingsOf((await promoteAs(hiding(world, story), 'ci', 'staging')).verdict).map(({ code }) => code),
    ['claim-missing'],
  );
});

test('audit on a machine that cannot tell how old the log is decides nothing, also where nothing runs or all is withdrawn', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  const policy = parsePolicy(policyText());
  const stranger = async () =>
    createRegistries({
      env: { HOME: join(world.folder, 'stranger') },
      cwd: world.folder,
      signal: new AbortController().signal,
      offline: true,
    }).open(join(world.folder, 'registry'));
  const ask = async (pinned?: { size: number; root: string }): Promise<readonly (number | undefined)[]> => {
    const { log, promotions } = await audit(
      { policy, ...(pinned === undefined ? {} : { pinned }) },
      await stranger(),
      world.ports,
    );
    return [log.exitCode, ...promotions.map(({ verdict }) => verdict.exitCode)];
  };
  assert.deepEqual(await ask(), [4], 'empty');
  await publishStory(world);
  await promoteAs(world, 'ci', 'staging');
  assert.deepEqual(await ask(), [4, 4]);
  const policyBytes = policyText();
  await rollback({ policy, policyBytes, environment: 'staging', name: 'acme/enc', to: null }, world.ports, {
    registry: world.registry,
    signer: async () => signerOf('ci'),
  });
  assert.deepEqual(await ask(), [4, 4], 'withdrawn');
  const { size, root } = await world.registry.log.verify();
  assert.deepEqual(await ask({ size: size + 1, root }), [1, 1]);
  assert.deepEqual(await ask({ size, root }), [0, 0]);
});
