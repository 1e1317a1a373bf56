export interface Dice {
  readonly below: (limit: number) => number;
  readonly pick: <T>(from: readonly T[]) => T;
  readonly chance: (percent: number) => boolean;
  readonly shuffled: <T>(all: readonly T[]) => readonly T[];
}

/** mulberry32: small, even enough, the same on every machine. */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    below,
    pick: (from) => {
      const found = from[below(from.length)];
      if (found === undefined) throw new Error('nothing to pick from');
      return found;
    },
    chance: (percent) => below(100) < percent,
    shuffled: (all) => {
      const keyed = all.map((each) => ({ each, key: next() }));
      return keyed.toSorted((a, b) => a.key - b.key).map(({ each }) => each);
    },
  };
}
