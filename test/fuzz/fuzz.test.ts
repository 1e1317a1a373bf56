import assert from 'node:assert/strict';
import { test } from 'node:test';
import { READERS } from '../../src/domain/formats/readers.ts';
import { READERS as METADATA } from '../../src/domain/metadata/tables.ts';
import { JUDGES } from '../../src/domain/scan/judges.ts';
import { diceOf, mutate } from './mutate.ts';
import { isTarget, parsersIn, targets } from './targets.ts';

/** Takes bytes and something that only another reader has: fuzzed by way of that one. A new one is a decision to take. */
const WITHIN: Readonly<Record<string, string>> = {
  parseWeightsList: 'by the derive and verify flows, which have BLAKE3; bounded lines of fixed form',
  parseLink: 'format:hdf5',
  parseDataspace: 'format:hdf5',
  parseChunking: 'weights:hdf5',
  readOcdbt: 'every file of fixtures/weights/further, changed',
  decodeLz4Block: 'within joblib and Blosc: compressed:decodeLz4, compressed:decodeBlosc',
  readAttribute: 'format:hdf5',
  readTorchZip: 'format:zip',
  parseExtra: 'format:zip',
  u16: 'format:zip',
  u32: 'format:zip',
  u64: 'format:zip',
  numberAt: 'format:hdf5',
  isCodeAt: 'scan:marshal',
  recognise: 'every format: what nothing else is',
  addPart: 'what this user remembers, under its digest: its tests bend each byte',
  verifyClaim: 'trust:verifyClaim, of what is signed',
  hear: 'trust:verifyClaim',
  verifyFileSignature: 'trust:verifyFileSignature, of what is signed',
  judgeSigner: 'trust:verifyClaim',
  leafOfClaim: 'registry:aboutOf and claims:parseBundle',
  signsFiles: 'claims:parseBundle and claims:parseStatement',
  readBeside: 'no bytes: the name of a file',
};

test('every row of every table of readers is a target, and every parser of the domain', async () => {
  const names = new Set((await targets()).map(({ name }) => name));
  for (const format of Object.keys(READERS)) assert.ok(names.has(`format:${format}`), format);
  for (const format of Object.keys(JUDGES)) assert.ok(names.has(`scan:${format}`), format);
  assert.ok([...names].filter((name) => name.startsWith('metadata:')).length > METADATA.length / 2);
  for (const name of ['claims:parseBundle', 'policy:parsePolicy', 'trust:parseSettings', 'tlog:parseNote'])
    assert.ok(names.has(name), name);
});

test('a parser that wants something that nobody gives it is within another target', () => {
  const left = parsersIn().filter((each) => !isTarget(each));
  assert.deepEqual(left.map(({ name }) => name).toSorted(), Object.keys(WITHIN).toSorted());
});

test('the same number gives the same bytes, another others, never more than is bounded', () => {
  const corpus = [Buffer.from('{"a":[1,2,3]}'), Buffer.alloc(60_000, 7)];
  const made = (seed: number): readonly string[] => {
    const dice = diceOf(seed);
    return Array.from({ length: 200 }, () => Buffer.from(mutate(corpus, dice)).toString('base64'));
  };
  assert.deepEqual(made(1), made(1));
  assert.notDeepEqual(made(1), made(2));
  assert.ok(new Set(made(1)).size > 150, 'hardly anything is made twice');
  for (const text of made(1)) assert.ok(Buffer.from(text, 'base64').length <= 64 << 10);
});
