import type { Dtype } from '../../formats/types.ts';

/** Reads little-endian elements as numbers; 64-bit integers beyond 2^53 lose their last digits. */
export type Decoder = { readonly width: number; readonly decode: (bytes: Uint8Array) => Float64Array };

const VIEWS: Readonly<Record<Dtype, { width: number; read: (view: DataView, at: number) => number }>> = {
  F64: { width: 8, read: (view, at) => view.getFloat64(at, true) },
  F32: { width: 4, read: (view, at) => view.getFloat32(at, true) },
  F16: { width: 2, read: (view, at) => half(view.getUint16(at, true)) },
  BF16: { width: 2, read: (view, at) => bfloat(view.getUint16(at, true)) },
  F8_E4M3: { width: 1, read: (view, at) => small(view.getUint8(at), 4) },
  F8_E5M2: { width: 1, read: (view, at) => small(view.getUint8(at), 5) },
  I64: { width: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  U64: { width: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
  I32: { width: 4, read: (view, at) => view.getInt32(at, true) },
  U32: { width: 4, read: (view, at) => view.getUint32(at, true) },
  I16: { width: 2, read: (view, at) => view.getInt16(at, true) },
  U16: { width: 2, read: (view, at) => view.getUint16(at, true) },
  I8: { width: 1, read: (view, at) => view.getInt8(at) },
  U8: { width: 1, read: (view, at) => view.getUint8(at) },
  BOOL: { width: 1, read: (view, at) => view.getUint8(at) },
};

/** Null for block-quantised and unknown types, which are compared by their bytes. */
export function decoderOf(dtype: Dtype): Decoder | null {
  const form = Object.hasOwn(VIEWS, dtype) ? VIEWS[dtype] : undefined;
  if (form === undefined) return null;
  const { width, read } = form;
  return { width, decode: (bytes) => decodeAll(bytes, width, read) };
}

function decodeAll(bytes: Uint8Array, width: number, read: (view: DataView, at: number) => number): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float64Array(Math.floor(bytes.length / width));
  for (let index = 0; index < values.length; index++) values[index] = read(view, index * width);
  return values;
}

const SCRATCH = new DataView(new ArrayBuffer(4));

function bfloat(bits: number): number {
  SCRATCH.setUint32(0, bits * 65_536);
  return SCRATCH.getFloat32(0);
}

function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** FP8: E4M3 has no infinities (OCP), E5M2 is IEEE-like. */
function small(bits: number, exponentBits: 4 | 5): number {
  const fractionBits = 7 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const [sign, exponent, fraction] = [
    bits & 0x80 ? -1 : 1,
    (bits & 0x7f) >> fractionBits,
    bits & ((1 << fractionBits) - 1),
  ];
  if (exponentBits === 4 && (bits & 0x7f) === 0x7f) return Number.NaN;
  if (exponentBits === 5 && exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  const scaled = fraction / 2 ** fractionBits;
  return sign * (exponent === 0 ? scaled * 2 ** (1 - bias) : (1 + scaled) * 2 ** (exponent - bias));
}
