import { elementsOf } from '../../formats/tensors.ts';
import type { TensorInfo } from '../../formats/types.ts';
import type { Source } from '../../base/source.ts';
import { decoderOf, type Decoder } from './decode.ts';
import { effectiveRank } from './rank.ts';

/** A tensor whose elements lie in one stretch of a source. */
export interface PlacedTensor extends Required<Pick<TensorInfo, 'name' | 'dtype' | 'shape' | 'offset' | 'length'>> {
  readonly source: Source;
}

/** Where the change is: everywhere, in few directions (an adapter merged in), in few rows (tokens), or in a spot. */
export type ChangePattern = 'dense' | 'low-rank' | 'few-rows' | 'spot' | 'sparse';

/** How much a tensor changed; magnitudes are in the tensor's own unit. */
export interface TensorChange {
  readonly elements: number;
  readonly changedElements: number;
  readonly maxAbs: number;
  readonly meanAbs: number;
  /** ‖b − a‖ / ‖a‖; null if a is all zero. */
  readonly relative: number | null;
  /** Cosine of the angle between a and b; null if one is all zero. */
  readonly cosine: number | null;
  /** Of a tensor with two dimensions or more: slices along the first that changed. */
  readonly changedRows?: number;
  readonly rows?: number;
  readonly pattern: ChangePattern;
  /** Directions that hold 95 % of the change, where the pattern is `low-rank`. */
  readonly rank?: number;
}

const CHUNK = 1 << 18;
const SAMPLE = 96;
const LOW_RANK = 24;

interface Pass {
  readonly rows: number;
  readonly columns: number;
  readonly rowChanged: Uint8Array;
  readonly sample: Sample | null;
  elements: number;
  changed: number;
  maxAbs: number;
  sumAbs: number;
  sumSquares: number;
  dot: number;
  normA: number;
  normB: number;
}

interface Sample {
  readonly rowStep: number;
  readonly columnStep: number;
  readonly columns: Float64Array[];
}

/**
 * Compares two tensors of one shape element by element in one pass; memory does not grow with them.
 * @returns null if they are equal; `'bytes'` if they differ and no number does: of a type without numbers, where shape and length
 * contradict each other, or in the sign of a zero or what a NaN carries alone.
 */
export async function compareTensors(a: PlacedTensor, b: PlacedTensor): Promise<TensorChange | 'bytes' | null> {
  const [left, right] = [decoderOf(a.dtype), decoderOf(b.dtype)];
  const elements = elementsOf(a.shape);
  const measured =
    left !== null && right !== null && a.length === elements * left.width && b.length === elements * right.width;
  if (!measured) return (await sameBytes(a, b)) ? null : 'bytes';
  const pass = startPass(a.shape);
  let bits = true;
  for (let start = 0; start < pass.elements; start += CHUNK) {
    const count = Math.min(CHUNK, pass.elements - start);
    const [x, y] = [await readChunk(a, left, { start, count }), await readChunk(b, right, { start, count })];
    if (a.dtype === b.dtype && Buffer.compare(x.bytes, y.bytes) === 0) addEqual(pass, x.values());
    else {
      bits = false;
      addChunk(pass, start, x.values(), y.values());
    }
  }
  if (pass.changed > 0) return finish(pass);
  return bits || a.dtype !== b.dtype ? null : 'bytes';
}

async function sameBytes(a: PlacedTensor, b: PlacedTensor): Promise<boolean> {
  if (a.length !== b.length || a.dtype !== b.dtype) return false;
  for (let at = 0; at < a.length; at += CHUNK) {
    const length = Math.min(CHUNK, a.length - at);
    if (Buffer.compare(await a.source.read(a.offset + at, length), await b.source.read(b.offset + at, length)) !== 0)
      return false;
  }
  return true;
}

async function readChunk(
  tensor: PlacedTensor,
  decoder: Decoder,
  { start, count }: { start: number; count: number },
): Promise<{ bytes: Uint8Array; values: () => Float64Array }> {
  const bytes = await tensor.source.read(tensor.offset + start * decoder.width, count * decoder.width);
  return { bytes, values: () => decoder.decode(bytes) };
}

function startPass(shape: readonly number[]): Pass {
  const elements = elementsOf(shape);
  const rows = shape.length >= 2 ? (shape[0] ?? 1) : 1;
  const columns = rows === 0 ? 0 : elements / rows;
  const wide = rows >= 2 * LOW_RANK && columns >= 2 * LOW_RANK;
  return {
    rows,
    columns,
    elements,
    rowChanged: new Uint8Array(Math.min(rows, 1 << 26)),
    sample: wide ? sampleOf(rows, columns) : null,
    changed: 0,
    maxAbs: 0,
    sumAbs: 0,
    sumSquares: 0,
    dot: 0,
    normA: 0,
    normB: 0,
  };
}

function sampleOf(rows: number, columns: number): Sample {
  const [height, width] = [Math.min(SAMPLE, rows), Math.min(SAMPLE, columns)];
  return {
    rowStep: Math.floor(rows / height),
    columnStep: Math.floor(columns / width),
    columns: Array.from({ length: width }, () => new Float64Array(height)),
  };
}

function addEqual(pass: Pass, values: Float64Array): void {
  let sum = 0;
  for (const value of values) if (Number.isFinite(value)) sum += value * value;
  pass.normA += sum;
  pass.normB += sum;
  pass.dot += sum;
}

function addChunk(pass: Pass, start: number, a: Float64Array, b: Float64Array): void {
  for (let index = 0; index < a.length; index++) {
    const [x, y] = [a[index] ?? 0, b[index] ?? 0];
    const finite = Number.isFinite(x) && Number.isFinite(y);
    if (finite) {
      pass.dot += x * y;
      pass.normA += x * x;
      pass.normB += y * y;
    }
    if (x !== y && !(Number.isNaN(x) && Number.isNaN(y)))
      addChange(pass, start + index, finite ? y - x : Number.POSITIVE_INFINITY);
  }
}

function addChange(pass: Pass, index: number, delta: number): void {
  const size = Math.abs(delta);
  pass.changed += 1;
  pass.maxAbs = Math.max(pass.maxAbs, size);
  pass.sumAbs += size;
  pass.sumSquares += delta * delta;
  const row = Math.floor(index / pass.columns);
  if (row < pass.rowChanged.length) pass.rowChanged[row] = 1;
  if (pass.sample !== null && Number.isFinite(delta))
    addSample(pass.sample, row, { column: index - row * pass.columns, delta });
}

function addSample(
  { rowStep, columnStep, columns }: Sample,
  row: number,
  { column, delta }: { column: number; delta: number },
): void {
  if (row % rowStep !== 0 || column % columnStep !== 0) return;
  const target = columns[column / columnStep];
  if (target !== undefined && row / rowStep < target.length) target[row / rowStep] = delta;
}

function finish(pass: Pass): TensorChange {
  const changedRows = pass.rowChanged.reduce((sum, flag) => sum + flag, 0);
  const rank =
    pass.sample === null || pass.changed < pass.elements / 10 ? undefined : effectiveRank(pass.sample.columns);
  const lowRank = rank !== undefined && rank > 0 && rank <= Math.min(LOW_RANK, (pass.sample?.columns.length ?? 0) / 4);
  const angle = Math.sqrt(pass.normA * pass.normB);
  return {
    elements: pass.elements,
    changedElements: pass.changed,
    maxAbs: pass.maxAbs,
    meanAbs: pass.sumAbs / pass.elements,
    relative: pass.normA === 0 ? null : Math.sqrt(pass.sumSquares / pass.normA),
    cosine: angle === 0 ? null : Math.min(1, Math.max(-1, pass.dot / angle)),
    ...(pass.rows > 1 ? { changedRows, rows: pass.rows } : {}),
    pattern: patternOf(pass, changedRows, lowRank),
    ...(lowRank ? { rank } : {}),
  };
}

function patternOf({ elements, changed, rows, columns }: Pass, changedRows: number, lowRank: boolean): ChangePattern {
  const fewRows = rows >= 32 && changedRows <= Math.max(4, rows / 100);
  if (fewRows && changed >= (changedRows * columns) / 2) return 'few-rows';
  if (elements >= 1024 && changed <= Math.max(16, elements / 1000)) return 'spot';
  if (fewRows) return 'few-rows';
  if (lowRank) return 'low-rank';
  return changed <= elements / 10 ? 'sparse' : 'dense';
}
