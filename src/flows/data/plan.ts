import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Source } from '../../domain/base/source.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { RecordFile } from '../../domain/ports/records.ts';
import { formatPlan, isCuttable, partsOf, PLAN_BYTES, type Plan } from '../../domain/records/plan.ts';
import { keyId } from '../../domain/records/keys.ts';
import { pushAll } from '../../domain/base/lists.ts';
import { locateDataset, type DataPorts, type Declared } from './locate.ts';
import { planFile, plannedFile } from './work-folder.ts';

export interface PlanInput {
  readonly root: string;
  readonly declared: Declared;
  readonly secret: Uint8Array | null;
  /** Where workers meet: a folder all of them see. */
  readonly folder: string;
  /** Of one part, about. */
  readonly partBytes: number;
}

export type PlanPorts = Pick<DataPorts, 'files' | 'records'>;

/**
 * Cuts a dataset into parts for many workers: JSON lines and text at newlines, tables of columns by row groups and record
 * batches, other files whole. The same files and options give the same plan.
 * @throws WeighmarkError `already-exists` where the folder holds another plan.
 */
export async function planDataset(input: PlanInput, ports: PlanPorts): Promise<Plan> {
  const { files, records } = ports;
  const { reading, files: all } = await locateDataset(input.root, input.declared, files);
  const slices: { file: number; start: number; end: number }[] = [];
  for (const [file, each] of all.entries()) {
    const every = input.partBytes;
    const cuts = isCuttable(reading)
      ? await cutsOf(each, every, files)
      : await records.cuts(each, { format: reading.format, every });
    const edges = [0, ...cuts, each.sizeBytes];
    pushAll(
      slices,
      edges.slice(1).map((end, at) => ({ file, start: edges[at] ?? 0, end })),
    );
  }
  const plan = {
    reading,
    secret: keyId(input.secret),
    files: all.map(plannedFile),
    parts: partsOf(slices, input.partBytes),
  };
  await writePlan(input.folder, formatPlan(plan), files);
  return plan;
}

async function writePlan(folder: string, text: string, files: Files): Promise<void> {
  const location = planFile(folder);
  const before = await files.readIfThere(location, PLAN_BYTES);
  if (before !== null && !Buffer.from(before).equals(Buffer.from(text)))
    throw new WeighmarkError('already-exists', `${folder} holds another plan, or one of other files`, {
      subject: location,
      hint: 'take an empty folder, or remove this one with the parts in it',
    });
  await files.write(location, text);
}

async function cutsOf(file: RecordFile, every: number, files: Files): Promise<readonly number[]> {
  if (file.sizeBytes <= every) return [];
  const source = await files.open(file.location, { followLink: true });
  try {
    return await linesAfter(source, every);
  } finally {
    await source.close();
  }
}

async function linesAfter(source: Source, every: number): Promise<readonly number[]> {
  const cuts: number[] = [];
  for (let wanted = every; wanted < source.size; wanted += every) {
    if (wanted <= (cuts.at(-1) ?? 0)) continue;
    const cut = await lineAfter(source, wanted);
    if (cut === null) break;
    cuts.push(cut);
  }
  return cuts;
}

const CHUNK = 1 << 16;
const MARK = 3;

/**
 * Where the first line begins at or after `wanted`; null if none does before the end. Never at what a reader that begins there
 * would take for a byte order mark.
 */
async function lineAfter(source: Source, wanted: number): Promise<number | null> {
  for (let at = wanted - 1; at < source.size; at += CHUNK) {
    const bytes = await source.read(at, CHUNK + MARK);
    for (
      let newline = bytes.indexOf(0x0a);
      newline >= 0 && newline < CHUNK;
      newline = bytes.indexOf(0x0a, newline + 1)
    ) {
      const line = newline + 1;
      if (at + line >= source.size) return null;
      if (bytes[line] !== 0xef || bytes[line + 1] !== 0xbb || bytes[line + 2] !== 0xbf) return at + line;
    }
  }
  return null;
}
