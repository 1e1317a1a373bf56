import type { Source } from '../base/source.ts';
import { elementsOf } from '../formats/tensors.ts';

/** A view of elements that lie apart: a transposed matrix, every second column, one element repeated. */
export interface View {
  readonly shape: readonly number[];
  /** In elements, not negative. */
  readonly strides: readonly number[];
  /** Bytes of an element. */
  readonly width: number;
  /** Byte where the first element lies. */
  readonly offset: number;
}

/** Output made at a time, and input held at a time: memory does not grow with the tensor. */
const OUT_BYTES = 16 << 20;
const WINDOW_BYTES = 32 << 20;

/** Row-major strides; with `fortran` column-major ones, in elements. */
export function denseStrides(shape: readonly number[], fortran = false): readonly number[] {
  const strides = Array.from<number>({ length: shape.length });
  let step = 1;
  for (let index = 0; index < shape.length; index++) {
    const axis = fortran ? index : shape.length - 1 - index;
    strides[axis] = step;
    step *= shape[axis] ?? 1;
  }
  return strides;
}

/** True if the view's elements lie one after the other. */
export function isDense({ shape, strides }: Pick<View, 'shape' | 'strides'>): boolean {
  const dense = denseStrides(shape);
  return elementsOf(shape) === 0 || shape.every((size, axis) => size === 1 || strides[axis] === dense[axis]);
}

/** First byte and the one after the last that the view touches. */
export function spanOf({ shape, strides, width, offset }: View): { readonly start: number; readonly end: number } {
  if (elementsOf(shape) === 0) return { start: offset, end: offset };
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? 0), 0);
  return { start: offset, end: offset + (last + 1) * width };
}

/**
 * The view's elements in row-major order. A part of the output is filled from one window of the input after the other, so
 * that a transposed matrix of any size takes bounded memory.
 */
export async function* gather(source: Source, view: View): AsyncGenerator<Uint8Array, void> {
  const total = elementsOf(view.shape);
  const step = Math.max(1, Math.floor(OUT_BYTES / view.width));
  for (let first = 0; first < total; first += step) {
    const places = placesOf(view, first, Math.min(step, total - first));
    yield await fill(source, view.width, places);
  }
}

/** Byte offsets of `count` elements from the row-major index `first` on. */
function placesOf({ shape, strides, width, offset }: View, first: number, count: number): Float64Array {
  const index = shape.map(() => 0);
  let [rest, place] = [first, offset];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    index[axis] = rest % size;
    place += (rest % size) * (strides[axis] ?? 0) * width;
    rest = Math.floor(rest / size);
  }
  const places = new Float64Array(count);
  for (let at = 0; at < count; at++) {
    places[at] = place;
    place += advance(index, { shape, strides, width });
  }
  return places;
}

/** Steps to the next index; returns how far the place moves, in bytes. */
function advance(index: number[], { shape, strides, width }: Omit<View, 'offset'>): number {
  let moved = 0;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const stride = (strides[axis] ?? 0) * width;
    const next = (index[axis] ?? 0) + 1;
    if (next < (shape[axis] ?? 1)) {
      index[axis] = next;
      return moved + stride;
    }
    moved -= (next - 1) * stride;
    index[axis] = 0;
  }
  return moved;
}

async function fill(source: Source, width: number, places: Float64Array): Promise<Uint8Array> {
  const out = new Uint8Array(places.length * width);
  let [lowest, highest] = [Infinity, 0];
  for (const place of places) [lowest, highest] = [Math.min(lowest, place), Math.max(highest, place)];
  for (let start = lowest; start <= highest; start += WINDOW_BYTES) {
    const end = Math.min(start + WINDOW_BYTES, highest + width);
    const window = await source.read(start, end - start + width - 1);
    for (let at = 0; at < places.length; at++) {
      const from = (places[at] ?? 0) - start;
      if (from < 0 || from >= WINDOW_BYTES) continue;
      for (let byte = 0; byte < width; byte++) out[at * width + byte] = window[from + byte] ?? 0;
    }
  }
  return out;
}

/** The chunks with each element's bytes turned round; elements may be cut between chunks. */
export async function* swapped(chunks: AsyncIterable<Uint8Array>, width: number): AsyncGenerator<Uint8Array, void> {
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : concat(rest, chunk);
    const whole = bytes.length - (bytes.length % width);
    yield turned(bytes.subarray(0, whole), width);
    rest = bytes.subarray(whole);
  }
}

function turned(bytes: Uint8Array, width: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let at = 0; at < bytes.length; at += width)
    for (let byte = 0; byte < width; byte++) out[at + byte] = bytes[at + width - 1 - byte] ?? 0;
  return out;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
