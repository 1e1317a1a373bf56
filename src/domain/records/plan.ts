import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { canonicalJson, isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { checkPath } from '../base/paths.ts';
import { isHex256, sha256Hex } from '../digest/hex.ts';
import { formatReading, parseReading, type Reading } from './reading.ts';

/** A dataset's file as it was when the work was planned; another state of it is refused. */
export interface PlannedFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** When it was last modified: nanoseconds since the epoch, decimal. */
  readonly modifiedNs: string;
}

/** Bytes [start, end) of a file: whole lines; of a table of columns the row groups or record batches that begin there. */
export interface PlannedSlice {
  /** Which of the files, from 0. */
  readonly file: number;
  readonly start: number;
  readonly end: number;
}

/** How a dataset is indexed by many workers: the same plan for the same files and options. */
export interface Plan {
  readonly reading: Reading;
  /** What tells the organisation's key from another, lower-case hex; null: hashed in the open. */
  readonly secret: string | null;
  readonly files: readonly PlannedFile[];
  /** What each worker reads, in the order of the dataset's records; of each file no more than one slice. */
  readonly parts: readonly (readonly PlannedSlice[])[];
}

const HEADER = 'weighmark-records-plan/1';
export const PLAN_BYTES = 256 << 20;

/** Formats of text whose every newline ends a record, so that a file can be cut at any of them. */
export function isCuttable({ format }: Reading): boolean {
  return format === 'jsonl' || format === 'text';
}

/** The header line, then one line of RFC 8785 JSON. */
export function formatPlan({ reading, secret, files, parts }: Plan): string {
  const json = {
    reading: JSON.parse(formatReading(reading)) as Json,
    secret,
    files: files.map(({ path, sizeBytes, modifiedNs }) => ({ path, sizeBytes, modifiedNs })),
    parts: parts.map((slices) => slices.map(({ file, start, end }) => [file, start, end])),
  };
  return `${HEADER}\n${canonicalJson(json)}\n`;
}

/** @throws WeighmarkError `format-invalid` for anything that `formatPlan` does not write. */
export function parsePlan(bytes: Uint8Array): Plan {
  const text = Buffer.from(bytes).toString('utf8');
  const [header, line = ''] = text.split('\n', 2);
  if (header !== HEADER) throw invalid();
  const json = parseStrictJsonObject(line, { maxBytes: PLAN_BYTES, refuseCaseDuplicates: false, subject: 'the plan' });
  const { secret, files, parts } = json;
  if (!Array.isArray(files) || !Array.isArray(parts) || !(secret === null || isHex256(secret))) throw invalid();
  const plan = {
    reading: parseReading(json['reading']),
    secret,
    files: files.map(fileOf),
    parts: parts.map((part) => listOf(part).map((slice) => sliceOf(slice, files.length))),
  };
  if (formatPlan(plan) !== text || !isWhole(plan)) throw invalid();
  return plan;
}

/** Whether every file is in it from its beginning to its end, once and in order: a row left out would be nobody's. */
function isWhole({ files, parts }: Pick<Plan, 'files' | 'parts'>): boolean {
  let [next, at] = [0, 0];
  for (const { file, start, end } of parts.flat()) {
    if (file !== next || start !== at) return false;
    const isEnd = end === files[file]?.sizeBytes;
    [next, at] = isEnd ? [next + 1, 0] : [next, end];
  }
  return next === files.length && at === 0;
}

/** What a part is of, 32 bytes: an index that says the same stands for it, whatever plan it was made for. */
export function originOf({ reading, secret, files, parts }: Plan, part: number): Uint8Array {
  const slices = (parts[part] ?? []).map(({ file, start, end }) => ({ ...(files[file] as PlannedFile), start, end }));
  const json = { reading: JSON.parse(formatReading(reading)) as Json, secret, slices };
  return Buffer.from(sha256Hex(canonicalJson(json)), 'hex');
}

function fileOf(json: Json): PlannedFile {
  if (!isJsonObject(json)) throw invalid();
  const { path, sizeBytes, modifiedNs } = json;
  if (typeof path !== 'string' || typeof modifiedNs !== 'string' || !/^-?\d{1,20}$/.test(modifiedNs)) throw invalid();
  checkPath(path);
  return { path, sizeBytes: countOf(sizeBytes), modifiedNs };
}

function listOf(json: Json): readonly Json[] {
  if (Array.isArray(json)) return json as readonly Json[];
  throw invalid();
}

function sliceOf(json: Json, files: number): PlannedSlice {
  const [file, start, end] = listOf(json).map(countOf);
  if (file === undefined || start === undefined || end === undefined || file >= files || start > end) throw invalid();
  return { file, start, end };
}

function countOf(json: Json | undefined): number {
  if (typeof json === 'number' && Number.isSafeInteger(json) && json >= 0) return json;
  throw invalid();
}

function invalid(): WeighmarkError {
  return new WeighmarkError('format-invalid', `not a plan (${HEADER}), or not as this version writes it`, {
    hint: 'make it with `weighmark dataset plan`',
  });
}

/**
 * Slices, in order, as parts of about so many bytes: small ones together, neighbours of one file as one.
 * @param slices of one file or several, each in its place
 */
export function partsOf(slices: readonly PlannedSlice[], bytes: number): readonly (readonly PlannedSlice[])[] {
  const parts: PlannedSlice[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const slice of slices) {
    const size = slice.end - slice.start;
    if (filled + size > bytes) {
      parts.push([]);
      filled = 0;
    }
    filled += size;
    const part = parts.at(-1) as PlannedSlice[];
    const last = part.at(-1);
    if (last?.file === slice.file) part[part.length - 1] = { ...last, end: slice.end };
    else part.push(slice);
  }
  return parts;
}
