import { LIMITS } from '../base/limits.ts';
import { windowSource, type Source } from '../base/source.ts';
import { attempt, note } from './problem.ts';
import { startTally } from './tensors.ts';
import { readTorchZip, torchPrefix } from './torch.ts';
import type { Findings, NamedSource, Problem, TensorInfo } from './types.ts';
import { readZip } from './zip.ts';
import { END_LENGTH } from './zip-directory.ts';
import { u32, u64 } from './zip-fields.ts';

const [LOCAL, END, END_64, LOCATOR_64] = [0x04034b50, 0x06054b50, 0x06064b50, 0x07064b50];
/** The zip64 end record and its locator. */
const WIDE_LENGTH = 56 + 20;

/** A zip file in a row of them. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/**
 * The zip files a source is made of, one right after another, first first; null if it is not such a row. They are found
 * from the end, by their own directories, so nothing between them is read.
 */
export async function splitArchives(source: Source): Promise<readonly Stretch[] | null> {
  const found: Stretch[] = [];
  for (let end = source.size; end > 0;) {
    if (found.length >= LIMITS.archiveMembers || end < END_LENGTH) return null;
    const start = await startOfLast(source, end);
    if (start === null || start >= end) return null;
    found.push({ start, end });
    end = start;
  }
  return found.length === 0 ? null : found.toReversed();
}

/**
 * Where the archive that ends at `end`, without a comment, starts: its directory says how far before itself. Only the
 * zip64 record right before the locator is believed: the stated offset is the archive's own, not the row's.
 */
async function startOfLast(source: Source, end: number): Promise<number | null> {
  const from = Math.max(0, end - END_LENGTH - WIDE_LENGTH);
  const bytes = await source.read(from, end - from);
  const at = bytes.length - END_LENGTH;
  if (u32(bytes, at) !== END) return null;
  const wide = at === WIDE_LENGTH && u32(bytes, 0) === END_64 && u32(bytes, 56) === LOCATOR_64;
  const [size, offset] = wide ? [u64(bytes, 40), u64(bytes, 48)] : [u32(bytes, at + 12), u32(bytes, at + 16)];
  const start = (wide ? from : end - END_LENGTH) - size - offset;
  if (!Number.isSafeInteger(start) || start < 0) return null;
  return u32(await source.read(start, 4), 0) === LOCAL ? start : null;
}

/**
 * A `.distcp` file of torch.distributed.checkpoint: one `torch.save` archive a tensor or object, one after another. What
 * they are called, and which are optimizer state, only `.metadata` knows: here a tensor is named `@OFFSET`, after where
 * its archive starts, and no count is given.
 * @see https://github.com/pytorch/pytorch/blob/main/torch/distributed/checkpoint/filesystem.py
 */
export async function readDistcp(file: NamedSource): Promise<Findings> {
  const { source } = file;
  const problems: Problem[] = [];
  const stretches = await splitArchives(source);
  if (stretches === null)
    return { format: 'torch-dcp', problems: [{ code: 'malformed', message: 'is not one zip file after another' }] };
  const tally = startTally({ known: () => false });
  for (const { start, end } of stretches) {
    await attempt(problems, async () => {
      const inner = windowSource(source, start, end - start);
      const archive = await readZip(inner);
      const prefix = torchPrefix(archive);
      const found = prefix === null ? null : await readTorchZip({ path: '', source: inner }, archive, prefix);
      const moved = (found?.problems ?? archive.problems).map((problem) => ({
        ...problem,
        ...(problem.offset === undefined ? {} : { offset: start + problem.offset }),
        subject: `@${start}`,
      }));
      note(problems, ...moved);
      for (const tensor of found?.tensors?.items ?? []) tally.add(placedAt(tensor, start));
    });
  }
  const metadata = [{ key: 'objects', value: stretches.length, place: 'zip:archives' }];
  return { format: 'torch-dcp', metadata, problems, ...tally.finish() };
}

function placedAt(tensor: TensorInfo, start: number): TensorInfo {
  const name = tensor.name === '' ? `@${start}` : `@${start}.${tensor.name}`;
  const offset = tensor.offset === undefined ? {} : { offset: start + tensor.offset };
  return { ...tensor, name, ...offset };
}
