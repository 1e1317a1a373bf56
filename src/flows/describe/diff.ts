import { readFormat } from '../../domain/formats/index.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { TensorInfo } from '../../domain/formats/types.ts';
import type { Progress } from '../../domain/ports/terminal.ts';
import type { Source } from '../../domain/base/source.ts';
import { compareRecords, type RecordChange } from '../../domain/scan/diff/records.ts';
import { compareSettings, type SettingChange } from '../../domain/scan/diff/settings.ts';
import { compareTensors, type PlacedTensor, type TensorChange } from '../../domain/scan/diff/tensor.ts';
import { compareUtf8 } from '../../domain/base/paths.ts';
import type { ArtifactFile } from '../bom/create.ts';
import type { Claimed } from './inspect.ts';

/** One side of a comparison. */
export interface DiffSide {
  /** As the user named it. */
  readonly shown: string;
  readonly files: readonly ArtifactFile[];
  /** What the artifact says of itself: licence, base model, datasets. */
  readonly claimed: readonly Claimed[];
}

export interface FileDiff {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before?: number;
  readonly after?: number;
  readonly records?: RecordChange;
  readonly settings?: readonly SettingChange[];
}

export interface TensorDiff {
  readonly name: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before?: { readonly dtype: string; readonly shape: readonly number[] };
  readonly after?: { readonly dtype: string; readonly shape: readonly number[] };
  /** Absent where shapes differ, or values cannot be compared (block-quantised, compressed). */
  readonly change?: TensorChange;
}

export interface ClaimDiff {
  readonly field: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

export interface DiffOutcome {
  readonly a: string;
  readonly b: string;
  readonly differs: boolean;
  readonly files: readonly FileDiff[];
  readonly sameFiles: number;
  readonly tensors: readonly TensorDiff[];
  readonly sameTensors: number;
  readonly claims: readonly ClaimDiff[];
}

export interface DiffPorts {
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

const CHUNK = 1 << 20;
const TEXT = 4 << 20;
/** Bytes of tensors compared for each byte of the files: a header can name the same bytes a million times. Beyond it, tensors count as changed. */
const COMPARED = 16;

/**
 * What changed from one artifact to another, down to tensors: by name, wherever they lie, so that another sharding or
 * format of the same weights compares as equal. @throws WeighmarkError `unreadable`, `file-changed`, `interrupted`.
 */
export async function diffArtifacts(a: DiffSide, b: DiffSide, ports: DiffPorts): Promise<DiffOutcome> {
  const { files, same } = await diffFiles(a, b, ports);
  const changed = new Set(files.map(({ path }) => path));
  const { tensors, same: sameTensors } = await diffTensors(a, b, { changed, ports });
  const claims = diffClaims(a.claimed, b.claimed);
  return {
    a: a.shown,
    b: b.shown,
    differs: files.length + tensors.length > 0,
    files,
    sameFiles: same,
    tensors,
    sameTensors,
    claims,
  };
}

/** A single file is compared with a single file whatever their names. */
function pathOf(side: DiffSide, file: ArtifactFile, other: DiffSide): string {
  return side.files.length === 1 && other.files.length === 1 ? (other.files[0]?.path ?? file.path) : file.path;
}

async function diffFiles(
  a: DiffSide,
  b: DiffSide,
  { progress, signal }: DiffPorts,
): Promise<{ files: FileDiff[]; same: number }> {
  const after = new Map(b.files.map((file) => [file.path, file]));
  const before = new Map(a.files.map((file) => [pathOf(a, file, b), file]));
  const work = progress.start(
    'comparing files',
    a.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  const files: FileDiff[] = [];
  let same = 0;
  try {
    for (const path of [...new Set([...before.keys(), ...after.keys()])].sort(compareUtf8)) {
      if (signal.aborted) throw new WeighmarkError('interrupted', 'interrupted');
      const change = await diffFile(path, before.get(path), after.get(path));
      if (change === null) same += 1;
      else files.push(change);
      work.advance(before.get(path)?.sizeBytes ?? 0);
    }
  } finally {
    work.end();
  }
  return { files, same };
}

async function diffFile(
  path: string,
  a: ArtifactFile | undefined,
  b: ArtifactFile | undefined,
): Promise<FileDiff | null> {
  if (a === undefined) return { path, kind: 'added', after: b?.sizeBytes ?? 0 };
  if (b === undefined) return { path, kind: 'removed', before: a.sizeBytes };
  const digests = [a.digests.sha256, b.digests.sha256];
  if (digests[0] !== undefined && digests[0] === digests[1]) return null;
  return withOpen([a, b], async ([left, right]) => {
    if (left === undefined || right === undefined || (await sameContent(left, right))) return null;
    const sizes = { before: a.sizeBytes, after: b.sizeBytes };
    return { path, kind: 'changed', ...sizes, ...(await contentChange(path, left, right)) };
  });
}

async function sameContent(a: Source, b: Source): Promise<boolean> {
  if (a.size !== b.size) return false;
  for (let at = 0; at < a.size; at += CHUNK)
    if (Buffer.compare(await a.read(at, CHUNK), await b.read(at, CHUNK)) !== 0) return false;
  return true;
}

async function contentChange(path: string, a: Source, b: Source): Promise<Pick<FileDiff, 'records' | 'settings'>> {
  if (/\.(csv|tsv|jsonl|ndjson)$/i.test(path)) {
    const records = await compareRecords(a, b);
    return records === null ? {} : { records };
  }
  if (!/\.json$/i.test(path) || Math.max(a.size, b.size) > TEXT) return {};
  const [left, right] = [
    Buffer.from(await a.read(0, a.size)).toString('utf8'),
    Buffer.from(await b.read(0, b.size)).toString('utf8'),
  ];
  const settings = compareSettings(left, right);
  return settings === null ? {} : { settings };
}

interface Found {
  readonly file: ArtifactFile;
  readonly path: string;
  readonly tensor: TensorInfo;
}

async function diffTensors(
  a: DiffSide,
  b: DiffSide,
  about: { changed: ReadonlySet<string>; ports: DiffPorts },
): Promise<{ tensors: TensorDiff[]; same: number }> {
  const [left, right] = [await tensorsOf(a, b, about.changed), await tensorsOf(b, a, about.changed)];
  const [before, after] = keyed(left, right);
  const tensors: TensorDiff[] = [];
  let same = 0;
  const budget = { bytes: COMPARED * [...a.files, ...b.files].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
  const work = about.ports.progress.start(
    'comparing tensors',
    left.reduce((sum, { tensor }) => sum + (tensor.length ?? 0), 0),
  );
  try {
    for (const name of [...new Set([...before.keys(), ...after.keys()])].sort(compareUtf8)) {
      if (about.ports.signal.aborted) throw new WeighmarkError('interrupted', 'interrupted');
      const change = await diffTensor(name, [before.get(name), after.get(name)], budget);
      if (change === null) same += 1;
      else tensors.push(change);
      work.advance(before.get(name)?.tensor.length ?? 0);
    }
  } finally {
    work.end();
  }
  return { tensors, same };
}

/** Tensors of the files that differ; those of equal files are equal. */
async function tensorsOf(side: DiffSide, other: DiffSide, changed: ReadonlySet<string>): Promise<Found[]> {
  const found: Found[] = [];
  for (const file of side.files) {
    const path = side.files.length === 1 && other.files.length === 1 ? '' : file.path;
    if (path !== '' && !changed.has(path)) continue;
    const { tensors } = await withOpen([file], async ([source]) =>
      source === undefined ? { tensors: undefined } : readFormat({ path: file.path, source }, { countRows: false }),
    );
    for (const tensor of tensors?.items ?? []) found.push({ file, path, tensor });
  }
  return found;
}

/** By name alone where that is unique on both sides, by file and name otherwise. */
function keyed(a: readonly Found[], b: readonly Found[]): [Map<string, Found>, Map<string, Found>] {
  const counts = [a, b].map((side) => {
    const count = new Map<string, number>();
    for (const { tensor } of side) count.set(tensor.name, (count.get(tensor.name) ?? 0) + 1);
    return count;
  });
  const key = ({ path, tensor }: Found): string =>
    counts.every((count) => (count.get(tensor.name) ?? 0) <= 1) ? tensor.name : `${path}#${tensor.name}`;
  return [new Map(a.map((found) => [key(found), found])), new Map(b.map((found) => [key(found), found]))];
}

async function diffTensor(
  name: string,
  [a, b]: readonly [Found | undefined, Found | undefined],
  budget: { bytes: number },
): Promise<TensorDiff | null> {
  const before = a === undefined ? {} : { before: formOf(a.tensor) };
  const after = b === undefined ? {} : { after: formOf(b.tensor) };
  if (a === undefined || b === undefined)
    return { name, kind: a === undefined ? 'added' : 'removed', ...before, ...after };
  if (a.tensor.shape.join() !== b.tensor.shape.join()) return { name, kind: 'changed', ...before, ...after };
  budget.bytes -= (a.tensor.length ?? 0) + (b.tensor.length ?? 0);
  const change =
    budget.bytes < 0 ? 'bytes' : await withOpen([a.file, b.file], ([left, right]) => compareFound(a, b, [left, right]));
  if (change === null && a.tensor.dtype === b.tensor.dtype) return null;
  return { name, kind: 'changed', ...before, ...after, ...(change === null || change === 'bytes' ? {} : { change }) };
}

function formOf({ dtype, shape }: TensorInfo): { dtype: string; shape: readonly number[] } {
  return { dtype, shape };
}

async function compareFound(
  a: Found,
  b: Found,
  [left, right]: readonly (Source | undefined)[],
): Promise<TensorChange | 'bytes' | null> {
  const [x, y] = [placed(a.tensor, left), placed(b.tensor, right)];
  return x === null || y === null ? 'bytes' : compareTensors(x, y);
}

/** Null for a tensor whose elements do not lie in one stretch of the file: compressed, in another file, or beyond its end. */
function placed({ name, dtype, shape, offset, length }: TensorInfo, source: Source | undefined): PlacedTensor | null {
  if (
    offset === undefined ||
    length === undefined ||
    source === undefined ||
    !(length >= 0) ||
    offset + length > source.size
  )
    return null;
  return { name, dtype, shape, offset, length, source };
}

async function withOpen<T>(
  files: readonly ArtifactFile[],
  use: (sources: readonly Source[]) => Promise<T>,
): Promise<T> {
  const open: (Source & { close(): Promise<void> })[] = [];
  try {
    for (const file of files) open.push(await file.open());
    return await use(open);
  } finally {
    for (const source of open) await source.close();
  }
}

function diffClaims(a: readonly Claimed[], b: readonly Claimed[]): ClaimDiff[] {
  const values = (claims: readonly Claimed[], field: string): string[] =>
    [...new Set(claims.filter((claim) => claim.field === field).map(({ value }) => value))].sort(compareUtf8);
  const fields = [...new Set([...a, ...b].map(({ field }) => field))].sort(compareUtf8);
  return fields
    .map((field) => ({ field, before: values(a, field), after: values(b, field) }))
    .filter(({ before, after }) => before.join('\n') !== after.join('\n'));
}
