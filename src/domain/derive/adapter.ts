import { isJsonObject, parseStrictJson, type Json } from '../base/json.ts';

/** What adapter_config.json of PEFT says of how a LoRA is merged. */
export interface AdapterSettings {
  readonly alpha: number;
  readonly alphaPattern: ReadonlyMap<string, number>;
  /** α/√r in place of α/r. */
  readonly rankStabilised: boolean;
  /** Weights are (in, out), as GPT-2 has them. */
  readonly fanInFanOut: boolean;
  readonly directions: boolean;
}

/** Null for what is no LoRA. @throws WeighmarkError `format-invalid` for what is no JSON. */
export function adapterSettings(config: Uint8Array): AdapterSettings | null {
  const value = parseStrictJson(config);
  if (!isJsonObject(value) || value['peft_type'] !== 'LORA' || typeof value['lora_alpha'] !== 'number') return null;
  return {
    alpha: value['lora_alpha'],
    alphaPattern: numbersOf(value['alpha_pattern']),
    rankStabilised: value['use_rslora'] === true,
    fanInFanOut: value['fan_in_fan_out'] === true,
    directions: value['use_dora'] === true,
  };
}

function numbersOf(value: Json | undefined): ReadonlyMap<string, number> {
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return new Map(entries.flatMap(([key, number]) => (typeof number === 'number' ? [[key, number] as const] : [])));
}

/**
 * The factor of a module's product; null where a pattern is a regular expression: nothing read is run.
 * @see peft 0.21.2, tuners/lora/layer.py `update_layer`, utils/other.py `get_pattern_key`
 */
export function scaleOf(
  { alpha, alphaPattern, rankStabilised }: AdapterSettings,
  module: string,
  rank: number,
): number | null {
  if ([...alphaPattern.keys()].some((key) => /[^\w.-]/.test(key))) return null;
  const own = [...alphaPattern].find(([key]) => module === key || module.endsWith(`.${key}`))?.[1] ?? alpha;
  return own / (rankStabilised ? Math.sqrt(rank) : rank);
}

/** The adapter's tensors of one module. */
export interface AdapterModule {
  readonly a?: string;
  readonly b?: string;
  readonly embedding: boolean;
  readonly magnitude?: string;
  /** Something of it that is not known here. */
  readonly unknown?: string;
}

export interface AdapterPlan {
  /** By the module's name in the model. */
  readonly modules: ReadonlyMap<string, AdapterModule>;
  /** Tensors that replace the model's: their names there, and in the adapter. */
  readonly replaced: ReadonlyMap<string, string>;
}

const NAME = /^(.+)\.lora_(A|B|embedding_A|embedding_B|magnitude_vector)(?:\.default)?(?:\.(weight|bias))?$/;

/** What each tensor of an adapter does, by its name as PEFT writes it. */
export function adapterPlan(names: readonly string[]): AdapterPlan {
  const modules = new Map<string, { -readonly [K in keyof AdapterModule]: AdapterModule[K] }>();
  const replaced = new Map<string, string>();
  for (const name of names) {
    const plain = name.replace(/^base_model\.model\./, '').replaceAll('.base_layer.', '.');
    const [, module, part = '', kind] = NAME.exec(plain) ?? [];
    if (module === undefined) {
      replaced.set(plain.replace(/\.modules_to_save(?:\.default)?\./, '.'), name);
      continue;
    }
    const entry = modules.get(module) ?? { embedding: false };
    modules.set(module, entry);
    if (part.startsWith('embedding')) entry.embedding = true;
    if (kind === 'bias') entry.unknown = 'the adapter has a bias of its own';
    else if (part.endsWith('A')) entry.a = name;
    else if (part.endsWith('B')) entry.b = name;
    else entry.magnitude = name;
  }
  return { modules, replaced };
}
