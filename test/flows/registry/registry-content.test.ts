import assert from 'node:assert/strict';
import { appendFile, chmod, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { createRegistries } from '../../../src/adapters/registries/index.ts';
import { createStagings } from '../../../src/adapters/staging.ts';
import { pull } from '../../../src/flows/registry/pull.ts';
import { push } from '../../../src/flows/registry/push.ts';
import { storedArtifact, type StoredArtifact } from '../../../src/flows/registry/registry-content.ts';
import type { SignedPairs } from '../../../src/flows/registry/signed-copy.ts';
import { signedPairs } from '../../../src/flows/verify/signed-pairs.ts';
import { verify } from '../../../src/flows/verify/verify.ts';
import type { Hasher } from '../../../src/domain/ports/hasher.ts';
import { claimsWorld, refusals, type ClaimsWorld, type Person } from '../claims-world.ts';

const progress = { start: () => ({ advance: () => {}, end: () => {} }) };

const inputOf = ({ root }: StoredArtifact, reference: string) => ({
  root,
  shown: `acme/m:${reference}`,
  name: 'acme/m',
});

const portsOf = (stored: StoredArtifact, by: readonly Person[]) => ({
  ...stored,
  progress,
  clock: { now: () => new Date() },
  trust: async () => by.map(({ trust }) => trust),
  timestampAuthorities: async () => [],
  keyless: () => Promise.reject(new Error('not needed')),
});

async function registryIn({ folder }: ClaimsWorld) {
  const env = {
    HOME: folder,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_STATE_HOME: join(folder, 'state'),
    XDG_DATA_HOME: join(folder, 'data'),
  };
  const registries = createRegistries({ env, cwd: folder, signal: new AbortController().signal, offline: true });
  await registries.init(join(folder, 'registry'), { origin: 'log.acme.example' });
  const registry = await registries.open(join(folder, 'registry'));
  const hasher = await createHasher();
  return {
    hasher,
    push: (root: string, as: string) =>
      push({ root, as }, { files: createFiles(), hasher: async () => hasher, progress }, registry),
    pull: (reference: string, target: string, signed?: SignedPairs) =>
      pull(
        { place: { name: 'acme/m', reference }, target, ...(signed === undefined ? {} : { signed }) },
        { files: createFiles(), stagings: createStagings(), progress },
        registry,
      ),
    verify: async (reference: string, by: Person, using: Hasher = hasher) => {
      const stored = await storedArtifact({ name: 'acme/m', reference }, registry, async () => using);
      return verify(inputOf(stored, reference), portsOf(stored, [by]));
    },
    pairs: async (reference: string, by: readonly Person[]) => {
      const stored = await storedArtifact({ name: 'acme/m', reference }, registry, async () => hasher);
      return signedPairs(inputOf(stored, reference), portsOf(stored, by));
    },
  };
}

test('what a registry holds is verified where it lies, and a changed blob is found by name', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const registry = await registryIn(world);
  const root = await world.tree('m', { 'w.bin': 'weights', 'README.md': '# m\n' });
  const sealed = await world.seal(root, anna);
  await registry.push(root, 'acme/m:1');
  const outcome = await registry.verify('1', anna);
  assert.deepEqual([outcome.verdict.exitCode, outcome.id, outcome.claims.length], [0, sealed.id, 2]);
  assert.equal((await registry.verify('1', await world.person('ben'))).verdict.exitCode, 1);
  await damage(join(world.folder, 'registry'), 'weights');
  assert.deepEqual(refusals(await registry.verify('1', anna)), ['digest-mismatch w.bin']);
});

test('blobs of a folder are hashed where they lie, at once: none is read through JavaScript unless it is in doubt', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const registry = await registryIn(world);
  for (const count of [3, 30]) {
    const name = `m${count}`;
    const files = Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}.txt`, `text ${at}`]));
    const root = await world.tree(name, { ...files, 'w.bin': 'weights' });
    await world.seal(root, anna);
    await registry.push(root, `acme/m:${name}`);
    const calls: string[] = [];
    const counted: Hasher = {
      ...registry.hasher,
      hash: (jobs, options) => (calls.push(`hash ${jobs.length}`), registry.hasher.hash(jobs, options)),
      hashStream: (chunks, algorithms) => (calls.push('stream'), registry.hasher.hashStream(chunks, algorithms)),
    };
    assert.equal((await registry.verify(name, anna, counted)).verdict.exitCode, 0);
    assert.deepEqual(calls, [`hash ${count + 1}`]);
  }
});

test('of several signatures the one over this content counts, in the registry and pulled', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const registry = await registryIn(world);
  const root = await world.tree('m', { 'w.bin': 'weights', 'README.md': '# m\n' });
  await world.seal(root, anna);
  for (const tag of ['1', '2', '3']) {
    await appendFile(join(root, 'README.md'), `${tag}\n`);
    await world.seal(root, anna);
    await registry.push(root, `acme/m:${tag}`);
    assert.deepEqual(refusals(await registry.verify(tag, anna)), []);
    await registry.pull(tag, join(world.folder, `pulled${tag}`));
    assert.deepEqual(refusals(await world.verify(join(world.folder, `pulled${tag}`), [anna.trust])), []);
  }
});

test('a pull hashes by what a trusted signer signed, and what is not that is named by its id', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const registry = await registryIn(world);
  const large = 'w'.repeat((1 << 20) + 1);
  const root = await world.tree('m', { 'w.bin': large, 'again.bin': large, 'README.md': '# m\n' });
  await world.seal(root, anna);
  await registry.push(root, 'acme/m:1');
  const pairs = await registry.pairs('1', [anna]);
  assert.equal(pairs.size, 2);
  for (const nobody of [[], [await world.person('ben')]]) assert.equal((await registry.pairs('1', nobody)).size, 0);
  const calls: string[] = [];
  const hash: Hasher['hash'] = (jobs, options) => {
    calls.push(`${options.algorithms.join()} ${jobs.length}`);
    return registry.hasher.hash(jobs, options);
  };
  const signed = { pairs, hasher: async () => ({ ...registry.hasher, hash }) };
  await registry.pull('1', join(world.folder, 'out'), signed);
  assert.deepEqual(calls, ['blake3 1', 'blake3 1'], 'the two large files, each once');
  assert.deepEqual(refusals(await world.verify(join(world.folder, 'out'), [anna.trust])), []);
  const wrong = new Map([...pairs].map(([sha256]) => [sha256, '00'.repeat(32)]));
  await registry.pull('1', join(world.folder, 'by-id'), { ...signed, pairs: wrong });
  await damage(join(world.folder, 'registry'), large);
  const damaged = registry.pull('1', join(world.folder, 'no'), signed);
  await assert.rejects(damaged, { code: 'digest-mismatch', subject: 'again.bin' });
  assert.ok(!(await readdir(world.folder)).includes('no'));
});

test('a single file keeps its form', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const registry = await registryIn(world);
  await world.tree('m', { 'w.bin': 'weights' });
  await world.seal(join(world.folder, 'm', 'w.bin'), anna);
  await registry.push(join(world.folder, 'm', 'w.bin'), 'acme/m:1');
  assert.equal((await registry.verify('1', anna)).verdict.exitCode, 0);
});

async function damage(folder: string, content: string): Promise<void> {
  for (const path of await readdir(folder, { recursive: true })) {
    const location = join(folder, path);
    const bytes = await readFile(location, 'utf8').catch(() => '');
    if (bytes !== content) continue;
    await chmod(location, 0o644);
    await writeFile(location, content.toUpperCase());
  }
}

test('lists that claims bind go in and out with an artifact; one that none names is not handed on', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const registry = await registryIn(world);
  const header = Buffer.from(JSON.stringify({ w: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const root = await world.tree('w', { 'model.safetensors': Buffer.concat([length, header, Buffer.alloc(8)]) });
  await world.seal(root, anna);
  await writeFile(join(root, '.weighmark', 'records'), 'roots that nobody signed\n');
  await registry.push(root, 'acme/m:1');
  const target = join(world.folder, 'out');
  await registry.pull('1', target);
  const at = (folder: string) => readFile(join(folder, '.weighmark', 'weights'));
  assert.deepEqual(await at(target), await at(root));
  assert.equal((await readdir(join(target, '.weighmark'))).includes('records'), false);
  assert.equal((await registry.verify('1', anna)).verdict.exitCode, 0);
});
