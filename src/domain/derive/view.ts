import { Buffer } from 'node:buffer';
import type { Source } from '../base/source.ts';
import { elementsOf } from '../formats/tensors.ts';
import type { Stretch } from '../ports/numbers.ts';

/** Elements `start` to `start + count` of the row-major order; of what lies in a file as it is, also where. */
export interface Reading {
  (start: number, count: number): Promise<Uint8Array>;
  readonly stretch?: Stretch;
}

/** `unit` bytes each from byte `offset` of a source on. */
export function readingOf(source: Source, offset: number, unit: number): Reading {
  const read = (start: number, count: number): Promise<Uint8Array> => source.read(offset + start * unit, count * unit);
  const { descriptor } = source;
  return descriptor === undefined ? read : Object.assign(read, { stretch: { descriptor, offset } });
}

/** A tensor that is read a part at a time, and may be made of others on the way. */
export interface View {
  readonly dtype: string;
  /** Row-major, outermost first. */
  readonly shape: readonly number[];
  /** Bytes of an element. */
  readonly width: number;
  readonly read: Reading;
}

/** Elements that lie in a source one after the other, from byte `offset` on. */
export function viewOf(
  source: Source,
  tensor: { dtype: string; shape: readonly number[]; width: number; offset: number },
): View {
  const { dtype, shape, width, offset } = tensor;
  return { dtype, shape, width, read: readingOf(source, offset, width) };
}

/** The same elements under another shape. */
export function reshaped(view: View, shape: readonly number[]): View {
  return { ...view, shape };
}

/** Columns of a row: all dimensions but the first. */
function rowLength({ shape }: View): number {
  return elementsOf(shape.slice(1));
}

/** Rows read at once though only some are wanted: what lies between costs less than a call each. */
const SPREAD = 8;

/**
 * Rows in another order, or fewer: row `r` is the source's row `row(r)`.
 * @param shape of the result; its rows are as long as the source's.
 */
export function rowsOf(view: View, shape: readonly number[], row: (index: number) => number): View {
  const columns = rowLength(view);
  const bytes = columns * view.width;
  const readRows = async (first: number, last: number): Promise<Uint8Array> => {
    const wanted = Array.from({ length: last - first }, (_, index) => row(first + index));
    const low = wanted.reduce((least, each) => Math.min(least, each), Infinity);
    const high = wanted.reduce((most, each) => Math.max(most, each), 0) + 1;
    const out = Buffer.alloc(wanted.length * bytes);
    const near = high - low <= SPREAD * wanted.length ? await view.read(low * columns, (high - low) * columns) : null;
    for (const [index, each] of wanted.entries()) {
      const start = (each - low) * bytes;
      out.set(near?.subarray(start, start + bytes) ?? (await view.read(each * columns, columns)), index * bytes);
    }
    return out;
  };
  return { ...view, shape, read: (start, count) => cutRows(readRows, { columns, width: view.width }, start, count) };
}

/** Elements of rows that may be cut at both ends. */
async function cutRows(
  readRows: (first: number, last: number) => Promise<Uint8Array>,
  { columns, width }: { columns: number; width: number },
  start: number,
  count: number,
): Promise<Uint8Array> {
  const first = Math.floor(start / columns);
  const bytes = await readRows(first, Math.ceil((start + count) / columns));
  const from = (start - first * columns) * width;
  return bytes.subarray(from, from + count * width);
}

/** With rows of zeros behind, up to as many as `rows`. */
export function lengthened(view: View, rows: number): View {
  const own = elementsOf(view.shape);
  const read = async (start: number, count: number): Promise<Uint8Array> => {
    const out = Buffer.alloc(count * view.width);
    const held = Math.max(0, Math.min(count, own - start));
    if (held > 0) out.set(await view.read(start, held));
    return out;
  };
  return { ...view, shape: [rows, ...view.shape.slice(1)], read };
}

/** Views of one shape on a new first axis. */
export function stacked(views: readonly View[]): View {
  const [first] = views;
  if (first === undefined) throw new Error('nothing to stack');
  const each = elementsOf(first.shape);
  const read = async (start: number, count: number): Promise<Uint8Array> => {
    const parts: Uint8Array[] = [];
    for (let at = start; at < start + count;) {
      const index = Math.floor(at / each);
      const part = Math.min(start + count, (index + 1) * each) - at;
      const view = views[index];
      if (view !== undefined) parts.push(await view.read(at - index * each, part));
      at += part;
    }
    return parts.length === 1 ? (parts[0] ?? new Uint8Array(0)) : Buffer.concat(parts);
  };
  return { ...first, shape: [views.length, ...first.shape], read };
}

/** Of a matrix that is read transposed, held at a time: all of it, or some of its columns. */
const TRANSPOSED_BYTES = 64 << 20;

export function transposed(view: View): View {
  const [rows = 1, columns = 1] = view.shape;
  const { width } = view;
  const wide = Math.max(1, Math.min(columns, Math.floor(TRANSPOSED_BYTES / (rows * width))));
  let held: { readonly first: number; readonly bytes: Promise<Uint8Array> } | undefined;
  const bandOf = async (column: number): Promise<{ bytes: Uint8Array; first: number; wide: number }> => {
    const first = column - (column % wide);
    const most = Math.min(wide, columns - first);
    if (held?.first !== first) held = { first, bytes: columnsOf(view, first, most) };
    return { bytes: await held.bytes, first, wide: most };
  };
  const read = async (start: number, count: number): Promise<Uint8Array> => {
    const out = new Uint8Array(count * width);
    for (let at = 0; at < count;) {
      const [column, row] = [Math.floor((start + at) / rows), (start + at) % rows];
      const band = await bandOf(column);
      const end = Math.min(count, at + rows - row);
      for (let index = at; index < end; index++) {
        const from = ((row + index - at) * band.wide + column - band.first) * width;
        for (let byte = 0; byte < width; byte++) out[index * width + byte] = band.bytes[from + byte] ?? 0;
      }
      at = end;
    }
    // Views are kept as long as their plan: the matrix is let go once it was read to its end.
    if (start + count === rows * columns) held = undefined;
    return out;
  };
  return { ...view, shape: [columns, rows], read };
}

/** Some columns of a matrix, row by row. */
async function columnsOf(
  { shape: [rows = 1, columns = 1], width, read }: View,
  first: number,
  count: number,
): Promise<Uint8Array> {
  if (count === columns) return read(0, rows * columns);
  const out = new Uint8Array(rows * count * width);
  for (let row = 0; row < rows; row++) out.set(await read(row * columns + first, count), row * count * width);
  return out;
}

/** Elements changed one by one, as F32 where `dtype` says so. */
export function mapped(view: View, dtype: string, width: number, change: (bytes: Uint8Array) => Uint8Array): View {
  return { ...view, dtype, width, read: async (start, count) => change(await view.read(start, count)) };
}
