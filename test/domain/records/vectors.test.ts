import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { CASES } from '../../../fixtures/records/cases.ts';
import {
  keyVectors,
  memberVectorOf,
  vectorOf,
  type MemberVector,
  type Vector,
} from '../../../fixtures/records/make.ts';
import { MEMBER_CASES } from '../../../fixtures/records/member-cases.ts';
import { Batch } from '../../../src/domain/records/batch.ts';
import { contextKey, digest, secretKey } from '../../../src/domain/records/blake3.ts';
import { textReader } from '../../../src/domain/records/readers.ts';

const vectors = JSON.parse(readFileSync('fixtures/records/vectors.json', 'utf8')) as readonly Vector[];

for (const each of CASES)
  test(`weighmark-records/1 stays as it is: ${each.name}`, () => {
    const vector = vectorOf(each);
    assert.deepEqual(
      vectors.find(({ name }) => name === each.name),
      JSON.parse(JSON.stringify(vector)),
    );
    assert.equal(vector.refused !== undefined, each.name.startsWith('refused: '));
  });

const members = JSON.parse(readFileSync('fixtures/records/member-vectors.json', 'utf8')) as readonly MemberVector[];

for (const each of MEMBER_CASES)
  test(`weighmark-records/1 stays as it is, of files: ${each.name}`, async () => {
    const vector = await memberVectorOf(each);
    assert.deepEqual(
      members.find(({ name }) => name === each.name),
      JSON.parse(JSON.stringify(vector)),
    );
    assert.equal(vector.refused !== undefined, each.name.startsWith('refused: '));
  });

test('what tells keys apart stays as it is', () => {
  assert.deepEqual(JSON.parse(readFileSync('fixtures/records/key-vectors.json', 'utf8')), keyVectors());
});

test('the bytes of a file may come in any pieces', () => {
  for (const { name, reading, bytes, encodings } of vectors.filter(({ refused }) => refused === undefined)) {
    const whole = Buffer.from(bytes, 'latin1');
    for (const size of [1, 2, 3, 7, 50].filter((each) => each < whole.length && whole.length < 2000)) {
      const [reader, batch] = [textReader(reading, new Map()), new Batch()];
      for (let base = 0, end = Math.max(3, size); ; end += size) {
        const chunk = { bytes: whole.subarray(base, end), base, last: end >= whole.length };
        base += reader.read(chunk, batch);
        if (chunk.last) break;
      }
      const got = batch.ends.map((end, at) =>
        Buffer.from(batch.data.subarray(at === 0 ? 0 : batch.ends[at - 1], end)).toString('hex'),
      );
      assert.deepEqual(got, encodings, `${name} in pieces of ${size}`);
    }
  }
});

test("BLAKE3 here gives the BLAKE3 team's vectors", () => {
  const official = JSON.parse(readFileSync('fixtures/blake3/test_vectors.json', 'utf8')) as {
    key: string;
    context_string: string;
    cases: readonly { input_len: number; keyed_hash: string; derive_key: string }[];
  };
  for (const { input_len, keyed_hash, derive_key } of official.cases) {
    const message = Uint8Array.from({ length: input_len }, (_, at) => at % 251);
    const hex = (key: Parameters<typeof digest>[0]) => Buffer.from(digest(key, message)).toString('hex');
    assert.equal(hex(contextKey(official.context_string)), derive_key.slice(0, 64));
    assert.equal(hex(secretKey(Buffer.from(official.key))), keyed_hash.slice(0, 64));
  }
});

test('an independent program in Python agrees on every vector', (t) => {
  if (spawnSync('python3', ['--version']).status !== 0) return t.skip('no python3 here');
  for (const vectors of ['vectors.json', 'member-vectors.json', 'key-vectors.json']) {
    const args = ['fixtures/records/verify.py', `fixtures/records/${vectors}`];
    const { stdout, stderr, status } = spawnSync('python3', args, { encoding: 'utf8' });
    assert.deepEqual({ stdout, stderr, status }, { stdout: '', stderr: '', status: 0 });
  }
});
