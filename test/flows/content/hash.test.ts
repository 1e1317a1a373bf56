import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hash as blake3 } from 'blake3-wasm';
import { PROGRAM } from '../../program.ts';

function folder(content: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), 'weighmark-hash-'));
  for (const [path, text] of Object.entries(content)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

function run(
  cwd: string,
  args: readonly string[],
  input?: string,
): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [PROGRAM, 'hash', ...args], {
    cwd,
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
  });
}

const sum = (text: string) => blake3(Buffer.from(text)).toString('hex');

test('the lines are those of sha256sum, names with newlines and backslashes too', () => {
  const root = folder({ plain: 'a', 'new\nline': 'b', 'back\\slash': 'c', 'car\rriage': 'd' });
  const names = ['plain', 'new\nline', 'back\\slash', 'car\rriage'];
  const { stdout, status } = run(root, ['--algorithm', 'sha256', ...names]);
  assert.equal(status, 0);
  assert.equal(stdout, execFileSync('sha256sum', names, { cwd: root, encoding: 'utf8' }));
  assert.equal(run(root, names).stdout.split('\n')[0], `${sum('a')}  plain`);
});

test('sha256sum checks our lines and we check its, in both forms', () => {
  const root = folder({ a: '1', 'b\n': '2', 'c\\': '3' });
  const names = ['a', 'b\n', 'c\\'];
  writeFileSync(join(root, 'ours'), run(root, ['--algorithm', 'sha256', ...names]).stdout);
  execFileSync('sha256sum', ['--check', '--strict', 'ours'], { cwd: root });
  for (const flags of [[], ['--tag'], ['--binary']]) {
    writeFileSync(join(root, 'theirs'), execFileSync('sha256sum', [...flags, ...names], { cwd: root }));
    assert.equal(run(root, ['--check', 'theirs']).status, 0);
  }
});

test('a changed file is FAILED and exit 1, a missing one too, a line that is none is refused', () => {
  const root = folder({ a: '1', b: '2' });
  const sums = run(root, ['a', 'b']).stdout;
  writeFileSync(join(root, 'b'), '3');
  const changed = run(root, ['--check', '-'], sums);
  assert.deepEqual([changed.status, changed.stdout], [1, 'a: OK\nb: FAILED\n']);
  assert.match(changed.stderr, /error\[digest-mismatch\]: 1 of 2/);
  const missing = run(root, ['--check', '-'], sums.replaceAll('  b', '  gone'));
  assert.deepEqual([missing.status, missing.stdout], [1, 'a: OK\ngone: FAILED open or read\n']);
  assert.match(missing.stderr, /error\[file-missing\]/);
  assert.equal(run(root, ['--check', '-'], `${sums}rubbish\n`).status, 1);
  assert.equal(run(root, ['--check', '-'], '').status, 3);
});

test('what may not be read is undecided', { skip: process.getuid?.() === 0 ? 'root reads everything' : false }, () => {
  const root = folder({ a: '1' });
  const sums = run(root, ['a']).stdout;
  chmodSync(join(root, 'a'), 0);
  assert.equal(run(root, ['--check', '-'], sums).status, 4);
});

test('a digest of the other algorithm is no digest when the algorithm is named', () => {
  const root = folder({ a: '1' });
  const sums = run(root, ['a']).stdout;
  assert.equal(run(root, ['--check', '-'], sums).status, 0);
  assert.equal(run(root, ['--check', '-', '--algorithm', 'sha256'], sums).status, 1);
});

test('folders are hashed file by file, standard input has the name -, one failure stops nothing', () => {
  const root = folder({ 'd/b/c': '1', 'd/a': '2' });
  symlinkSync('d/a', join(root, 'link'));
  const { stdout, stderr, status } = run(root, ['d/', '-', 'nothing', 'link'], 'in');
  assert.equal(stdout, `${sum('2')}  d/a\n${sum('1')}  d/b/c\n${sum('in')}  -\n${sum('2')}  link\n`);
  assert.match(stderr, /error\[not-found\]: nothing/);
  assert.equal(status, 2);
});

test('several algorithms give tagged lines and one JSON', () => {
  const root = folder({ a: '1' });
  assert.match(
    run(root, ['--algorithm', 'sha256', '--algorithm', 'blake3', '--algorithm', 'blake2b', 'a']).stdout,
    /^SHA256 \(a\) = [0-9a-f]{64}\nBLAKE3 \(a\) = [0-9a-f]{64}\nBLAKE2b \(a\) = [0-9a-f]{128}\n$/,
  );
  const { files } = JSON.parse(run(root, ['--json', 'a', 'none']).stdout) as { files: unknown };
  assert.deepEqual(files, [{ path: 'a', sizeBytes: 1, digests: { blake3: sum('1') } }]);
});

test('a range is proven, checked without the file, and only for the digest asked about', () => {
  const root = folder({ model: 'x'.repeat(50_000) });
  const digest = run(root, ['model']).stdout.slice(0, 64);
  assert.equal(run(root, ['--prove', 'model:20000-20010', '-o', 'proof']).status, 0);
  const checked = run(root, ['--check-proof', 'proof', '--digest', digest, '-o', 'bytes']);
  assert.equal(checked.status, 0);
  assert.equal(readFileSync(join(root, 'bytes'), 'utf8'), 'x'.repeat(10));
  assert.equal(run(root, ['--check-proof', 'proof', '--digest', sum('other')]).status, 1);
  assert.equal(run(root, ['--check-proof', 'proof']).status, 2);
  assert.equal(run(root, ['--prove', 'model:50000-50001']).status, 2);
});

test('one thing at a time', () => {
  const root = folder({ a: '1' });
  assert.equal(run(root, ['a', '--check', 'a']).status, 2);
  assert.equal(run(root, ['--algorithm', 'md5', 'a']).status, 2);
});
