import { plainName } from './pairing.ts';

/** What training code puts before every name of a model. */
const TRAINED = /^(?:(?:module|_orig_mod|base_model\.model)\.)+/;

/** The same names without it; as they are where two would be one. */
export function unwrapped(names: readonly string[]): ReadonlyMap<string, string> {
  return renamed(names, (name) => name.replace(TRAINED, ''));
}

/** A parent's names as the child calls them, where one side puts a wrapper before them that the other does not. */
export function asChild(names: readonly string[], children: readonly string[]): ReadonlyMap<string, string> {
  const known = new Set(children.flatMap((name) => [name, moduleOf(name)]));
  const wrappers = [...new Set(children.map((name) => name.slice(0, name.length - plainName(name).length)))];
  const has = (name: string): boolean => known.has(name) || known.has(moduleOf(name));
  return renamed(names, (name) =>
    has(name) ? name : (wrappers.map((wrapper) => wrapper + plainName(name)).find(has) ?? name),
  );
}

/** What a tensor's parts have in common: `model.layers.0.proj.` of `model.layers.0.proj.weight_scale`. */
export function moduleOf(name: string): string {
  return name.slice(0, name.lastIndexOf('.') + 1) || name;
}

function renamed(names: readonly string[], rename: (name: string) => string): ReadonlyMap<string, string> {
  const made = new Map(names.map((name) => [name, rename(name)]));
  return new Set(made.values()).size === made.size ? made : new Map(names.map((name) => [name, name]));
}

const EMBEDDING = /(?:^|\.)(?:embed_tokens|wte|tok_embeddings|embed_in|word_embeddings|shared|token_embd)\.weight$/;
const HEAD = /(?:^|\.)(?:lm_head|embed_out|output|decoder|output_projection)\.weight$/;

/** Rows of which each is a token's. */
export function isVocabulary(name: string): boolean {
  return EMBEDDING.test(name) || HEAD.test(name);
}

/** The tensor that an output is tied to, which writers keep once or twice; of several embeddings none. */
export function tiedTo(name: string, names: Iterable<string>): string | undefined {
  if (!HEAD.test(name)) return undefined;
  const [found, ...others] = [...names].filter((each) => EMBEDDING.test(each));
  return others.length === 0 ? found : undefined;
}
