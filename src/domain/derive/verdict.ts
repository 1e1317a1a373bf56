import { greatest } from '../base/lists.ts';
/*
 * A step recomputed: is a child the honest outcome of a step on a parent? Here live the words of the verdict, the table of
 * what converters change, and views of a parent's tensors through those changes. The numbers are a port's. What is proven
 * is the step alone: never that the parent is benign.
 */

/**
 * What is known of one tensor, strongest first: `equal` (the parent's bytes), `recomputed` (bit for bit what the step makes
 * of them), `nearest codes` (every code is the nearest one for the scale its block stores; the scales are not explained),
 * `bounded` (every value within what an honest step of this type can leave; no better law is known), `undecided` (it could
 * not be examined), `not from the parent`.
 */
export const WORDS = ['equal', 'recomputed', 'nearest codes', 'bounded', 'undecided', 'not from the parent'] as const;

export type Word = (typeof WORDS)[number];

export interface TensorVerdict {
  /** In the child. */
  readonly name: string;
  readonly word: Word;
  /** Of the child. */
  readonly dtype: string;
  /** Tensors of the parent it was made of. */
  readonly from: readonly string[];
  /** What was done to them: `rows of heads permuted`, `Q4_K by plain arithmetic`, `via F16`. */
  readonly how: readonly string[];
  /** Why it is no better; for `not from the parent` where it begins to differ. */
  readonly why?: string;
  /** Row (slice along the first dimensions) and block of the first difference. */
  readonly where?: { readonly row: number; readonly block: number };
  readonly figures?: TensorFigures;
}

export interface TensorFigures {
  readonly elements: number;
  /** Blocks that are not as recomputed, under the best recipe. */
  readonly differingBlocks?: number;
  /** Greatest distance of a value from its code, in steps. */
  readonly worstDistance?: number;
  /** Codes that are not the nearest. */
  readonly notNearest?: number;
  /** ‖child − parent‖ / ‖parent‖. */
  readonly relativeError?: number;
  /** Bytes' worth of codes whose scale is zero: they carry no value, and may hold data. */
  readonly freeElements?: number;
}

/** The weakest of the words; `undecided` for none at all: nothing was proven. */
export function weakest(words: readonly Word[]): Word {
  if (words.length === 0) return 'undecided';
  return WORDS[greatest(words.map((word) => WORDS.indexOf(word)))] ?? 'undecided';
}

/** Whether a word is at least as strong as another. */
export function isAtLeast(word: Word, wanted: Word): boolean {
  return WORDS.indexOf(word) <= WORDS.indexOf(wanted);
}

export const STEPS = ['reshard', 'convert', 'cast', 'quantize', 'adapter-merge', 'merge', 'prune'] as const;
export type DeriveStep = (typeof STEPS)[number];
