import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { indexHeader, layoutOf } from '../../domain/records/index-layout.ts';
import { keyId } from '../../domain/records/keys.ts';
import { unsupported } from '../../domain/records/problem.ts';
import { formatRoots, type Roots } from '../../domain/records/roots.ts';
import { kindsOf, type Columns } from '../../domain/records/struct.ts';
import type { Indexed, IndexJob, IndexWatch, RecordFile } from '../../domain/ports/records.ts';
import { syncFolder, writeError } from '../files/write.ts';
import { stampOf } from '../files/stats.ts';
import { sameStamp } from '../files/open.ts';
import { fileError } from '../files/errors.ts';
import type { IndexPlace } from './cache.ts';
import { refusal } from './refusal.ts';
import { cutSlices } from './slices.ts';
import { bytesOf, changed } from './source.ts';

/** What the addon exports; `kernel/src/addon.rs` says the same. */
export interface Addon {
  create(): Run;
  index(run: Run, request: Buffer): Promise<Buffer>;
  /** Bytes read so far, about. */
  progress(run: Run): number;
  abort(run: Run): void;
}

type Run = { readonly brand: unique symbol };

export const NATIVE_FORMATS: readonly string[] = ['text', 'jsonl', 'csv', 'tsv', 'parquet', 'arrow'];
const TICK_MS = 100;

export interface NativeJob extends IndexJob {
  readonly cache: IndexPlace;
}

/** Indexes a dataset by the addon. What it refuses is read again in JavaScript, which says why. */
export async function indexByAddon(job: NativeJob, watch: IndexWatch, addon: Addon): Promise<Indexed> {
  const temporary = job.keep ? newFile(job.cache.folder()) : null;
  try {
    for (const file of job.files) checkStamp(file);
    const answer = await cutSlices(job, (files) =>
      runAddon(requestOf({ ...job, files }, watch, temporary), job, { watch, addon }),
    );
    if (answer[0] !== 'ok') throw await failureOf(answer, job);
    for (const file of job.files) checkStamp(file);
    const roots = rootsOf(answer, job);
    const index = temporary === null ? null : job.cache.locationOf(roots);
    if (temporary !== null && index !== null) await settle(temporary, index, { roots, origin: job.cache.origin });
    return { roots, index };
  } finally {
    if (temporary !== null) rmSync(temporary, { force: true });
  }
}

function newFile(folder: string): string {
  const path = join(folder, `.${randomBytes(6).toString('hex')}.tmp`);
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (cause) {
    throw writeError(cause, path);
  }
  return path;
}

/** The file is the one that was walked, before and after: the addon opens it by its name. */
export function checkStamp({ location, path, stamp }: RecordFile): void {
  const stat = statSync(location, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined || !sameStamp(stampOf(stat), stamp)) throw changed(path);
}

function requestOf({ files, reading, secret }: IndexJob, { jobs }: IndexWatch, out: string | null): Buffer {
  const types = Object.entries(reading.types ?? {}).flat();
  const fields = [
    reading.format,
    reading.profile,
    reading.format === 'tsv' ? '\t' : (reading.delimiter ?? ','),
    reading.header === false ? '' : 'header',
    reading.empty ?? 'null',
    String(jobs ?? availableParallelism()),
    secret === null ? '' : Buffer.from(secret).toString('hex'),
    out ?? '',
    join(out === null ? tmpdir() : dirname(out), `.${randomBytes(6).toString('hex')}.tmp`),
    ...types,
    '',
    ...files.flatMap(({ location, slice }) => [location, String(slice?.start ?? ''), String(slice?.end ?? '')]),
  ];
  return Buffer.from(fields.map((field) => `${field}\0`).join(''));
}

async function runAddon(
  request: Buffer,
  { files }: IndexJob,
  { watch, addon }: { readonly watch: IndexWatch; readonly addon: Addon },
): Promise<readonly string[]> {
  const { progress, signal } = watch;
  const run = addon.create();
  const total = files.reduce((sum, file) => sum + bytesOf(file), 0);
  const work = progress.start('records', total);
  let told = 0;
  const timer = setInterval(() => {
    const now = Math.min(total, addon.progress(run));
    work.advance(now - told);
    told = now;
  }, TICK_MS);
  const abort = (): void => addon.abort(run);
  signal.addEventListener('abort', abort);
  try {
    const answer = await addon.index(run, request);
    signal.throwIfAborted();
    if (answer.length === 0) throw new WeighmarkError('internal', 'the addon did not understand its request');
    return answer.toString('utf8').slice(0, -1).split('\0');
  } finally {
    clearInterval(timer);
    signal.removeEventListener('abort', abort);
    work.end();
  }
}

function rootsOf(answer: readonly string[], { files, reading, secret }: IndexJob): Roots {
  const [, records, distinct, ordered = '', set = '', parts] = answer;
  const columns: Columns = new Map();
  const first = 6 + Number(parts);
  for (let at = first; at + 1 < answer.length; at += 2) columns.set(answer[at] ?? '', Number(answer[at + 1]));
  return {
    reading,
    hashing: secret === null ? 'open' : 'keyed',
    key: keyId(secret),
    records: Number(records),
    distinct: Number(distinct),
    ordered,
    set,
    columns: kindsOf(columns),
    parts: files.map(({ path }, index) => ({ path, records: Number(answer[6 + index]) })),
  };
}

/** The header and the roots' text make it an index; then it gets its name. */
async function settle(
  temporary: string,
  location: string,
  { roots, origin }: { readonly roots: Roots; readonly origin: Uint8Array | undefined },
): Promise<void> {
  const text = Buffer.from(formatRoots(roots));
  try {
    const file = openSync(temporary, 'r+');
    writeSync(file, indexHeader(roots.records, text.length, origin), 0, undefined, 0);
    writeSync(file, text, 0, undefined, layoutOf(roots.records).roots);
    fsyncSync(file);
    closeSync(file);
    renameSync(temporary, location);
    await syncFolder(dirname(location));
  } catch (cause) {
    throw writeError(cause, location);
  }
}

async function failureOf([kind, index = '', detail = '']: readonly string[], job: IndexJob): Promise<Error> {
  const file = job.files[Number(index)];
  const place = index === '' || file === undefined ? '' : `${file.path}: `;
  if (kind === 'record' && file !== undefined) return refusal(file, Number(detail) + (file.slice?.start ?? 0), job);
  if (kind === 'unsupported') return unsupported(`${place}${detail}`);
  return fileError(new Error(detail), file?.location ?? place);
}
