import type { Dtype } from './types.ts';

/** `float4_e2m1fn_x2`: two values in one element. */
const PAIRS = 'F4X2';

/** Our dtype, the class of its storage (without `Storage`) where it has one, and torch's own name. */
const NAMED: readonly (readonly [Dtype, string, string])[] = [
  ['F32', 'Float', 'float32'],
  ['F64', 'Double', 'float64'],
  ['F16', 'Half', 'float16'],
  ['BF16', 'BFloat16', 'bfloat16'],
  ['I64', 'Long', 'int64'],
  ['I32', 'Int', 'int32'],
  ['I16', 'Short', 'int16'],
  ['I8', 'Char', 'int8'],
  ['U8', 'Byte', 'uint8'],
  ['BOOL', 'Bool', 'bool'],
  ['C64', 'ComplexFloat', 'complex64'],
  ['C128', 'ComplexDouble', 'complex128'],
  ['QI8', 'QInt8', 'qint8'],
  ['QU8', 'QUInt8', 'quint8'],
  ['QI32', 'QInt32', 'qint32'],
  ['QU4', 'QUInt4x2', 'quint4x2'],
  ['QU2', 'QUInt2x4', 'quint2x4'],
  ['C32', '', 'complex32'],
  ['BC32', '', 'bcomplex32'],
  [PAIRS, '', 'float4_e2m1fn_x2'],
  ['U16', '', 'uint16'],
  ['U32', '', 'uint32'],
  ['U64', '', 'uint64'],
  ['F8_E4M3', '', 'float8_e4m3fn'],
  ['F8_E5M2', '', 'float8_e5m2'],
  ['F8_E4M3FNUZ', '', 'float8_e4m3fnuz'],
  ['F8_E5M2FNUZ', '', 'float8_e5m2fnuz'],
  ['F8_E8M0', '', 'float8_e8m0fnu'],
];

/** Storage classes and dtypes by full name: `torch.FloatStorage`, `torch.float32`. */
export const TORCH_DTYPES: Readonly<Record<string, Dtype>> = Object.fromEntries(
  NAMED.flatMap(([dtype, storage, name]) => [
    [`torch.${name}`, dtype],
    ...(storage === ''
      ? []
      : [
          [`torch.${storage}Storage`, dtype],
          [`torch.cuda.${storage}Storage`, dtype],
        ]),
  ]),
) as Record<string, Dtype>;

/** Bytes of one element of a storage; of 4 and 2 bits a half and a quarter. */
export function storageBytes(dtype: Dtype): number {
  if (dtype === PAIRS) return 1;
  const bits = /^(?:Q?[IUFC]|BF|BC)(\d+)/.exec(dtype)?.[1];
  return dtype === 'BOOL' ? 1 : bits === undefined ? Number.NaN : Number(bits) / 8;
}

/** `float4_e2m1fn_x2` counts pairs in its last dimension; everywhere else F4 counts values, as safetensors does. */
export function valuesOf(dtype: Dtype, shape: readonly number[]): { dtype: Dtype; shape: readonly number[] } {
  const last = shape.at(-1);
  if (dtype !== PAIRS || last === undefined) return { dtype, shape };
  return { dtype: 'F4', shape: [...shape.slice(0, -1), 2 * last] };
}

/** `torch._export.serde.schema.ScalarType` by number (2.15.0). */
export const SCALAR_TYPES: Readonly<Record<number, Dtype>> = {
  1: 'U8',
  2: 'I8',
  3: 'I16',
  4: 'I32',
  5: 'I64',
  6: 'F16',
  7: 'F32',
  8: 'F64',
  9: 'C32',
  10: 'C64',
  11: 'C128',
  12: 'BOOL',
  13: 'BF16',
  28: 'U16',
  29: 'F8_E4M3',
  30: 'F8_E5M2',
  31: 'F8_E4M3FNUZ',
  32: 'F8_E5M2FNUZ',
  33: 'F8_E8M0',
  34: 'U32',
  35: 'U64',
};
