import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { publicGoodRoot } from '../../../src/adapters/sigstore/public-good.ts';
import { updatePublicGoodRoot, type TufSource } from '../../../src/adapters/sigstore/update.ts';
import { parseTrustedRoot } from '../../../src/domain/trust/trusted-root.ts';
import { canonicalJson } from '../../../src/domain/base/json.ts';
import { makeInstance } from './instance.ts';
import { serve, type FakeServer } from './services.ts';

const files = createFiles();
const newFolder = (): string => mkdtempSync(join(tmpdir(), 'weighmark-tuf-'));

test('without an update the root built in counts, offline', async () => {
  const root = parseTrustedRoot(await publicGoodRoot(files, newFolder()));
  assert.ok(root.logs.some(({ name }) => name === 'rekor.sigstore.dev'));
  assert.ok(root.timestampAuthorities.length > 0);
});

test('trust update takes a root that the TUF repository signed, and verification then uses it', async () => {
  const folder = newFolder();
  const { trustedRoot } = makeInstance();
  const { source, server } = await repository(trustedRoot);
  const result = await updatePublicGoodRoot(files, folder, source);
  assert.equal(result.changed, true);
  assert.equal(result.sha256, createHash('sha256').update(trustedRoot).digest('hex'));
  assert.equal(await publicGoodRoot(files, folder), trustedRoot);
  assert.equal((await updatePublicGoodRoot(files, folder, source)).changed, false);
  server.close();
});

test('a root the repository did not sign changes nothing', async () => {
  const folder = newFolder();
  const { trustedRoot } = makeInstance();
  const { source, server } = await repository(trustedRoot, makeInstance().trustedRoot);
  const before = await publicGoodRoot(files, folder);
  await assert.rejects(updatePublicGoodRoot(files, folder, source), { code: 'trust-invalid' });
  assert.equal(await publicGoodRoot(files, folder), before);
  server.close();
});

test('a repository that cannot be reached is undecided, and changes nothing', async () => {
  const folder = newFolder();
  const { source, server } = await repository('{}');
  server.close();
  await assert.rejects(updatePublicGoodRoot(files, folder, source), { code: 'network' });
});

/** A TUF repository (specification 1.0) with one target: one key for all roles. */
async function repository(target: string, served = target): Promise<{ source: TufSource; server: FakeServer }> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = {
    keytype: 'ed25519',
    scheme: 'ed25519',
    keyval: { public: publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex') },
  };
  const keyid = createHash('sha256').update(canonicalJson(key)).digest('hex');
  const role = { keyids: [keyid], threshold: 1 };
  const common = { spec_version: '1.0.31', version: 1, expires: '2049-01-01T00:00:00Z' };
  const signed = (body: object): string => envelope(body, keyid, privateKey);
  const root = signed({
    _type: 'root',
    ...common,
    consistent_snapshot: true,
    keys: { [keyid]: key },
    roles: { root: role, timestamp: role, snapshot: role, targets: role },
  });
  const targets = signed({
    _type: 'targets',
    ...common,
    targets: { 'trusted_root.json': { length: Buffer.byteLength(target), hashes: { sha256: sha256(target) } } },
  });
  const snapshot = signed({ _type: 'snapshot', ...common, meta: { 'targets.json': { version: 1 } } });
  const timestamp = signed({ _type: 'timestamp', ...common, meta: { 'snapshot.json': { version: 1 } } });
  const answers: Readonly<Record<string, string>> = {
    '/timestamp.json': timestamp,
    '/1.snapshot.json': snapshot,
    '/1.targets.json': targets,
    [`/targets/${sha256(target)}.trusted_root.json`]: served,
  };
  const server = await serve(({ path }, response) => {
    const answer = answers[path];
    if (answer === undefined) response.writeHead(404).end();
    else response.end(answer);
  });
  const rootPath = join(newFolder(), 'root.json');
  writeFileSync(rootPath, root);
  return { source: { mirrorURL: server.url, rootPath }, server };
}

function envelope(body: object, keyid: string, key: KeyObject): string {
  return JSON.stringify({
    signed: body,
    signatures: [{ keyid, sig: sign(null, Buffer.from(canonicalJson(body)), key).toString('hex') }],
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
