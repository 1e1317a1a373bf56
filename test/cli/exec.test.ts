import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { BARE, PROGRAM } from '../program.ts';

/** A sealed model, and `exec` on it. */
function world() {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-exec-'));
  const env = { ...BARE, HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') };
  mkdirSync(join(folder, 'enc', 'sub'), { recursive: true });
  writeFileSync(join(folder, 'enc', 'w.bin'), 'weights');
  writeFileSync(join(folder, 'enc', 'sub', 'c.json'), '{}');
  const run = (...words: readonly string[]) =>
    spawnSync(process.execPath, [PROGRAM, ...words], {
      cwd: folder,
      env,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
  assert.equal(run('keygen', 'k', '--no-password').status, 0);
  assert.equal(run('seal', 'enc', '--key', 'k.key', '--name', 'acme/enc:1').status, 0);
  const left = () => readdirSync(join(folder, 'cache', 'weighmark', 'loads'));
  return { folder, env, run, left };
}

/** What the command says first; it is an error to end before. */
async function output(child: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (data: Buffer) => resolve(data.toString()));
    child.once('exit', (code) => reject(new Error(`it ended with ${code} before it said anything`)));
  });
}

const node = (script: string) => ['--', process.execPath, '-e', script] as const;

test('the command sees a private read-only copy without what is no part of it, and it is gone afterwards', () => {
  const { run, left } = world();
  const look = `
    const fs = require('node:fs'), path = process.env.WEIGHMARK_MODEL;
    const mode = (name) => (fs.statSync(path + name).mode & 0o777).toString(8);
    console.log(JSON.stringify({ same: [path, '--model=' + path, path + '/w.bin', 'a {}'].join() === process.argv.slice(1).join(), path, files: fs.readdirSync(path, { recursive: true }).sort(),
      modes: [mode(''), mode('/sub'), mode('/w.bin'), mode('/..')] }))`;
  const { status, stdout, stderr } = run(
    'exec',
    'enc',
    '--key',
    'k.pub',
    ...node(look),
    '{}',
    '--model={}',
    '{}/w.bin',
    'a {}',
  );
  assert.equal(status, 0, stderr);
  const seen = JSON.parse(stdout) as { path: string };
  assert.deepEqual(seen, {
    ...seen,
    same: true,
    files: ['sub', 'sub/c.json', 'w.bin'],
    modes: ['500', '500', '444', '500'],
  });
  assert.ok(!existsSync(seen.path));
  assert.deepEqual(left(), []);
});

test('a changed file: code 1, the verdict on stderr and on the status descriptor, and nothing is started', () => {
  const { folder, run, left } = world();
  writeFileSync(join(folder, 'enc', 'w.bin'), 'WEIGHTS');
  const { status, stdout, stderr, output } = run(
    ...['exec', 'enc', '--key', 'k.pub', '--status-fd', '3'],
    ...node("console.log('started')"),
  );
  assert.equal(status, 1);
  assert.equal(stdout, '');
  assert.match(stderr, /error\[digest-mismatch\]: w\.bin/);
  const told = JSON.parse(output[3] ?? '') as { path: unknown; verdict: { outcome: string } };
  assert.deepEqual([told.path, told.verdict.outcome], [null, 'failed']);
  assert.deepEqual(left(), []);
});

test('a refusal keeps its code: unsigned 3, no trust 2; no such program is 2', () => {
  const { folder, run } = world();
  mkdirSync(join(folder, 'plain'));
  writeFileSync(join(folder, 'plain', 'w.bin'), 'x');
  const started = node("console.log('started')");
  assert.deepEqual([run('exec', 'plain', ...started).status, run('exec', 'plain', ...started).stdout], [3, '']);
  assert.equal(run('exec', 'enc', ...started).status, 2);
  assert.equal(run('exec', 'enc', '--key', 'k.pub', '--', './nothing-here').status, 2);
});

test('the exit code of the command passes through, whatever it is, and so does the signal that ended it', () => {
  const { run } = world();
  for (const code of [0, 1, 3, 70, 200])
    assert.equal(run('exec', 'enc', '--key', 'k.pub', ...node(`process.exit(${code})`)).status, code);
  const { status } = run('exec', 'enc', '--key', 'k.pub', ...node("process.kill(process.pid, 'SIGKILL')"));
  assert.equal(status, 137);
});

test('signals reach the command, which ends as it sees fit; then the copy goes away', async () => {
  const { folder, env, left } = world();
  for (const [signal, code] of [
    ['SIGTERM', 41],
    ['SIGINT', 42],
    ['SIGHUP', 43],
    ['SIGUSR1', 44],
  ] as const) {
    const script = `process.on('${signal}', () => process.exit(${code})); setInterval(() => {}, 1000); console.log('up')`;
    const child = spawn(process.execPath, [PROGRAM, 'exec', 'enc', '--key', 'k.pub', ...node(script)], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await output(child);
    child.kill(signal);
    assert.deepEqual(await once(child, 'exit'), [code, null], signal);
    assert.deepEqual(left(), []);
  }
});

test('the original may change while the command runs: it does not see it; a killed one’s copy goes with the next', async () => {
  const { folder, env, run, left } = world();
  const script = 'setInterval(() => {}, 1000); console.log(process.env.WEIGHMARK_MODEL)';
  const child = spawn(process.execPath, [PROGRAM, 'exec', 'enc', '--key', 'k.pub', ...node(script)], {
    cwd: folder,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const path = await output(child);
  writeFileSync(join(folder, 'enc', 'w.bin'), 'WEIGHTS');
  assert.equal(readFileSync(join(path.trim(), 'w.bin'), 'utf8'), 'weights');
  process.kill(-(child.pid ?? 0), 'SIGKILL');
  await once(child, 'exit');
  assert.equal(left().length, 1);
  assert.equal(run('exec', 'enc', '--key', 'k.pub', ...node('0')).status, 1);
  assert.deepEqual(left(), []);
});

test('out of a registry: signed by somebody trusted, or not at all', () => {
  const { folder, run } = world();
  assert.equal(run('registry', 'init', 'reg').status, 0);
  const { status, stderr } = run('push', 'enc', 'acme/enc:1', '--registry', 'reg');
  assert.equal(status, 0, stderr);
  const read = node("console.log(require('node:fs').readFileSync(process.env.WEIGHMARK_MODEL + '/w.bin', 'utf8'))");
  assert.equal(run('exec', 'acme/enc:1', '--registry', 'reg', '--key', 'k.pub', ...read).stdout, 'weights\n');
  assert.equal(run('keygen', 'other', '--no-password').status, 0);
  const other = run('exec', 'acme/enc:1', '--registry', 'reg', '--key', 'other.pub', ...read);
  assert.deepEqual([other.status, other.stdout], [1, ''], other.stderr);
  assert.ok(existsSync(join(folder, 'reg')));
});

test('out of a registry come the verified files and nothing else; what was signed as a file is one', () => {
  const { folder, run, left } = world();
  assert.equal(run('registry', 'init', 'reg').status, 0);
  assert.equal(run('push', 'enc', 'acme/enc:1', '--registry', 'reg').status, 0);
  writeFileSync(join(folder, 'one.gguf'), 'one file');
  assert.equal(run('seal', 'one.gguf', '--key', 'k.key', '--name', 'acme/one:1', '--fail-on', 'critical').status, 0);
  assert.equal(run('push', 'one.gguf', 'acme/one:1', '--registry', 'reg').status, 0);
  const trust = ['--registry', 'reg', '--key', 'k.pub'];
  const list = node(
    "console.log(require('node:fs').readdirSync(process.env.WEIGHMARK_MODEL, {recursive: true}).sort()+'')",
  );
  assert.equal(run('exec', 'acme/enc:1', ...trust, ...list).stdout, 'sub,sub/c.json,w.bin\n');
  const read = node("console.log(require('node:fs').readFileSync(process.env.WEIGHMARK_MODEL, 'utf8'))");
  assert.equal(run('exec', 'acme/one:1', ...trust, ...read).stdout, 'one file\n');
  assert.equal(run('verify', 'acme/enc:1', ...trust, '--to', 'out').status, 0);
  assert.deepEqual(readdirSync(join(folder, 'out')).toSorted(), ['sub', 'w.bin']);
  assert.equal(statSync(join(folder, 'out', 'w.bin')).mode & 0o777, 0o444);
  const blob = readdirSync(join(folder, 'reg'), { recursive: true, encoding: 'utf8' }).find((path) => {
    const location = join(folder, 'reg', path);
    return statSync(location).isFile() && readFileSync(location, 'utf8') === 'weights';
  });
  chmodSync(join(folder, 'reg', blob ?? ''), 0o644);
  writeFileSync(join(folder, 'reg', blob ?? ''), 'WEIGHTS');
  for (const words of [
    ['exec', 'acme/enc:1', ...trust, ...list] as const,
    ['verify', 'acme/enc:1', ...trust, '--to', 'no'] as const,
  ]) {
    const { status, stdout, stderr } = run(...words);
    assert.equal(status, 1);
    assert.match(stdout + stderr, /error\[digest-mismatch\]: w\.bin|digest-mismatch.*w\.bin/);
  }
  assert.deepEqual([existsSync(join(folder, 'no')), left()], [false, []]);
});
