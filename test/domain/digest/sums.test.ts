import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'node:test';
import { bytesSource } from '../../../src/domain/base/source.ts';
import { otherSum } from '../../../src/domain/digest/other-sums.ts';
import { formatSums, parseSums } from '../../../src/domain/digest/sums.ts';
import type { HashAlgorithm } from '../../../src/domain/digest/algorithm.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const C = 'c'.repeat(128);
const digests = { blake3: A, sha256: B, blake2b: C };
const parse = (text: string, algorithms?: readonly HashAlgorithm[]) => parseSums(Buffer.from(text), algorithms);

test('one algorithm prints plain lines, several print tagged ones', () => {
  assert.equal(formatSums('m', digests, ['blake3']), `${A}  m\n`);
  assert.equal(formatSums('m', digests, ['sha256', 'blake3']), `SHA256 (m) = ${B}\nBLAKE3 (m) = ${A}\n`);
});

test('names with backslash, LF or CR are escaped and their lines marked', () => {
  assert.equal(formatSums('a\nb\\c\rd', digests, ['blake3']), `\\${A}  a\\nb\\\\c\\rd\n`);
  assert.equal(formatSums('a\nb', digests, ['sha256', 'blake3']).split('\n')[0], `\\SHA256 (a\\nb) = ${B}`);
});

test('every name survives printing and reading, in both forms', () => {
  const name = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((text) => !text.includes('\0') && text.isWellFormed());
  fc.assert(
    fc.property(name, (text) => {
      assert.deepEqual(parse(formatSums(text, digests, ['blake3']))[0]?.name, text);
      assert.deepEqual(
        parse(formatSums(text, digests, ['blake3', 'sha256'])).map((line) => [line.name, line.algorithms]),
        [
          [text, ['blake3']],
          [text, ['sha256']],
        ],
      );
    }),
  );
});

test('a tag says the algorithm; without one the length or the caller does', () => {
  assert.deepEqual(parse(`${A}  m\n`)[0]?.algorithms, ['blake3', 'sha256']);
  assert.deepEqual(parse(`${A} *m\n`, ['sha256'])[0]?.algorithms, ['sha256']);
  assert.deepEqual(parse(`${C}  m`)[0]?.algorithms, ['blake2b']);
  assert.deepEqual(parse(`SHA256 (a) b) = ${A.toUpperCase()}`)[0], {
    line: 1,
    name: 'a) b',
    digest: A,
    algorithms: ['sha256'],
    others: [],
  });
});

for (const [why, text] of [
  ['no digest', 'hello\n'],
  ['one space', `${A} m\n`],
  ['a short digest', `${A.slice(1)}  m\n`],
  ['no name', `${A}  \n`],
  ['an unknown tag', `MD5 (m) = ${A}\n`],
  ['a digest that does not fit its tag', `SHA256 (m) = ${C}\n`],
  ['an unknown escape', `\\${A}  a\\x\n`],
  ['a hanging escape', `\\${A}  a\\\n`],
  ['NUL in a name', `${A}  a\0b\n`],
  ['the wrong algorithm for the length', null],
] as const) {
  test(`refused: ${why}`, () => {
    assert.throws(() => (text === null ? parse(`${C}  m\n`, ['sha256']) : parse(text)), { code: 'format-invalid' });
  });
}

test('refused: bytes that are not UTF-8', () => {
  assert.throws(() => parseSums(Buffer.concat([Buffer.from(`${A}  m`), Buffer.from([0xff])])), {
    code: 'format-invalid',
  });
});

test('comments and empty lines are passed over; SHA-512 and BLAKE2b-256 may be meant', () => {
  const lines = parse(`# made by hand\n\n${A}  m\n${C}  n\nSHA512 (o) = ${C}\nBLAKE2b-256 (p) = ${A}\n`);
  assert.deepEqual(
    lines.map(({ line, algorithms, others }) => [line, algorithms, others]),
    [
      [3, ['blake3', 'sha256'], ['blake2b-256']],
      [4, ['blake2b'], ['sha512']],
      [5, [], ['sha512']],
      [6, [], ['blake2b-256']],
    ],
  );
  assert.deepEqual(parse(`${A}  m`, ['sha256'])[0]?.others, []);
});

test('lines as OpenSSL prints them, and blanks alone', () => {
  for (const text of [`SHA256(m)= ${B}\n`, `SHA2-256(m)= ${B}\n`, `   \n\t\nSHA2-256 (m) = ${B}\n`])
    assert.deepEqual(
      parse(text).map(({ name, digest, algorithms }) => [name, digest, algorithms]),
      [['m', B, ['sha256']]],
      text,
    );
  assert.deepEqual(parse(`SHA2-512(m)= ${C}\n`)[0]?.others, ['sha512']);
  assert.deepEqual(parse(`BLAKE2B-512(m)= ${C}\n`)[0]?.algorithms, ['blake2b']);
  assert.throws(() => parse(`constructor(m)= ${B}\n`), { code: 'format-invalid' });
});

test('BLAKE2b-256 and SHA-512 as coreutils computes them', async () => {
  const bytes = Buffer.alloc(1000, 'weighmark');
  for (const [size, blake2b] of [
    [0, '0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8'],
    [3, '0a885e21496d07a2228124e1fd31477926b76143d53bb381450b670bafbcd244'],
    [128, '9c20b5d4c29df58854278523243a8ccc98b43ee1f7507b78b4787f0361f7f6fe'],
    [1000, '31cbb7e11371eb587645e7de01ab5d943d84394e6aefd1e0b0f1f4686194af75'],
  ] as const)
    assert.equal(await otherSum(bytesSource(bytes.subarray(0, size)), 'blake2b-256'), blake2b);
  assert.equal(
    (await otherSum(bytesSource(Buffer.from('abc')), 'sha512')).slice(0, 32),
    'ddaf35a193617abacc417349ae204131',
  );
});
