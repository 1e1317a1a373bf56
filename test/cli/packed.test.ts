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

/** Which files with code a run loads. */
function filesOf(words: readonly string[]): readonly string[] {
  const spy = join(work, 'files.mjs');
  writeFileSync(
    spy,
    `import { appendFileSync } from 'node:fs';
    import { registerHooks } from 'node:module';
    const urls = [];
    registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
    process.on('exit', () => appendFileSync(process.env.MODULES, urls.join('\\n')));`,
  );
  writeFileSync(join(work, 'modules'), '');
  const { status, stderr } = run(bin, words, { options: ['--import', spy] });
  assert.equal(status, 0, stderr);
  return readFileSync(join(work, 'modules'), 'utf8').split('\n');
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

test('verify with a key loads nothing of registries, of YAML or of databases', () => {
  for (const words of [
    ['keygen', 'lone', '--no-password'],
    ['seal', 'lone-model', '--name', 'acme/lone:1', '--key', 'lone.key'],
  ]) {
    mkdirSync(join(work, 'lone-model'), { recursive: true });
    writeFileSync(join(work, 'lone-model/w.bin'), 'weights');
    assert.equal(packed(...words).status, 0, words.join(' '));
  }
  const words = ['verify', 'lone-model', '--key', 'lone.pub'];
  const files = filesOf(words).map((url) => url.slice(url.lastIndexOf('/') + 1));
  assert.ok(files.includes('verify.js'), 'the test sees what it looks for');
  assert.deepEqual(
    files.filter((name) => ['gate.js', 'trust2.js', 'hook.js', 'index.js'].includes(name)),
    [],
  );
  assert.deepEqual(
    modulesOf(words).filter((name) => ['sqlite', 'zlib'].includes(name)),
    [],
  );
});

test('the hook loads no scanner, and nothing of registries, before a file must be scanned', () => {
  const loadedBy = (...words: readonly string[]) =>
    filesOf(['hook', ...words]).map((url) => url.slice(url.lastIndexOf('/') + 1));
  const isOfScan = (name: string): boolean => name === 'gate.js' || name.startsWith('scan');
  assert.ok(loadedBy('model').includes('hook.js'), 'the test sees what it looks for');
  assert.deepEqual(loadedBy('model').filter(isOfScan), []);
  assert.ok(loadedBy('model/config.json').some(isOfScan));
});

const POLICY = (pub: string, rules: string): string => `format: weighmark-policy/1
name: acme
version: 1
expires: 2036-01-01
principals: { dana: { keys: [${pub.replace(/-----[^-]+-----/g, '').replace(/\s/g, '')}] } }
roles: { trainer: [dana], promoter: [dana], publisher: [dana] }
environments:
  - { name: prod, require: [bom] }
  - { name: lab, require: [bom], assert: [{ cel: '${rules}', message: so it is }] }
`;

test('a decision loads our own files alone: a policy without expressions no CEL, no RE2, and nothing asks the network', () => {
  assert.equal(packed('keygen', 'gate', '--no-password').status, 0);
  assert.equal(packed('registry', 'init', 'registry').status, 0);
  writeFileSync(join(work, 'policy.yaml'), POLICY(readFileSync(join(work, 'gate.pub'), 'utf8'), 'files.size() == 2'));
  assert.equal(packed('seal', 'model', '--name', 'acme/demo:1', '--key', 'gate.key').status, 0);
  const at = ['acme/demo:1', '--registry', 'registry'];
  assert.equal(packed('push', 'model', ...at).status, 0);
  const prod = [...at, '--env', 'prod', '--policy', 'policy.yaml'];
  for (const words of [
    ['promote', ...prod, '--key', 'gate.key'],
    ['verify', ...prod],
  ]) {
    const loaded = filesOf(words);
    assert.ok(
      loaded.some((url) => url.endsWith('/gate.js')),
      'the test sees what it looks for',
    );
    assert.deepEqual(
      loaded.filter((url) => /\/node_modules\/(?!\.cache\/)/.test(url)),
      [],
      words[0],
    );
    assert.ok(loaded.length < 12, loaded.join('\n'));
    assert.deepEqual(
      modulesOf(words).filter((name) => ['http', 'https', 'net', 'child_process'].includes(name)),
      [],
      words[0],
    );
  }
});

test('an expression of a policy is asked in what is installed, and decides', () => {
  const lab = ['promote', 'acme/demo:1', '--registry', 'registry', '--env', 'lab', '--key', 'gate.key', '--policy'];
  const pub = readFileSync(join(work, 'gate.pub'), 'utf8');
  for (const [rules, status, says] of [
    ['files.size() == 3', 1, 'not so: so it is'],
    ['files.exists(f, f.path.matches("^conf.*json$"))', 0, 'asserted: so it is'],
  ] as const) {
    writeFileSync(join(work, 'policy-lab.yaml'), POLICY(pub, rules));
    const { status: found, stderr } = packed(...lab, 'policy-lab.yaml');
    assert.equal(found, status, stderr);
    assert.ok(stderr.includes(says), stderr);
  }
});
