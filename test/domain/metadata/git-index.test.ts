import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readGitIndex } from '../../../src/domain/metadata/git-index.ts';
import { annexObject, lfsObject, trackedObjects } from '../../../src/domain/metadata/large-files.ts';

function repository(...settings: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-index-'));
  const git = (...words: readonly string[]) =>
    execFileSync('git', [...settings.flatMap((each) => ['-c', each]), ...words], { cwd: folder, encoding: 'utf8' });
  git('init', '-q');
  mkdirSync(join(folder, 'deep', 'model'), { recursive: true });
  for (const path of ['a', 'ä.txt', 'deep/model/weights.bin', 'deep/model/weights.bin2', `long-${'x'.repeat(200)}`])
    writeFileSync(join(folder, path), path);
  git('add', '.');
  git('add', '--intent-to-add', '.');
  const listed = git('ls-files', '-s', '-z')
    .split('\0')
    .filter((line) => line !== '');
  const wanted = listed.map((line) => {
    const [, oid = '', path = ''] = /^\d+ ([0-9a-f]+) \d\t(.*)$/.exec(line) ?? [];
    return { path, oid };
  });
  return { wanted, bytes: readFileSync(join(folder, '.git/index')) };
}

test('the entries of an index are those that git itself lists, in every version it writes', () => {
  for (const settings of [['index.version=2'], ['index.version=4'], ['index.version=4', 'index.skipHash=true']]) {
    const { wanted, bytes } = repository(...settings);
    assert.equal(wanted.length, 5);
    assert.deepEqual(readGitIndex(bytes), wanted, settings.join());
  }
});

test('an index that is damaged, cut or none says nothing', () => {
  const { bytes } = repository('index.version=4');
  const changed = Buffer.from(bytes);
  changed[60] = (changed[60] ?? 0) ^ 1;
  assert.deepEqual(readGitIndex(changed), []);
  for (const length of [0, 11, 40, bytes.length - 1]) assert.deepEqual(readGitIndex(bytes.subarray(0, length)), []);
  // Without a digest of its own every cut must be noticed by what is read.
  for (let at = 12; at < bytes.length - 20; at += 1) {
    const cut = Buffer.concat([bytes.subarray(0, at), Buffer.alloc(20)]);
    assert.ok(readGitIndex(cut).length <= 5);
  }
});

test('what stands in git for an object of Git LFS or git-annex is found without reading git’s objects', () => {
  const blob = (text: string) =>
    createHash('sha1')
      .update(`blob ${Buffer.byteLength(text)}\0${text}`)
      .digest('hex');
  const hex = '1'.repeat(64);
  const lfs = lfsObject(hex, 5);
  const annex = annexObject(`SHA256E-s7--${hex}.tar.gz`);
  assert.ok(lfs !== null && annex !== null);
  const tracked = [
    { path: 'a', oid: blob(`version https://git-lfs.github.com/spec/v1\noid sha256:${hex}\nsize 5\n`) },
    { path: 'b', oid: blob(`/annex/objects/SHA256E-s7--${hex}.tar.gz\n`) },
    { path: 'c', oid: blob('c') },
  ];
  const found = trackedObjects(tracked, [lfs, annex]);
  assert.deepEqual(
    found.map(({ path, object }) => [path, object.by, object.sizeBytes]),
    [
      ['a', 'Git LFS', 5],
      ['b', 'git-annex', 7],
    ],
  );
});

test('keys of git-annex say a digest only where they are one', () => {
  assert.equal(annexObject(`MD5-s1--${'a'.repeat(32)}`)?.algorithm, 'md5');
  assert.equal(annexObject(`SHA1E--${'a'.repeat(40)}.bin`)?.algorithm, 'sha1');
  for (const key of [
    'WORM-s1-m2--name',
    'URL--http://x',
    `SHA256-s1--${'a'.repeat(63)}`,
    `BLAKE2B256--${'a'.repeat(64)}`,
  ])
    assert.equal(annexObject(key), null, key);
});
