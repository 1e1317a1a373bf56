import type { GroupNumbers } from '../../domain/derive/affine.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import type { AffineWeight, Bits } from './affine-parts.ts';
import type { ComparePorts } from './compare.ts';
import type { OpenTensor } from './side.ts';
import { floatsOf, parentView } from './views.ts';

/** Elements of a block that its codes say themselves (MatMulNBits); null where the shape of the scales tells. */
export function blockOf({ packing, bits = 8, codes }: AffineWeight): number | null {
  return packing === 'columns' ? ((codes.tensor.shape[2] ?? 0) * 8) / bits : null;
}

/** One byte a code, of elements in the order of the codes, in rows of `columns`. */
export async function codesOf(weight: AffineWeight, columns: number, at: number, count: number): Promise<Uint8Array> {
  const { codes, bits, packing, kind } = weight;
  if (bits === undefined || packing === undefined) return parentView(codes.tensor, codes.source).read(at, count);
  if (packing === 'columns') return byColumns(weight, columns, at, count);
  const [first, end] = [Math.floor((at * bits) / 8), Math.ceil(((at + count) * bits) / 8)];
  const bytes = await bytesOf(codes, first, end - first);
  return unpacked(bytes, {
    bits,
    from: at - (first * 8) / bits,
    count,
    shift: packing === 'words',
    signed: kind === 'signed',
  });
}

/** Bytes of what has elements below one. */
async function bytesOf({ tensor, source }: OpenTensor, at: number, count: number): Promise<Uint8Array> {
  return parentView({ ...tensor, dtype: 'U8', shape: [tensor.sizeBytes] }, source).read(at, count);
}

/** Bytes that the codes of one row take, with those that fill up its last block. */
function strideOf({ codes }: AffineWeight): number {
  const [, blocks = 0, bytes = 0] = codes.tensor.shape;
  return blocks * bytes;
}

async function byColumns(weight: AffineWeight, columns: number, at: number, count: number): Promise<Uint8Array> {
  const { codes, bits = 8 } = weight;
  const stride = strideOf(weight);
  const [first, end] = [Math.floor(at / columns), Math.ceil((at + count) / columns)];
  const bytes = await bytesOf(codes, first * stride, (end - first) * stride);
  const out = new Uint8Array(count);
  for (let row = first; row < end; row++) {
    const [from, to] = [Math.max(at, row * columns), Math.min(at + count, (row + 1) * columns)];
    const own = bytes.subarray((row - first) * stride, (row - first + 1) * stride);
    const how = { bits, from: from - row * columns, count: to - from, shift: false, signed: false };
    out.set(unpacked(own, how), from - at);
  }
  return out;
}

/** @param shift of codes that are kept above zero: the middle stands for zero. */
function unpacked(
  bytes: Uint8Array,
  { bits, from, count, shift, signed }: { bits: Bits; from: number; count: number; shift: boolean; signed: boolean },
): Uint8Array {
  const out = new Int8Array(count);
  const [mask, half] = [2 ** bits - 1, 2 ** (bits - 1)];
  for (let index = 0; index < count; index++) {
    const place = (from + index) * bits;
    const code = ((bytes[place >> 3] ?? 0) >> (place & 7)) & mask;
    out[index] = shift ? code - half : signed && code >= half ? code - 2 * half : code;
  }
  return new Uint8Array(out.buffer);
}

export type Numbers = Pick<GroupNumbers, 'scales' | 'zeros' | 'symmetric'>;

const MOST_SCALES = 1 << 24;

/** The scales, and a zero point for each; or why they cannot be read. */
export async function numbersOf(weight: AffineWeight, ports: ComparePorts): Promise<Numbers | string> {
  const { scale, zero, shape, bits, name, packing, kind } = weight;
  const groups = elementsOf(scale.tensor.shape);
  if (groups > MOST_SCALES) return `${name} has more scales than are examined`;
  const block = blockOf(weight);
  const [outputs = 0, blocks = 0] = weight.codes.tensor.shape;
  if (block !== null && groups !== outputs * blocks) return 'its scales are not one a block';
  const floats = floatsOf(parentView(scale.tensor, scale.source), ports.numbers);
  if (floats === null) return 'its scales cannot be read';
  const scales = await floats.read(0, groups);
  if (shape !== undefined && elementsOf(shape.tensor.shape) > 16) return 'its shape cannot be read';
  const middle = packing !== undefined && packing !== 'words' && kind === 'unsigned' ? 2 ** ((bits ?? 8) - 1) : 0;
  if (zero === undefined) return { scales, zeros: new Float32Array(groups).fill(middle), symmetric: true };
  const zeros =
    block === null ? await zerosOf(zero, scale.tensor.shape, weight) : await columnZeros(zero, weight, ports);
  if (zeros === null) return 'its zero points cannot be read';
  return { scales, zeros, symmetric: zeros.every((each) => each === 0) };
}

/** One a scale; packed ones lie in bytes, or in words of eight (or four) rows. */
async function zerosOf(
  zero: OpenTensor,
  shape: readonly number[],
  { bits, packing, kind }: AffineWeight,
): Promise<Float32Array | null> {
  const groups = elementsOf(shape);
  const { dtype, sizeBytes } = zero.tensor;
  if (sizeBytes > MOST_SCALES * 8) return null;
  const bytes = await bytesOf(zero, 0, sizeBytes);
  // TFLite keeps them where there are none.
  if (dtype === 'I64') return bytes.every((byte) => byte === 0) ? new Float32Array(groups) : null;
  if (dtype === 'I8' || dtype === 'U8') {
    if (bytes.length !== groups) return null;
    return Float32Array.from(dtype === 'I8' ? new Int8Array(bytes.buffer, bytes.byteOffset, groups) : bytes);
  }
  if (bits === undefined) return null;
  if (packing === 'bytes') {
    if (!/^[IU][24]$/.test(dtype) || bytes.length !== Math.ceil((groups * bits) / 8)) return null;
    const codes = unpacked(bytes, { bits, from: 0, count: groups, shift: false, signed: kind === 'signed' });
    return Float32Array.from(kind === 'signed' ? new Int8Array(codes.buffer) : codes);
  }
  const [rows = 1, columns = 1] = shape;
  if (dtype !== 'I32' || shape.length !== 2) return null;
  const each = 32 / bits;
  if (bytes.length !== Math.ceil(rows / each) * columns * 4) return null;
  return Float32Array.from({ length: groups }, (_, group) => {
    const [row, column] = [Math.floor(group / columns), group % columns];
    const byte = bytes[(Math.floor(row / each) * columns + column) * 4 + (((row % each) * bits) >> 3)] ?? 0;
    return bits === 8 ? byte - 128 : ((byte >> (row % 2 === 0 ? 0 : 4)) & 15) - 8;
  });
}

/** A row of them each: packed as the codes are, or numbers (HQQ). */
async function columnZeros(
  zero: OpenTensor,
  { bits = 8, codes, scale }: AffineWeight,
  ports: ComparePorts,
): Promise<Float32Array | null> {
  const [rows = 0, blocks = 0] = codes.tensor.shape;
  const groups = rows * blocks;
  if (zero.tensor.dtype !== 'U8') {
    const floats =
      elementsOf(zero.tensor.shape) === groups ? floatsOf(parentView(zero.tensor, zero.source), ports.numbers) : null;
    return floats === null || zero.tensor.dtype !== scale.tensor.dtype ? null : floats.read(0, groups);
  }
  const stride = Math.ceil((blocks * bits) / 8);
  if (zero.tensor.sizeBytes !== rows * stride) return null;
  const bytes = await bytesOf(zero, 0, rows * stride);
  const out = new Float32Array(groups);
  for (let row = 0; row < rows; row++) {
    const own = bytes.subarray(row * stride, (row + 1) * stride);
    out.set(unpacked(own, { bits, from: 0, count: blocks, shift: false, signed: false }), row * blocks);
  }
  return out;
}

/** Codes that fill up the last block of a row, or the last byte of its zero points, and are none that a library leaves there. */
export async function strayCodes(weight: AffineWeight, columns: number, { zeros }: Numbers): Promise<number> {
  const { codes, bits = 8, packing, zero } = weight;
  const [rows = 0, blocks = 0] = codes.tensor.shape;
  const stride = strideOf(weight);
  const [filled, middle] = [(stride * 8) / bits - columns, 2 ** (bits - 1)];
  if (packing !== 'columns') return 0;
  let stray = 0;
  const count = (bytes: Uint8Array, from: number, length: number, allowed: number): void => {
    const rest = unpacked(bytes, { bits, from, count: length, shift: false, signed: false });
    stray += rest.filter((code) => code !== 0 && code !== allowed).length;
  };
  const first = Math.floor((columns * bits) / 8);
  const zeroStride = Math.ceil((blocks * bits) / 8);
  for (let row = 0; row < rows; row++) {
    const last = zeros[(row + 1) * blocks - 1] ?? middle;
    if (filled > 0)
      count(await bytesOf(codes, row * stride + first, stride - first), columns - (first * 8) / bits, filled, last);
    if (zero?.tensor.dtype === 'U8' && zeroStride * 8 > blocks * bits)
      count(await bytesOf(zero, row * zeroStride, zeroStride), blocks, (zeroStride * 8) / bits - blocks, middle);
  }
  return stray;
}
