import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Case, Contender } from './cases.ts';
import type { Tools } from './tools.ts';

/** Rows of one table. */
export interface RowData {
  readonly jsonl: string;
  /** The first tenth of it, for what takes minutes or gigabytes. */
  readonly tenth: string;
  /** The tenth with ten labels changed. */
  readonly twin: string;
  /** Written by DuckDB, where it is there. */
  readonly parquet?: string;
}

const PROGRAM = 'test/bench/records.py';
/** Two tables, then how weighmark is started; tables that differ are exit 1. */
const DIFF =
  'a=$1 b=$2; shift 2; "$@" dataset index "$a" && "$@" dataset index "$b"; "$@" dataset diff "$a" "$b" --key id; [ $? = 1 ]';

/** Ten million rows at scale 1, 2.2 GB: an integer, texts, a fraction, a list, and what is true, false or null. */
export function prepareRows(folder: string, scale: number, { python }: Tools): RowData {
  const count = Math.max(1000, Math.round(10_000_000 * scale));
  const at = (name: string): string => join(folder, `${name}-${scale}`);
  const data = { jsonl: `${at('rows')}.jsonl`, tenth: `${at('tenth')}.jsonl`, twin: `${at('twin')}.jsonl` };
  if (!existsSync(data.jsonl)) writeRows(data.jsonl, count);
  if (!existsSync(data.tenth)) writeRows(data.tenth, Math.round(count / 10));
  if (!existsSync(data.twin)) writeTwin(data.tenth, data.twin);
  if (python === undefined) return data;
  const parquet = `${at('rows')}.parquet`;
  if (!existsSync(parquet)) {
    const { status, stderr } = spawnSync(python, [PROGRAM, 'parquet', data.jsonl, parquet], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }
  return { ...data, parquet };
}

/** Ten rows, a tenth of the file apart, get another label. */
function writeTwin(from: string, to: string): void {
  const bytes = readFileSync(from);
  for (let part = 0; part < 10; part += 1) {
    const at = bytes.indexOf('"label":"', Math.floor((part * bytes.length) / 10)) + '"label":"'.length;
    bytes[at] = (bytes[at] as number) ^ 1;
  }
  writeFileSync(to, bytes);
}

/** Files by whole processes: both roots, as `dataset index` writes them. */
export function rowCases({ jsonl, tenth, twin, parquet }: RowData, tools: Tools): readonly Case[] {
  const { weighmark, b3sum, python } = tools;
  const index = (label: string, words: readonly string[], env: Readonly<Record<string, string>> = {}): Contender => ({
    label,
    argv: [...weighmark, 'dataset', 'index', ...words],
    env,
  });
  const other = (label: string, what: string, ...paths: readonly string[]): readonly Contender[] =>
    python === undefined ? [] : [{ label, argv: [python, PROGRAM, what, ...paths] }];
  const of = (name: string, path: string, contenders: readonly Contender[]): Case => ({
    name,
    bytes: statSync(path).size,
    files: [path],
    contenders,
  });
  return [
    of('records of JSONL', jsonl, [
      ...(b3sum === undefined ? [] : [{ label: 'b3sum', argv: [b3sum, jsonl] }]),
      index('lines as text', [jsonl, '--as', 'text', '--no-keep']),
      index('roots alone', [jsonl, '--no-keep']),
      index('index kept', [jsonl]),
    ]),
    of('records of JSONL, a tenth', tenth, [
      index('roots alone', [tenth, '--no-keep']),
      index('without the addon', [tenth, '--no-keep'], { WEIGHMARK_KERNEL: 'wasm' }),
      ...other('Python json, sorted, blake3', 'json', tenth),
      ...other('DuckDB md5(row)', 'md5', tenth),
      ...other('pandas hash_pandas_object', 'pandas', tenth),
    ]),
    of('records that differ, two tenths', tenth, [
      { label: 'both indexed, then compared', argv: ['sh', '-c', DIFF, 'sh', tenth, twin, ...weighmark] },
      ...other('Oxen diff', 'oxen', tenth, twin),
    ]),
    ...(parquet === undefined
      ? []
      : [
          of('records of Parquet', parquet, [
            ...other('DuckDB scan', 'scan', parquet),
            index('roots alone', [parquet, '--no-keep']),
            ...other('DuckDB md5(row)', 'md5', parquet),
          ]),
        ]),
  ];
}

const WORDS = [
  'alpha',
  'model',
  'training',
  'custody',
  'record',
  'the',
  'of',
  'provenance',
  'é',
  '日本',
  'leaf',
  'proof',
];
const LABELS = ['cat', 'dog', 'bird', 'fish', 'other'];

/** Under another name until it is whole. */
function writeRows(path: string, count: number): void {
  const fd = openSync(`${path}.tmp`, 'w');
  const random = xorshift();
  for (let from = 0; from < count; from += 10_000) {
    const rows = Array.from({ length: Math.min(10_000, count - from) }, (_, at) => `${rowOf(from + at, random)}\n`);
    writeSync(fd, rows.join(''));
  }
  closeSync(fd);
  renameSync(`${path}.tmp`, path);
}

type Random = (below: number) => number;

function xorshift(): Random {
  let state = 88_172_645;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function rowOf(id: number, random: Random): string {
  const two = (below: number): string => String(1 + random(below)).padStart(2, '0');
  const words = Array.from({ length: 12 + random(14) }, () => WORDS[random(WORDS.length)]);
  const text = words.join(' ') + (random(50) === 0 ? ' "quoted"\n' : '');
  return JSON.stringify({
    id,
    user: `u${String(random(3_000_000)).padStart(7, '0')}`,
    text,
    label: LABELS[random(LABELS.length)],
    score: random(1_000_000) / 1e6,
    ts: `2026-${two(12)}-${two(28)}T${two(23)}:${two(59)}:${two(59)}Z`,
    tags: [random(256), random(16)],
    ok: [true, false, null][random(3)],
  });
}
