import { least } from '../../domain/base/lists.ts';
import { Buffer } from 'node:buffer';
import { isAlike, type KinTensor } from '../../domain/derive/kin.ts';
import { likenessOf, type Likeness } from '../../domain/derive/likeness.ts';
import { sampledRows, sampleOf, type Sample } from '../../domain/derive/sample.ts';
import type { View } from '../../domain/derive/view.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import type { WeightNumbers } from '../../domain/ports/numbers.ts';
import { blockOf, floatsOf, type Floats } from './views.ts';

/** One tensor of the model with what should be the base's. */
export interface Pair {
  readonly name: string;
  readonly own: View;
  readonly base?: { readonly name: string; readonly view: View };
}

/** Columns beyond which rows are read one by one, and only their beginning. */
const WIDE = 8;
/** Starts and lengths of partial rows are multiples of every block. */
const BLOCK = 256;

/** The sampled rows and columns as F32. */
export async function looked({ read }: Floats, { columns, used, bands }: Sample): Promise<Float32Array> {
  const rows = bands.reduce((sum, band) => sum + band.rows, 0);
  const out = new Float32Array(rows * used);
  let row = 0;
  for (const band of bands) {
    const apart = columns > WIDE * used;
    const wide = apart ? Math.min(columns, Math.ceil(used / BLOCK) * BLOCK) : columns;
    const together = apart ? null : await read(band.first * columns, band.rows * columns);
    for (let at = 0; at < band.rows; at++, row++) {
      const values = together?.subarray(at * columns) ?? (await read((band.first + at) * columns, wide));
      out.set(values.subarray(0, used), row * used);
    }
  }
  return out;
}

/** What a pair is, by what was looked at; equal only where every byte was compared. */
export async function comparePair({ name, own, base }: Pair, numbers: WeightNumbers): Promise<KinTensor> {
  const elements = elementsOf(own.shape);
  const telling = least(own.shape.slice(-2)) > 1 && own.shape.length > 1;
  const unmatched: KinTensor = { name, word: 'unmatched', elements, telling };
  if (base === undefined) return unmatched;
  const likeness = await likenessBetween(own, base.view, numbers);
  // Positions and masks are no weights: equal, they tell nothing; two models of one configuration share them.
  if (likeness === null)
    return (await sameWhole(own, base.view))
      ? { name, elements, base: base.name, telling: false, word: 'equal' }
      : unmatched;
  const { correlation, change, rank, mostRank } = likeness;
  const found: Omit<KinTensor, 'word'> = { name, elements, base: base.name, telling: likeness.telling };
  const figures = {
    ...(likeness.telling ? { correlation } : {}),
    change,
    ...(rank === undefined || mostRank === undefined ? {} : { rank, mostRank }),
  };
  if (likeness.same && (await sameWhole(own, base.view))) return { ...found, ...figures, word: 'equal' };
  if (!likeness.telling) return { ...found, ...figures, word: 'silent' };
  return { ...found, ...figures, word: isAlike(likeness) ? 'alike' : 'other' };
}

async function likenessBetween(a: View, b: View, numbers: WeightNumbers): Promise<Likeness | null> {
  const sample = sampleOf(withoutOnes(a.shape), withoutOnes(b.shape));
  const [own, other] = [floatsOf(a, numbers), floatsOf(b, numbers)];
  if (sample === null || own === null || other === null) return null;
  const digits = Math.min(own.digits ?? 0, other.digits ?? 0);
  return likenessOf({
    rows: sampledRows(sample),
    columns: sample.used,
    own: await looked(own, sample),
    other: await looked(other, sample),
    ...(digits === 0 ? {} : { digits }),
  });
}

/** GGUF writers drop dimensions of 1; a kernel of one place is a matrix. */
export function withoutOnes(shape: readonly number[]): readonly number[] {
  const kept = shape.filter((size) => size !== 1);
  return kept.length === 0 ? [1] : kept;
}

const CHUNK = 1 << 20;

async function sameWhole(a: View, b: View): Promise<boolean> {
  const count = elementsOf(a.shape);
  if (a.dtype !== b.dtype || a.width !== b.width || withoutOnes(a.shape).join() !== withoutOnes(b.shape).join())
    return false;
  // Views of quantised types count blocks.
  const parts = Math.ceil(count / blockOf(a.dtype));
  const step = Math.max(1, Math.floor(CHUNK / a.width));
  for (let at = 0; at < parts; at += step) {
    const length = Math.min(step, parts - at);
    const [own, other] = [await a.read(at, length), await b.read(at, length)];
    if (Buffer.compare(own, other) !== 0) return false;
  }
  return true;
}
