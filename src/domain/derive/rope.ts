import type { Json } from '../base/json.ts';
import { numberIn, type Settings } from './settings.ts';

const f32 = Math.fround;

/**
 * What the converter computes of config.json alone: Llama 3's `rope_freqs` and Phi 3's `rope_factors`, F32, with its own
 * arithmetic in F32. Null for a name it does not compute, or where the configuration does not say.
 * @see llama.cpp 0c1e57098, conversion/llama.py and phi.py `generate_extra_tensors`
 */
export function computedTensor(name: string, settings: Settings): Float32Array | null {
  if (name === 'rope_freqs.weight') return ropeFrequencies(settings);
  const factors = /^rope_factors_(long|short)\.weight$/.exec(name)?.[1];
  const values: Json | undefined = factors === undefined ? undefined : settings.rope[`${factors}_factor`];
  if (!Array.isArray(values)) return null;
  const numbers = (values as readonly Json[]).filter((value) => typeof value === 'number');
  return numbers.length === values.length ? Float32Array.from(numbers) : null;
}

function ropeFrequencies({ rope, ropeTheta, headSize }: Settings): Float32Array | null {
  if ((rope['rope_type'] ?? rope['type']) !== 'llama3' || !Number.isSafeInteger(headSize) || headSize > 65_536)
    return null;
  const number = numberIn([rope]);
  const base = number('rope_theta') || ropeTheta || 10_000;
  const factor = number('factor') || 8;
  const [low, high] = [number('low_freq_factor') || 1, number('high_freq_factor') || 4];
  const context = number('original_max_position_embeddings') || 8192;
  return Float32Array.from({ length: headSize / 2 }, (_, index) => {
    const frequency = f32(1 / f32(base ** f32((2 * index) / headSize)));
    const length = f32(f32(2 * Math.PI) / frequency);
    if (length < context / high) return 1;
    if (length > context / low) return factor;
    const smooth = f32(f32(f32(context / length) - low) / (high - low));
    return f32(1 / f32(f32(f32(1 - smooth) / factor) + smooth));
  });
}
