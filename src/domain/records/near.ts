import { normaliseText } from './projection.ts';
import { fieldsOf, toJson } from './decode.ts';

/**
 * How resemblance is estimated, by its version: MinHash (Broder 1997) of all texts of a record under `weighmark-text/1`, by 128
 * hashes over pairs of neighbouring words, candidates by 32 bands of 4. It is a sign for people and never a refusal.
 */
export const NEAR = 'weighmark-near/1';

const HASHES = 128;
const BANDS = 32;
const ROWS = HASHES / BANDS;
/** Estimates of the share of pairs in common (Jaccard) that are told: one word of twenty is another. */
export const ALIKE = 0.7;
/** Scripts without spaces: each letter counts as a word. */
const WORD = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]|[^\s\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]+/gu;

const SEEDS = Uint32Array.from({ length: HASHES }, (_, at) => mixed(Math.imul(at + 1, 0x9e3779b9)));

/** The last steps of MurmurHash3, which spread 32 bits. */
function mixed(word: number): number {
  let hash = word ^ (word >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** FNV-1a over UTF-16 code units. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}

/** The MinHash of a record by its columns (null: all); null for one without words in them. */
export function signatureOf(encoding: Uint8Array, columns: readonly string[] | null): Uint32Array | null {
  const fields = fieldsOf(encoding);
  const names = columns ?? [...fields.keys()];
  const texts = names.flatMap((name) => textsIn(toJson(fields.get(name))));
  const words = normaliseText(texts.join(' ')).match(WORD);
  if (words === null) return null;
  const signature = new Uint32Array(HASHES).fill(0xffffffff);
  // A word alone is as good as a pair.
  for (let next = Math.min(1, words.length - 1); next < words.length; next += 1) {
    const hash = hashOf(`${words[next - 1] ?? ''} ${words[next]}`);
    for (let at = 0; at < HASHES; at += 1) {
      const value = mixed(hash ^ (SEEDS[at] as number));
      if (value < (signature[at] as number)) signature[at] = value;
    }
  }
  return signature;
}

function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : [];
}

/** Estimated share of word pairs that two records have in common. */
export function resemblance(a: Uint32Array, b: Uint32Array): number {
  let equal = 0;
  for (let at = 0; at < HASHES; at += 1) if (a[at] === b[at]) equal += 1;
  return equal / HASHES;
}

/** Candidates that one record is held against: those that are many are alike among themselves. */
const CANDIDATES = 64;

export interface Resembling {
  readonly position: number;
  readonly estimate: number;
}

/** Records by their bands. */
export class NearIndex {
  private readonly bands = Array.from({ length: BANDS }, () => new Map<number, number[]>());
  private readonly kept: { readonly position: number; readonly signature: Uint32Array }[] = [];

  get size(): number {
    return this.kept.length;
  }

  add(position: number, signature: Uint32Array): void {
    const at = this.kept.push({ position, signature }) - 1;
    this.bands.forEach((band, index) => {
      const key = bandOf(signature, index);
      const others = band.get(key);
      if (others === undefined) band.set(key, [at]);
      else if (others.length < CANDIDATES) others.push(at);
    });
  }

  /** The one that resembles most, the first of several; null if none does. */
  nearest(signature: Uint32Array): Resembling | null {
    const candidates = new Set(this.bands.flatMap((band, index) => band.get(bandOf(signature, index)) ?? []));
    let best: Resembling | null = null;
    for (const at of candidates) {
      const { position, signature: other } = this.kept[at] as (typeof this.kept)[number];
      const estimate = resemblance(signature, other);
      if (estimate < ALIKE || estimate < (best?.estimate ?? 0)) continue;
      if (best === null || estimate > best.estimate || position < best.position) best = { position, estimate };
    }
    return best;
  }
}

function bandOf(signature: Uint32Array, index: number): number {
  let key = 0;
  for (let at = ROWS * index; at < ROWS * (index + 1); at += 1) key = mixed(key ^ (signature[at] as number));
  return key;
}
