import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { forShell } from '../../src/domain/base/text.ts';
import { BARE, PROGRAM } from '../program.ts';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-hints-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'm', 'sub dir'), { recursive: true });
  writeFileSync(join(folder, 'm', 'a.bin'), 'weights');
  writeFileSync(join(folder, 'm', 'sub dir', 'b.bin'), 'more');
  ok('keygen anna --no-password');
  ok('seal m --name acme/m:1 --key anna.key');
});
after(() => rmSync(folder, { recursive: true, force: true }));

interface From {
  readonly cwd?: string;
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
}

function run(words: readonly string[], { cwd = '.', uid, env = {} }: From = {}) {
  return spawnSync(process.execPath, [PROGRAM, ...words], {
    cwd: join(folder, cwd),
    encoding: 'utf8',
    env: { ...BARE, HOME: folder, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

function ok(line: string, from: From = {}): string {
  const { status, stdout, stderr } = run(line.split(' '), from);
  assert.equal(status, 0, `${line}\n${stderr}`);
  return stdout;
}

test('verify of a file of a sealed folder names the command that verifies it, which then does', () => {
  for (const { words, cwd, hint } of [
    { words: ['m/a.bin'], cwd: '.', hint: 'weighmark verify m --only a.bin' },
    { words: ['m/sub dir/b.bin'], cwd: '.', hint: "weighmark verify m --only 'sub dir/b.bin'" },
    { words: ['b.bin'], cwd: 'm/sub dir', hint: `weighmark verify ${join(folder, 'm')} --only 'sub dir/b.bin'` },
    { words: ['a.bin'], cwd: 'm', hint: 'weighmark verify . --only a.bin' },
  ]) {
    const { status, stdout } = run(['verify', ...words, '--key', join(folder, 'anna.pub')], { cwd });
    assert.equal(status, 3, 'nobody signed the file itself');
    assert.ok(stdout.includes(`\`${hint}\``), stdout);
    const again = spawnSync('sh', ['-c', `"$NODE" "$PROGRAM" ${hint.slice('weighmark '.length)} --key "$KEY"`], {
      cwd: join(folder, cwd),
      encoding: 'utf8',
      env: { ...BARE, HOME: folder, NODE: process.execPath, PROGRAM, KEY: join(folder, 'anna.pub') },
    });
    assert.match(again.stdout, /^VERIFIED \(partial\)/m, again.stderr);
  }
  writeFileSync(join(folder, 'alone.bin'), 'weights');
  assert.match(run(['verify', 'alone.bin']).stdout, /hint: safe to load\? `weighmark scan alone.bin`/);
});

test(
  'a folder that cannot be written: seal and sign say so before they read it, with the way out',
  { skip: cannotRefuse() },
  () => {
    const [locked, key] = ['locked', 'open.key'];
    mkdirSync(join(folder, locked));
    writeFileSync(join(folder, locked, 'w.bin'), 'weights');
    chmodSync(join(folder, locked), 0o555);
    ok('keygen open --no-password');
    chmodSync(join(folder, key), 0o644);
    const other = process.getuid?.() === 0 ? { uid: 65_534 } : {};
    if ('uid' in other && tmpdir() !== '/tmp') chmodSync(tmpdir(), 0o711);
    for (const [command, wayOut] of [
      ['seal', /hint: seal lays its files beside the content: .*`weighmark sign PATH --signature FILE`/],
      ['sign', /hint: write it elsewhere: `--signature FILE`/],
    ] as const) {
      const { status, stderr } = run([command, locked, '--key', key], other);
      assert.equal(status, 2, stderr);
      assert.match(stderr, /error\[write-refused\]: cannot write .*locked: permission denied/);
      assert.match(stderr, wayOut);
    }
    mkdirSync(join(folder, 'signatures'));
    chmodSync(join(folder, 'signatures'), 0o777);
    assert.equal(run(['sign', locked, '--signature', 'signatures/new/locked.sig', '--key', key], other).status, 0);
    ok('verify locked --signature signatures/new/locked.sig --key open.pub');
  },
);

/** Where this user may do everything and can become nobody else. */
function cannotRefuse(): boolean {
  if (process.getuid === undefined) return true;
  if (process.getuid() !== 0) return false;
  return spawnSync(process.execPath, [PROGRAM, '--version'], { env: BARE, uid: 65_534 }).status !== 0;
}

test('attest finds the key of the log where promote and push find it', () => {
  const elsewhere = { env: { HOME: join(folder, 'elsewhere'), WEIGHMARK_REGISTRY: 'reg' } };
  const made = ok('registry init reg');
  const key = /^log key +(\S+)/m.exec(made)?.[1] ?? '';
  ok('push m acme/m:1', { env: { WEIGHMARK_REGISTRY: 'reg' } });
  const words = 'attest acme/m:1 --type evaluation --result passed --key anna.key'.split(' ');
  const without = run(words, elsewhere);
  assert.notEqual(without.status, 0);
  assert.match(without.stderr, /error\[key-unusable\]/);
  const named = run(words, { env: { ...elsewhere.env, WEIGHMARK_LOG_KEY: key } });
  assert.equal(named.status, 0, named.stderr);
  const { stdout } = run(['log', 'show', 'acme/m:1', '--kind', 'claim', '--json'], elsewhere);
  assert.equal(
    (JSON.parse(stdout) as { entries: object[] }).entries.length,
    4,
    'signature, BOM, scan, and the evaluation',
  );
});

test('a word for a shell is quoted only where that is needed', () => {
  for (const plain of ['model', './a/b-1.0_x', 'acme/enc:1', '~/m', 'a=b']) assert.equal(forShell(plain), plain);
  for (const [text, quoted] of [
    ['a b', "'a b'"],
    ["it's", "'it'\\''s'"],
    ['$(id)', "'$(id)'"],
    ['-rf', "'-rf'"],
    ['', "''"],
    ['a\nb', "'a\\u{a}b'"],
  ] as const)
    assert.equal(forShell(text), quoted);
});

test('a key to trust that is not there leads to trust that is, and a variable that is set to nothing is not set', () => {
  const { status, stderr } = run(['verify', 'm', '--key', 'nokey.pub']);
  assert.equal(status, 4);
  assert.match(stderr, /error\[trust-unavailable\].*nokey\.pub does not exist/);
  assert.doesNotMatch(stderr, /trust update/);
  const empty = { WEIGHMARK_REGISTRY: '', WEIGHMARK_POLICY: '', WEIGHMARK_KEY: '', XDG_STATE_HOME: '' };
  const [unset, set] = [run(['list']), run(['list'], { env: empty })];
  assert.deepEqual([set.status, set.stderr], [unset.status, unset.stderr]);
});
