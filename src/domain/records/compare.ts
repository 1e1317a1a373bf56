import { Cursor } from './merge.ts';
import type { RecordIndex } from './record-index.ts';

/** What came and went between two datasets. Positions ascend; of more than are kept there is only the count. */
export interface Comparison {
  readonly common: number;
  readonly removed: Positions;
  readonly added: Positions;
  /** Common records that do not stand where those before them, removed and added, explain. */
  readonly moved: number;
}

export interface Positions {
  readonly count: number;
  /** Of at most a million; null: there are more. */
  readonly positions: Uint32Array | null;
}

const KEPT = 1_000_000;
const BLOCK = 65_536;
/** Common records after which whole stretches are compared at once. */
const STREAK = 32;

/** Exact, as multisets: a record that stands there once more than before was added once. */
export function compareIndexes(a: RecordIndex, b: RecordIndex): Comparison {
  const [removed, added] = [new Places(), new Places()];
  const [left, right] = [new Cursor(a), new Cursor(b)];
  const pairs = new Pairs();
  let [common, streak] = [0, 0];
  while (!left.ended && !right.ended) {
    const order = left.compare(right);
    const count = order === 0 && streak >= STREAK ? left.inCommon(right) : 1;
    streak = order === 0 ? streak + count : 0;
    if (order === 0) {
      common += count;
      pairs.add(left.place, right.place, count);
    } else if (order < 0) removed.add(left.place);
    else added.add(right.place);
    if (order <= 0) left.step(count);
    if (order >= 0) right.step(count);
  }
  for (; !left.ended; left.step()) removed.add(left.place);
  for (; !right.ended; right.step()) added.add(right.place);
  const [gone, come] = [removed.positions(a), added.positions(b)];
  return { common, removed: gone, added: come, moved: countMoved([a, b], [gone, come], pairs) };
}

/** Places of one side, ascending as they are added. */
class Places {
  private count = 0;
  private readonly kept: number[] = [];

  add(place: number): void {
    this.count += 1;
    if (this.count <= KEPT) this.kept.push(place);
  }

  positions(index: RecordIndex): Positions {
    if (this.count > KEPT) return { count: this.count, positions: null };
    const positions = new Uint32Array(this.count);
    for (let at = 0; at < this.count;) {
      const start = this.kept[at] as number;
      const block = index.positions(start, Math.min(index.layout.records, start + BLOCK));
      for (; at < this.count && (this.kept[at] as number) < start + block.length; at += 1)
        positions[at] = block[(this.kept[at] as number) - start] as number;
    }
    return { count: this.count, positions: positions.sort() };
  }
}

/** Runs of places that are common: as many on one side as on the other. */
class Pairs {
  readonly runs: number[] = [];

  add(left: number, right: number, count: number): void {
    const { runs } = this;
    const last = runs.length - 3;
    if (last >= 0) {
      const size = runs[last + 2] as number;
      if ((runs[last] as number) + size === left && (runs[last + 1] as number) + size === right) {
        runs[last + 2] = size + count;
        return;
      }
    }
    runs.push(left, right, count);
  }
}

type Two<T> = readonly [T, T];

function countMoved([a, b]: Two<RecordIndex>, [removed, added]: Two<Positions>, { runs }: Pairs): number {
  let moved = 0;
  const isSame = equalPositions(removed, added);
  for (let run = 0; run < runs.length; run += 3) {
    const [left, right, size] = [runs[run] as number, runs[run + 1] as number, runs[run + 2] as number];
    for (let at = 0; at < size; at += BLOCK) {
      const count = Math.min(BLOCK, size - at);
      const [before, after] = [a.positions(left + at, left + at + count), b.positions(right + at, right + at + count)];
      for (let index = 0; index < count; index += 1) {
        const [old, now] = [before[index] as number, after[index] as number];
        if (!(isSame && old === now) && explained(old, removed) !== explained(now, added)) moved += 1;
      }
    }
  }
  return moved;
}

function equalPositions({ positions: a }: Positions, { positions: b }: Positions): boolean {
  return (
    a === b || (a !== null && b !== null && a.length === b.length && a.every((position, at) => position === b[at]))
  );
}

/** Where it would stand without those of its own side alone. */
function explained(position: number, { positions }: Positions): number {
  if (positions === null || positions.length === 0) return position;
  let [low, high] = [0, positions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((positions[middle] as number) < position) low = middle + 1;
    else high = middle;
  }
  return position - low;
}
