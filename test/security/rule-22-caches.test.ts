import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const BIN = new URL('../../bin/weighmark.js', import.meta.url).pathname;
const POSIX = { skip: process.platform === 'win32' ? 'no modes' : false };

function place(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-rule-22-'));
  writeFileSync(join(folder, 'file'), 'abc');
  return folder;
}

function run(
  cwd: string,
  env: Readonly<Record<string, string>>,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [BIN, 'hash', 'file'], {
    cwd,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: cwd, ...env },
  });
}

const compileCache = (base: string) => join(base, 'weighmark', 'compile');
/** What Node wrote there: compiled code, which the next run would execute. */
const written = (folder: string) => (existsSync(folder) ? readdirSync(folder, { recursive: true }).length : 0);

test('rule 22: compiled code is cached in a folder of the user’s own, 0700', POSIX, () => {
  const cwd = place();
  const cache = join(cwd, 'cache');
  assert.equal(run(cwd, { XDG_CACHE_HOME: cache }).status, 0);
  assert.equal(statSync(compileCache(cache)).mode & 0o777, 0o700);
  assert.ok(written(compileCache(cache)) > 0, 'the test sees what it looks for');
});

test('rule 22: a folder that others can write or read, or a link, is not used', POSIX, () => {
  for (const spoil of [
    (folder: string) => (mkdirSync(folder, { recursive: true }), chmodSync(folder, 0o777)),
    (folder: string) => (mkdirSync(folder, { recursive: true }), chmodSync(folder, 0o755)),
    (folder: string) => (
      mkdirSync(dirname(folder), { recursive: true }),
      symlinkSync(mkdtempSync(join(tmpdir(), 'weighmark-else-')), folder)
    ),
  ]) {
    const cwd = place();
    const folder = compileCache(join(cwd, 'cache'));
    spoil(folder);
    assert.equal(run(cwd, { XDG_CACHE_HOME: join(cwd, 'cache') }).status, 0);
    assert.equal(written(folder), 0);
  }
});

test('rule 22: no cache lies in the working folder, whatever a relative XDG_CACHE_HOME says', POSIX, () => {
  const cwd = place();
  assert.equal(run(cwd, { XDG_CACHE_HOME: 'here', HOME: mkdtempSync(join(tmpdir(), 'weighmark-home-')) }).status, 0);
  assert.deepEqual(readdirSync(cwd), ['file']);
});

test('rule 22: WEIGHMARK_KERNEL is one of two words, never a path', () => {
  const cwd = place();
  for (const kernel of ['./evil.node', '/tmp/evil.node', 'WASM', 'native ', '../native']) {
    const { status, stderr } = run(cwd, { WEIGHMARK_KERNEL: kernel });
    assert.equal(status, 2, kernel);
    assert.match(stderr, /error\[usage\]: WEIGHMARK_KERNEL is neither wasm nor native/);
  }
  assert.equal(run(cwd, { WEIGHMARK_KERNEL: 'wasm' }).status, 0);
});
