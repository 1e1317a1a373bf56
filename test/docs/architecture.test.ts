import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const PAGE = 'docs/architecture.md';
const ROOMS = globSync('src/**/README.md').toSorted();

/** Words with a slash that name no file of the tree: formats, the user's files, packages. */
const NO_PATHS = new Set([
  'weighmark-files/1',
  'weighmark-manifest/1',
  'weighmark-manifest/2',
  'weighmark/trust.yaml',
  '@sigstore/*',
]);

/** What stands between backticks and looks like a path: a slash inside or at the end, or the ending of a source file. */
function pathsIn(text: string): readonly string[] {
  const words = [...text.matchAll(/`([^`\s]+)`/g)].map(([, word = '']) => word);
  return words.filter((word) => (word.includes('/') || /\.(?:ts|rs|md)$/.test(word)) && !NO_PATHS.has(word));
}

/** Those of a page that are nowhere below any of the folders it speaks of. */
function missing(page: string, folders: readonly string[]): readonly string[] {
  const there = (path: string): boolean => folders.some((folder) => globSync(join(folder, path)).length > 0);
  return pathsIn(readFileSync(page, 'utf8')).filter((path) => !there(path));
}

test('every path that the architecture names is there', () => {
  assert.ok(pathsIn(readFileSync(PAGE, 'utf8')).length > 100, 'paths were found');
  assert.deepEqual(missing(PAGE, ['.', 'src']), []);
});

test('every path that a room names is there', () => {
  assert.ok(ROOMS.length > 30, 'rooms were found');
  const bad = ROOMS.flatMap((page) =>
    missing(page, [dirname(page), 'src/domain', 'src/adapters', 'src', '.']).map((path) => `${page}: ${path}`),
  );
  assert.deepEqual(bad, []);
});

/** The names in one of the tables of the layers test, as it has them. */
function tableOf(name: string): readonly string[] {
  const [, table = ''] =
    new RegExp(`const ${name} = \\[([^\\]]*)\\]`).exec(readFileSync('test/layers.test.ts', 'utf8')) ?? [];
  return [...table.matchAll(/'([\w-]+)'/g)].map(([, room = '']) => room);
}

/** The rooms of a part in the picture; those that are not furnished stand in brackets. */
function pictured(part: string): readonly { name: string; furnished: boolean }[] {
  const [block = ''] = new RegExp(`^${part}  .*(?:\\n .*)*`, 'm').exec(readFileSync(PAGE, 'utf8')) ?? [];
  const rows = block.replace(part, ' ').split('\n');
  return rows.flatMap((row) => {
    const [, bracket, name] = /^ +(\(?)([a-z-]+)\)? {2,}\S/.exec(row) ?? [];
    return name === undefined ? [] : [{ name, furnished: bracket === '' }];
  });
}

for (const [part, table] of [
  ['domain', 'DOMAIN'],
  ['flows', 'FLOWS'],
] as const) {
  test(`the picture has the rooms of ${part} in the order that the layers test holds`, () => {
    const rooms = pictured(part);
    assert.deepEqual(
      rooms.map(({ name }) => name),
      tableOf(table),
    );
    for (const { name, furnished } of rooms)
      assert.equal(globSync(`src/${part}/${name}`).length > 0, furnished, `${part}/${name} is in brackets while empty`);
  });
}
