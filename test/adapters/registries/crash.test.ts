import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { watch } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { openRegistry } from '../../../src/adapters/registries/index.ts';
import { filesOf } from '../../../src/flows/registry-show.ts';

const WEIGHMARK = resolve('bin/weighmark.js');
/** How many times a writer is killed: 20, or as WEIGHMARK_KILLS says. */
const KILLS = Number(process.env['WEIGHMARK_KILLS'] ?? 20);

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Seen in the watched folder. */
  readonly changes: number;
}

/** Where to kill: after so many changes that were seen in a folder. */
interface Kill {
  readonly folder: string;
  readonly changes: number;
}

/** Runs weighmark, killing it with SIGKILL in the midst of its writing. */
async function run(words: readonly string[], home: string, kill?: Kill): Promise<Ended> {
  const child = spawn(process.execPath, [WEIGHMARK, ...words], { env: { PATH: process.env['PATH'], HOME: home }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  let changes = 0;
  const watcher = kill === undefined ? undefined : watch(kill.folder, { recursive: true }, () => (++changes === kill.changes ? child.kill('SIGKILL') : false));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  watcher?.close();
  return { code, stdout, stderr, changes };
}

test(`push killed at ${KILLS} random points: the store opens, the log verifies, nothing acknowledged is lost, a repeat finishes`, { timeout: 600_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-crash-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [home, place] = [join(folder, 'home'), join(folder, 'registry')];
  const env = { HOME: home };
  assert.equal((await run(['registry', 'init', place], home)).code, 0);
  const acknowledged = new Map<string, string>();
  const push = async (at: number, kill?: Kill) => {
    const ended = await run(['push', join(folder, `model-${at}`), `m${at % 3}:v${at}`, '--registry', place], home, kill);
    if (ended.code === 0) acknowledged.set(`m${at % 3}:v${at}`, ended.stdout.trim());
    return ended;
  };
  await makeModel(join(folder, 'model-0'), 0);
  const whole = await push(0, { folder: place, changes: Infinity });
  assert.equal(whole.code, 0);
  let killed = 0;
  for (let at = 1; at <= KILLS; at += 1) {
    await makeModel(join(folder, `model-${at}`), at);
    const ended = await push(at, { folder: place, changes: 1 + Math.floor(Math.random() * whole.changes) });
    if (ended.code === null) killed += 1;
    else assert.equal(ended.code, 0, ended.stderr);
    await requireWhole(place, env, acknowledged);
    if (ended.code === null) assert.equal((await push(at)).code, 0);
  }
  assert.ok(killed >= KILLS / 4, `only ${killed} of ${KILLS} were killed before they were done`);
  assert.equal(acknowledged.size, KILLS + 1);
  await requireWhole(place, env, acknowledged);
  t.diagnostic(`${killed} of ${KILLS} runs were killed in the middle`);
});

async function makeModel(folder: string, at: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), JSON.stringify({ at }));
  await writeFile(join(folder, 'model.bin'), randomBytes(1 << 20));
}

/** The registry opens, its log is whole, and every acknowledged artifact is tagged, logged, and complete by digest. */
async function requireWhole(place: string, env: Record<string, string>, acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const registry = await openRegistry(place, { env });
  await registry.log.verify();
  const logged = new Set((await registry.log.find({ kind: 'push' })).map(({ leaf }) => `${leaf.name}@${leaf.manifest}`));
  for (const entry of await registry.list()) for (const tag of entry.tags) await requireContent(registry, entry.name, await registry.resolve(entry.name, tag));
  for (const [tagged, id] of acknowledged) {
    const [name = '', tag = ''] = tagged.split(':');
    assert.equal(`${name}@${await registry.resolve(name, tag)}`, id);
    assert.ok(logged.has(id), `${tagged} was acknowledged and is not logged`);
  }
}

async function requireContent(registry: Awaited<ReturnType<typeof openRegistry>>, name: string, id: string): Promise<void> {
  for (const { sha256, sizeBytes } of await filesOf(registry, name, id)) {
    const blob = await registry.openBlob(name, `sha256:${sha256}`, sizeBytes);
    await blob.close();
  }
  const listed = await registry.attachments(name, id, 'application/vnd.weighmark.files.v1');
  assert.ok(listed.length === 1, `${name}@${id} has its digest list`);
}
