import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { startBudget } from './budget.ts';
import { invalid, note } from './problem.ts';
import type { Problem } from './types.ts';
import { type ZipEntry, joinLocal } from './zip-entry.ts';
import { END_LENGTH, findEnd, readCentral } from './zip-directory.ts';
import { findHidden } from './zip-hidden.ts';
import { least } from '../base/lists.ts';

export interface ZipArchive {
  /** In central-directory order, duplicates included. */
  readonly entries: readonly ZipEntry[];
  /** Local headers in the file that no central record points to. */
  readonly hidden: readonly ZipEntry[];
  /** Offsets of the end-of-central-directory records outside stored members; the last one that fits is read. */
  readonly endRecords: readonly number[];
  readonly centralStart: number;
  readonly centralEnd: number;
  readonly zip64: boolean;
  /** Bytes before the first member: an executable stub, another format. Stated offsets are off by this. */
  readonly shift: number;
  readonly comment: string;
  readonly problems: readonly Problem[];
}

/**
 * Everything a zip file's records say, central and local, with their disagreements as problems: loaders differ on which
 * they believe, so none is dropped. Data is not read. @see APPNOTE.TXT 6.3.10
 * @throws WeighmarkError `format-invalid` without an end record or with a broken directory, `limit-exceeded`.
 */
export async function readZip(source: Source): Promise<ZipArchive> {
  const problems: Problem[] = [];
  const { end, endRecords: inTail } = await findEnd(source);
  const centralStart = end.centralEnd - end.centralSize;
  const shift = centralStart - end.centralOffset;
  if (centralStart < 0 || shift < 0) throw invalid('the central directory lies outside the file');
  const centrals = await readCentral(source, { start: centralStart, end: end.centralEnd });
  if (centrals.length !== end.count)
    note(problems, {
      code: 'size-mismatch',
      message: `${end.count} members are stated, ${centrals.length} are there`,
      offset: end.offset,
    });
  const entries: ZipEntry[] = [];
  const headers = startBudget(LIMITS.structureBytes, 'local headers');
  for (const central of centrals)
    entries.push(await joinLocal(source, { central, shift, centralStart, headers }, problems));
  const endRecords = outsideStored(inTail, entries);
  if (endRecords.length > 1)
    note(problems, {
      code: 'several-directories',
      message: `${endRecords.length} end-of-directory records`,
      offset: endRecords[0] ?? 0,
    });
  noteDuplicates(entries, problems);
  const hidden = await findHidden(source, { entries, shift, end, centralStart }, problems);
  return {
    entries,
    hidden,
    endRecords,
    centralStart,
    centralEnd: end.centralEnd,
    zip64: end.zip64,
    shift,
    comment: end.comment,
    problems,
  };
}

/**
 * The end records that are no stored member's content: a zip kept uncompressed in a zip has its own directory, which no
 * loader takes for the outer one. What lies in compressed bytes, or in bytes nothing claims, stays.
 */
function outsideStored(records: readonly number[], entries: readonly ZipEntry[]): number[] {
  const first = least(records);
  const stored = entries
    .filter(({ method, local, end }) => method === 0 && local?.method === 0 && end > first)
    .map(({ dataStart, compressedSize }) => ({ start: dataStart, end: dataStart + compressedSize }))
    .toSorted((a, b) => a.start - b.start);
  const ends: number[] = [];
  let [index, reached] = [0, 0];
  for (const at of records) {
    for (; (stored[index]?.start ?? Infinity) <= at; index++) reached = Math.max(reached, stored[index]?.end ?? 0);
    if (at + END_LENGTH > reached) ends.push(at);
  }
  return ends;
}

function noteDuplicates(entries: readonly ZipEntry[], problems: Problem[]): void {
  const seen = new Set<string>();
  for (const { name, central } of entries) {
    if (seen.has(name))
      note(problems, {
        code: 'duplicate-key',
        message: 'stands twice in the archive; readers differ on which one counts',
        offset: central?.offset ?? 0,
        subject: name,
      });
    seen.add(name);
  }
}
