/**
 * Cut connections, a kill and a forgotten session against a real server: transfer.ts PORT RESUMES. RESUMES is `resumes` where
 * the server says how far an upload came, else `starts-anew`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { initRegistry, openRegistry } from '../../../src/adapters/registries/index.ts';
import { startProxy } from './cutting-proxy.ts';

const [port = '', resumes = ''] = process.argv.slice(2);
const MIB = 1 << 20;
const [CHUNK, SIZE] = [4 * MIB, 40 * MIB];

const folder = mkdtempSync(join(tmpdir(), 'weighmark-transfer-'));
const proxy = await startProxy(Number(port));
after(() => {
  proxy.close();
  rmSync(folder, { recursive: true, force: true });
});
const prefix = `transfer-${process.pid}`;
const location = `oci://${proxy.host}/${prefix}`;
const deps = {
  env: { ...process.env, HOME: folder, XDG_STATE_HOME: join(folder, 'state'), XDG_CONFIG_HOME: join(folder, 'config') },
  uploadChunkBytes: CHUNK,
};
await initRegistry(location, {}, deps);
const registry = await openRegistry(location, deps);

function newFile(name: string): { location: string; sizeBytes: number; digest: string } {
  const content = randomBytes(SIZE);
  writeFileSync(join(folder, name), content);
  return {
    location: join(folder, name),
    sizeBytes: SIZE,
    digest: `sha256:${createHash('sha256').update(content).digest('hex')}`,
  };
}

function reset(limit = { up: Infinity, down: Infinity, cuts: 0 }): void {
  proxy.sent.up = 0;
  proxy.sent.down = 0;
  proxy.limit = limit;
  proxy.onBytes = () => undefined;
}

async function requireThere(file: { digest: string; location: string }): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${port}/v2/${prefix}/enc/blobs/${file.digest}`);
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(readFileSync(file.location)));
}

test('an upload that is cut again and again arrives whole', async () => {
  const file = newFile('cut-up');
  reset({ up: 3 * MIB, down: Infinity, cuts: 3 });
  await registry.putFile('enc', file.digest, file);
  await requireThere(file);
  assert.equal(proxy.limit.cuts, 0);
  const most = resumes === 'resumes' ? SIZE + 3 * CHUNK : 4 * SIZE;
  assert.ok(proxy.sent.up < most + MIB, `sent ${proxy.sent.up} bytes of ${SIZE}`);
});

test('an upload in one request that is cut arrives whole', async () => {
  const file = newFile('cut-whole');
  const whole = await openRegistry(location, { ...deps, uploadChunkBytes: SIZE });
  reset({ up: 20 * MIB, down: Infinity, cuts: 2 });
  await whole.putFile('enc', file.digest, file);
  await requireThere(file);
  assert.equal(proxy.limit.cuts, 0);
});

async function putAndKill(file: { digest: string; location: string }, afterBytes: number): Promise<void> {
  const words = [
    join(import.meta.dirname, '../../adapters/registries/put-file.ts'),
    location,
    folder,
    file.location,
    file.digest,
    String(CHUNK),
  ];
  const child = spawn(process.execPath, words, { env: { ...deps.env }, stdio: ['ignore', 'ignore', 'inherit'] });
  reset();
  proxy.onBytes = () => void (proxy.sent.up > afterBytes && child.kill('SIGKILL'));
  assert.equal(await new Promise((done) => child.once('close', (_, signal) => done(signal))), 'SIGKILL');
  reset();
}

test('an upload killed with SIGKILL is taken up by another process', async () => {
  const file = newFile('killed');
  await putAndKill(file, 22 * MIB);
  await registry.putFile('enc', file.digest, file);
  await requireThere(file);
  const most = resumes === 'resumes' ? SIZE - 20 * MIB + CHUNK : SIZE;
  assert.ok(proxy.sent.up < most + MIB, `sent ${proxy.sent.up} bytes of ${SIZE}`);
});

test('an upload whose session the server has forgotten begins anew', async () => {
  const file = newFile('forgotten');
  await putAndKill(file, 10 * MIB);
  const uploads = join(deps.env.XDG_STATE_HOME, 'weighmark', 'uploads');
  const [state = ''] = await readdir(uploads);
  const session = new URL((JSON.parse(readFileSync(join(uploads, state), 'utf8')) as { location: string }).location);
  const asked = await fetch(session, { method: 'GET' });
  await fetch(new URL(asked.headers.get('location') ?? session.href, session), { method: 'DELETE' });
  await registry.putFile('enc', file.digest, file);
  await requireThere(file);
});

test('a download that is cut again and again arrives whole, and nothing comes twice', async () => {
  const file = newFile('cut-down');
  await registry.putFile('enc', file.digest, file);
  reset({ up: Infinity, down: 9 * MIB, cuts: 3 });
  const target = join(folder, 'downloaded');
  await registry.getFile('enc', file.digest, { location: target, sizeBytes: SIZE });
  assert.ok(readFileSync(target).equals(readFileSync(file.location)));
  assert.equal(proxy.limit.cuts, 0);
  // What was on its way when a connection broke is lost; without continuing, 27 MiB more would come.
  assert.ok(proxy.sent.down < SIZE + 20 * MIB, `received ${proxy.sent.down} bytes of ${SIZE}`);
});

test('a blob of another repository of the host is mounted, not sent', async () => {
  const file = newFile('mounted');
  await registry.putFile('enc', file.digest, file);
  reset();
  const prod = `oci://${proxy.host}/${prefix}-production`;
  await initRegistry(prod, {}, deps);
  const target = await openRegistry(prod, deps);
  assert.equal(await target.mountBlob('enc', file.digest, { location, name: 'enc' }), true);
  assert.equal(await target.hasBlob('enc', file.digest), true);
  assert.equal(await target.mountBlob('enc', `sha256:${'0'.repeat(64)}`, { location, name: 'enc' }), false);
  assert.ok(proxy.sent.up < MIB && proxy.sent.down < MIB);
});
