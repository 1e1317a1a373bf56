import { elementsOf } from '../formats/tensors.ts';
import { GGML_TYPES } from '../formats/ggml.ts';

/** Bits of an element by canonical name: safetensors' names, and those of its kind that other containers add. */
const BITS: Readonly<Record<string, number>> = {
  BOOL: 8,
  ...Object.fromEntries(['I2', 'U2', 'I4', 'U4', 'F4'].map((name) => [name, Number(name.slice(1))])),
  F6_E2M3: 6,
  F6_E3M2: 6,
  ...Object.fromEntries(
    ['I8', 'U8', 'F8_E4M3', 'F8_E5M2', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ'].map((name) => [name, 8]),
  ),
  ...Object.fromEntries(['I16', 'U16', 'F16', 'BF16'].map((name) => [name, 16])),
  ...Object.fromEntries(['I32', 'U32', 'F32'].map((name) => [name, 32])),
  ...Object.fromEntries(['I64', 'U64', 'F64', 'C64'].map((name) => [name, 64])),
  C128: 128,
};

const BLOCKS = new Map(
  Object.values(GGML_TYPES)
    .filter(({ block }) => block > 1)
    .map((type) => [type.name, type]),
);

/**
 * The canonical dtype and the bytes of a tensor's elements; null for a dtype whose elements nobody could compare. Types
 * below a byte are packed low bits first, the last byte filled up with zeros. Quantised GGUF blocks are `GGUF_Q4_K` and so
 * on: the stored bytes under the logical shape, which says nothing of equal values.
 */
export function canonicalForm(
  format: string,
  dtype: string,
  shape: readonly number[],
): { readonly dtype: string; readonly sizeBytes: number } | null {
  const elements = elementsOf(shape);
  const block = format === 'gguf' ? BLOCKS.get(dtype) : undefined;
  const bits = Object.hasOwn(BITS, dtype) ? BITS[dtype] : undefined;
  const sizeBytes =
    block === undefined ? Math.ceil((elements * (bits ?? Number.NaN)) / 8) : (elements / block.block) * block.bytes;
  if (!Number.isSafeInteger(sizeBytes)) return null;
  return { dtype: block === undefined ? dtype : `GGUF_${dtype}`, sizeBytes };
}

/** Bytes of one element; NaN below a byte and for blocks. */
export function elementBytes(dtype: string): number {
  const bits = Object.hasOwn(BITS, dtype) ? (BITS[dtype] ?? 0) : 0;
  return bits >= 8 && bits % 8 === 0 ? bits / 8 : Number.NaN;
}
