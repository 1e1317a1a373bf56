import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  createReadStream,
  mkdtempSync,
  openSync,
  readFileSync,
  globSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

const BIN = resolve('bin/weighmark.js');
const POSIX = { skip: process.platform === 'win32' ? 'no FIFO, no sh' : false };
/** More than a pipe holds (64 KiB). */
const FILES = 2000;

/** A folder whose digests are more text than a pipe holds. */
function manyFiles(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-output-'));
  for (let at = 0; at < FILES; at += 1) writeFileSync(join(folder, `file-${String(at).padStart(5, '0')}`), `${at}`);
  return folder;
}

test('a pipe that is full, and would block, still gets every line, in order', POSIX, async () => {
  const folder = manyFiles();
  const fifo = join(mkdtempSync(join(tmpdir(), 'weighmark-fifo-')), 'fifo');
  spawnSync('mkfifo', [fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  const child = spawn(process.execPath, [BIN, 'hash', folder], { stdio: ['ignore', writer, 'inherit'] });
  closeSync(writer);
  const exit = new Promise((done) => child.once('exit', done));
  await sleep(1500);
  let text = '';
  for await (const chunk of createReadStream('', {
    fd: openSync(fifo, constants.O_RDONLY),
    encoding: 'utf8',
  }) as AsyncIterable<string>)
    text += chunk;
  closeSync(reader);
  assert.equal(await exit, 0);
  assert.equal(text, spawnSync(process.execPath, [BIN, 'hash', folder], { encoding: 'utf8' }).stdout);
  assert.equal(text.split('\n').length, FILES + 1);
});

test('a reader that stops early is no error', POSIX, () => {
  const script = `"${process.execPath}" "${BIN}" hash "${manyFiles()}" | head -n 1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' });
  assert.match(stdout, /^[0-9a-f]{64} {2}.+\n0\n$/);
  assert.equal(stderr, '');
});

test('nobody but output.ts writes to standard output or standard error, so that no broken pipe is met unprepared', () => {
  const writers = globSync('src/cli/**/*.ts').filter((path) =>
    /process\.(?:stdout|stderr)\b|console\./.test(readFileSync(path, 'utf8')),
  );
  assert.deepEqual(writers, []);
});

test('Node calls node:sqlite experimental to itself; its other warnings are told', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-warning-'));
  const spy = join(folder, 'spy.cjs');
  writeFileSync(
    spy,
    "setImmediate(() => { process.emitWarning('SQLite is an experimental feature', 'ExperimentalWarning'); process.emitWarning('certificates are not checked'); });",
  );
  const { stderr } = spawnSync(process.execPath, ['--require', spy, BIN, 'hash', spy], { encoding: 'utf8' });
  assert.doesNotMatch(stderr, /experimental/);
  assert.match(stderr, /Warning: certificates are not checked/);
});
