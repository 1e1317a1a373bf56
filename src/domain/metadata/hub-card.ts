import { canonicalJson, type Json } from '../base/json.ts';
import type { Described } from './croissant.ts';
import type { Feature } from './hub-features.ts';

/** What Hugging Face's `datasets` is told of a dataset: what it would find itself, and which files are which split. */
export interface HubInfo {
  readonly described: Described;
  /** Null where files say it themselves (Parquet, Arrow), or no type of `datasets` would do. */
  readonly features: ReadonlyMap<string, Feature> | null;
  readonly splits: readonly HubSplit[];
}

export interface HubSplit {
  readonly name: string;
  readonly paths: readonly string[];
  readonly records: number;
  /** Of its files; `datasets` itself counts what they take in memory, which nothing is held to. */
  readonly bytes: number;
}

export interface HubFile {
  readonly path: string;
  readonly records: number;
  readonly bytes: number;
}

/** Words in a path by which `datasets` tells splits. */
const SPLITS: readonly (readonly [string, readonly string[]])[] = [
  ['train', ['train', 'training']],
  ['validation', ['validation', 'valid', 'val', 'dev']],
  ['test', ['test', 'testing', 'eval', 'evaluation']],
];

/** Files by split, if each is named after exactly one; else all are `train`, as `datasets` has it. */
export function splitsOf(parts: readonly HubFile[]): readonly HubSplit[] {
  const named = parts.map((part) => ({ part, names: splitNames(part.path) }));
  const isNamed = named.every(({ names }) => names.length === 1);
  const splits = Map.groupBy(named, ({ names }) => (isNamed ? (names[0] ?? 'train') : 'train'));
  return [...splits].map(([name, all]) => ({
    name,
    paths: all.map(({ part }) => part.path),
    records: all.reduce((sum, { part }) => sum + part.records, 0),
    bytes: all.reduce((sum, { part }) => sum + part.bytes, 0),
  }));
}

function splitNames(path: string): readonly string[] {
  const words = new Set(path.toLowerCase().split(/[^a-z]+/));
  return SPLITS.flatMap(([name, all]) => (all.some((word) => words.has(word)) ? [name] : []));
}

/** `dataset_info.json` as `DatasetInfo.from_directory` reads it. */
export function formatDatasetInfo({ described, features, splits }: HubInfo): string {
  const json = {
    ...(described.description === undefined ? {} : { description: described.description }),
    ...(described.licence === undefined ? {} : { license: described.licence }),
    ...(described.url === undefined ? {} : { homepage: described.url }),
    ...(features === null ? {} : { features: inJson(features) }),
    splits: Object.fromEntries(splits.map((split) => [split.name, inSplits(split)])),
    ...sizesOf(splits),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** The front matter of a card (README.md) on the Hugging Face Hub. */
export function formatCard({ described, features, splits }: HubInfo): string {
  const data = splits.map(({ name, paths }) => ({ split: name, path: paths.map(withoutGlob) }));
  const card = {
    pretty_name: described.name,
    ...licenceOf(described.licence),
    configs: [{ config_name: 'default', data_files: data }],
    dataset_info: {
      ...(features === null ? {} : { features: inYaml(features) }),
      splits: splits.map(inSplits),
      ...sizesOf(splits),
    },
  };
  return `---\n${yaml(card, 0).join('\n')}\n---\n`;
}

function inSplits({ name, records, bytes }: HubSplit) {
  return { name, num_bytes: bytes, num_examples: records };
}

function sizesOf(splits: readonly HubSplit[]) {
  const bytes = splits.reduce((sum, split) => sum + split.bytes, 0);
  return { download_size: bytes, dataset_size: bytes };
}

/** The Hub's identifiers are SPDX's in lower case. */
function licenceOf(licence: string | undefined): Readonly<Record<string, Json>> {
  if (licence === undefined) return {};
  return /^https?:/.test(licence) ? { license: 'other', license_link: licence } : { license: licence.toLowerCase() };
}

/** The Hub reads paths as patterns. */
function withoutGlob(path: string): string {
  return path.replaceAll(/[*?[]/g, '[$&]');
}

function dtypeOf(dtype: string): string {
  return dtype === 'safe' ? 'int64' : dtype;
}

function inJson(fields: ReadonlyMap<string, Feature>): Json {
  return Object.fromEntries([...fields].map(([name, feature]) => [name, featureInJson(feature)]));
}

function featureInJson(feature: Feature): Json {
  if ('list' in feature) return { feature: featureInJson(feature.list), _type: 'List' };
  if ('fields' in feature) return inJson(feature.fields);
  return { dtype: dtypeOf('dtype' in feature ? feature.dtype : 'null'), _type: 'Value' };
}

function inYaml(fields: ReadonlyMap<string, Feature>): Json {
  return [...fields].map(([name, feature]) => ({ name, ...featureInYaml(feature) }));
}

function featureInYaml(feature: Feature): Readonly<Record<string, Json>> {
  if ('fields' in feature) return { struct: inYaml(feature.fields) };
  if (!('list' in feature)) return { dtype: dtypeOf('dtype' in feature ? feature.dtype : 'null') };
  const { list } = feature;
  if ('fields' in list) return { list: inYaml(list.fields) };
  return { list: 'list' in list ? featureInYaml(list) : dtypeOf('dtype' in list ? list.dtype : 'null') };
}

/** Blocks of mappings and lists; each text in quotes, so that none is taken for something else. */
function yaml(value: Json, indent: number): readonly string[] {
  const space = ' '.repeat(indent);
  const entries: readonly (readonly [string, Json])[] = Array.isArray(value)
    ? value.map((each: Json) => ['-', each])
    : Object.entries(value as Readonly<Record<string, Json>>).map(([name, each]) => [`${name}:`, each]);
  return entries.flatMap(([head, each]) => {
    if (typeof each !== 'object' || each === null || Object.keys(each).length === 0)
      return [`${space}${head} ${scalar(each)}`];
    const [first = '', ...rest] = yaml(each, indent + 2);
    return head === '-' ? [`${space}- ${first.trimStart()}`, ...rest] : [`${space}${head}`, first, ...rest];
  });
}

/** JSON is YAML but for characters that YAML does not print. */
function scalar(value: Json): string {
  return canonicalJson(value).replaceAll(
    /[\u007F-\u009F\u2028\u2029\uFEFF\uFFFE\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
