import type { Finding } from '../../domain/base/verdict.ts';
import { placeOf, type IndexedDataset } from './indexed.ts';

/** A place in both datasets at which the same record stands. */
export interface SharedPlace {
  readonly positions: readonly [number, number];
  readonly record?: string;
}

/** What two datasets share: a finding that sums it up and leads to the first record, then one for each other that is named. */
export function sharedFindings(
  [a, b]: readonly [IndexedDataset, IndexedDataset],
  named: readonly SharedPlace[],
  sum: (first: string) => string,
): readonly Finding[] {
  return named.map(({ positions: [mine, theirs], record }, at) => {
    const [one, other] = [placeOf(a.roots, mine), placeOf(b.roots, theirs)];
    const where = (verb: string): string =>
      `${one.path}, record ${one.record}, ${verb} ${other.path}, record ${other.record}`;
    return {
      code: 'records-overlap' as const,
      message: at === 0 ? sum(where('which is')) : where('is'),
      subject: a.root,
      facts: { ...(record === undefined ? {} : { record: `blake3:${record}` }), position: String(mine) },
    };
  });
}
