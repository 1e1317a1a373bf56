import { WeighmarkError } from '../base/errors.ts';
import type { BulkHasher } from './blake3.ts';
import { BUCKET_RECORDS } from './build.ts';
import { Frontier, type OrderedNode } from './frontier.ts';
import { prefixBitsOf } from './index-layout.ts';
import type { RecordIndex } from './record-index.ts';
import type { Branch, SetHasher } from './trie.ts';
import { pushAll } from '../base/lists.ts';

/** Opens the parts' indexes one after the other. */
export type EachPart = (visit: (index: RecordIndex) => void) => void;

/** Prefixes [from, to) of `bits` bits. */
export interface Share {
  readonly bits: number;
  readonly from: number;
  readonly to: number;
}

/** Hashes read at once. */
const BLOCK = 4096;
/** Records of all parts that are sorted at once, about. */
const ROUND = 2 ** 20;

/** The prefixes that worker `index` of `workers` answers for. */
export function shareOf(index: number, workers: number, records: number): Share {
  const bits = Math.max(8, prefixBitsOf(records));
  const edge = (at: number): number => Math.floor((at * 2 ** bits) / workers);
  return { bits, from: edge(index), to: edge(index + 1) };
}

/** The branches of a share of the set over all parts; memory follows from the records of one prefix, or a million. */
export function reduceSet(share: Share, records: number, tools: { eachPart: EachPart; hasher: SetHasher }): Branch[] {
  const { bits } = share;
  const width = Math.max(1, Math.floor((ROUND * 2 ** bits) / Math.max(1, records)));
  const room = Math.min(ROUND, Math.ceil((1.1 * records) / 256));
  const branches: Branch[] = [];
  for (let from = share.from; from < share.to; from += width) {
    const round = { bits, from, to: Math.min(share.to, from + width) };
    const bags = new Map<number, Bag>();
    tools.eachPart((index) => gather(index, { ...round, room }, bags));
    pushAll(branches, branchesOfRound(round, bags, tools.hasher));
  }
  return branches;
}

/** Byte after byte: what the records of a round have in common. */
function branchesOfRound({ bits, from, to }: Share, bags: ReadonlyMap<number, Bag>, hasher: SetHasher): Branch[] {
  const width = 2 ** (bits - 8);
  const branches: Branch[] = [];
  for (let at = from; at < to; at = at - (at % width) + width) {
    const start = at - (at % width);
    const bag = bags.get(start / width) ?? new Bag();
    const part = hasher.branches({ ...bag.all(), skip: 8, depth: bits });
    pushAll(branches, part.branches.slice(at - start, Math.min(width, to - start)));
  }
  return branches;
}

interface Round extends Share {
  /** Records that are expected to begin with one byte. */
  readonly room: number;
}

function gather(index: RecordIndex, { bits, from, to, room }: Round, bags: Map<number, Bag>): void {
  const { records } = index.layout;
  for (let place = lowerBound(index, bits, from); place < records;) {
    const block = index.sorted(place, Math.min(records, place + BLOCK));
    const words = wordsOf(block);
    for (let at = 0; at < block.length; at += 32, place += 1) {
      if (prefixAt(block, at, bits) >= to) return;
      const first = block[at] as number;
      const bag = bags.get(first) ?? new Bag(room);
      if (bag.isNew) bags.set(first, bag);
      bag.add(words, at / 4);
    }
  }
}

/** The bytes themselves where they lie as words do. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const { buffer, byteOffset, length } = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(buffer, byteOffset, length / 4);
}

function prefixAt(hashes: Uint8Array, at: number, bits: number): number {
  return (((hashes[at] as number) << 8) | (hashes[at + 1] as number)) >> (16 - bits);
}

/** The first place whose prefix is not below. */
function lowerBound(index: RecordIndex, bits: number, prefix: number): number {
  let [low, high] = [0, index.layout.records];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (prefixAt(index.sorted(middle, middle + 1), 0, bits) < prefix) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Records of several ascending runs, those that follow themselves counted. */
class Bag {
  private words: Uint32Array<ArrayBuffer>;
  private weights: Uint32Array<ArrayBuffer>;
  private count = 0;

  constructor(room = 0) {
    const size = Math.max(64, room);
    this.words = new Uint32Array(8 * size);
    this.weights = new Uint32Array(size);
  }

  get isNew(): boolean {
    return this.count === 0;
  }

  add(from: Uint32Array, at: number): void {
    const end = 8 * this.count;
    if (end > 0 && isRepeated(this.words, end - 8, from, at)) {
      this.weights[this.count - 1] = (this.weights[this.count - 1] as number) + 1;
      return;
    }
    if (this.count === BUCKET_RECORDS)
      throw new WeighmarkError('limit-exceeded', 'too many records whose hashes begin alike');
    if (end === this.words.length) this.grow();
    for (let word = 0; word < 8; word += 1) this.words[end + word] = from[at + word] as number;
    this.weights[this.count++] = 1;
  }

  private grow(): void {
    const { words, weights } = this;
    this.words = new Uint32Array(2 * words.length);
    this.words.set(words);
    this.weights = new Uint32Array(2 * weights.length);
    this.weights.set(weights);
  }

  all(): { readonly hashes: Uint8Array; readonly weights: Uint32Array } {
    return {
      hashes: new Uint8Array(this.words.buffer, 0, 32 * this.count),
      weights: this.weights.subarray(0, this.count),
    };
  }
}

function isRepeated(a: Uint32Array, atA: number, b: Uint32Array, atB: number): boolean {
  for (let word = 0; word < 8; word += 1) if (a[atA + word] !== b[atB + word]) return false;
  return true;
}

/** Records whose order is restored at once: 64 MB of hashes. */
const WINDOW = 2 ** 21;

/** The ordered subtrees over the records of one part, the first of which has position `start` in the dataset. */
export function reduceOrder(index: RecordIndex, start: number, hasher: BulkHasher): readonly OrderedNode[] {
  const frontier = new Frontier(start);
  const { records } = index.layout;
  const window = new Uint8Array(32 * Math.min(records, WINDOW));
  for (let first = 0; first < records; first += WINDOW) {
    const count = Math.min(WINDOW, records - first);
    fillWindow(index, { first, count }, window);
    frontier.addLeaves(window.subarray(0, 32 * count), hasher);
  }
  return frontier.nodes;
}

/** Hashes by position, of the positions [first, first + count): one pass over the sorted ones. */
function fillWindow(
  index: RecordIndex,
  { first, count }: { readonly first: number; readonly count: number },
  into: Uint8Array,
): void {
  const { records } = index.layout;
  const words = new Uint32Array(into.buffer, into.byteOffset, into.length / 4);
  for (let from = 0; from < records; from += BLOCK * 16) {
    const to = Math.min(records, from + BLOCK * 16);
    const hashes = new Uint32Array(index.sorted(from, to).slice().buffer);
    index.positions(from, to).forEach((position, at) => {
      const place = position - first;
      if (place < 0 || place >= count) return;
      for (let word = 0; word < 8; word += 1) words[8 * place + word] = hashes[8 * at + word] as number;
    });
  }
}
