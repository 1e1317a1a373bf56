import { isJsonObject, parseStrictJson, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { readAll } from '../base/source.ts';
import { Cursor, safeNumber } from './cursor.ts';
import { attempt, beyond, invalid } from './problem.ts';
import type { Findings, MetadataItem, NamedSource, Problem } from './types.ts';

/** Facts by where they stand in the model, as text or number. */
const FACTS: readonly (readonly [key: string, path: string])[] = [
  ['objective', 'learner.objective.name'],
  ['booster', 'learner.gradient_booster.name'],
  ['num_feature', 'learner.learner_model_param.num_feature'],
  ['num_class', 'learner.learner_model_param.num_class'],
  ['num_trees', 'learner.gradient_booster.model.gbtree_model_param.num_trees'],
];

/** Whether a JSON object is an XGBoost model. */
export function isXgboostJson(value: Json): boolean {
  return isJsonObject(value) && isJsonObject(value['learner']) && 'gradient_booster' in value['learner'];
}

/** An XGBoost model as JSON. @see https://xgboost.readthedocs.io/en/stable/tutorials/saving_model.html */
export function xgboostFindings(value: Json): Findings {
  const texts = new Map<string, Json>();
  for (const [, path] of FACTS) {
    const found = path
      .split('.')
      .reduce<Json | undefined>((at, key) => (isJsonObject(at) ? at[key] : undefined), value);
    if (found !== undefined) texts.set(path, found);
  }
  const stated = isJsonObject(value) && Array.isArray(value['version']) ? (value['version'] as readonly Json[]) : [];
  return found(texts, stated.filter((part) => typeof part === 'number').join('.'), []);
}

function found(texts: ReadonlyMap<string, unknown>, version: string, problems: readonly Problem[]): Findings {
  const metadata = FACTS.flatMap(([key, path]): MetadataItem[] => {
    const value = texts.get(path);
    return typeof value === 'string' || typeof value === 'number' ? [{ key, value, place: `xgboost:${path}` }] : [];
  });
  return { format: 'xgboost', kind: 'weights', metadata, problems, ...(version === '' ? {} : { version }) };
}

/** The same as JSON in a file too large to hold. */
export async function readXgboostJson(file: NamedSource): Promise<Findings> {
  if (file.source.size > LIMITS.documentBytes)
    return found(new Map(), '', [{ code: 'limit', message: `JSON of ${file.source.size} bytes` }]);
  return xgboostFindings(
    parseStrictJson(await readAll(file.source), { refuseCaseDuplicates: false, refuseUnsafeIntegers: false }),
  );
}

interface State {
  readonly cursor: Cursor;
  readonly texts: Map<string, string | number>;
  readonly version: number[];
  left: number;
}

/** An XGBoost model as UBJSON: walked by its structure, only what `FACTS` names is kept. @see https://ubjson.org */
export async function readXgboostUbj({ source }: NamedSource): Promise<Findings> {
  const state: State = { cursor: new Cursor(source), texts: new Map(), version: [], left: LIMITS.protobufFields };
  const problems: Problem[] = [];
  await attempt(problems, async () => {
    await readValue(state, await marker(state), []);
    if (state.cursor.remaining > 0)
      problems.push({
        code: 'trailing',
        message: `${state.cursor.remaining} bytes after the model`,
        offset: state.cursor.offset,
      });
  });
  return found(state.texts, state.version.join('.'), problems);
}

async function marker({ cursor }: State): Promise<string> {
  return String.fromCharCode(await cursor.u8());
}

/** Bytes of a number by its marker; all are big-endian. */
const WIDTHS: Readonly<Record<string, number>> = {
  i: 1,
  U: 1,
  I: 2,
  l: 4,
  L: 8,
  d: 4,
  D: 8,
  C: 1,
  T: 0,
  F: 0,
  Z: 0,
  N: 0,
};

async function readValue(state: State, kind: string, path: readonly string[]): Promise<void> {
  if (state.left-- <= 0 || path.length > LIMITS.formatDepth)
    throw beyond('UBJSON with too many values, or nested too deep');
  const width = WIDTHS[kind];
  if (kind === '{') return readObject(state, path);
  if (kind === '[') return readArray(state, path);
  const place = path.join('.');
  if (kind === 'S' || kind === 'H') {
    const length = await readInteger(state, await marker(state));
    if (FACTS.some(([, wanted]) => wanted === place)) state.texts.set(place, await state.cursor.text(length, 4096));
    else state.cursor.skip(length);
  } else if (width === undefined) throw invalid(`no UBJSON type at byte ${state.cursor.offset - 1}`);
  else if (/^version\.\d$/.test(place) && 'iUIlL'.includes(kind)) state.version.push(await readInteger(state, kind));
  else state.cursor.skip(width);
}

async function readInteger({ cursor }: State, kind: string): Promise<number> {
  const width = 'iUIlL'.includes(kind) ? (WIDTHS[kind] ?? 0) : 0;
  if (width === 0) throw invalid(`no UBJSON length at byte ${cursor.offset - 1}`);
  const value = (await cursor.bytes(width)).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  return safeNumber(value, 'a UBJSON length');
}

async function readObject(state: State, path: readonly string[]): Promise<void> {
  for (let kind = await marker(state); kind !== '}'; kind = await marker(state)) {
    const key = await state.cursor.text(await readInteger(state, kind), 4096);
    await readValue(state, await marker(state), [...path, key]);
  }
}

/** Plain, counted (`#`), or of one type (`$`), which is then stepped over where its elements have a width. */
async function readArray(state: State, path: readonly string[]): Promise<void> {
  let kind = await marker(state);
  const type = kind === '$' ? await marker(state) : undefined;
  if (type !== undefined) kind = await marker(state);
  if (kind !== '#') {
    for (let index = 0; kind !== ']'; kind = await marker(state))
      await readValue(state, kind, [...path, String(index++)]);
    return;
  }
  const count = await readInteger(state, await marker(state));
  const width = type === undefined ? undefined : WIDTHS[type];
  if (width !== undefined) return state.cursor.skip(count * width);
  for (let index = 0; index < count; index++)
    await readValue(state, type ?? (await marker(state)), [...path, String(index)]);
}
