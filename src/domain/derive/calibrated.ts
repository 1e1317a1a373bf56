import { isJsonObject, parseStrictJson, type Json } from '../base/json.ts';
import type { TensorFigures } from './verdict.ts';

/**
 * Quantisers that choose codes by data that went through the model: nobody can recompute that, and their codes are not the nearest.
 * What they leave is kinship: figures, and never a word for or against.
 */
export interface Calibration {
  /** As it names itself. */
  readonly method: string;
  /** It scales inputs of a weight and takes that back in what comes before (AWQ, SmoothQuant): plain tensors change too. */
  readonly folds: boolean;
}

const ROTATION = 'a rotation that config.json names';
const FOLDING = /awq|smooth|spin|quarot|quip|rotation|autoround|auto-round/i;
const METHODS: ReadonlySet<string> = new Set(['gptq', 'awq', 'auto-round', 'intel/auto-round', 'autoround']);
const MODIFIER = /\b((?:Sparse)?GPTQ?|AWQ|SmoothQuant|SpinQuant|QuIP|AutoRound|AutoSmoothQuant)Modifier\b/g;

/** What config.json, quantize_config.json (AutoGPTQ) and recipe.yaml (LLM Compressor) say; null if nothing of the kind. */
export function calibrationOf(files: {
  readonly config?: Uint8Array | null;
  readonly quantizeConfig?: Uint8Array | null;
  readonly recipe?: string | null;
}): Calibration | null {
  const config = objectOf(files.config)['quantization_config'];
  const named = [
    ...methodsIn(config),
    ...transformsIn(config),
    ...methodsIn(objectOf(files.quantizeConfig)),
    ...[...(files.recipe ?? '').matchAll(MODIFIER)].map(([, name = '']) => name),
  ];
  if (named.length === 0) return null;
  const methods = [...new Set(named)].toSorted();
  return { method: methods.join(' and '), folds: methods.some((method) => FOLDING.test(method)) };
}

/** Of the codes, so many as data leaves that are not the nearest: LLM Compressor's GPTQ; what nobody tuned has fewer or nearly none right. */
const LED = { least: 0.01, most: 0.6 };

/** Whether codes may have been chosen by data, though nothing beside them says so. */
export function mayBeLed({ elements, notNearest = 0 }: TensorFigures): boolean {
  const share = notNearest / Math.max(1, elements);
  return share >= LED.least && share <= LED.most;
}

function methodsIn(value: Json | undefined): readonly string[] {
  if (!isJsonObject(value)) return [];
  const { quant_method: method, bits, group_size: group } = value;
  if (typeof method === 'string') return METHODS.has(method.toLowerCase()) ? [method.toUpperCase()] : [];
  // AutoGPTQ's own file names no method.
  return typeof bits === 'number' && typeof group === 'number' ? ['GPTQ'] : [];
}

/** compressed-tensors says which rotations were multiplied into weights (SpinQuant, QuIP, QuaRot), though nobody keeps a recipe. */
function transformsIn(value: Json | undefined): readonly string[] {
  const transforms = isJsonObject(value) ? value['transform_config'] : undefined;
  const groups = isJsonObject(transforms) ? transforms['config_groups'] : undefined;
  return isJsonObject(groups) && Object.keys(groups).length > 0 ? [ROTATION] : [];
}

function objectOf(bytes: Uint8Array | null | undefined): { readonly [key: string]: Json } {
  if (bytes === null || bytes === undefined) return {};
  const value = parseStrictJson(bytes);
  return isJsonObject(value) ? value : {};
}

/** How codes lie in 32-bit words: down the inputs (GPTQ) or along the outputs, in an order of their own (AWQ). */
export type Layout = 'GPTQ' | 'AWQ';

/** AWQ's kernels want them so. @see AutoAWQ, awq/utils/packing_utils.py */
const AWQ_ORDER = [0, 4, 1, 5, 2, 6, 3, 7];

export interface Words {
  readonly layout: Layout;
  readonly bits: 2 | 4 | 8;
  readonly inputs: number;
  readonly outputs: number;
  readonly codes: Uint32Array;
  readonly zeros: Uint32Array;
  /** A row of `outputs` for each group. */
  readonly scales: Float32Array;
  readonly groupOf: (input: number) => number;
}

/** Of a shape (outputs, inputs); null where the words are none of these. */
export function layoutOf(
  [outputs = 0, inputs = 0]: readonly number[],
  [rows = 0, columns = 0]: readonly number[],
): Pick<Words, 'layout' | 'bits'> | null {
  for (const bits of [4, 8, 2] as const) {
    const each = 32 / bits;
    if (rows * each === inputs && columns === outputs) return { layout: 'GPTQ', bits };
    if (rows === inputs && columns * each === outputs && bits === 4) return { layout: 'AWQ', bits };
  }
  return null;
}

/** The code of one element, and the zero point of its group as stored. */
export function codeAt({ layout, bits, outputs, codes }: Words, output: number, input: number): number {
  const each = 32 / bits;
  if (layout === 'AWQ')
    return lowest(codes[input * (outputs / each) + Math.floor(output / each)], bits, AWQ_ORDER[output % each]);
  return lowest(codes[Math.floor(input / each) * outputs + output], bits, input % each);
}

export function zeroAt({ layout, bits, outputs, zeros }: Words, output: number, group: number): number {
  const each = 32 / bits;
  const place = layout === 'AWQ' ? AWQ_ORDER[output % each] : output % each;
  return lowest(zeros[group * Math.ceil(outputs / each) + Math.floor(output / each)], bits, place);
}

function lowest(word = 0, bits: number, place = 0): number {
  return (word >>> (place * bits)) & (2 ** bits - 1);
}

export interface Kinship {
  readonly elements: number;
  readonly notNearest: number;
  /** ‖child − parent‖ / ‖parent‖, in AWQ with the best factor for each input. */
  readonly relativeError: number;
}

/** Sums for each input over the outputs that were looked at. */
export class KinshipSums {
  readonly #words: Words;
  /** What a stored zero point lacks: GPTQ's first format keeps one less. */
  readonly #lacks: number;
  readonly #both: Float64Array;
  readonly #own: Float64Array;
  readonly #parents: Float64Array;
  #notNearest = 0;
  #outputs = 0;

  constructor(words: Words, lacks: 0 | 1) {
    this.#words = words;
    this.#lacks = lacks;
    this.#both = new Float64Array(words.inputs);
    this.#own = new Float64Array(words.inputs);
    this.#parents = new Float64Array(words.inputs);
  }

  /** @param values the parent's, of all inputs of one output. */
  add(output: number, values: Float32Array): void {
    const words = this.#words;
    this.#outputs += 1;
    for (let input = 0; input < words.inputs; input++) {
      const group = words.groupOf(input);
      const scale = words.scales[group * words.outputs + output] ?? 0;
      const zero = zeroAt(words, output, group) + this.#lacks;
      const [code, value] = [codeAt(words, output, input), values[input] ?? 0];
      const own = scale * (code - zero);
      this.#both[input] = (this.#both[input] ?? 0) + own * value;
      this.#own[input] = (this.#own[input] ?? 0) + own * own;
      this.#parents[input] = (this.#parents[input] ?? 0) + value * value;
      const nearest = Math.min(2 ** words.bits - 1, Math.max(0, Math.round(value / scale + zero)));
      if (nearest !== code) this.#notNearest += 1;
    }
  }

  figures(): Kinship {
    let [error, square] = [0, 0];
    const folded = this.#words.layout === 'AWQ';
    this.#parents.forEach((parent, input) => {
      const [both = 0, own = 0] = [this.#both[input], this.#own[input]];
      square += parent;
      error += folded ? parent - (own > 0 ? (both * both) / own : 0) : own - 2 * both + parent;
    });
    return {
      elements: this.#outputs * this.#words.inputs,
      notNearest: this.#notNearest,
      relativeError: square > 0 ? Math.sqrt(Math.max(0, error) / square) : 0,
    };
  }
}
