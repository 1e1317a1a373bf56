import { WeighmarkError } from '../base/errors.ts';
import type { Blake3Tree } from './blake3-tree.ts';
import { CV_BYTES, groupCount, GROUP_BYTES, leftLeaves, outboardBytes, PAIR_BYTES, PREFIX_BYTES } from './outboard.ts';
import type { ByteRange } from './proven.ts';

/** Enough to name what changed; a file rewritten from end to end is one range anyway. */
const RANGES_MAX = 1000;

/**
 * Which bytes of a file differ from what was signed, in 16 KiB groups, from the outboard that came with it and one made
 * of the bytes found. Sizes must be equal. The signed side is proven against the root as far as it is walked.
 * @returns merged ranges in order, at most 1,000.
 * @throws WeighmarkError `digest-mismatch` if the outboard does not lead to the root.
 */
export function differingRanges(
  outboards: { signed: Uint8Array; found: Uint8Array },
  signedRoot: Uint8Array,
  file: { sizeBytes: number; tree: Blake3Tree },
): ByteRange[] {
  const { signed, found } = outboards;
  const length = outboardBytes(file.sizeBytes);
  if (signed.length !== length || found.length !== length) throw unrelated();
  const ranges: { start: number; end: number }[] = [];
  const differ = (first: number, leaves: number) =>
    addRange(ranges, first * GROUP_BYTES, Math.min(file.sizeBytes, (first + leaves) * GROUP_BYTES));
  const visit = (first: number, leaves: number, index: number, expected: Uint8Array): void => {
    if (leaves === 1 || ranges.length >= RANGES_MAX) return differ(first, leaves);
    const at = PREFIX_BYTES + index * PAIR_BYTES;
    const [left, right] = [signed.subarray(at, at + CV_BYTES), signed.subarray(at + CV_BYTES, at + PAIR_BYTES)];
    if (Buffer.compare(file.tree.parent(left, right, index === 0), expected) !== 0) throw unrelated();
    const half = leftLeaves(leaves);
    if (Buffer.compare(left, found.subarray(at, at + CV_BYTES)) !== 0) visit(first, half, index + 1, left);
    if (Buffer.compare(right, found.subarray(at + CV_BYTES, at + PAIR_BYTES)) !== 0)
      visit(first + half, leaves - half, index + half, right);
  };
  visit(0, groupCount(file.sizeBytes), 0, signedRoot);
  return ranges;
}

function addRange(ranges: { start: number; end: number }[], start: number, end: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && (last.end === start || ranges.length >= RANGES_MAX)) last.end = end;
  else ranges.push({ start, end });
}

function unrelated(): WeighmarkError {
  return new WeighmarkError('digest-mismatch', 'its outboard does not lead to the signed digest');
}
