import { WeighmarkError } from '../base/errors.ts';
import type { Blake3Tree } from './blake3-tree.ts';
import { CV_BYTES, groupCount, leftLeaves, PAIR_BYTES, PREFIX_BYTES } from './outboard.ts';

/** What an outboard is held against, and where its bytes come from. */
export interface OutboardReader {
  /** BLAKE3 of the whole file, 32 bytes. */
  readonly root: Uint8Array;
  readonly tree: Blake3Tree;
  /** The outboard's next `length` bytes, which stay as they are; fewer at its end. */
  next(length: number): Uint8Array;
}

/**
 * The chaining values of a file's 16 KiB groups, in the file's order, each proven to lead to the root: the outboard is read
 * once from start to end, and memory grows with the tree's depth only. The file has more than one group.
 * @throws WeighmarkError `digest-mismatch` as soon as the outboard does not lead to the root.
 */
export function* groupValues(sizeBytes: number, outboard: OutboardReader): Generator<Uint8Array, undefined> {
  const prefix = outboard.next(PREFIX_BYTES);
  const states =
    prefix.length === PREFIX_BYTES ? new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true) : null;
  if (states !== BigInt(sizeBytes)) throw wrong('states another length');
  const open = [{ leaves: groupCount(sizeBytes), expected: outboard.root, isRoot: true }];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const { leaves, expected, isRoot } = node;
    if (leaves === 1) {
      yield expected;
      continue;
    }
    const pair = outboard.next(PAIR_BYTES);
    const [left, right] = [pair.subarray(0, CV_BYTES), pair.subarray(CV_BYTES)];
    if (pair.length !== PAIR_BYTES || Buffer.compare(outboard.tree.parent(left, right, isRoot), expected) !== 0)
      throw wrong('does not lead to the digest');
    const half = leftLeaves(leaves);
    open.push(
      { leaves: leaves - half, expected: right, isRoot: false },
      { leaves: half, expected: left, isRoot: false },
    );
  }
}

function wrong(why: string): WeighmarkError {
  return new WeighmarkError('digest-mismatch', `its outboard ${why}`);
}
