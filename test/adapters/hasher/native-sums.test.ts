import { workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { loadAddon } from '../../../src/adapters/hasher/native.ts';
import { sumsNatively } from '../../../src/adapters/hasher/native-sums.ts';
import { BARE, PROGRAM } from '../../program.ts';

const addon = loadAddon();
const skip = addon?.sums === undefined ? 'no native kernel here' : false;
const isRoot = process.getuid?.() === 0;

function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-sums-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function put(folder: string, files: Readonly<Record<string, string | Buffer>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
}

const LARGE = Buffer.alloc(9_000_001, 'weights');
/** Sorted by bytes of whole paths: `a-b` comes before `a/`, `a.bin` between. */
const TREE = {
  'a/1.bin': 'one',
  'a/b/2.bin': 'two',
  'a-b': '',
  'a.bin': Buffer.alloc(128 << 10, 1),
  'a.bin2': Buffer.alloc((128 << 10) + 1, 2),
  'large.bin': LARGE,
  'größe/ключ.txt': 'utf-8',
  'model.sig': 'a sidecar',
  '.weighmark/files': 'a sidecar',
  'sub/model.sig': 'none, it is not at the top',
  '.hidden': 'plain',
};

/** What the program prints and ends with, by this kernel. */
function hash(kernel: string, cwd: string, words: readonly string[]): object {
  const env = { ...BARE, HOME: cwd, WEIGHMARK_KERNEL: kernel };
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, 'hash', ...words], { cwd, env });
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

const UNUSUAL: readonly (readonly [string, (folder: string) => void])[] = [
  ['plain files', () => {}],
  ['a link', (folder) => symlinkSync('a.bin', join(folder, 'z-link'))],
  ['a pipe', (folder) => void execFileSync('mkfifo', [join(folder, 'pipe')])],
  [
    'a name that is not UTF-8',
    (folder) => writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.of(0xff)]), ''),
  ],
  ['a name with a line end', (folder) => put(folder, { 'two\nlines': 'x', 'back\\slash': 'y' })],
  ['what a download left', (folder) => put(folder, { '.cache/huggingface/download/a.bin.metadata': 'x' })],
  ['deep folders', (folder) => put(folder, { [`${'d/'.repeat(40)}x`]: 'deep' })],
  ['an empty folder', (folder) => mkdirSync(join(folder, 'empty'))],
];

for (const [what, make] of UNUSUAL)
  test(`hash prints and refuses the same by either kernel: ${what}`, { skip }, (t) => {
    const folder = scratch(t);
    put(join(folder, 'tree'), TREE);
    make(join(folder, 'tree'));
    for (const words of [
      ['tree'],
      ['tree/'],
      ['./tree', '--algorithm', 'sha256'],
      ['tree', '--algorithm', 'blake3', '--algorithm', 'sha256'],
      ['tree', '--algorithm', 'sha256', '--algorithm', 'blake3'],
      ['tree', '--allow-symlinks'],
      ['tree/a.bin', 'tree/large.bin', 'tree/a-b', 'tree/a.bin'],
      ['tree/a.bin', 'tree'],
      ['tree/a.bin', 'nowhere'],
      ['nowhere'],
      ['/dev/null'],
    ])
      assert.deepEqual(hash('native', folder, words), hash('wasm', folder, words), words.join(' '));
  });

test(
  'what cannot be read is asked again file by file, and told',
  { skip: skip || (isRoot && 'root reads all') },
  (t) => {
    const folder = scratch(t);
    put(folder, { 'tree/a': 'a', 'tree/b': 'b' });
    execFileSync('chmod', ['000', join(folder, 'tree/b')]);
    assert.deepEqual(hash('native', folder, ['tree']), hash('wasm', folder, ['tree']));
  },
);

test('the lines of many files cost JavaScript no more than those of few', { skip }, async (t) => {
  const folder = scratch(t);
  const steps: number[] = [];
  for (const count of [100, 1600]) {
    const tree = join(folder, String(count));
    put(tree, Object.fromEntries(Array.from({ length: count }, (_, at) => [`${at % 7}/${at}.bin`, `file ${at}`])));
    const hasher = await createHasher();
    const act = () => hasher.sums?.([tree], { algorithms: ['blake3'] });
    await act();
    const { steps: taken, result } = await workOf(act);
    assert.equal(
      Buffer.from(result ?? [])
        .toString()
        .split('\n').length,
      count + 1,
    );
    steps.push(taken);
  }
  assert.ok((steps[1] ?? Infinity) <= (steps[0] ?? 0) + 20, steps.join(' '));
});

test('who interrupted it before it began, or asks for other lines, gets none', { skip }, async (t) => {
  const folder = scratch(t);
  put(folder, { 'tree/a': 'a' });
  assert.ok(addon);
  const names = [join(folder, 'tree')];
  assert.equal(await sumsNatively(addon, names, { algorithms: ['sha256'], signal: AbortSignal.abort() }), null);
  assert.equal(await sumsNatively(addon, names, { algorithms: ['blake2b'] }), null);
  assert.equal(await sumsNatively(addon, names, { algorithms: ['sha256', 'blake3'] }), null);
});
