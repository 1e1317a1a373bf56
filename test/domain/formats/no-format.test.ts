import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource } from '../../../src/domain/base/source.ts';
import { isOfNoFormat, matchesAnew } from '../../../src/domain/formats/detect.ts';

const MOST = 4096;
const NAMES = [
  'x',
  'x.JPEG',
  'x.jpg',
  'a/x.bin',
  'x.png',
  'x.mp3',
  'x.pkl',
  'x.onnx',
  'x.pb',
  'x.h5',
  'saved_model.pb',
];

/** The beginnings and ends of real files: what is nearly of a format is made of these. */
const samples: readonly Uint8Array[] = readdirSync('fixtures', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .slice(0, 2000)
  .flatMap(({ parentPath, name }) => {
    const bytes = readFileSync(join(parentPath, name));
    return [bytes.subarray(0, MOST), bytes.subarray(-64)];
  })
  .filter(({ length }) => length > 0);

async function hold(bytes: Uint8Array, name: string): Promise<boolean> {
  if (bytes.length === 0 || !isOfNoFormat(bytes, name)) return false;
  const file = { path: name, source: bytesSource(bytes) };
  assert.deepEqual(await matchesAnew(file, bytes), [], Buffer.from(bytes.subarray(0, 64)).toString('hex'));
  return true;
}

test('what is told to be of no format at once is of none by any test', async () => {
  assert.ok(samples.length > 100);
  const changed = fc
    .tuple(fc.constantFrom(...samples), fc.nat(MOST), fc.nat(255), fc.nat(MOST), fc.uint8Array({ maxLength: 600 }))
    .map(([sample, at, value, cut, more]) => {
      const bytes = Buffer.concat([sample.subarray(0, cut), more]).subarray(0, MOST);
      if (at < bytes.length) bytes[at] = value;
      return bytes;
    });
  const around = fc
    .tuple(fc.uint8Array({ maxLength: 700 }), fc.constantFrom(...samples), fc.nat(64))
    .map(([before, sample, cut]) => Buffer.concat([before, sample.subarray(-cut)]).subarray(0, MOST));
  const random = fc.uint8Array({ minLength: 1, maxLength: 700 });
  let told = 0;
  await fc.assert(
    fc.asyncProperty(fc.oneof(changed, around, random), fc.constantFrom(...NAMES), async (bytes, name) => {
      if (await hold(bytes, name)) told += 1;
    }),
    { numRuns: 4000 },
  );
  assert.ok(told > 200, `${told}`);
});

test('whole files of formats are never told to be of none', async () => {
  for (const sample of samples) for (const name of ['x', 'x.jpg']) if (sample.length < MOST) await hold(sample, name);
});
