import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Source } from '../../../src/domain/base/source.ts';
import { policyTrust } from '../../../src/domain/authority/authority.ts';
import { parsePolicy } from '../../../src/domain/policy/parse.ts';
import { findRecord, recordDigest } from '../../../src/domain/report/record.ts';
import { impactOfRecord } from '../../../src/flows/watch/impact-record.ts';
import { readFileSync } from 'node:fs';
import type { MemberVector } from '../../../fixtures/records/make.ts';
import { Batch } from '../../../src/domain/records/batch.ts';
import { PLAIN, plainHasher } from '../../../src/domain/records/blake3.ts';
import { findInSource } from '../../../src/domain/records/find.ts';
import { recordHash } from '../../../src/domain/records/keys.ts';
import { mediaFields, MemberRecords } from '../../../src/domain/records/members.ts';
import { hashText } from '../../../src/flows/data/prove.ts';
import { gateWorld, modelClaims, policyText } from '../gate-world.ts';

const vectors = JSON.parse(readFileSync('fixtures/records/member-vectors.json', 'utf8')) as readonly MemberVector[];
const samples = vectors.find(({ name }) => name === 'samples') as MemberVector;
const JSONL = { reading: { format: 'jsonl', profile: 'typed' }, hashing: 'open', key: null } as const;

function sourceOf(bytes: Uint8Array): Source {
  return {
    size: bytes.length,
    read: async (offset, length) => Uint8Array.from(bytes.subarray(offset, offset + length)),
  };
}

const found = (text: string, record: string) =>
  findRecord(sourceOf(Buffer.from(text)), recordDigest(Buffer.from(record)));

test('a record is a whole line, byte for byte, whatever ends it', async () => {
  assert.deepEqual(await found('a,b\n1,2\n1,23\n1,2', '1,2'), { lines: [2, 4], count: 2 });
  assert.deepEqual(await found('1,2\r\n3,4\r\n', '3,4'), { lines: [2], count: 1 });
  assert.deepEqual(await found('a,b\n 1,2\n1,2 \n', '1,2'), { lines: [], count: 0 });
  assert.deepEqual(await found('{"a":1}\n{"a":2}\n', '{"a":2}'), { lines: [2], count: 1 });
  const many = await found('x\n'.repeat(100), 'x');
  assert.deepEqual('lines' in many ? [many.lines.length, many.count] : many, [20, 100]);
});

test('what is not one record a line is said not to have been looked into', async () => {
  for (const text of ['PAR1\0\0', '[\n{"a":1}\n]', '\ufeff [1]', `${'x'.repeat((1 << 20) + 5)}\0`])
    assert.ok('why' in (await found(text, 'x')), text.slice(0, 10));
});

test('a record is found where a chunk ends within it, or right behind it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: -8, max: 8 }), async (shift) => {
      const before = `${'y'.repeat(1000)}\n`.repeat(Math.floor((1 << 20) / 1001));
      const filler = 'z'.repeat(Math.max(0, (1 << 20) - before.length - 6 + shift));
      const text = `${before}${filler}\nneedle\nlast\n`;
      assert.deepEqual(await found(text, 'needle'), { lines: [before.split('\n').length + 1], count: 1 });
    }),
    { numRuns: 17 },
  );
});

test('a record is found whatever its bytes, where chunks end and where lines are blank', async () => {
  const { hash: record } = hashText('{"a":1,"b":"é"}', JSONL, null);
  const find = (text: string) =>
    findInSource(sourceOf(Buffer.from(text)), JSONL.reading, { record, hasher: plainHasher });
  assert.deepEqual(await find('{"a":2}\n\n{ "b": "\\u00e9", "a": 1.0 }\n{"a":10e-1,"b":"é","c":null}'), {
    lines: [2, 3],
    count: 2,
  });
  const long = `{"a":"${'x'.repeat(700_000)}"}\n`;
  assert.deepEqual(await find(`${long}${long}${long}{"b":"é","a":1}\n`), { lines: [4], count: 1 });
  assert.equal(await find('{"a":1,"a":1}\n'), null, 'what does not read so is left to its lines');
});

test('the versions of a dataset that hold a record, what was made from them, and where it runs', async (t) => {
  const of = await gateWorld();
  t.after(of.close);
  const policy = parsePolicy(policyText());
  const data = (tag: string, text: string): Promise<string> =>
    of.publish(`acme/data:${tag}`, { 'rows.csv': text, 'notes.md': '# rows\n' }, () => []);
  const [first, second, third] = [
    await data('1', 'a,b\n1,2\n'),
    await data('2', 'a,b\n1,2\n6,6\n6,6\n'),
    await data('3', 'a,b\n6,6\n'),
  ];
  const [clean, affected] = [
    await of.publish('acme/enc:clean', { 'model.safetensors': 'c' }, (id) =>
      modelClaims(id, first).map(([, bundle]) => bundle),
    ),
    await of.publish('acme/enc:1.0', { 'model.safetensors': 'a' }, (id) =>
      modelClaims(id, second).map(([, bundle]) => bundle),
    ),
  ];
  const input = { name: 'acme/data', id: first, trust: policyTrust(policy), timestampAuthorities: [] };
  const ask = (record: string) =>
    impactOfRecord(
      {
        ...input,
        record: recordDigest(Buffer.from(record)),
        logical: record.startsWith('{') ? hashText(record, JSONL, null).hash : null,
      },
      of.registry,
      { ...of.ports, hasher: plainHasher },
    );
  const six = await ask('6,6');
  assert.deepEqual(
    new Map(six.record.holders.map((holder) => [holder.id, holder])),
    new Map([
      [second, { id: second, tags: ['2'], places: [{ path: 'rows.csv', lines: [3, 4], count: 2 }] }],
      [third, { id: third, tags: ['3'], places: [{ path: 'rows.csv', lines: [2], count: 1 }] }],
    ]),
  );
  assert.deepEqual(
    [six.descendants.map(({ id, through }) => [id, through]), six.record.unexamined, six.id],
    [[[affected, second]], [], first],
  );
  assert.deepEqual(new Set((await ask('1,2')).descendants.map(({ id }) => id)), new Set([clean, affected]));
  assert.deepEqual((await ask('7,7')).descendants, []);
  const other = await of.publish('acme/data:json', { 'rows.jsonl': '{"id":7,"t":"x"}\n' }, () => []);
  const seven = await ask('{ "t": "x", "id": 7.0 }');
  assert.deepEqual(
    seven.record.holders.map(({ id, places }) => [id, places]),
    [[other, [{ path: 'rows.jsonl', lines: [1], count: 1 }]]],
  );
  const { encodings, hashes, files } = samples;
  const image = await of.publish('acme/data:images', { 'cat/1.jpg': 'meow', 'dog/2.jpg': 'woof' }, () => []);
  const tar = Buffer.from(files['shard.tar'] ?? '', 'base64').toString('latin1');
  const packed = await of.publish('acme/data:tar', { 'shard.tar': tar }, () => []);
  assert.ok(encodings?.length === 2);
  const held = async (asked: { record: string; logical: Uint8Array | null }) =>
    (
      await impactOfRecord({ ...input, ...asked }, of.registry, { ...of.ports, hasher: plainHasher })
    ).record.holders.map(({ id, places }) => [id, places]);
  const place = (path: string) => [{ path, lines: [], count: 1 }];
  const bytesOf = (text: string) => ({ record: recordDigest(Buffer.from(text)), logical: null });
  const recordOf = (hex: string) => ({ record: 'none', logical: Buffer.from(hex, 'hex') });
  assert.deepEqual(await held(bytesOf('woof')), [[image, place('dog/2.jpg')]], 'by the SHA-256 of an image');
  assert.deepEqual(await held(bytesOf('two')), [[packed, place('shard.tar')]], 'by that of a member');
  assert.deepEqual(await held(recordOf(hashes?.[1] ?? '')), [[packed, place('shard.tar')]], 'by its record');
  for (const by of ['path', 'content'] as const) {
    const digest = plainHasher.hash(PLAIN, Buffer.from('meow'), Uint32Array.of(4));
    const batch = new Batch();
    const reading = { format: 'media', profile: 'typed', by } as const;
    new MemberRecords(reading, new Map()).record(mediaFields('cat/1.jpg', digest, reading), { byte: 0 }, batch);
    const hash = Buffer.from(recordHash(batch.view(), null)).toString('hex');
    assert.deepEqual(await held(recordOf(hash)), [[image, place('cat/1.jpg')]], by);
  }
  assert.deepEqual(await held(bytesOf('purr')), []);
  await of.publish('acme/data:4', { 'bad.tar': 'x'.repeat(600), 'rows.parquet': 'PAR1\0' }, () => []);
  assert.deepEqual(
    (await ask('6,6')).record.unexamined.map(({ path }) => path),
    ['bad.tar', 'rows.parquet'],
  );
});
