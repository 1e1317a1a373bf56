import { isHex256 } from '../digest/hex.ts';
import { isJsonObject } from '../base/json.ts';
import { WeighmarkError } from '../base/errors.ts';
import { objectOf } from './provenance.ts';
import { PREDICATES } from './predicates.ts';
import type { Statement } from './types.ts';

/** What a recomputation may show of the weakest tensor, strongest first (docs/weights.md); weaker words prove nothing. */
export const PROVEN_WORDS = ['equal', 'recomputed', 'nearest codes', 'bounded'] as const;
export type ProvenWord = (typeof PROVEN_WORDS)[number];

export interface DerivedFrom {
  readonly name: string;
  /** Hex of the manifest digest. */
  readonly sha256: string;
}

/** A verified derivation: the step was recomputed, by whoever signs it. It says nothing of whether the parents are benign. */
export interface Derivation {
  /** As the recomputation knows it: `quantize`, `convert`, `cast`, `reshard`, … */
  readonly step: string;
  /** Of the weakest tensor. */
  readonly word: ProvenWord;
  /** All whose tensors were needed. */
  readonly parents: readonly DerivedFrom[];
  /** How many tensors have which word. */
  readonly tensors: Readonly<Partial<Record<ProvenWord, number>>>;
  /** What else went in: an importance matrix. */
  readonly materials: readonly DerivedFrom[];
  readonly tool: { readonly name: string; readonly version: string };
  /** Whose changes were recomputed: the converter and its version. */
  readonly source?: string;
}

/** The predicate of `PREDICATES.derivation`: in-toto ResourceDescriptors for what went in. */
export function buildDerivation(of: Derivation): Readonly<Record<string, unknown>> {
  const { step, word, parents, tensors, materials, tool, source } = of;
  return {
    step,
    word,
    parents: parents.map(descriptor),
    tensors,
    ...(materials.length === 0 ? {} : { materials: materials.map(descriptor) }),
    tool,
    ...(source === undefined ? {} : { source }),
  };
}

function descriptor({ name, sha256 }: DerivedFrom): Readonly<Record<string, unknown>> {
  return { name, digest: { sha256 } };
}

/** What of it counts: step, word and parents. */
export type ReadDerivation = Pick<Derivation, 'step' | 'word' | 'parents'>;

/** @throws WeighmarkError `claim-malformed` for another word, or parents that are not pinned. */
export function readDerivationPredicate({ step, word, parents }: Statement['predicate']): ReadDerivation {
  const known = PROVEN_WORDS.find((each) => each === word);
  if (typeof step !== 'string' || known === undefined) throw malformed('without step or word');
  if (!Array.isArray(parents) || parents.length === 0) throw malformed('without parents');
  return { step, word: known, parents: parents.map(readParent) };
}

/** Null for another statement, or one that cannot be read: it proves nothing. */
export function tryDerivation({
  predicateType,
  predicate,
}: Pick<Statement, 'predicateType' | 'predicate'>): ReadDerivation | null {
  if (predicateType !== PREDICATES.derivation) return null;
  try {
    return readDerivationPredicate(predicate);
  } catch {
    return null;
  }
}

function readParent(value: unknown): DerivedFrom {
  const { name, digest } = isJsonObject(value) ? value : {};
  const { sha256 } = objectOf(digest);
  if (!isHex256(sha256)) throw malformed('of a parent without SHA-256');
  return { name: typeof name === 'string' ? name : '', sha256 };
}

function malformed(why: string): WeighmarkError {
  return new WeighmarkError('claim-malformed', `a verified derivation ${why}`);
}

/** Whether a word is at least as strong as another. */
export function isAsStrong(word: ProvenWord, wanted: ProvenWord): boolean {
  return PROVEN_WORDS.indexOf(word) <= PROVEN_WORDS.indexOf(wanted);
}
