import type { DataDiff } from '../../flows/data/diff.ts';

/** One label: how often, which share of all records, and by how much that changed. */
export interface BalanceRow {
  /** JSON. */
  readonly value: string;
  readonly counts: readonly [number, number];
  readonly shares: readonly [string, string];
  readonly by: number;
}

const MOST = 50;

/** The labels that changed most first, then the most frequent ones. */
export function balanceRows({ balance = {}, records }: DataDiff): readonly BalanceRow[] {
  const share = (count: number, all: number): string => `${all === 0 ? '0' : ((100 * count) / all).toPrecision(3)} %`;
  return Object.entries(balance)
    .map(([value, counts]): BalanceRow => ({
      value,
      counts,
      shares: [share(counts[0], records[0]), share(counts[1], records[1])],
      by: counts[1] - counts[0],
    }))
    .toSorted((x, y) => Math.abs(y.by) - Math.abs(x.by) || y.counts[1] - x.counts[1] || (x.value < y.value ? -1 : 1))
    .slice(0, MOST);
}
