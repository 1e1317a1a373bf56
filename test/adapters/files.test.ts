import { WeighmarkError } from '../../src/domain/base/errors.ts';
import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync, spawn } from 'node:child_process';
import { test } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import type { Tree } from '../../src/domain/ports/files.ts';
import { lstatEach, lstatMany, stampOf } from '../../src/adapters/files/stats.ts';
import { loadAddon } from '../../src/adapters/hasher/native.ts';

const files = createFiles();

function folder(content: Record<string, string> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'weighmark-files-'));
  for (const [path, text] of Object.entries(content)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

test('a tree is the regular files, sorted by bytes, without its sidecars', async () => {
  const root = folder({
    'b/c': '1',
    'b-c': '2',
    a: '3',
    'model.sig': '',
    'claims.jsonl': '',
    '.weighmark/files': '',
    '.gitignore': '',
    'sub/model.sig': '4',
  });
  const tree = await files.walk(root);
  assert.deepEqual(
    tree.entries.map(({ path }) => path),
    ['a', 'b-c', 'b/c', 'sub/model.sig'],
  );
  assert.deepEqual(tree.sidecars, ['.gitignore', '.weighmark/', 'claims.jsonl', 'model.sig']);
  assert.equal(tree.kind, 'directory');
});

test(
  'the native kernel says of many files what Node says',
  { skip: loadAddon() === null ? 'no addon' : false },
  async () => {
    const content = Object.fromEntries(
      Array.from({ length: 1200 }, (_, index) => [
        `${index % 7}/${index} é ${'🐦'.repeat(index % 3)}`,
        'x'.repeat(index),
      ]),
    );
    const root = folder(content);
    utimesSync(join(root, '0/0 é '), -1.5, -1.5);
    symlinkSync('1/1 é 🐦', join(root, 'link'));
    const options = { allowSymlinks: true };
    const tree = await createFiles({ native: true }).walk(root, options);
    assert.equal(tree.entries.length, 1201);
    const values = ({ entries, ...rest }: Tree) => ({
      ...rest,
      entries: entries.map(({ stamp: { dev, ino, sizeBytes, mtimeNs, ctimeNs }, ...entry }) => ({
        ...entry,
        stamp: { dev, ino, sizeBytes, mtimeNs, ctimeNs },
      })),
    });
    assert.deepEqual(values(tree), values(await files.walk(root, options)));
    const locations = tree.entries.map(({ location }) => location);
    assert.throws(() => lstatMany([...locations, join(root, 'nothing')], String), { code: 'ENOENT' });
    const stats = lstatMany([...locations, root, join(root, 'link')], String);
    assert.deepEqual(
      [0, locations.length, locations.length + 1].map((index) => stats.isFile(index)),
      [true, false, false],
    );
  },
);

test('what JavaScript asks of many is kept as numbers, and none of it is lost: times of any year, folders, links', () => {
  const root = folder({ now: 'x', far: 'yy', old: '' });
  utimesSync(join(root, 'far'), 9_500_000_000, 9_500_000_000);
  utimesSync(join(root, 'old'), -1, -1);
  symlinkSync('nothing', join(root, 'link'));
  const paths = ['now', 'far', 'old', 'link', '.'];
  const stats = lstatEach(paths, (path) => join(root, path));
  for (const [index, path] of paths.entries()) {
    const stat = lstatSync(join(root, path), { bigint: true });
    const { dev, ino, sizeBytes, mtimeNs, ctimeNs } = stats.stamp(index);
    assert.deepEqual({ dev, ino, sizeBytes, mtimeNs, ctimeNs }, stampOf(stat), path);
    assert.deepEqual([stats.isFile(index), stats.sizeBytes(index)], [stat.isFile(), Number(stat.size)]);
  }
});

test('a single file is a tree of its base name', async () => {
  const root = folder({ 'm.gguf': 'x' });
  const tree = await files.walk(join(root, 'm.gguf'));
  assert.deepEqual(
    [tree.kind, tree.entries.map(({ path, sizeBytes }) => [path, sizeBytes])],
    ['file', [['m.gguf', 1]]],
  );
});

test('download bookkeeping is left out and reported', async () => {
  const root = folder({ a: '1', '.cache/huggingface/download/a.metadata': 'x', '.cache/huggingface/evil.py': 'y' });
  const tree = await files.walk(root);
  assert.deepEqual(tree.leftOut, ['.cache/huggingface/download/a.metadata']);
  assert.deepEqual(
    tree.entries.map(({ path }) => path),
    ['.cache/huggingface/evil.py', 'a'],
  );
});

test('links are refused, or followed inside the folder only', async () => {
  const root = folder({ a: '1' });
  symlinkSync('a', join(root, 'link'));
  await assert.rejects(files.walk(root), { code: 'symlink-refused' });
  const tree = await files.walk(root, { allowSymlinks: true });
  assert.deepEqual(
    tree.entries.map(({ path }) => path),
    ['a', 'link'],
  );
  assert.equal(tree.followedLinks, true);
  symlinkSync('/etc/hostname', join(root, 'out'));
  await assert.rejects(files.walk(root, { allowSymlinks: true }), { code: 'symlink-refused' });
  await assert.doesNotReject(files.walk(root, { allowSymlinks: true, ignore: ['out'] }));
});

test('a Hugging Face cache snapshot may link into its own blobs', async () => {
  const root = folder({ 'models--o--n/blobs/abc': 'x', 'models--o--n/snapshots/1/.keep': '' });
  symlinkSync('../../blobs/abc', join(root, 'models--o--n/snapshots/1/model.bin'));
  const tree = await files.walk(join(root, 'models--o--n/snapshots/1'), { allowSymlinks: true });
  assert.deepEqual(
    tree.entries.map(({ path }) => path),
    ['.keep', 'model.bin'],
  );
});

test('fifos, names that are not UTF-8 and missing folders are errors', async () => {
  const root = folder({ a: '1' });
  execFileSync('mkfifo', [join(root, 'pipe')]);
  await assert.rejects(files.walk(root), { code: 'special-file' });
  const latin = folder();
  execFileSync('sh', ['-c', `touch "${latin}/$(printf 'caf\\351')"`]);
  await assert.rejects(files.walk(latin), { code: 'name-unsafe' });
  await assert.rejects(files.walk(join(root, 'none')), { code: 'not-found' });
});

test('a file that changes while it is open is an error', async () => {
  const root = folder({ a: 'before' });
  const open = await files.open(join(root, 'a'));
  assert.equal(Buffer.from(await open.read(2, 100)).toString(), 'fore');
  writeFileSync(join(root, 'a'), 'aft');
  await assert.rejects(open.read(0, 6), { code: 'file-changed' });
  await assert.rejects(open.close(), { code: 'file-changed' });
});

test('a final link is not followed by open', async () => {
  const root = folder({ a: '1' });
  symlinkSync('a', join(root, 'link'));
  await assert.rejects(files.open(join(root, 'link')), { code: 'symlink-refused' });
  await (await files.open(join(root, 'link'), { followLink: true })).close();
});

test('writing is atomic, exclusive when asked, and leaves nothing half-written', async () => {
  const root = folder();
  await files.write(join(root, 'sub/x'), 'one', { mode: 0o600 });
  await files.write(join(root, 'sub/x'), 'two');
  await assert.rejects(files.write(join(root, 'sub/x'), 'three', { exclusive: true }), { code: 'already-exists' });
  assert.equal(readFileSync(join(root, 'sub/x'), 'utf8'), 'two');
  renameSync(join(root, 'sub/x'), join(root, 'sub/y'));
  await assert.rejects(files.write(join(root, 'sub/y/z'), 'four'));
  assert.deepEqual(readdirSync(join(root, 'sub')), ['y']);
});

test('what is written in pieces is atomic too: a piece that cannot be made leaves the old, and nothing beside it', async () => {
  const root = folder({ x: 'old' });
  const made: string[] = [];
  function* pieces(fails: boolean) {
    yield Buffer.from('one, ');
    made.push(readFileSync(join(root, 'x'), 'utf8'));
    if (fails) throw new WeighmarkError('interrupted', 'stop');
    yield Buffer.from('two');
  }
  await assert.rejects(files.write(join(root, 'x'), { pieces: () => pieces(true) }), { code: 'interrupted' });
  assert.deepEqual([readFileSync(join(root, 'x'), 'utf8'), readdirSync(root)], ['old', ['x']]);
  await files.write(join(root, 'x'), { pieces: () => pieces(false) });
  assert.deepEqual([readFileSync(join(root, 'x'), 'utf8'), made], ['one, two', ['old', 'old']]);
});

test('a bounded read refuses what is larger and tells missing from unreadable', async () => {
  const root = folder({ a: 'hello' });
  await assert.rejects(files.read(join(root, 'a'), 4), { code: 'limit-exceeded' });
  assert.equal(await files.readIfThere(join(root, 'b'), 4), null);
  assert.deepEqual(
    [await files.kindOf(root), await files.kindOf(join(root, 'a')), await files.kindOf(join(root, 'b'))],
    ['directory', 'file', 'none'],
  );
  if (process.getuid?.() !== 0) {
    chmodSync(join(root, 'a'), 0);
    await assert.rejects(files.read(join(root, 'a'), 10), { code: 'unreadable' });
  }
});

test('what is no file under the name of a sidecar is refused at once: no FIFO is waited for, no device read', async (t) => {
  const root = folder({ real: 'x' });
  execFileSync('mkfifo', [join(root, 'model.sig')]);
  // Who opens it after all reads without end, and is told so, where it would wait for ever.
  const writer = spawn('sh', ['-c', 'exec yes > "$0"', join(root, 'model.sig')]);
  t.after(() => writer.kill());
  symlinkSync('/dev/zero', join(root, 'claims.jsonl'));
  symlinkSync('real', join(root, 'link'));
  mkdirSync(join(root, 'folder'));
  await assert.rejects(files.readIfThere(join(root, 'model.sig'), 10), { code: 'special-file' });
  await assert.rejects(files.readIfThere(join(root, 'claims.jsonl'), 10), { code: 'special-file' });
  await assert.rejects(files.readIfThere(join(root, 'folder'), 10), { code: 'unreadable' });
  assert.equal(Buffer.from((await files.readIfThere(join(root, 'link'), 10)) ?? []).toString(), 'x');
});

test('a limit holds for the file behind a link too', async () => {
  const root = folder({ real: 'x'.repeat(100) });
  symlinkSync('real', join(root, 'l'));
  await assert.rejects(files.read(join(root, 'l'), 99), { code: 'limit-exceeded' });
});

test('what a shell hands over may be a pipe', () => {
  const script = `import { createFiles } from '${new URL('../../src/adapters/files/index.ts', import.meta.url).href}'; console.log(String(Buffer.from(await createFiles().read(process.argv[1], 10))))`;
  const printed = execFileSync('bash', [
    '-c',
    '"$0" --input-type=module -e "$1" <(printf handed)',
    process.execPath,
    script,
  ]);
  assert.equal(printed.toString().trim(), 'handed');
});

test('what is read of a file is memory of its own, whatever is made of it', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'weighmark-own-')), 'file');
  writeFileSync(path, 'some bytes');
  const file = await createFiles().open(path);
  const bytes = await file.read(5, 5);
  assert.equal(bytes.buffer.byteLength, 5);
  assert.notEqual(bytes.slice(1).buffer, bytes.buffer);
  assert.deepEqual(Buffer.from(bytes.slice(1).buffer).toString(), 'ytes');
  await file.close();
});
