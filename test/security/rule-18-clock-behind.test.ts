import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { appendFile, cp } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createRegistries } from '../../src/adapters/registries/index.ts';
import { COSIGNATURE_ED25519, cosignedMessage, formatSignature, formatVkey, keyId, parseNote, rawPublicKey } from '../../src/domain/tlog/note.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { findingsOf, type Verdict } from '../../src/domain/verdict.ts';
import { approve } from '../../src/flows/approve.ts';
import { rollback } from '../../src/flows/rollback.ts';
import { gateWorld, policyText, promoteAs, publishStory, signerOf, type GateWorld } from '../flows/gate-world.ts';

const NOW = new Date('2026-11-20T12:00:00Z');

/** A world with a model promoted to both environments, and the same registry as a machine sees it that never saw it before. */
async function strange(t: TestContext): Promise<{ world: GateWorld; stranger: GateWorld; checkpoint: string }> {
  const world = await gateWorld(NOW);
  t.after(world.close);
  await publishStory(world);
  for (const environment of ['staging', 'prod']) assert.equal((await promoteAs(world, 'ci', environment)).verdict.exitCode, 0);
  const home = join(world.folder, 'stranger');
  const registries = createRegistries({ env: { HOME: home }, cwd: world.folder, signal: new AbortController().signal, offline: true });
  const registry = await registries.open(join(world.folder, 'registry'));
  return { world, stranger: { ...world, registry }, checkpoint: await world.registry.log.checkpoint() ?? '' };
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
  const input = { policy: parsePolicy(policyBytes), policyBytes, environment: 'prod', name: 'acme/enc', target: { name: 'acme/enc', reference: '1.0' } };
  const work = { registry, signer: async () => signerOf('ci') };
  assert.deepEqual(outcome((await rollback({ ...input, to: null }, ports, work)).verdict), UNKNOWN, 'not even to withdraw');
  const view = await approve(input, ports, { ...work, signer: async () => signerOf('carol'), confirm: async () => assert.fail('asked') });
  assert.deepEqual([outcome(view.verdict), view.approved, view.asked], [UNKNOWN, null, false]);
  assert.equal(await registry.log.checkpoint(), checkpoint, 'nothing was logged');
  assert.equal((await promoteAs(stranger, 'ci', 'prod', { dryRun: true, pinned: { size: Number(size), root: root ?? '' } })).verdict.exitCode, 0, 'a checkpoint brought along will do');
});

test('rule 18: whoever made the registry has a memory, and so has who saw it in an earlier run', async (t) => {
  const { world, stranger } = await strange(t);
  assert.equal(world.registry.log.remembered, true);
  assert.equal(stranger.registry.log.remembered, false);
  await stranger.registry.log.entries(0, 1);
  const again = createRegistries({ env: { HOME: join(world.folder, 'stranger') }, cwd: world.folder, signal: new AbortController().signal, offline: true });
  const registry = await again.open(join(world.folder, 'registry'));
  assert.equal((await promoteAs({ ...stranger, registry }, 'ci', 'prod', { dryRun: true })).verdict.exitCode, 0);
  await cp(join(world.folder, 'registry'), join(world.folder, 'copy'), { recursive: true });
  await again.init(join(world.folder, 'copy'), {}).catch(() => undefined);
  const other = createRegistries({ env: { HOME: join(world.folder, 'other') }, cwd: world.folder, signal: new AbortController().signal, offline: true });
  assert.equal((await other.open(join(world.folder, 'copy'))).log.remembered, false, 'a copy was not made here');
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
      const message = cosignedMessage(parseNote((await registry.log.checkpoint()) ?? '').text, { name, type }, seconds) ?? Buffer.alloc(0);
      const line = formatSignature({ name, id: keyId(name, type, raw), signature: Buffer.concat([time, sign(null, message, privateKey)]) });
      await appendFile(join(folder, 'registry/log/checkpoint'), `${line.trimEnd()}\n`);
    },
  };
}

test('rule 18: a quorum of cosignatures within log.maxAge says how old the log is', async (t) => {
  const { world, stranger } = await strange(t);
  const [first, second] = [witness('w1.example'), witness('w2.example')];
  const logKey = world.registry.log.vkeys.find((vkey) => vkey.length < 300) ?? '';
  const policyWith = (quorum: number, maxAge: string, keys = [first.vkey, second.vkey]): Buffer =>
    policyText(undefined, `log: { key: "${logKey}", maxAge: ${maxAge}, witnesses: { keys: [${keys.map((key) => `"${key}"`).join(', ')}], quorum: ${quorum} } }`);
  const decide = async (text: Buffer, by = stranger): Promise<ReturnType<typeof outcome>> => outcome((await promoteAs(by, 'ci', 'staging', { text, dryRun: true })).verdict);

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
  const text = policyText(undefined, `log: { key: "${logKey}", maxAge: 1d, witnesses: { keys: ["${late.vkey}"], quorum: 1 } }`);
  assert.deepEqual(outcome((await promoteAs(stranger, 'ci', 'staging', { text, dryRun: true })).verdict), [4, ['clock-behind']]);
});
