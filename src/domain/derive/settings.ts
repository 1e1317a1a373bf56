import { isJsonObject, parseStrictJson, type Json } from '../base/json.ts';

/** Values of config.json that converters compute with: inputs of the step. */
export interface Settings {
  readonly architecture: string;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly hidden: number;
  readonly paddingToken: number;
  readonly groups: number;
  readonly headSize: number;
  /** `rope_scaling` or `rope_parameters`. */
  readonly rope: Fields;
  readonly ropeTheta: number;
}

type Fields = { readonly [key: string]: Json };

/** Null where config.json names no architecture. @throws WeighmarkError `format-invalid` for what is no JSON. */
export function settingsOf(config: Uint8Array): Settings | null {
  const value = parseStrictJson(config);
  if (!isJsonObject(value)) return null;
  const named = value['architectures'];
  const architecture = Array.isArray(named) ? (named as readonly Json[])[0] : undefined;
  if (typeof architecture !== 'string') return null;
  const inner = isJsonObject(value['text_config']) ? value['text_config'] : {};
  const number = numberIn([value, inner]);
  const heads = number('num_attention_heads', 'n_head');
  const hidden = number('hidden_size', 'n_embd');
  return {
    architecture,
    heads,
    keyValueHeads: keyValueHeadsOf(architecture, number, heads),
    hidden,
    headSize: number('head_dim') || hidden / Math.max(1, heads),
    paddingToken: number('pad_token_id'),
    groups: number('n_groups'),
    rope: { ...fieldsOf(value['rope_scaling']), ...fieldsOf(value['rope_parameters']) },
    ropeTheta: number('rope_theta'),
  };
}

function fieldsOf(value: Json | undefined): Fields {
  return isJsonObject(value) ? value : {};
}

type Numbers = (...names: readonly string[]) => number;

/** The first of these names that holds a number, 0 if none does. */
export function numberIn(places: readonly Fields[]): Numbers {
  return (...names) => {
    const found = names.flatMap((name) => places.map((place) => place[name])).find((each) => typeof each === 'number');
    return typeof found === 'number' ? found : 0;
  };
}

/** Falcon's converter takes one where none is named; the others as many as there are heads. */
function keyValueHeadsOf(architecture: string, number: Numbers, heads: number): number {
  if (architecture === 'FalconForCausalLM') return number('num_kv_heads', 'n_head_kv') || 1;
  return number('num_key_value_heads') || heads;
}
