import type { Sample } from './sample.ts';
import { sampledRows } from './sample.ts';
import { withoutMeans } from './likeness.ts';

/** Wrappers that training code puts before names. */
const WRAPPERS = /^(?:module|_orig_mod|base_model\.model|model|transformer|backbone|bert|roberta|language_model)\./;

/** A tensor's name without what frameworks put before and into it. */
export function plainName(name: string): string {
  let plain = name.replaceAll('.base_layer.', '.');
  for (let before = ''; before !== plain;) [before, plain] = [plain, plain.replace(WRAPPERS, '')];
  return plain;
}

/** Each of the model's names with the base's of the same tensor: as it is, else without wrappers where that names one tensor. */
export function byName(own: Iterable<string>, base: readonly string[]): ReadonlyMap<string, string> {
  const exact = new Set(base);
  const plain = new Map<string, string | null>();
  for (const name of base) plain.set(plainName(name), plain.has(plainName(name)) ? null : name);
  const found = new Map<string, string>();
  for (const name of own) {
    const other = exact.has(name) ? name : plain.get(plainName(name));
    if (other !== undefined && other !== null) found.set(name, other);
  }
  return found;
}

/** Layer a tensor belongs to: the first number of its name. */
export function layerOf(name: string): number | null {
  const [, digits] = /\.(\d{1,5})\./.exec(name) ?? [];
  return digits === undefined ? null : Number(digits);
}

const MARKS = 2048;

/** A few numbers of a tensor, of length 1: the product of two is their correlation. Null for what is constant. */
export function markOf(values: Float32Array, sample: Sample): Float32Array | null {
  const centred = withoutMeans(values, sampledRows(sample), sample.used);
  const step = Math.max(1, Math.floor(centred.length / MARKS)) | 1;
  const mark = new Float32Array(Math.min(MARKS, Math.ceil(centred.length / step)));
  let square = 0;
  for (let at = 0; at < mark.length; at++) {
    const value = centred[at * step] ?? 0;
    mark[at] = value;
    square += value * value;
  }
  if (!(square > 0) || !Number.isFinite(square)) return null;
  return mark.map((value) => value / Math.sqrt(square));
}

export interface Marked {
  readonly name: string;
  readonly mark: Float32Array;
}

/** Correlation and number of deviations from which two tensors are taken for one by their content alone. */
export const ALIKE = 0.2;
export const DEVIATIONS = 8;

/**
 * Tensors of one shape that go by other names, or stand in another layer: for each the one of the base that it is most like, if
 * it is like any. One of the base may stand for several, as where layers are repeated.
 */
export function byContent(own: readonly Marked[], base: readonly Marked[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, mark } of own) {
    let [best, likeliest] = [Math.max(ALIKE, DEVIATIONS / Math.sqrt(mark.length)), ''];
    for (const other of base) {
      const correlation = dot(mark, other.mark);
      if (correlation > best) [best, likeliest] = [correlation, other.name];
    }
    if (likeliest !== '') found.set(name, likeliest);
  }
  return found;
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < a.length; at++) sum += (a[at] ?? 0) * (b[at] ?? 0);
  return sum;
}
