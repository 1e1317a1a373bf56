import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { differingRanges } from '../../../src/domain/digest/differing.ts';
import {
  buildOutboard,
  emptyOutboard,
  groupCount,
  GROUP_BYTES,
  outboardBytes,
} from '../../../src/domain/digest/outboard.ts';
import { checkProof, formatProof, parseProof, proveRange } from '../../../src/domain/digest/proof.ts';
import { provenSource, verifyRange } from '../../../src/domain/digest/proven.ts';
import type { WeighmarkError } from '../../../src/domain/base/errors.ts';
import type { Source } from '../../../src/domain/base/source.ts';

const { tree } = await createHasher({ kernel: 'wasm' });
const vectors = JSON.parse(
  readFileSync(new URL('../../../fixtures/outboard/vectors.json', import.meta.url), 'utf8'),
) as { ranges: { size: number; start: number; end: number; encodedBytes: number; encodedBlake3: string }[] };

const pattern = (size: number) => Uint8Array.from({ length: size }, (_, index) => index % 251);
const mixed = (size: number) => pattern(size).map((byte, index) => byte ^ (index >> 9));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const mismatch = (error: unknown) => (error as WeighmarkError).code === 'digest-mismatch';

interface Counted extends Source {
  readonly bytesRead: () => number;
}

function source(bytes: Uint8Array): Counted {
  let total = 0;
  const read = async (offset: number, length: number) => {
    const piece = bytes.slice(offset, offset + length);
    total += piece.length;
    return piece;
  };
  return { size: bytes.length, read, bytesRead: () => total };
}

function outboardOf(bytes: Uint8Array): { outboard: Uint8Array; root: Uint8Array } {
  if (bytes.length <= GROUP_BYTES) return { outboard: emptyOutboard(bytes.length), root: tree.digest(bytes) };
  const cvs = Array.from({ length: groupCount(bytes.length) }, (_, group) =>
    tree.subtree(bytes.subarray(group * GROUP_BYTES, (group + 1) * GROUP_BYTES), group * GROUP_BYTES),
  );
  return buildOutboard(Buffer.concat(cvs), bytes.length, tree);
}

function parts(bytes: Uint8Array) {
  const { outboard, root } = outboardOf(bytes);
  return { content: source(bytes), outboard: source(outboard), root, tree };
}

test('any part of any file is proven, and reads back as it is', async () => {
  const cases = fc.record({ size: fc.nat(400_000), from: fc.nat(400_000), length: fc.nat(100_000) });
  await fc.assert(
    fc.asyncProperty(cases, async ({ size, from, length }) => {
      const bytes = mixed(size);
      const proven = await provenSource(parts(bytes));
      assert.deepEqual(Buffer.from(await proven.read(from, length)), Buffer.from(bytes.subarray(from, from + length)));
    }),
    { numRuns: 60 },
  );
});

test('one flipped bit in a part, in the outboard above it, or in the length is refused', async () => {
  const bytes = mixed(200_000);
  const sound = outboardOf(bytes);
  const cases = fc.record({ at: fc.nat(bytes.length - 1), bit: fc.nat(7) });
  await fc.assert(
    fc.asyncProperty(cases, async ({ at, bit }) => {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ (1 << bit);
      await assert.rejects(
        verifyRange(
          { content: source(changed), outboard: source(sound.outboard), root: sound.root, tree },
          { start: at, end: at + 1 },
        ),
        mismatch,
      );
    }),
    { numRuns: 40 },
  );
  for (let at = 0; at < sound.outboard.length; at += 13) {
    const outboard = Uint8Array.from(sound.outboard);
    outboard[at] = (outboard[at] ?? 0) ^ 1;
    await assert.rejects(
      verifyRange(
        { content: source(bytes), outboard: source(outboard), root: sound.root, tree },
        { start: 0, end: bytes.length },
      ),
      mismatch,
    );
  }
});

test('a shorter or longer file is refused before any of it is used, even with a matching outboard prefix', async () => {
  const bytes = mixed(100_000);
  const { outboard, root } = outboardOf(bytes);
  for (const size of [99_999, 98_305, 65_536, 16_384, 1, 0, 100_001]) {
    const other = mixed(size);
    const resized = outboard.slice(0, outboardBytes(size));
    const padded = Buffer.alloc(outboardBytes(size));
    padded.set(resized);
    padded.writeBigUInt64LE(BigInt(size), 0);
    await assert.rejects(provenSource({ content: source(other), outboard: source(padded), root, tree }), mismatch);
    await assert.rejects(provenSource({ content: source(other), outboard: source(outboard), root, tree }), mismatch);
  }
});

test('a part of a large file reads little more than the part', async () => {
  const all = parts(mixed(16 << 20));
  await verifyRange(all, { start: 5_000_000, end: 6_000_000 });
  assert.ok(all.content.bytesRead() < 1_000_000 + 4 * GROUP_BYTES);
  assert.ok(all.outboard.bytesRead() < 64 << 10);
});

test('differing ranges are the groups that differ, merged', () => {
  const bytes = mixed(1_000_000);
  const signed = outboardOf(bytes);
  const cases = fc.array(fc.nat(bytes.length - 1), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(cases, (places) => {
      const changed = Uint8Array.from(bytes);
      for (const at of places) changed[at] = (bytes[at] ?? 0) ^ 0x80;
      const ranges = differingRanges({ signed: signed.outboard, found: outboardOf(changed).outboard }, signed.root, {
        sizeBytes: bytes.length,
        tree,
      });
      const groups = new Set(places.map((at) => Math.floor(at / GROUP_BYTES)));
      const covered = ranges.reduce((sum, { start, end }) => sum + Math.ceil((end - start) / GROUP_BYTES), 0);
      assert.equal(covered, groups.size);
      for (const at of places) assert.ok(ranges.some(({ start, end }) => at >= start && at < end));
    }),
    { numRuns: 30 },
  );
});

test('an outboard that does not lead to the signed digest names nothing', () => {
  const bytes = mixed(300_000);
  const signed = outboardOf(bytes);
  const forged = outboardOf(mixed(300_000).reverse());
  assert.throws(
    () =>
      differingRanges({ signed: forged.outboard, found: signed.outboard }, signed.root, {
        sizeBytes: bytes.length,
        tree,
      }),
    mismatch,
  );
});

test('range proofs are bao-tree encodings of the range and the final group', async () => {
  for (const { size, start, end, encodedBytes, encodedBlake3 } of vectors.ranges) {
    const bytes = pattern(size);
    const proof = await proveRange(parts(bytes), { start, end });
    assert.equal(proof.encoded.length, encodedBytes);
    assert.equal(hex(tree.digest(proof.encoded)), encodedBlake3);
    assert.deepEqual(
      Buffer.from(await checkProof(parseProof(Buffer.from(formatProof(proof))), tree)),
      Buffer.from(bytes.subarray(start, end)),
    );
  }
});

test('a proof changed anywhere proves nothing', async () => {
  const proof = await proveRange(parts(mixed(100_000)), { start: 20_000, end: 40_000 });
  for (let at = 0; at < proof.encoded.length; at += 997) {
    const encoded = Uint8Array.from(proof.encoded);
    encoded[at] = (encoded[at] ?? 0) ^ 4;
    await assert.rejects(checkProof({ ...proof, encoded }, tree), mismatch);
  }
  await assert.rejects(checkProof({ ...proof, encoded: proof.encoded.slice(0, -1) }, tree), mismatch);
  await assert.rejects(
    checkProof({ ...proof, encoded: Buffer.concat([proof.encoded, Buffer.from([0])]) }, tree),
    mismatch,
  );
  await assert.rejects(checkProof({ ...proof, sizeBytes: 100_001 }, tree), mismatch);
  await assert.rejects(checkProof({ ...proof, sizeBytes: 16_384, start: 0, end: 9 }, tree), mismatch);
  await assert.rejects(checkProof({ ...proof, start: 50_000, end: 70_000 }, tree), mismatch);
  await assert.rejects(checkProof({ ...proof, blake3: createHash('sha256').digest('hex') }, tree), mismatch);
});

test('a proof file that is not exactly ours is refused', () => {
  const sound = {
    format: 'weighmark-range-proof/1',
    blake3: '0'.repeat(64),
    sizeBytes: 10,
    start: 0,
    end: 5,
    encoded: '',
  };
  for (const change of [
    { format: 'x' },
    { blake3: 'A'.repeat(64) },
    { start: 5 },
    { end: 11 },
    { sizeBytes: -1 },
    { start: 0.5 },
    { encoded: 1 },
    { more: 1 },
  ]) {
    assert.throws(() => parseProof(Buffer.from(JSON.stringify({ ...sound, ...change }))), /weighmark-range-proof/);
  }
});
