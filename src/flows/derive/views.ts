import type { Source } from '../../domain/base/source.ts';
import { readingOf, viewOf, type View } from '../../domain/derive/view.ts';
import { streamSource } from '../../domain/formats/index.ts';
import { GGML_TYPES } from '../../domain/formats/ggml.ts';
import type { FloatType, WeightNumbers } from '../../domain/ports/numbers.ts';
import { elementBytes } from '../../domain/weights/dtypes.ts';
import type { WeightTensor } from '../../domain/weights/types.ts';
import { childView, KNOWN } from './compare.ts';
import type { Opened } from './side.ts';

const nothing = async (): Promise<Uint8Array> => new Uint8Array(0);

/** A parent's tensor by elements; a quantised one by blocks. */
export function parentView(tensor: WeightTensor, source: Source): View {
  const { dtype, shape } = tensor;
  // Codes and what belongs to them, which are compared as a whole.
  if (tensor.quantized !== undefined)
    return { dtype, shape, width: 1, read: readingOf(heldIn(tensor, source).held, 0, 1) };
  const width = elementBytes(dtype);
  const { held, offset } = heldIn(tensor, source);
  if (Number.isNaN(width)) {
    const { blockBytes } = childView(dtype, shape, 1, () => nothing);
    return { dtype, shape, width: blockBytes, read: readingOf(held, offset, blockBytes) };
  }
  return viewOf(held, { dtype, shape, width, offset });
}

/** A parent's tensors by their names. */
export function viewsOf({ tensors }: Pick<Opened, 'tensors'>): ReadonlyMap<string, View> {
  return new Map(tensors.map(({ tensor, source }) => [tensor.name, parentView(tensor, source)]));
}

/** Where a tensor's elements are read from, and where they begin there. */
function heldIn({ elements, sizeBytes }: WeightTensor, source: Source): { held: Source; offset: number } {
  if (elements.kind === 'stretch') return { held: source, offset: elements.offset };
  return { held: streamSource(sizeBytes, () => elements.open(source)), offset: 0 };
}

export function viewOfChild(tensor: WeightTensor, source: Source) {
  const { dtype, shape } = tensor;
  const { held, offset } = heldIn(tensor, source);
  const width = elementBytes(dtype);
  if (tensor.quantized !== undefined)
    return childView(dtype, [tensor.sizeBytes], 1, (unit) => readingOf(held, offset, unit));
  return childView(dtype, shape, Number.isNaN(width) ? 1 : width, (unit) => readingOf(held, offset, unit));
}

/** A tensor's elements as F32, whatever they are kept as. */
export interface Floats {
  readonly shape: readonly number[];
  /** Digits that its type keeps after the leading one; absent for quantised types. */
  readonly digits?: number;
  /** Of quantised types whole blocks. */
  read(start: number, count: number): Promise<Float32Array>;
}

const DIGITS: Readonly<Record<string, number>> = { F64: 52, F32: 23, F16: 10, BF16: 7, F8_E4M3: 3, F8_E5M2: 2 };
const KINDS = new Map(
  Object.entries(GGML_TYPES).map(([kind, { name, block }]) => [`GGUF_${name}`, { kind: Number(kind), block }]),
);

/** Elements of a block; 1 for types that have none. */
export function blockOf(dtype: string): number {
  return KINDS.get(dtype)?.block ?? 1;
}

/** Null for a type whose numbers nobody here knows. */
export function floatsOf(view: View, numbers: Pick<WeightNumbers, 'convert' | 'dequantize'>): Floats | null {
  const { dtype, shape } = view;
  const digits = DIGITS[dtype];
  const kept = digits === undefined ? {} : { digits };
  if (dtype === 'F32' || dtype === 'F16' || dtype === 'BF16')
    return { shape, ...kept, read: async (start, count) => widened(dtype, await view.read(start, count), numbers) };
  const element = ELEMENTS[dtype];
  if (element !== undefined)
    return { shape, ...kept, read: async (start, count) => each(element, await view.read(start, count), count) };
  const quantised = KINDS.get(dtype);
  if (quantised === undefined || !KNOWN.has(quantised.kind)) return null;
  const { kind, block } = quantised;
  return {
    shape,
    read: async (start, count) => {
      const bytes = await view.read(start / block, count / block);
      return numbers.dequantize(kind, bytes, count) ?? new Float32Array(count);
    },
  };
}

function widened(dtype: FloatType, bytes: Uint8Array, { convert }: Pick<WeightNumbers, 'convert'>): Float32Array {
  const wide = dtype === 'F32' ? Uint8Array.from(bytes) : convert(dtype, 'F32', bytes);
  return new Float32Array(wide.buffer, wide.byteOffset, wide.length / 4);
}

type Element = (bytes: DataView, index: number) => number;

/** Plain types beside those that quantisers start from. A scale beside them is a common factor: likeness does not ask for it. */
const ELEMENTS: Readonly<Record<string, Element>> = {
  F64: (bytes, index) => bytes.getFloat64(index * 8, true),
  I8: (bytes, index) => bytes.getInt8(index),
  F8_E4M3: (bytes, index) => fromEighth(bytes.getUint8(index), { exponent: 4, mantissa: 3 }),
  F8_E8M0: (bytes, index) => 2 ** (bytes.getUint8(index) - 127),
  F8_E5M2: (bytes, index) => fromEighth(bytes.getUint8(index), { exponent: 5, mantissa: 2 }),
};

function each(element: Element, bytes: Uint8Array, count: number): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: count }, (_, index) => element(view, index));
}

/** Finite values of an 8-bit float; what is none counts as 0. */
function fromEighth(byte: number, { exponent, mantissa }: { exponent: number; mantissa: number }): number {
  const [power, fraction] = [(byte >> mantissa) & (2 ** exponent - 1), byte & (2 ** mantissa - 1)];
  const bias = 2 ** (exponent - 1) - 1;
  const special = exponent === 5 ? power === 31 : (byte & 0x7f) === 0x7f;
  const size =
    power === 0 ? fraction * 2 ** (1 - bias - mantissa) : (1 + fraction / 2 ** mantissa) * 2 ** (power - bias);
  return special ? 0 : (byte & 0x80 ? -1 : 1) * size;
}
