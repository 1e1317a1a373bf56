import { isJsonObject, type Json } from '../base/json.ts';
import { isHubId } from './purl.ts';
import { fact, folderOf, items, jsonObjectOf, jsonOf, list, words, type MetadataFile } from './read.ts';
import { pick, type Fact, type FactOf, type Fetched } from './types.ts';

/** Configurations that loaders read, and in which something to fetch may be named. */
export const FETCHING_CONFIG =
  /(?:^|\/)(?:config|adapter_config|tokenizer_config|(?:pre|video_pre)?processor_config|image_processor_config|feature_extractor_config|sentence_bert_config|modules|generation_config)\.json$/;

type Config = { readonly [key: string]: Json };
type Say = (target: string, fetched: Omit<Fetched, 'target'>, pointer: string) => readonly Fact[];

/**
 * What a loader of `transformers`, `peft`, `diffusers` or `sentence-transformers` fetches because of this file, as seen with a
 * hub at hand (transformers 5.24, peft 0.21, sentence-transformers 6.2). What only tells an origin (`_name_or_path`) is none.
 * @throws WeighmarkError `format-invalid` where it cannot be read.
 */
export function configFetches(file: MetadataFile): readonly Fact[] {
  if (/(?:^|\/)modules\.json$/.test(file.path)) return moduleFetches(file);
  const config = jsonObjectOf(file);
  const name = file.path.slice(file.path.lastIndexOf('/') + 1);
  const say: Say = (target, fetched, pointer) => [fact('fetch', { target, ...fetched }, { file: file.path, pointer })];
  return [
    ...codeFetches(config, say),
    ...(name === 'adapter_config.json' ? baseFetches(config, say) : []),
    ...kernelFetches(config, say),
    ...backboneFetches(config, say),
    ...namedFetches(config, { say, pointer: '', depth: 0 }),
  ];
}

/** `auto_map` and `custom_pipelines` to another repository: `org/repo--module.Class`; `custom_generate` of one. */
function codeFetches(config: Config, say: Say): readonly Fact[] {
  const pipelines = isJsonObject(config['custom_pipelines']) ? config['custom_pipelines'] : {};
  const named = [
    ...Object.entries(isJsonObject(config['auto_map']) ? config['auto_map'] : {}).flatMap(([key, value]) =>
      list(value, `/auto_map/${key}`),
    ),
    ...Object.entries(pipelines).flatMap(([key, value]) =>
      list(isJsonObject(value) ? value['impl'] : undefined, `/custom_pipelines/${key}/impl`),
    ),
  ];
  const generate = words(config['custom_generate']);
  return [
    ...named.flatMap(({ text, pointer }) => foreignCode(text, pointer, say)),
    ...(generate !== undefined && isHubId(generate)
      ? say(generate, { kind: 'code', trustRemoteCode: true }, '/custom_generate')
      : []),
  ];
}

function foreignCode(reference: string, pointer: string, say: Say): readonly Fact[] {
  const [repository = '', module] = reference.split('--', 2);
  return module === undefined || repository === ''
    ? []
    : say(repository, { kind: 'code', trustRemoteCode: true }, pointer);
}

function moduleFetches(file: MetadataFile): readonly Fact[] {
  const say: Say = (target, fetched, pointer) => [fact('fetch', { target, ...fetched }, { file: file.path, pointer })];
  return items(jsonOf(file))
    .slice(0, MOST)
    .flatMap((module, index) => {
      const type = isJsonObject(module) ? words(module['type']) : undefined;
      return type === undefined ? [] : foreignCode(type, `/${index}/type`, say);
    });
}

const MOST = 200;

/** An adapter is nothing without its base; peft takes `revision` with it, transformers does not. */
function baseFetches(config: Config, say: Say): readonly Fact[] {
  const base = words(config['base_model_name_or_path']);
  const revision = words(config['revision'], 100);
  const pinned = revision === undefined ? {} : { revision };
  return base === undefined ? [] : say(base, { kind: 'model', ...pinned }, '/base_model_name_or_path');
}

/** `org/kernel`, `org/kernel@rev:function`: a kernel of the Hub. Names without a slash are the library's own. */
function kernelFetches(config: Config, say: Say): readonly Fact[] {
  const inner = isJsonObject(config['model_args']) ? config['model_args'] : {};
  const places = [
    [config['attn_implementation'], '/attn_implementation'],
    [config['_attn_implementation'], '/_attn_implementation'],
    [inner['attn_implementation'], '/model_args/attn_implementation'],
  ] as const;
  return places.flatMap(([value, at]) => {
    const named: readonly (readonly [Json | undefined, string])[] = isJsonObject(value)
      ? Object.entries(value).map(([key, each]) => [each, `${at}/${key}`])
      : [[value, at]];
    return named.flatMap(([text, pointer]) => kernelFetch(text, pointer, say));
  });
}

function kernelFetch(value: Json | undefined, pointer: string, say: Say): readonly Fact[] {
  const text = typeof value === 'string' ? value : '';
  const [, kernel = '', revision] = /^(?:paged\|)?([^@:|]+)(?:@([^:]+))?(?::.*)?$/.exec(text) ?? [];
  if (!isHubId(kernel)) return [];
  return say(kernel, { kind: 'kernel', ...(revision === undefined ? {} : { revision }) }, pointer);
}

function backboneFetches(config: Config, say: Say): readonly Fact[] {
  const backbone = words(config['backbone']);
  return backbone === undefined || config['use_pretrained_backbone'] !== true
    ? []
    : say(backbone, { kind: 'model' }, '/backbone');
}

/** Fields by whose name a loader takes a repository; where a file came from (`_name_or_path`) is not fetched again. */
const NAMES_REPOSITORY =
  /^(?!_name_or_path$|name_or_path$|base_model_name_or_path$)(?:.*_name_or_path|.*_repo_id|(?:mm_)?vision_tower|.*_model_id|custom_code_repo)$/;
const DEPTH = 6;

function namedFetches(config: Config, at: { say: Say; pointer: string; depth: number }): readonly Fact[] {
  if (at.depth > DEPTH) return [];
  return Object.entries(config).flatMap(([key, value]): readonly Fact[] => {
    const pointer = `${at.pointer}/${key}`;
    if (isJsonObject(value)) return namedFetches(value, { ...at, pointer, depth: at.depth + 1 });
    const text = typeof value === 'string' ? value : '';
    if (!NAMES_REPOSITORY.test(key) || !isRepository(text)) return [];
    return at.say(text, { kind: key.includes('tokenizer') ? 'tokenizer' : 'model' }, pointer);
  });
}

/** `org/name`, or one of the old names of one word, with a digit or hyphen as all of them have: `bert-base-uncased`. */
function isRepository(text: string): boolean {
  return isHubId(text) || /^(?=.*[-\d])[A-Za-z][\w.-]{2,95}$/.test(text);
}

/**
 * What is fetched at run time though it lies not in the artifact, each target once: paths inside are no fetches, nor is the base
 * of an adapter that lies beside a whole model, which is loaded instead.
 * @param paths of every file of the artifact.
 */
export function closureOf(facts: readonly Fact[], paths: readonly string[]): readonly FactOf<'fetch'>[] {
  const fetches = pick(facts, 'fetch');
  if (fetches.length === 0) return [];
  const all = new Set(paths);
  const folders = new Set(paths.flatMap(parents));
  const isInside = (target: string, folder: string): boolean =>
    [target, folder + target].map(plain).some((path) => path === '' || all.has(path) || folders.has(path));
  const outside = fetches.filter(({ value, source }) => {
    const folder = folderOf(source.file ?? '');
    if (isInside(value.target, folder)) return false;
    return !(source.pointer === '/base_model_name_or_path' && isWhole(folder, paths));
  });
  const seen = new Set<string>();
  return outside.filter(({ value }) => {
    const key = `${value.target} ${value.revision ?? ''}`;
    return !seen.has(key) && seen.add(key);
  });
}

function isWhole(folder: string, paths: readonly string[]): boolean {
  const here = paths.filter((path) => path.startsWith(folder) && !path.slice(folder.length).includes('/'));
  const names = here.map((path) => path.slice(folder.length));
  return (
    names.includes('config.json') &&
    names.some((name) => /^(?:model|pytorch_model)[^/]*\.(?:safetensors|bin)$/.test(name))
  );
}

function parents(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function plain(path: string): string {
  return path.replace(/^(?:\.\/)+|^\.$|\/+$/g, '');
}

/** A commit, not a branch or tag: what is fetched is then always the same. */
export function isPinned({ revision }: Fetched): boolean {
  return revision !== undefined && /^[0-9a-f]{40}$/.test(revision);
}
