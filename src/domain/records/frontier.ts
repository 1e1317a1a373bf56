import { EMPTY } from './keys.ts';
import { parentHash, rootOf, type Hashes } from './ordered.ts';
import type { BulkHasher } from './blake3.ts';

/** A whole subtree of the ordered tree: `size` records, a power of two, from `start`, a multiple of it. */
export interface OrderedNode {
  readonly start: number;
  readonly size: number;
  readonly hash: Uint8Array;
}

/** Leaves that are hashed in one go. */
const BULK = 2 ** 16;

/**
 * The fewest whole subtrees over a stretch of the ordered tree, wherever it begins: what follows from some of the records
 * alone. Stretches that follow each other make one again, and from 0 on its root is the dataset's (RFC 9162, 2.1.1).
 */
export class Frontier {
  readonly nodes: OrderedNode[] = [];
  private end: number;

  constructor(start: number) {
    this.end = start;
  }

  /** The position after the last record. */
  get next(): number {
    return this.end;
  }

  /** A whole subtree that follows. */
  add(size: number, hash: Uint8Array): void {
    this.nodes.push({ start: this.end, size, hash });
    this.end += size;
    for (let right = this.nodes.at(-1), left = this.nodes.at(-2); right !== undefined && left !== undefined;) {
      if (left.size !== right.size || left.start % (2 * left.size) !== 0) return;
      this.nodes.length -= 2;
      this.nodes.push({ start: left.start, size: 2 * left.size, hash: parentHash(left.hash, right.hash) });
      [right, left] = [this.nodes.at(-1), this.nodes.at(-2)];
    }
  }

  /** Hashes of the records that follow. */
  addLeaves(hashes: Hashes, hasher: BulkHasher): void {
    for (let at = 0; at < hashes.length;) {
      const rest = (hashes.length - at) / 32;
      let size = 1;
      while (size < BULK && 2 * size <= rest && this.end % (2 * size) === 0) size *= 2;
      this.add(size, rootOf(hashes.subarray(at, at + 32 * size), hasher));
      at += 32 * size;
    }
  }

  /** Of all records from 0 on. */
  root(): Uint8Array {
    const [last, ...before] = this.nodes.toReversed();
    if (last === undefined) return EMPTY;
    return before.reduce((right, { hash }) => parentHash(hash, right), last.hash);
  }
}
