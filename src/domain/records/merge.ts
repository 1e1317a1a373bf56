import { Buffer } from 'node:buffer';
import type { RecordIndex } from './record-index.ts';

const BLOCK = 16_384;

/** The records of an index in ascending order of their hashes, equal ones together; read a block at a time. */
export class Cursor {
  readonly records: number;
  private readonly index: RecordIndex;
  private block: Buffer = Buffer.alloc(0);
  private words = new Uint32Array(0);
  private start = 0;
  /** Place of the current record; `records` at the end. */
  place = 0;

  constructor(index: RecordIndex) {
    this.index = index;
    this.records = index.layout.records;
    this.load();
  }

  get ended(): boolean {
    return this.place >= this.records;
  }

  /** The current record's hash; overwritten when the cursor moves on. */
  hash(): Buffer {
    const at = 32 * (this.place - this.start);
    return this.block.subarray(at, at + 32);
  }

  step(count = 1): void {
    this.place += count;
    if (this.place - this.start >= this.words.length / 8) this.load();
  }

  /** Moves past the current record and all equal ones. @returns how many they were. */
  take(): number {
    const hash = Buffer.from(this.hash());
    let count = 0;
    for (; !this.ended && this.hash().equals(hash); count += 1) this.step();
    return count;
  }

  /** Below 0: this one's hash comes first. */
  compare(other: Cursor): number {
    const [mine, theirs] = [8 * (this.place - this.start), 8 * (other.place - other.start)];
    const [a, b] = [this.words, other.words];
    let at = 0;
    while (at < 8 && a[mine + at] === b[theirs + at]) at += 1;
    return at === 8 ? 0 : Buffer.compare(this.hash(), other.hash());
  }

  /** How many records from here on are the same in both, as far as both are in memory: at least the current one, if equal. */
  inCommon(other: Cursor): number {
    const [mine, theirs] = [this.place - this.start, other.place - other.start];
    const limit = Math.min(this.words.length / 8 - mine, other.words.length / 8 - theirs);
    let [count, size, grows] = [0, 64, true];
    while (size > 0 && count < limit) {
      const some = Math.min(size, limit - count);
      const [from, at] = [32 * (mine + count), 32 * (theirs + count)];
      const isSame = this.block.compare(other.block, at, at + 32 * some, from, from + 32 * some) === 0;
      if (isSame) count += some;
      else grows = false;
      size = grows ? 2 * size : some >> 1;
    }
    return count;
  }

  private load(): void {
    this.start = this.place;
    const end = Math.min(this.records, this.start + BLOCK);
    const bytes = this.index.sorted(this.start, end);
    this.block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.words = new Uint32Array(bytes.slice().buffer);
  }
}

/**
 * Visits every different record of several indexes once, ascending, with how often it is in each.
 * @param visit is told the hash, which it must not keep, and the counts; false ends it.
 */
export function visitAll(
  indexes: readonly RecordIndex[],
  visit: (hash: Buffer, counts: readonly number[], places: readonly number[]) => boolean | void,
): void {
  const cursors = indexes.map((index) => new Cursor(index));
  for (;;) {
    const open = cursors.filter((cursor) => !cursor.ended);
    const [first, ...rest] = open;
    if (first === undefined) return;
    const least = rest.reduce((low, cursor) => (cursor.compare(low) < 0 ? cursor : low), first);
    const hash = Buffer.from(least.hash());
    const places = cursors.map(({ place }) => place);
    const counts = cursors.map((cursor) => (!cursor.ended && cursor.hash().equals(hash) ? cursor.take() : 0));
    if (visit(hash, counts, places) === false) return;
  }
}
