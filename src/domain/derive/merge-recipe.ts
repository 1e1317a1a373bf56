import { isJsonObject, type Json } from '../base/json.ts';
import { parseStrictYaml } from '../base/yaml.ts';
import { lastPart } from './declared.ts';

/** Methods that are recomputed. */
export const METHODS = ['linear', 'task_arithmetic', 'ties', 'slerp', 'passthrough'] as const;
export type MergeMethod = (typeof METHODS)[number];

type Fields = { readonly [key: string]: Json };

export interface MergeSource {
  readonly model: string;
  /** Layers from, up to; absent: all. */
  readonly layers?: readonly [number, number];
  readonly parameters: Fields;
}

export interface MergeSlice {
  readonly sources: readonly MergeSource[];
  readonly parameters: Fields;
}

/** What mergekit_config.yml says was done. */
export interface MergeRecipe {
  readonly method: MergeMethod;
  readonly base?: string;
  readonly slices: readonly MergeSlice[];
  readonly parameters: Fields;
  /** Type that everything is cast to before; absent: as the models have it. */
  readonly dtype?: 'F32' | 'F16' | 'BF16';
}

const DTYPES: Readonly<Record<string, 'F32' | 'F16' | 'BF16'>> = { float32: 'F32', float16: 'F16', bfloat16: 'BF16' };
const MOST = 1024;

/**
 * Reads a recipe, or says why it is not one that can be recomputed.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded` for what is no YAML.
 * @see mergekit 0.1.5, config.py
 */
export function mergeRecipe(bytes: Uint8Array): MergeRecipe | string {
  const value = parseStrictYaml(bytes, { code: 'format-invalid', subject: 'mergekit_config.yml' });
  if (!isJsonObject(value)) return 'mergekit_config.yml is no recipe';
  const named = value['merge_method'];
  const method = METHODS.find((each) => each === named);
  if (method === undefined)
    return `merges by ${typeof named === 'string' ? named.slice(0, 40) : 'no method'} are not recomputed`;
  if (['modules', 'tokenizer', 'tokenizer_source'].some((key) => value[key] !== undefined))
    return 'mergekit_config.yml changes modules or the vocabulary';
  const dtype = value['dtype'];
  if (dtype !== undefined && (typeof dtype !== 'string' || !Object.hasOwn(DTYPES, dtype)))
    return 'mergekit_config.yml names a type that is not computed with';
  const slices = slicesOf(value);
  if (typeof slices === 'string') return slices;
  const base = modelOf(value['base_model']);
  return {
    method,
    slices: base === undefined ? slices : slices.map((slice) => withBase(slice, base)),
    parameters: fieldsOf(value['parameters']),
    ...(base === undefined ? {} : { base }),
    ...(typeof dtype === 'string' && DTYPES[dtype] !== undefined ? { dtype: DTYPES[dtype] } : {}),
  };
}

function slicesOf(value: Fields): readonly MergeSlice[] | string {
  const [models, slices] = [value['models'], value['slices']];
  if (Array.isArray(models)) {
    const sources = sourcesOf(models as readonly Json[]);
    return sources === null ? 'mergekit_config.yml names no models' : [{ sources, parameters: {} }];
  }
  if (!Array.isArray(slices) || slices.length === 0 || slices.length > MOST) return 'mergekit_config.yml has no models';
  const made: MergeSlice[] = [];
  for (const slice of slices as readonly Json[]) {
    const sources = isJsonObject(slice) && Array.isArray(slice['sources']) ? sourcesOf(slice['sources']) : null;
    if (sources === null || !isJsonObject(slice) || sources.some(({ layers }) => layers === undefined))
      return 'a slice of mergekit_config.yml has no sources';
    made.push({ sources, parameters: fieldsOf(slice['parameters']) });
  }
  return made;
}

function sourcesOf(list: readonly Json[]): readonly MergeSource[] | null {
  const sources: MergeSource[] = [];
  for (const each of list) {
    const model = isJsonObject(each) ? modelOf(each['model']) : undefined;
    if (model === undefined || !isJsonObject(each)) return null;
    const layers = rangeOf(each['layer_range']);
    sources.push({ model, parameters: fieldsOf(each['parameters']), ...(layers === null ? {} : { layers }) });
  }
  return sources.length === 0 || sources.length > MOST ? null : sources;
}

function rangeOf(value: Json | undefined): readonly [number, number] | null {
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [from, to] = value as readonly Json[];
  const whole = (each: Json | undefined): each is number => typeof each === 'number' && Number.isSafeInteger(each);
  return whole(from) && whole(to) && from >= 0 && to > from && to < 100_000 ? [from, to] : null;
}

/** A path, a hub's name, or an object that holds one; one with an adapter or a revision is not known. */
function modelOf(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value.includes('+') ? undefined : value;
  const inner = isJsonObject(value) ? value['model'] : undefined;
  const path = isJsonObject(inner) ? inner['path'] : inner;
  return typeof path === 'string' && isJsonObject(value) && value['lora'] === undefined ? path : undefined;
}

function withBase(slice: MergeSlice, base: string): MergeSlice {
  const has = slice.sources.some(({ model }) => lastPart(model) === lastPart(base));
  const [first] = slice.sources;
  const layers = first?.layers === undefined ? {} : { layers: first.layers };
  return has ? slice : { ...slice, sources: [...slice.sources, { model: base, parameters: {}, ...layers }] };
}

function fieldsOf(value: Json | undefined): Fields {
  return isJsonObject(value) ? value : {};
}

/** Where one tensor of the merge comes from. */
export interface Drawn {
  readonly slice: MergeSlice;
  /** By source: the tensor's name there. */
  readonly names: readonly string[];
  /** Place within the slice, 0 to 1, by which gradients of parameters go. */
  readonly t: number;
}

const LAYER = /^(.*?\.)(\d{1,5})(\..*)$/;
const BEFORE = /embed|wte|wpe/;

/** Null where no slice gives the layer. @param layers of the models, where the recipe names none. */
export function drawnFrom({ slices }: MergeRecipe, name: string, layers: number): Drawn | null {
  const [, before = '', digits, after = ''] = LAYER.exec(name) ?? [];
  if (digits === undefined) {
    const slice = BEFORE.test(name) ? slices[0] : slices.at(-1);
    return slice === undefined ? null : { slice, names: slice.sources.map(() => name), t: 0 };
  }
  let rest = Number(digits);
  for (const slice of slices) {
    const ranges = slice.sources.map((source) => source.layers ?? ([0, layers] as const));
    const [from = 0, to = 0] = ranges[0] ?? [];
    const length = to - from;
    if (rest < length) {
      const names = ranges.map(([first]) => `${before}${first + rest}${after}`);
      return { slice, names, t: length > 1 ? rest / (length - 1) : 1 };
    }
    rest -= length;
  }
  return null;
}

/** A parameter's value for one tensor: the source's own, the slice's, the recipe's; undefined where nobody names it. */
export function parameterOf(
  key: string,
  name: string,
  { t, places }: { t: number; places: readonly Fields[] },
): number | boolean | undefined {
  for (const place of places) {
    const value = place[key] === undefined ? undefined : valueOf(place[key], name, t);
    if (value !== undefined) return value;
  }
  return undefined;
}

/** A number, numbers that a gradient goes through, or the first of several whose filter is in the tensor's name. */
function valueOf(setting: Json | undefined, name: string, t: number, depth = 0): number | boolean | undefined {
  if (typeof setting === 'number' || typeof setting === 'boolean') return setting;
  if (!Array.isArray(setting) || setting.length === 0 || depth > 2) return undefined;
  const list = setting as readonly Json[];
  if (list.every((each) => typeof each === 'number')) {
    const scaled = t * (list.length - 1);
    const at = Math.floor(scaled);
    const [a = 0, b = 0] = [list[at], list[Math.min(list.length - 1, at + 1)]];
    return (1 - (scaled - at)) * a + (scaled - at) * b;
  }
  for (const each of list) {
    if (!isJsonObject(each)) return undefined;
    const filter = each['filter'];
    if (
      filter === undefined ||
      filter === null ||
      filter === '*' ||
      (typeof filter === 'string' && name.includes(filter))
    )
      return valueOf(each['value'], name, t, depth + 1);
  }
  return undefined;
}
