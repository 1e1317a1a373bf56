import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { checkOf, verdictOf, type Finding, type Verdict } from '../base/verdict.ts';
import type { Kind } from '../records/batch.ts';
import type { Roots } from '../records/roots.ts';
import { frontMatter } from './card.ts';
import { field } from './read.ts';
import { parseYaml } from './yaml.ts';

/** What Hugging Face's `dataset_info` states of records, with where it stands. */
export interface StatedInfo {
  readonly splits: readonly { readonly name: string; readonly records: number; readonly at: string }[];
  /** Of the one configuration; null where there are several, or none states them. */
  readonly columns: readonly StatedColumn[] | null;
  readonly configurations: number;
}

export interface StatedColumn {
  readonly name: string;
  /** Null for types that records do not tell. */
  readonly kind: Kind | null;
  readonly at: string;
}

/** Whether a description of this name is a dataset card, or a `dataset_info.json` of `datasets`. */
export function isDatasetInfo(path: string): boolean {
  return /\.md$|(?:^|[\\/])dataset_infos?\.json$/i.test(path);
}

/** @throws WeighmarkError `format-invalid`, `limit-exceeded` for what is no card and no JSON. */
export function statedInfo(bytes: Uint8Array, path: string): StatedInfo {
  const found = configurationsIn(Buffer.from(bytes).toString('utf8'), path);
  const only = found.length === 1 ? found[0] : undefined;
  return {
    splits: found.flatMap(({ info, at }) => splitsOf(field(info, 'splits'), `${at}/splits`)),
    columns: only === undefined ? null : columnsOf(field(only.info, 'features'), `${only.at}/features`),
    configurations: found.length,
  };
}

interface Configuration {
  readonly info: Json;
  readonly at: string;
}

function configurationsIn(text: string, path: string): readonly Configuration[] {
  if (!/\.md$/i.test(path)) {
    const json = parseStrictJsonObject(text, { maxBytes: LIMITS.documentBytes, subject: path });
    if (!/infos\.json$/i.test(path)) return [{ info: json, at: '' }];
    return Object.entries(json).map(([name, info]) => ({ info, at: `/${name}` }));
  }
  const matter = frontMatter(text);
  const info = matter === null ? undefined : field(parseYaml(matter, path), 'dataset_info');
  if (Array.isArray(info)) return info.map((each: Json, at) => ({ info: each, at: `/dataset_info/${at}` }));
  return info === undefined ? [] : [{ info, at: '/dataset_info' }];
}

/** A list in a card, an object by name in JSON. */
function named(value: Json | undefined, at: string): readonly { name: string; value: Json; at: string }[] {
  if (Array.isArray(value))
    return value.flatMap((each: Json, index) => {
      const name = field(each, 'name');
      return typeof name === 'string' ? [{ name, value: each, at: `${at}/${index}` }] : [];
    });
  if (!isJsonObject(value)) return [];
  return Object.entries(value).map(([name, each]) => ({ name, value: each, at: `${at}/${name}` }));
}

function splitsOf(splits: Json | undefined, at: string): StatedInfo['splits'] {
  return named(splits, at).flatMap(({ name, value, at: where }) => {
    const records = Number(field(value, 'num_examples') ?? Number.NaN);
    return Number.isSafeInteger(records) && records >= 0 ? [{ name, records, at: `${where}/num_examples` }] : [];
  });
}

function columnsOf(features: Json | undefined, at: string): readonly StatedColumn[] | null {
  if (features === undefined || features === null) return null;
  return named(features, at).map(({ name, value, at: where }) => ({ name, kind: kindOf(value), at: where }));
}

const KINDS: readonly (readonly [RegExp, Kind])[] = [
  [/^(?:u?int|float|double|decimal)\d*/, 'number'],
  [/^bool/, 'boolean'],
  [/^(?:large_)?string/, 'text'],
  [/^date/, 'date'],
  [/^time(?:32|64)/, 'time'],
  [/^timestamp\[[a-z]+, *tz=/, 'instant'],
  [/^timestamp/, 'timestamp'],
  [/^duration/, 'duration'],
  [/^(?:large_)?binary/, 'bytes'],
];

function kindOf(feature: Json): Kind | null {
  const [dtype, type] = [field(feature, 'dtype'), field(feature, '_type')];
  if (type === 'ClassLabel' || field(dtype, 'class_label') !== undefined) return 'number';
  if (type === 'List' || type === 'LargeList' || field(feature, 'list') !== undefined) return 'list';
  // Images, sounds and sequences of several columns are stored in more than one way.
  if (typeof dtype !== 'string' || (type !== undefined && type !== 'Value')) return null;
  return KINDS.find(([pattern]) => pattern.test(dtype))?.[1] ?? null;
}

/** Whether records read now are as many, in columns of the names and kinds, as `dataset_info` states. */
export function checkDatasetInfo(stated: StatedInfo, roots: Roots, shown: string): Verdict {
  const { splits, columns } = stated;
  const bySplit = countsOf(stated, roots);
  const findings = [
    ...(splits.length === 0 ? [] : countFindings(splits, bySplit, roots)),
    ...(columns === null || roots.columns === null ? [] : columnFindings(columns, roots)),
  ];
  const what = [
    ...(splits.length === 0 ? [] : [`${roots.records} records${bySplit === null ? ' in all' : ', split by split'}`]),
    ...(columns === null || roots.columns === null ? [] : [`${columns.length} columns`]),
  ];
  const evidence = [
    {
      what: `${what.join(' and ')} as described; sizes in bytes are not compared`,
      data: { records: splits.length === 0 ? null : roots.records, splits: bySplit, columns: columns?.length ?? null },
    },
  ];
  const check = checkOf('description', findings.length > 0 ? [] : evidence, findings);
  return verdictOf({ subject: shown, checks: what.length === 0 ? [] : [check] });
}

/** Records of each split, where every file is named after one of them; else null. */
function countsOf({ splits, configurations }: StatedInfo, { parts }: Roots): Readonly<Record<string, number>> | null {
  if (configurations !== 1 || splits.length < 2) return null;
  const counts: Record<string, number> = Object.fromEntries(splits.map(({ name }) => [name, 0]));
  for (const { path, records } of parts) {
    const words = new Set(path.split(/[-_./ ]+/));
    const [name, another] = splits.map((split) => split.name).filter((each) => words.has(each));
    if (name === undefined || another !== undefined) return null;
    counts[name] = (counts[name] ?? 0) + records;
  }
  return counts;
}

function countFindings(
  splits: StatedInfo['splits'],
  bySplit: Readonly<Record<string, number>> | null,
  { records }: Roots,
): readonly Finding[] {
  if (bySplit !== null)
    return splits
      .filter((split) => bySplit[split.name] !== split.records)
      .map(({ name, records: said, at }) =>
        contradicted(`${said} records are described in ${name}, ${bySplit[name] ?? 0} are there`, at),
      );
  const said = splits.reduce((sum, split) => sum + split.records, 0);
  const at = splits.map((split) => split.at).join(' ');
  return said === records ? [] : [contradicted(`${said} records are described in all, ${records} are there`, at)];
}

function columnFindings(columns: readonly StatedColumn[], roots: Roots): readonly Finding[] {
  const found = new Map(Object.entries(roots.columns ?? {}));
  // Text has no types of its own: a time in JSON is a text.
  const isTyped = ['parquet', 'arrow'].includes(roots.reading.format) && roots.reading.profile === 'typed';
  const said = new Set(columns.map(({ name }) => name));
  return [
    ...columns.flatMap(({ name, kind, at }) => {
      const kinds = found.get(name);
      if (kinds === undefined) return [contradicted(`column ${name} is described, and is not there`, at)];
      const other = isTyped && kind !== null ? kinds.find((each) => each !== kind) : undefined;
      return other === undefined
        ? []
        : [contradicted(`column ${name} is described as ${kind}, and holds ${other}`, at)];
    }),
    ...[...found.keys()]
      .filter((name) => !said.has(name))
      .map((name) => contradicted(`column ${name} is there, and is not described`, '')),
  ];
}

function contradicted(message: string, at: string): Finding {
  return { code: 'description-contradicted', message, ...(at === '' ? {} : { facts: { described: at } }) };
}
