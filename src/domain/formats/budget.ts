import { beyond } from './problem.ts';

/** Bytes a reader may still take in or keep: hostile files have it read the same bytes, or keep texts, without end. */
export interface Budget {
  /** @throws WeighmarkError `limit-exceeded` once more is spent than there was. */
  readonly spend: (bytes: number) => void;
}

export function startBudget(bytes: number, what: string): Budget {
  let left = bytes;
  return {
    spend: (amount) => {
      left -= amount;
      if (!(left >= 0)) throw beyond(`${what} of more than ${bytes} bytes`);
    },
  };
}
