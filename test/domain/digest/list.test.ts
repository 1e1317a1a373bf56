import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Buffer } from 'node:buffer';
import {
  digestListBytes,
  digestListPieces,
  digestListSha256,
  formatDigestList,
  parseDigestList,
  type ListedFile,
} from '../../../src/domain/digest/list.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { compareUtf8 } from '../../../src/domain/base/paths.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';

const hex = (char: string) => char.repeat(64);
const file = (path: string, sizeBytes = 1): ListedFile => ({ path, sizeBytes, sha256: hex('a'), blake3: hex('b') });
const line = (path: string) => `${hex('a')} ${hex('b')} 1 ${path}\n`;

test('one line a file, sorted, with a header', () => {
  assert.equal(
    formatDigestList([file('b'), file('a-b'), file('a/b')]),
    `weighmark-files/1\n${line('a-b')}${line('a/b')}${line('b')}`,
  );
});

test('names with backslash, LF or CR are escaped as coreutils does', () => {
  assert.equal(formatDigestList([file('a\\b\nc')]), `weighmark-files/1\n\\${line('a\\\\b\\nc')}`);
});

/** What each file of it says: digests lie in columns, where no comparison of objects sees them. */
function valuesOf(list: string | Uint8Array) {
  return parseDigestList(list).map(({ path, sizeBytes, sha256, blake3 }) => ({ path, sizeBytes, sha256, blake3 }));
}

test('every list that is written reads back', () => {
  const part = fc
    .string({ minLength: 1, maxLength: 8 })
    .filter((text) => !/[/\0]/.test(text) && !['.', '..'].includes(text));
  const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(fc.uniqueArray(path), fc.nat(), (paths, size) => {
      const files = paths.map((name) => file(name, size));
      const text = formatDigestList(files);
      assert.equal(formatDigestList(parseDigestList(text)), text);
      assert.equal(parseDigestList(text).length, files.length);
      assert.equal(Buffer.from(digestListBytes(files)).toString(), text);
      assert.equal(digestListSha256(files), sha256Hex(text));
      assert.deepEqual(valuesOf(Buffer.from(text)), valuesOf(text));
      assert.deepEqual(
        valuesOf(text),
        files.toSorted((a, b) => compareUtf8(a.path, b.path)),
      );
    }),
  );
});

test('every deviation is refused', () => {
  const good = `weighmark-files/1\n${line('a')}${line('b')}`;
  parseDigestList(good);
  const bad = [
    '',
    'weighmark-files/2\n',
    good.trimEnd(),
    `${good}\n`,
    `weighmark-files/1\n${line('b')}${line('a')}`,
    `weighmark-files/1\n${line('a')}${line('a')}`,
    good.replace(' 1 a', ' 01 a'),
    good.replace('aaaa', 'AAAA'),
    good.replace('aaaa', 'gaaa'),
    good.replace(' 1 a', '  a'),
    good.replace(' 1 a', ' 1 '),
    good.replace(' 1 a', ' 1'),
    good.replace(' 1 a', ' 1x a'),
    good.replace(' 1 a', '1 a'),
    'weighmark-files/1',
    'weighmark-files/1\n\n',
    good.replace(' 1 a', ' 1 ../a'),
    good.replace(' 1 a', ' 1 /a'),
    good.replace(' 1 b', ' 1 b\\n'),
    good.replaceAll('\n', '\r\n'),
    `weighmark-files/1\n\\${line('a')}`,
    good.replace(' 1 a', ' 99999999999999999 a'),
  ];
  for (const text of bad) {
    assert.throws(() => parseDigestList(text), WeighmarkError, JSON.stringify(text.slice(0, 60)));
    assert.throws(() => parseDigestList(Buffer.from(text)), WeighmarkError, JSON.stringify(text.slice(0, 60)));
  }
});

test('a list of several pieces reads as its text does, and a deviation in any of them is refused', () => {
  const many = Array.from({ length: 20_000 }, (_, at) => file(`ä/${String(at).padStart(6, '0')}`, at));
  const bytes = Buffer.from(digestListBytes(many));
  assert.ok(bytes.length > 2 << 20);
  assert.deepEqual(valuesOf(bytes), many);
  const pieces = [...digestListPieces(many)];
  assert.ok(Buffer.concat(pieces).equals(bytes));
  assert.ok(pieces.length > 50 && pieces.every(({ length }) => length < 1 << 16));
  const at = bytes.lastIndexOf('ä');
  for (const [from, to] of [
    [at, 0xff],
    [bytes.length - 1, 0x20],
  ] as const) {
    const bad = Buffer.from(bytes);
    bad[from] = to;
    assert.throws(() => parseDigestList(bad), { code: 'format-invalid' });
  }
  const swapped = Buffer.from(bytes.toString().replace('/019999\n', '/000000\n'));
  assert.throws(() => parseDigestList(swapped), /line 20001: paths are not sorted/);
});
