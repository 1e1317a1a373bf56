import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { badProof, consistencyPath, equal, inclusionPath, rootOf, splitOf, STORED_LEVEL } from './ordered.ts';
import type { BulkHasher } from './blake3.ts';
import { EMPTY } from './keys.ts';
import { nodesAt, OFFSET_STEP, openIndex, type IndexLayout, type RandomAccess } from './index-layout.ts';
import type { Roots } from './roots.ts';
import { bitOf, branchOf, countSorted, type Counted, type SetPath } from './trie.ts';
import { pushAll } from '../base/lists.ts';

const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Questions to an index. It is a cache: what it answers is held to the signed roots, by the proofs it makes. */
export class RecordIndex {
  readonly roots: Roots;
  readonly layout: IndexLayout;
  /** What it was made of, where that was said. */
  readonly origin: Uint8Array;
  private readonly file: RandomAccess;
  private readonly hasher: BulkHasher;

  /** @throws WeighmarkError `format-invalid`. */
  constructor(file: RandomAccess, hasher: BulkHasher) {
    this.file = file;
    this.hasher = hasher;
    ({ layout: this.layout, roots: this.roots, origin: this.origin } = openIndex(file));
  }

  /** Hashes in ascending order, [from, to). */
  sorted(from: number, to: number): Uint8Array {
    return this.file.read(this.layout.sorted + 32 * from, 32 * (to - from));
  }

  /** Positions of the records at places [from, to) of the ascending order. */
  positions(from: number, to: number): Uint32Array {
    return this.words(this.layout.positions + 4 * from, to - from);
  }

  hashAt(position: number): Uint8Array {
    const [place = 0] = this.words(this.layout.ranks + 4 * position, 1);
    if (place >= this.layout.records) throw damaged();
    return this.sorted(place, place + 1);
  }

  /** Where in its file the record lies, near enough: the offset of the last stored one at or before it. */
  offsetBefore(position: number): { readonly position: number; readonly offset: number } {
    const step = Math.floor(position / OFFSET_STEP);
    const bytes = Buffer.from(this.file.read(this.layout.offsets + 8 * step, 8));
    return { position: step * OFFSET_STEP, offset: Number(bytes.readBigUInt64LE(0)) };
  }

  /** All positions of a record, ascending; none if it is absent. */
  find(record: Uint8Array): readonly number[] {
    const [from, to] = this.bucket(record, this.layout.prefixBits);
    const hashes = this.sorted(from, to);
    const found: number[] = [];
    for (let at = 0; at < to - from; at += 1)
      if (equal(hashes.subarray(32 * at, 32 * at + 32), record))
        pushAll(found, this.positions(from + at, from + at + 1));
    return found;
  }

  private words(offset: number, count: number): Uint32Array {
    const bytes = Uint8Array.from(this.file.read(offset, 4 * count));
    if (!LITTLE_ENDIAN) Buffer.from(bytes.buffer).swap32();
    return new Uint32Array(bytes.buffer);
  }

  /** Places [from, to) of the records that share the first `bits` bits, at most the layout's, with `record`. */
  private bucket(record: Uint8Array, bits: number): readonly [number, number] {
    const { prefixBits, fence, records } = this.layout;
    const prefix = (((record[0] as number) << 8) | (record[1] as number)) >> (16 - bits);
    const width = 2 ** (prefixBits - bits);
    const [from = 0] = this.words(fence + 4 * prefix * width, 1);
    const [to = 0] = this.words(fence + 4 * (prefix + 1) * width, 1);
    if (from > to || to > records) throw damaged();
    return [from, to];
  }

  /** The way to a record in the set, whether it is there or not. */
  setPath(record: Uint8Array): SetPath {
    const path: Uint8Array[] = [];
    const { prefixBits, trie } = this.layout;
    for (let depth = 0; depth < prefixBits; depth += 1) {
      const alone = this.alone(this.bucket(record, depth));
      if (alone !== undefined) return { path, end: alone };
      const prefix = (((record[0] as number) << 8) | (record[1] as number)) >> (15 - depth);
      path.push(this.file.read(trie + 32 * (2 ** (depth + 1) + (prefix ^ 1)), 32));
    }
    return this.setPathBelow(record, path);
  }

  /** Null for none, a record that is the only one, undefined for several different ones. */
  private alone([from, to]: readonly [number, number]): SetPath['end'] | undefined {
    if (from === to) return null;
    const first = this.sorted(from, from + 1);
    return equal(first, this.sorted(to - 1, to)) ? { record: first, count: to - from } : undefined;
  }

  private setPathBelow(record: Uint8Array, path: Uint8Array[]): SetPath {
    const { prefixBits } = this.layout;
    let set = countSorted(this.sorted(...this.bucket(record, prefixBits)));
    for (let depth = prefixBits; set.counts.length > 1; depth += 1) {
      const split = set.counts.findIndex((_, at) => bitOf(set.hashes.subarray(32 * at), depth) === 1);
      const middle = split < 0 ? set.counts.length : split;
      const [left, right] = [part(set, 0, middle), part(set, middle, set.counts.length)];
      const isRight = bitOf(record, depth) === 1;
      path.push(branchOf(isRight ? left : right, depth + 1, this.hasher).hash);
      set = isRight ? right : left;
    }
    const [count] = set.counts;
    return { path, end: count === undefined ? null : { record: set.hashes.slice(0, 32), count } };
  }

  /** Siblings that prove the record at a position. */
  inclusion(position: number): readonly Uint8Array[] {
    return inclusionPath(position, this.layout.records, (start, end) => this.range(start, end));
  }

  /** What proves that these records begin with the `before` first of them. */
  consistency(before: number): readonly Uint8Array[] {
    if (before < 1 || before > this.layout.records) throw badProof('there are not that many records');
    return consistencyPath(before, this.layout.records, (start, end) => this.range(start, end));
  }

  /** Root over the records [start, end) of a node of the ordered tree. */
  range(start: number, end: number): Uint8Array {
    if (start === end) return EMPTY;
    const level = Math.log2(end - start);
    if (Number.isInteger(level) && level >= STORED_LEVEL) return this.node(level, start / 2 ** level);
    if (end - start > 2 ** STORED_LEVEL) {
      const split = start + splitOf(end - start);
      return rootOf(Buffer.concat([this.range(start, split), this.range(split, end)]), this.hasher);
    }
    const leaves = Array.from({ length: end - start }, (_, at) => this.hashAt(start + at));
    return rootOf(Buffer.concat(leaves), this.hasher);
  }

  private node(level: number, index: number): Uint8Array {
    let before = 0;
    for (let below = STORED_LEVEL; below < level; below += 1) before += nodesAt(this.layout.records, below);
    return this.file.read(this.layout.nodes + 32 * (before + index), 32);
  }
}

function part({ hashes, counts }: Counted, from: number, to: number): Counted {
  return { hashes: hashes.subarray(32 * from, 32 * to), counts: counts.slice(from, to) };
}

function damaged(): WeighmarkError {
  return new WeighmarkError('format-invalid', 'the index of records is damaged', {
    hint: 'make it anew with `weighmark dataset index`',
  });
}
