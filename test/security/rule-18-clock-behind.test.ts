import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { appendFile, cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import { createStagings } from '../../src/adapters/staging.ts';
import { createRegistries } from '../../src/adapters/registries/index.ts';
import {
  COSIGNATURE_ED25519,
  cosignedMessage,
  formatSignature,
  formatVkey,
  keyId,
  parseNote,
  rawPublicKey,
} from '../../src/domain/tlog/note.ts';
import { columnsOf } from '../../src/domain/tlog/columns.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { findingsOf, verdictOf, type Verdict } from '../../src/domain/base/verdict.ts';
import { approve } from '../../src/flows/gate/approve.ts';
import { audit } from '../../src/flows/watch/audit.ts';
import { checkEnvironment } from '../../src/flows/gate/environment.ts';
import { pull } from '../../src/flows/registry/pull.ts';
import { takeSnapshot } from '../../src/flows/gate/revoke.ts';
import { rollback } from '../../src/flows/gate/rollback.ts';
import { gateWorld, policyText, promoteAs, publishStory, signerOf, type GateWorld } from '../flows/gate-world.ts';

const NOW = new Date('2026-11-20T12:00:00Z');

/** A world with a model promoted to both environments, and the same registry as a machine sees it that never saw it before. */
async function strange(t: TestContext): Promise<{ world: GateWorld; stranger: GateWorld; checkpoint: string }> {
  const world = await gateWorld(NOW);
  t.after(world.close);
  await publishStory(world);
  for (const environment of ['staging', 'prod'])
    assert.equal((await promoteAs(world, 'ci', environment)).verdict.exitCode, 0);
  const home = join(world.folder, 'stranger');
  const registries = createRegistries({
    env: { HOME: home },
    cwd: world.folder,
    signal: new AbortController().signal,
    offline: true,
  });
  const registry = await registries.open(join(world.folder, 'registry'));
  return { world, stranger: { ...world, registry }, checkpoint: (await world.registry.log.checkpoint()) ?? '' };
}

function outcome(verdict: Verdict): readonly [number, readonly string[]] {
  return [verdict.exitCode, [...new Set(findingsOf(verdict).map(({ code }) => code))].toSorted()];
}

const UNKNOWN = [4, ['log-freshness-unknown']] as const;

test('rule 18: promote, roll back, approve: nothing is decided from a log of unknown age', async (t) => {
  const { stranger, checkpoint } = await strange(t);
  const { ports, registry } = stranger;
  const [, size, root] = checkpoint.split('\n');
  assert.deepEqual(outcome((await promoteAs(stranger, 'ci', 'prod')).verdict), UNKNOWN);
  const policyBytes = policyText();
  const input = {
    policy: parsePolicy(policyBytes),
    policyBytes,
    environment: 'prod',
    name: 'acme/enc',
    target: { name: 'acme/enc', reference: '1.0' },
  };
  const work = { registry, signer: async () => signerOf('ci') };
  assert.deepEqual(
    outcome((await rollback({ ...input, to: null }, ports, work)).verdict),
    UNKNOWN,
    'not even to withdraw',
  );
  const view = await approve(input, ports, {
    ...work,
    signer: async () => signerOf('carol'),
    confirm: async () => assert.fail('asked'),
  });
  assert.deepEqual([outcome(view.verdict), view.approved, view.asked], [UNKNOWN, null, false]);
  assert.equal(await registry.log.checkpoint(), checkpoint, 'nothing was logged');
  assert.equal(
    (await promoteAs(stranger, 'ci', 'prod', { dryRun: true, pinned: { size: Number(size), root: root ?? '' } }))
      .verdict.exitCode,
    0,
    'a checkpoint brought along will do',
  );
});

/** The same machine in its next run. */
async function nextRun(of: GateWorld, home: string): Promise<GateWorld> {
  const registries = createRegistries({
    env: { HOME: join(of.folder, home) },
    cwd: of.folder,
    signal: new AbortController().signal,
    offline: true,
  });
  return { ...of, registry: await registries.open(join(of.folder, 'registry')) };
}

test('rule 18: a refusal leaves no memory by which the next try passes, whatever was asked, nor does having read the log', async (t) => {
  const { world, stranger } = await strange(t);
  const again = (): Promise<GateWorld> => nextRun(stranger, 'stranger');
  const policyBytes = policyText();
  const policy = parsePolicy(policyBytes);
  const input = {
    policy,
    policyBytes,
    environment: 'prod',
    name: 'acme/enc',
    target: { name: 'acme/enc', reference: '1.0' },
  };
  const id = await world.registry.resolve('acme/enc', '1.0');
  const tries: readonly (readonly [string, (of: GateWorld) => Promise<Verdict>])[] = [
    ['promote', async (of) => (await promoteAs(of, 'ci', 'prod', { dryRun: true })).verdict],
    ['promote with a broken glass', async (of) => (await promoteAs(of, 'glen', 'prod', { breakGlass: 'now' })).verdict],
    [
      'roll back',
      async ({ ports, registry }) =>
        (await rollback({ ...input, to: null }, ports, { registry, signer: async () => signerOf('ci') })).verdict,
    ],
    [
      'approve',
      async ({ ports, registry }) =>
        (await approve(input, ports, { registry, signer: async () => signerOf('carol'), confirm: async () => true }))
          .verdict,
    ],
    [
      'verify --env',
      async ({ ports, registry }) =>
        verdictOf({ subject: id, checks: (await checkEnvironment({ ...input, id }, registry, ports)).checks }),
    ],
    ['audit', async ({ ports, registry }) => (await audit(input, registry, ports)).log],
  ];
  for (let round = 0; round < 2; round += 1) {
    for (const [what, ask] of tries)
      assert.deepEqual(outcome(await ask(await again())), UNKNOWN, `${what}, round ${round}`);
    const { registry } = await again();
    await registry.log.verify();
    await pull(
      { place: { name: 'acme/enc', reference: '1.0' }, target: join(world.folder, `pulled-${round}`) },
      { files: createFiles(), progress: stranger.ports.progress, stagings: createStagings() },
      registry,
    );
  }
  const reader = (await again()).registry.log;
  assert.deepEqual(
    [reader.remembered, reader.anchored],
    [true, false],
    'what was read is remembered all the same, against forks',
  );
  await assert.rejects(
    takeSnapshot(
      { policy, validMs: 3_600_000 },
      { ...stranger.ports, registry: (await again()).registry, signer: signerOf('rita') },
    ),
    { code: 'log-freshness-unknown' },
    'nor is it vouched for',
  );
});

test('rule 18: memory counts for whoever made the log, wrote to it with its key, or once had a checkpoint or witnesses', async (t) => {
  const { world, stranger, checkpoint } = await strange(t);
  assert.equal(world.registry.log.anchored, true, 'it was made here');
  const [, size, root] = checkpoint.split('\n');
  assert.deepEqual(
    outcome((await promoteAs(stranger, 'ci', 'prod', { dryRun: true, pinned: { size: 1, root: root ?? '' } })).verdict),
    [1, ['log-fork']],
  );
  assert.equal((await nextRun(stranger, 'stranger')).registry.log.anchored, false, 'a wrong checkpoint is none');
  await promoteAs(await nextRun(stranger, 'stranger'), 'ci', 'prod', {
    dryRun: true,
    pinned: { size: Number(size), root: root ?? '' },
  });
  assert.equal(
    (await promoteAs(await nextRun(stranger, 'stranger'), 'ci', 'prod', { dryRun: true })).verdict.exitCode,
    0,
    'brought along once',
  );

  const writer = await nextRun(world, 'writer');
  assert.equal(writer.registry.log.anchored, false);
  await mkdir(join(world.folder, 'writer/.config/weighmark'), { recursive: true });
  await cp(join(world.folder, 'config/weighmark/log-keys'), join(world.folder, 'writer/.config/weighmark/log-keys'), {
    recursive: true,
  });
  await writer.registry.log.append([
    { v: 1, kind: 'claim', name: 'acme/enc', manifest: `sha256:${'a'.repeat(64)}`, bundle: `sha256:${'b'.repeat(64)}` },
  ]);
  assert.equal((await nextRun(world, 'writer')).registry.log.anchored, true);

  await cp(join(world.folder, 'registry'), join(world.folder, 'copy'), { recursive: true });
  const other = createRegistries({
    env: { HOME: join(world.folder, 'other') },
    cwd: world.folder,
    signal: new AbortController().signal,
    offline: true,
  });
  assert.equal((await other.open(join(world.folder, 'copy'))).log.anchored, false, 'a copy was not made here');
});

test('rule 18: witnesses must have seen the very entries that a decision rests on', async (t) => {
  const { world, stranger } = await strange(t);
  const witnessed = witness('w.example');
  await witnessed.cosign(world, '2026-11-20T11:00:00Z');
  const logKey = world.registry.log.vkeys.find((vkey) => vkey.length < 300) ?? '';
  const text = policyText(
    undefined,
    `log: { key: "${logKey}", maxAge: 1d, witnesses: { keys: ["${witnessed.vkey}"], quorum: 1 } }`,
  );
  const { log } = stranger.registry;
  const cut = {
    ...log,
    read: async () => {
      const { checkpoint, entries } = await log.read();
      return { checkpoint, entries: columnsOf([...entries].slice(0, -1).map(({ leaf }) => leaf)) };
    },
  };
  await assert.rejects(
    promoteAs({ ...stranger, registry: { ...stranger.registry, log: cut } }, 'ci', 'staging', { text, dryRun: true }),
    { code: 'log-rollback' },
  );
  const other = {
    ...log,
    read: async () => {
      const { checkpoint, entries } = await log.read();
      return { checkpoint, entries: columnsOf([...entries].map(({ leaf }) => ({ ...leaf, name: 'acme/other' }))) };
    },
  };
  assert.deepEqual(
    outcome(
      (
        await promoteAs({ ...stranger, registry: { ...stranger.registry, log: other } }, 'ci', 'staging', {
          text,
          dryRun: true,
        })
      ).verdict,
    )[1].includes('log-freshness-unknown'),
    true,
  );
});

/** Cosigns the log's checkpoint as c2sp.org/tlog-cosignature says; the line goes where `log integrate` puts it. */
function witness(name: string): { vkey: string; cosign: (world: GateWorld, at: string) => Promise<void> } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = rawPublicKey(publicKey);
  const type = COSIGNATURE_ED25519;
  return {
    vkey: formatVkey(name, type, raw),
    async cosign({ folder, registry }, at) {
      const seconds = Date.parse(at) / 1000;
      const time = Buffer.alloc(8);
      time.writeBigUInt64BE(BigInt(seconds));
      const message =
        cosignedMessage(parseNote((await registry.log.checkpoint()) ?? '').text, { name, type }, seconds) ??
        Buffer.alloc(0);
      const line = formatSignature({
        name,
        id: keyId(name, type, raw),
        signature: Buffer.concat([time, sign(null, message, privateKey)]),
      });
      await appendFile(join(folder, 'registry/log/checkpoint'), `${line.trimEnd()}\n`);
    },
  };
}

test('rule 18: a quorum of cosignatures within log.maxAge says how old the log is', async (t) => {
  const { world, stranger } = await strange(t);
  const [first, second] = [witness('w1.example'), witness('w2.example')];
  const logKey = world.registry.log.vkeys.find((vkey) => vkey.length < 300) ?? '';
  const policyWith = (quorum: number, maxAge: string, keys = [first.vkey, second.vkey]): Buffer =>
    policyText(
      undefined,
      `log: { key: "${logKey}", maxAge: ${maxAge}, witnesses: { keys: [${keys.map((key) => `"${key}"`).join(', ')}], quorum: ${quorum} } }`,
    );
  const decide = async (text: Buffer, by = stranger): Promise<ReturnType<typeof outcome>> =>
    outcome((await promoteAs(by, 'ci', 'staging', { text, dryRun: true })).verdict);

  assert.deepEqual(await decide(policyWith(1, '1d')), UNKNOWN, 'nobody cosigned');
  await first.cosign(world, '2026-11-20T10:00:00Z');
  assert.deepEqual(await decide(policyWith(1, '1d')), [0, []]);
  assert.deepEqual(await decide(policyWith(1, '1h')), UNKNOWN, 'too long ago');
  assert.deepEqual(await decide(policyWith(2, '1d')), UNKNOWN, 'one of two');
  assert.deepEqual(await decide(policyWith(1, '1d', [second.vkey])), UNKNOWN, 'by a witness the policy does not name');
  assert.deepEqual(await decide(policyWith(1, '1h'), world), UNKNOWN, 'memory is no witness');
  await second.cosign(world, '2026-11-18T10:00:00Z');
  assert.deepEqual(await decide(policyWith(2, '1d')), UNKNOWN, 'the older of two is two days old');
  assert.deepEqual(await decide(policyWith(2, '3d')), [0, []]);
});

test('rule 11: witnesses that cosigned later than now: this clock is behind', async (t) => {
  const { world, stranger } = await strange(t);
  const late = witness('w.example');
  await late.cosign(world, '2026-11-21T12:00:00Z');
  const logKey = world.registry.log.vkeys.find((vkey) => vkey.length < 300) ?? '';
  const text = policyText(
    undefined,
    `log: { key: "${logKey}", maxAge: 1d, witnesses: { keys: ["${late.vkey}"], quorum: 1 } }`,
  );
  assert.deepEqual(outcome((await promoteAs(stranger, 'ci', 'staging', { text, dryRun: true })).verdict), [
    4,
    ['clock-behind'],
  ]);
});
