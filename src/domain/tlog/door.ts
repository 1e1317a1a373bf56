import type { LogLeaf } from './leaf.ts';

/** What becomes of an entry that waits for the log's operator. */
export type Admission =
  | { readonly answer: 'admitted' }
  /** Nobody will ever need it: taken away. */
  | { readonly answer: 'swept'; readonly why: string }
  /** Somebody may: it goes on waiting. */
  | { readonly answer: 'kept'; readonly why: string };

/** @param since when this operator first saw it wait. */
export type Door = (leaf: LogLeaf, since: Date) => Promise<Admission>;

/** A waiting entry that was not admitted; `leaf` is null for what is no entry at all. */
export interface Waiting {
  readonly leaf: LogLeaf | null;
  readonly why: string;
}
