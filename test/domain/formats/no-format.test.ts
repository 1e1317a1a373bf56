import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytesSource } from '../../../src/domain/base/source.ts';
import { certainMatches, matchesAnew } from '../../../src/domain/formats/detect.ts';

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

/** What was told at once, held to every test; null where the tests decide. */
async function hold(bytes: Uint8Array, name: string): Promise<readonly string[] | null> {
  const told = bytes.length === 0 ? null : certainMatches(bytes, name);
  if (told === null) return null;
  const file = { path: name, source: bytesSource(bytes) };
  assert.deepEqual(await matchesAnew(file, bytes), told, Buffer.from(bytes.subarray(0, 64)).toString('hex'));
  return told;
}

const IMAGES = ['89504e470d0a1a0a', 'ffd8ffe0', '474946383961', '52494646000000005745425056503820', '49492a00'].map(
  (hex) => Buffer.from(hex, 'hex'),
);

test('what is told at once to be of no format, or an image, is that and nothing else by every test', async () => {
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
  const images = fc
    .tuple(fc.constantFrom(...IMAGES), fc.uint8Array({ maxLength: 600 }), fc.constantFrom(...samples), fc.nat(64))
    .map(([start, rest, sample, cut]) => Buffer.concat([start, rest, sample.subarray(-cut)]).subarray(0, MOST));
  const told = { none: 0, image: 0 };
  await fc.assert(
    fc.asyncProperty(fc.oneof(changed, around, random, images), fc.constantFrom(...NAMES), async (bytes, name) => {
      const at = await hold(bytes, name);
      if (at !== null) told[at.length === 0 ? 'none' : 'image'] += 1;
    }),
    { numRuns: 6000 },
  );
  assert.ok(told.none > 200 && told.image > 200, JSON.stringify(told));
});

test('whole files of formats are never told to be of others', async () => {
  for (const sample of samples) for (const name of ['x', 'x.jpg']) if (sample.length < MOST) await hold(sample, name);
});
