import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { RecordFile } from '../../domain/ports/records.ts';
import { requireSecret } from '../../domain/records/keys.ts';
import { originOf, type Plan, type PlannedSlice } from '../../domain/records/plan.ts';
import type { DataPorts } from './locate.ts';
import { partFile, readPlan, requirePlanned } from './work-folder.ts';

export interface PartInput {
  readonly root: string;
  readonly folder: string;
  /** Counted from 0. */
  readonly part: number;
  readonly secret: Uint8Array | null;
}

export interface PartOutcome {
  readonly records: number;
  readonly written: string;
}

/**
 * Indexes one part. What it writes follows from the part alone and appears at once, so a worker that was killed, or two that do
 * the same, change nothing.
 * @throws WeighmarkError `file-changed` unless the files are as they were planned, `usage` without the plan's own key.
 */
export async function indexPart({ root, folder, part, secret }: PartInput, ports: DataPorts): Promise<PartOutcome> {
  const plan = await readPlan(folder, ports.files, part);
  const hashing = plan.secret === null ? 'open' : 'keyed';
  if (secret !== null && hashing === 'open')
    throw new WeighmarkError('usage', 'the work was planned without a key', { hint: 'leave `--secret` out' });
  requireSecret({ hashing, key: plan.secret }, secret);
  const real = await ports.files.realPath(root);
  const files: RecordFile[] = [];
  for (const slice of plan.parts[part] ?? []) files.push(await sliceOf(real, plan, slice, ports.files));
  const into = { location: partFile(folder, part), origin: originOf(plan, part) };
  const job = { files, reading: plan.reading, secret, keep: true, into };
  const { roots } = await ports.records.index(job, ports);
  return { records: roots.records, written: into.location };
}

async function sliceOf(root: string, { files: all }: Plan, slice: PlannedSlice, files: Files): Promise<RecordFile> {
  const planned = all[slice.file];
  if (planned === undefined) throw new WeighmarkError('internal', 'a part without a file');
  const { path, sizeBytes } = planned;
  const location = (await files.kindOf(root)) === 'directory' ? `${root}/${path}` : root;
  const opened = await files.open(location, { followLink: true });
  await opened.close();
  requirePlanned(planned, opened.stamp);
  const isWhole = slice.start === 0 && slice.end === sizeBytes;
  const { start, end } = slice;
  return { path, location, sizeBytes, stamp: opened.stamp, ...(isWhole ? {} : { slice: { start, end } }) };
}
