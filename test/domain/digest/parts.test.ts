import { requireLinear } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import {
  formatHashPart,
  joinParts,
  listDigest,
  parseHashPart,
  PART_SEGMENT_BYTES,
  unitsOf,
  type HashPart,
  type SizedFile,
} from '../../../src/domain/digest/parts.ts';

const { tree } = await createHasher({ kernel: 'wasm' });
const HEX = 'ab'.repeat(32);

const FILES: readonly SizedFile[] = [
  { name: 'empty', sizeBytes: 0 },
  { name: 'exact', sizeBytes: PART_SEGMENT_BYTES },
  { name: 'large', sizeBytes: 5 * PART_SEGMENT_BYTES + 1 },
  ...Array.from({ length: 20 }, (_, at) => ({ name: `s${at}`, sizeBytes: at * 1000 })),
];

test('every byte is in exactly one part, however many there are', () => {
  for (const count of [1, 2, 3, 7, 100, 10_000])
    for (const cuts of [true, false]) {
      const all = Array.from({ length: count }, (_, at) => unitsOf(FILES, { part: at + 1, of: count }, cuts)).flat();
      const bytes = Map.groupBy(all, ({ file }) => file);
      assert.equal(bytes.size, FILES.length, String(count));
      for (const [file, units] of bytes) {
        let end = 0;
        for (const unit of units) {
          assert.equal(unit.start, end);
          assert.ok(cuts || units.length === 1);
          end += unit.sizeBytes;
        }
        assert.equal(end, FILES[file]?.sizeBytes);
      }
    }
});

test('the parts are even: none has more than a share, a segment and a file', () => {
  const total = FILES.reduce((sum, { sizeBytes }) => sum + sizeBytes + 4096, 0);
  for (const part of [1, 2, 3]) {
    const bytes = unitsOf(FILES, { part, of: 3 }, true).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    assert.ok(bytes <= total / 3 + PART_SEGMENT_BYTES, String(bytes));
  }
});

function partOf(files: readonly SizedFile[], part: number, of: number): HashPart {
  const found = unitsOf(files, { part, of }, true).map((unit) => {
    const { name, sizeBytes } = files[unit.file] as SizedFile;
    return { ...unit, name, fileBytes: sizeBytes, digests: { blake3: HEX } };
  });
  return { part, of, algorithms: ['blake3'], list: listDigest(files), files: files.length, found };
}

const bytesOf = (part: HashPart): Buffer => Buffer.from(formatHashPart(part));

test('a part is read as it was written; a torn or changed one is not', () => {
  const part = partOf(FILES, 2, 3);
  assert.deepEqual(parseHashPart(bytesOf(part), 'p'), part);
  const text = formatHashPart(part);
  for (const bad of [
    '',
    'x',
    text.slice(0, -1),
    text.slice(0, -40),
    text.slice(0, text.indexOf('\n') + 1),
    text.replace('weighmark-hash-part/1', 'weighmark-hash-part/2'),
    text.replace('"part":2', '"part":4'),
    text.replace('"part":2', '"part":0'),
    text.replace('["blake3"]', '["md5"]'),
    text.replace(HEX, HEX.slice(2)),
    text.replace('"start":', '"start":-'),
    text.replace('"fileBytes":', '"fileBytes":"x","was":'),
  ])
    assert.throws(() => parseHashPart(Buffer.from(bad), 'p'), { code: 'format-invalid' }, bad.slice(0, 200));
});

test('what was done twice changes nothing; what is missing, differs, or is of other work is refused', () => {
  const [one, two, three] = [1, 2, 3].map((part) => partOf(FILES, part, 3)) as [HashPart, HashPart, HashPart];
  const whole = joinParts([one, two, three], tree);
  assert.deepEqual(
    whole.map(({ name, sizeBytes }) => ({ name, sizeBytes })),
    FILES,
  );
  assert.deepEqual(joinParts([three, two, one, two], tree), whole);
  assert.throws(() => joinParts([], tree), { code: 'nothing-to-verify' });
  assert.throws(() => joinParts([one, three], tree), { code: 'not-found' });
  assert.throws(() => joinParts([one, { ...two, found: two.found.slice(1) }, three], tree), { code: 'not-found' });
  const other = two.found.map((unit) => ({ ...unit, digests: { blake3: 'cd'.repeat(32) } }));
  assert.throws(() => joinParts([one, two, three, { ...two, found: other }], tree), { code: 'digest-conflict' });
  assert.throws(() => joinParts([one, two, partOf(FILES, 3, 4)], tree), { code: 'format-invalid' });
  assert.throws(() => joinParts([one, two, partOf(FILES.slice(1), 3, 3)], tree), { code: 'format-invalid' });
  const renamed = three.found.map((unit) => ({ ...unit, name: `${unit.name}x` }));
  assert.throws(() => joinParts([one, two, { ...three, found: renamed }], tree), { code: /format-invalid|not-found/ });
});

test('planning and joining grow with the files', async () => {
  await requireLinear(2000, (size) => {
    const files = Array.from({ length: size }, (_, at) => ({ name: `f${at}`, sizeBytes: at }));
    return () => joinParts([parseHashPart(bytesOf(partOf(files, 1, 2)), 'a'), partOf(files, 2, 2)], tree).length;
  });
});
