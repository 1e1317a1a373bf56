import { percent } from '../../domain/base/units.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { calibrationOf, KinshipSums, layoutOf, type Calibration, type Words } from '../../domain/derive/calibrated.ts';
import type { TensorVerdict } from '../../domain/derive/verdict.ts';
import type { View } from '../../domain/derive/view.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import type { ComparePorts } from './compare.ts';
import { readBeside, type Opened, type OpenTensor } from './side.ts';
import { floatsOf, parentView } from './views.ts';

/** A weight in words as GPTQ and AWQ keep it. */
export interface CalibratedWeight {
  /** The parent's name of it. */
  readonly name: string;
  readonly parts: Readonly<Record<'qweight' | 'qzeros' | 'scales', OpenTensor>> & { readonly g_idx?: OpenTensor };
}

/** What the child's own files say of a quantiser that was led by data. */
export async function calibrationBeside(child: Opened): Promise<Calibration | null> {
  const read = (name: string): Promise<Uint8Array | null> => readBeside(child, name, LIMITS.documentBytes);
  const recipe = await read('recipe.yaml');
  return calibrationOf({
    config: await read('config.json'),
    quantizeConfig: await read('quantize_config.json'),
    recipe: recipe === null ? null : Buffer.from(recipe).toString('utf8'),
  });
}

/** By the parent's names. */
export function calibratedWeights(
  tensors: readonly OpenTensor[],
  parents: ReadonlyMap<string, View>,
): ReadonlyMap<string, CalibratedWeight> {
  const byName = new Map(tensors.map((each) => [each.tensor.name, each]));
  const found = new Map<string, CalibratedWeight>();
  for (const name of parents.keys()) {
    const part = (which: string): OpenTensor | undefined => byName.get(name.replace(/weight$/, which));
    const [qweight, qzeros, scales, index] = [part('qweight'), part('qzeros'), part('scales'), part('g_idx')];
    if (!name.endsWith('.weight') || qweight === undefined || qzeros === undefined || scales === undefined) continue;
    found.set(name, { name, parts: { qweight, qzeros, scales, ...(index === undefined ? {} : { g_idx: index }) } });
  }
  return found;
}

export function partsOf({ parts }: CalibratedWeight): readonly string[] {
  return Object.values(parts).map(({ tensor }) => tensor.name);
}

/** Held at a time, of codes; looked at, of the parent. */
const MOST_CODES = 64 << 20;
const LOOKED_AT = 4 << 20;

/** Never more than undecided: which codes data chose, nobody can say. How far they are from the parent is told. */
export async function compareCalibrated(
  weight: CalibratedWeight,
  parent: View,
  ports: ComparePorts,
): Promise<TensorVerdict> {
  const { name, parts } = weight;
  const base = { name, dtype: parts.qweight.tensor.dtype, from: [name], how: [], word: 'undecided' as const };
  const words = await wordsOf(weight, parent, ports);
  if (typeof words === 'string') return { ...base, why: words };
  const floats = floatsOf(parent, ports.numbers);
  if (floats === null) return { ...base, why: `no law of packing ${parent.dtype} is known` };
  // GPTQ's first format keeps zero points less one: which it is, the parent tells.
  const sums = (words.layout === 'AWQ' ? [0 as const] : [1 as const, 0 as const]).map(
    (lacks) => new KinshipSums(words, lacks),
  );
  const { inputs, outputs } = words;
  const step = Math.max(1, Math.ceil((inputs * outputs) / LOOKED_AT));
  for (let output = 0; output < outputs; output += step) {
    const values = await floats.read(output * inputs, inputs);
    for (const each of sums) each.add(output, values);
    ports.signal?.throwIfAborted();
  }
  const [figures] = sums.map((each) => each.figures()).toSorted((a, b) => a.relativeError - b.relativeError);
  const { relativeError = 0, notNearest = 0, elements = 1 } = figures ?? {};
  const nearest = words.layout === 'AWQ' ? '' : `, ${percent(1 - notNearest / elements)} of the codes are the nearest`;
  return {
    ...base,
    how: [`${words.bits} bits in words of ${words.layout}`],
    why: `codes of ${words.layout} follow data nobody shows; kinship alone: ${percent(relativeError)} of the parent's norm apart${nearest}`,
    figures: { elements, relativeError, ...(words.layout === 'AWQ' ? {} : { notNearest }) },
  };
}

async function wordsOf(
  { parts: { qweight, qzeros, scales, g_idx: index } }: CalibratedWeight,
  parent: View,
  ports: ComparePorts,
): Promise<Words | string> {
  const [outputs = 0, inputs = 0] = parent.shape;
  const layout = parent.shape.length === 2 ? layoutOf(parent.shape, qweight.tensor.shape) : null;
  const plain = [qweight, qzeros, ...(index === undefined ? [] : [index])].every(
    ({ tensor }) => tensor.dtype === 'I32',
  );
  if (layout === null || !plain) return 'how it was packed is not known';
  const [groups = 0, wide = 0] = scales.tensor.shape;
  const zeroWords = groups * Math.ceil((outputs * layout.bits) / 32);
  const shaped = wide === outputs && groups > 0 && elementsOf(qzeros.tensor.shape) === zeroWords;
  if (!shaped || (index !== undefined && elementsOf(index.tensor.shape) !== inputs))
    return 'its scales have a shape that is not known';
  if (qweight.tensor.sizeBytes > MOST_CODES || groups * outputs * 4 > MOST_CODES)
    return 'it is too large to be looked at';
  const floats = floatsOf(parentView(scales.tensor, scales.source), ports.numbers);
  if (floats === null) return 'its scales cannot be read';
  const groupOf = index === undefined ? null : await integers(index);
  const size = Math.ceil(inputs / groups);
  return {
    ...layout,
    inputs,
    outputs,
    codes: await integers(qweight),
    zeros: await integers(qzeros),
    scales: await floats.read(0, groups * outputs),
    groupOf: (input) => groupOf?.[input] ?? Math.floor(input / size),
  };
}

async function integers({ tensor, source }: OpenTensor): Promise<Uint32Array> {
  const bytes = await parentView(tensor, source).read(0, elementsOf(tensor.shape));
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}
