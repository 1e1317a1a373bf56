import type { Source } from '../base/source.ts';
import type { TfliteScales } from '../formats/tflite.ts';
import type { TensorInfo } from '../formats/types.ts';
import { canonicalForm } from './dtypes.ts';
import type { QuantizedPlaces, WeightTensor } from './types.ts';

const MOST_SCALES = 1 << 24;
const CHUNK = 1 << 20;

/**
 * A quantised constant of TFLite under its logical shape: the codes, then the axis (u32; 0 for a single scale), a scale (F32) and a zero
 * point (i64) for each place of it. Equal identity is equal codes and scales. Or why it is not known.
 */
export function tfliteTensor(
  { name, dtype, shape, offset, length }: TensorInfo,
  own: TfliteScales | undefined,
): WeightTensor | string {
  const form = canonicalForm('tflite', dtype.slice(1), shape);
  if (form === null || own === undefined) return `no canonical form of ${dtype.slice(0, 40)} is known`;
  if (offset === undefined || length !== form.sizeBytes) return 'its shape is not that of its bytes';
  const { scales, zeros } = own;
  const axis = scales.count === 1 ? 0 : own.axis;
  if (scales.count > MOST_SCALES || (scales.count !== 1 && scales.count !== shape[axis]))
    return 'its scales are not one for each place of an axis';
  if (zeros !== null && zeros.count !== 0 && zeros.count !== scales.count)
    return 'its zero points are not as many as its scales';
  const places: QuantizedPlaces = {
    dtype: form.dtype,
    codes: offset,
    axis,
    count: scales.count,
    scales: scales.start,
    zeros: zeros === null || zeros.count === 0 ? null : zeros.start,
  };
  return {
    name,
    shape,
    dtype: `TFLITE_${dtype}`,
    sizeBytes: form.sizeBytes + 4 + scales.count * 12,
    elements: { kind: 'made', open: (source) => canonical(source, places, form.sizeBytes) },
    quantized: places,
  };
}

async function* canonical(
  source: Source,
  { codes, axis, count, scales, zeros }: QuantizedPlaces,
  length: number,
): AsyncGenerator<Uint8Array, void> {
  yield* stretchOf(source, codes, length);
  yield Uint8Array.of(axis & 255, (axis >> 8) & 255, (axis >> 16) & 255, axis >> 24);
  yield* stretchOf(source, scales, count * 4);
  if (zeros === null) yield new Uint8Array(count * 8);
  else yield* stretchOf(source, zeros, count * 8);
}

async function* stretchOf(source: Source, offset: number, length: number): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < length; at += CHUNK) yield await source.read(offset + at, Math.min(CHUNK, length - at));
}
