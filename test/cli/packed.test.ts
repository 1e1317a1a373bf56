import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { before, test } from 'node:test';
import { installPacked } from '../packed.ts';

/** What users install: built and linked, beside no source. */
const installed = mkdtempSync(join(tmpdir(), 'weighmark-packed-'));
let bin = '';
const work = mkdtempSync(join(tmpdir(), 'weighmark-packed-work-'));

before(() => {
  bin = process.env['WEIGHMARK_TEST_PROGRAM'] ?? installPacked(installed);
  mkdirSync(join(work, 'model'));
  writeFileSync(join(work, 'model', 'config.json'), '{}');
  writeFileSync(join(work, 'model', 'weights.bin'), Buffer.alloc(100_000, 1));
});

interface How {
  /** Of Node. */
  readonly options?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function run(
  program: string,
  words: readonly string[],
  { options = [], env: more = {} }: How = {},
): { status: number | null; stdout: string; stderr: string } {
  const env = {
    ...more,
    PATH: process.env['PATH'],
    HOME: work,
    XDG_CACHE_HOME: join(work, 'cache'),
    MODULES: join(work, 'modules'),
  };
  const { status, stdout, stderr } = spawnSync(process.execPath, [...options, program, ...words], {
    cwd: work,
    encoding: 'utf8',
    env,
  });
  return { status, stdout, stderr };
}

const packed = (...words: readonly string[]) => run(bin, words);
const source = (...words: readonly string[]) => run(resolve('bin/weighmark.js'), words);

test('what is installed has no script that npm would run, or ask about; a clone builds its kernel', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const asked = ['preinstall', 'install', 'postinstall', 'prepare'];
  assert.deepEqual(
    Object.keys(scripts).filter((name) => asked.includes(name)),
    [],
  );
  assert.equal(scripts['postprepare'], 'npm run --silent build:kernel');
});

test('a packed weighmark says what one from source says', () => {
  for (const words of [
    ['--version'],
    ['--version', '-v'],
    ['hash', 'model'],
    ['hash', 'model', '--json'],
    ['hash', 'nowhere'],
    ['hash', '--algorithm', 'sha256', '--algorithm', 'blake2b', 'model/config.json'],
    ['hash', '--algoritm'],
    ['scan', 'model'],
    ['inspect', 'model', '--json'],
    ['hook', 'model/config.json'],
    ['trust', 'list'],
    ['trust', 'update', '--from', 'model/config.json', '--offline'],
    ['verify', 'model'],
    ['--help'],
    ['trust'],
  ]) {
    assert.deepEqual(packed(...words), source(...words), words.join(' '));
  }
});

test('a packed weighmark seals what one from source verifies, and the other way round', () => {
  assert.equal(packed('keygen', 'k', '--no-password').status, 0);
  for (const [seal, verify] of [
    [packed, source],
    [source, packed],
  ] as const) {
    const { status, stderr } = seal('seal', 'model', '--key', 'k.key');
    assert.equal(status, 0, stderr);
    assert.deepEqual(verify('verify', 'model', '--key', 'k.pub'), seal('verify', 'model', '--key', 'k.pub'));
    assert.equal(verify('verify', 'model', '--key', 'k.pub').status, 0);
  }
});

/** Which of Node's own modules a run loads: their names are the start-up time that a clock would measure badly. */
function modulesOf(words: readonly string[], kernel?: 'wasm'): readonly string[] {
  const spy = join(work, 'spy.cjs');
  writeFileSync(
    spy,
    "process.on('exit', () => require('node:fs').writeFileSync(process.env.MODULES, process.moduleLoadList.join('\\n')));",
  );
  assert.equal(
    run(bin, words, { options: ['--require', spy], env: kernel === undefined ? {} : { WEIGHMARK_KERNEL: kernel } })
      .status,
    0,
  );
  return readFileSync(join(work, 'modules'), 'utf8')
    .split('\n')
    .map((line) => line.replace('NativeModule ', ''));
}

test('hash loads nothing that it does not need: no child process, no file streams, no sockets, no workers', () => {
  const seldom = [
    'child_process',
    'internal/fs/streams',
    'internal/fs/sync_write_stream',
    'internal/fs/promises',
    'net',
    'tty',
    'worker_threads',
    'internal/crypto/webcrypto',
    'v8',
  ];
  for (const kernel of [undefined, 'wasm'] as const) {
    const loaded = modulesOf(['hash', 'model/weights.bin'], kernel);
    assert.ok(loaded.includes('fs'), 'the test sees what it looks for');
    assert.deepEqual(
      loaded.filter((name) => seldom.includes(name)),
      [],
      kernel ?? 'the fastest kernel there is',
    );
  }
  assert.deepEqual(
    modulesOf(['--version']).filter((name) => [...seldom, 'crypto', 'stream'].includes(name)),
    [],
  );
});
