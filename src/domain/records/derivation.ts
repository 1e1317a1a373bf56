import { Buffer } from 'node:buffer';
import { visitAll } from './merge.ts';
import type { RecordIndex } from './record-index.ts';

/** Steps whose result follows from the records that went in, so that it can be checked. */
export const DERIVATIONS = ['filter', 'sample', 'dedupe', 'split', 'concat'] as const;
export type Derivation = (typeof DERIVATIONS)[number];

/** A record that is not where the step would have it. */
export interface Offence {
  readonly record: string;
  /** Of which dataset the position is: one that came out, or one that went in. */
  readonly side: 'out' | 'in';
  readonly dataset: number;
  readonly position: number;
  readonly why: string;
}

export interface Derived {
  readonly step: Derivation;
  readonly recordsIn: number;
  readonly recordsOut: number;
  /** How many different records are not as they should be; the first of them, by position, of what came out if there is one. */
  readonly offences: number;
  readonly first: Offence | null;
}

interface Counts {
  readonly in: number;
  readonly out: number;
}

/** What a step may do to one record that is `in` times before it: null, or why `out` times after it are wrong. */
const RULES: Readonly<Record<Derivation, (counts: Counts) => string | null>> = {
  filter: ({ in: before, out }) => (out > before ? invented(before) : null),
  sample: ({ in: before, out }) => (out > before ? invented(before) : null),
  dedupe: ({ in: before, out }) => {
    if (before === 0) return invented(0);
    if (out === 0) return 'it was lost';
    return out > 1 ? 'it still stands there more than once' : null;
  },
  split: exact,
  concat: exact,
};

function exact({ in: before, out }: Counts): string | null {
  if (out > before) return invented(before);
  return out < before ? 'it was lost' : null;
}

function invented(before: number): string {
  return before === 0 ? 'it was not there before' : 'it stands there more often than before';
}

/** Whether the datasets that came out are what the step makes of those that went in, record by record. */
export function checkDerivation(
  step: Derivation,
  before: readonly RecordIndex[],
  after: readonly RecordIndex[],
): Derived {
  const found = new Offences(before, after);
  visitAll([...before, ...after], (hash, counts, places) => {
    const sum = (from: number, to?: number): number =>
      counts.slice(from, to).reduce((total, count) => total + count, 0);
    const why = RULES[step]({ in: sum(0, before.length), out: sum(before.length) });
    if (why !== null) found.add(hash, { counts, places, why });
  });
  const total = (indexes: readonly RecordIndex[]): number =>
    indexes.reduce((sum, { layout }) => sum + layout.records, 0);
  return { step, recordsIn: total(before), recordsOut: total(after), offences: found.count, first: found.first };
}

export interface Overlap {
  /** Different records that both hold. */
  readonly records: number;
  /** Records of the first that are in the second too, each as often as it stands there. */
  readonly inFirst: number;
  /** Those that stand first in the first, `NAMED` at most, by their place there. */
  readonly named: readonly Shared[];
}

/** A record's first place in both. */
export interface Shared {
  readonly record: string;
  readonly positions: readonly [number, number];
}

/** Shared records that are named one by one; the others are counted. */
export const NAMED = 100;

/** Records that two datasets share, such as training and test data. */
export function checkOverlap(a: RecordIndex, b: RecordIndex): Overlap {
  let [records, inFirst]: [number, number] = [0, 0];
  let named: Shared[] = [];
  const sorted = (): Shared[] => named.toSorted((one, other) => one.positions[0] - other.positions[0]).slice(0, NAMED);
  visitAll([a, b], (hash, [inA = 0, inB = 0], [placeA = 0, placeB = 0]) => {
    if (inA === 0 || inB === 0) return;
    records += 1;
    inFirst += inA;
    const position = (index: RecordIndex, place: number): number => index.positions(place, place + 1)[0] ?? 0;
    named.push({ record: hash.toString('hex'), positions: [position(a, placeA), position(b, placeB)] });
    if (named.length > 50 * NAMED) named = sorted();
  });
  return { records, inFirst, named: sorted() };
}

interface Offender {
  readonly counts: readonly number[];
  readonly places: readonly number[];
  readonly why: string;
}

class Offences {
  count = 0;
  first: Offence | null = null;
  private readonly before: readonly RecordIndex[];
  private readonly after: readonly RecordIndex[];

  constructor(before: readonly RecordIndex[], after: readonly RecordIndex[]) {
    this.before = before;
    this.after = after;
  }

  add(hash: Buffer, { counts, places, why }: Offender): void {
    this.count += 1;
    const all = [...this.before, ...this.after];
    const inputs = this.before.length;
    const afterAt = counts.findIndex((count, at) => at >= inputs && count > 0);
    const at = afterAt >= 0 ? afterAt : counts.findIndex((count) => count > 0);
    const side = at >= inputs ? ('out' as const) : ('in' as const);
    const place = places[at] ?? 0;
    const position = all[at]?.positions(place, place + 1)[0] ?? 0;
    const dataset = side === 'out' ? at - inputs : at;
    const offence = { record: hash.toString('hex'), side, dataset, position, why };
    if (this.first === null || rank(offence) < rank(this.first)) this.first = offence;
  }
}

/** What came out first, then by dataset and position. */
function rank({ side, dataset, position }: Offence): number {
  return (side === 'out' ? 0 : 2 ** 50) + dataset * 2 ** 34 + position;
}
