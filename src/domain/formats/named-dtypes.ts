import type { Dtype } from './types.ts';

/** Types that NumPy has not, as ml_dtypes (JAX, Flax, Keras, TensorStore) calls them. @see https://github.com/jax-ml/ml_dtypes */
const EXTENDED: Readonly<Record<string, Dtype>> = {
  bool: 'BOOL',
  bfloat16: 'BF16',
  float8_e3m4: 'F8_E3M4',
  float8_e4m3: 'F8_E4M3_IEEE',
  float8_e4m3b11fnuz: 'F8_E4M3B11FNUZ',
  float8_e4m3fn: 'F8_E4M3',
  float8_e4m3fnuz: 'F8_E4M3FNUZ',
  float8_e5m2: 'F8_E5M2',
  float8_e5m2fnuz: 'F8_E5M2FNUZ',
  float8_e8m0fnu: 'F8_E8M0',
  float6_e2m3fn: 'F6_E2M3',
  float6_e3m2fn: 'F6_E3M2',
  float4_e2m1fn: 'F4',
  string: 'STRING',
};

const LETTERS: Readonly<Record<string, string>> = { float: 'F', int: 'I', uint: 'U', complex: 'C' };

/** Our dtype for a name such as `float32`, `bfloat16`, `float8_e4m3fn`, `int4`; undefined for any other. */
export function dtypeOfName(name: string): Dtype | undefined {
  if (Object.hasOwn(EXTENDED, name)) return EXTENDED[name];
  const [, kind = '', bits = ''] = /^(float|int|uint|complex)(\d{1,3})$/.exec(name) ?? [];
  return kind === '' ? undefined : `${LETTERS[kind] ?? ''}${bits}`;
}
