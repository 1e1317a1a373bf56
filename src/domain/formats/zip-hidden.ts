import type { Source } from '../base/source.ts';
import { note } from './problem.ts';
import { tilingProblems, type Extent } from './tensors.ts';
import type { Problem } from './types.ts';
import { findLocalHeaders } from './zip-local.ts';
import { type ZipEntry, entryOf } from './zip-entry.ts';
import { END_LENGTH, type End } from './zip-directory.ts';

interface Layout {
  readonly entries: readonly ZipEntry[];
  readonly shift: number;
  readonly end: End;
  readonly centralStart: number;
}

/** Local headers in the bytes that no member claims: before the first, between members, before the directory. */
export async function findHidden(source: Source, archive: Layout, problems: Problem[]): Promise<ZipEntry[]> {
  const { entries, shift, end, centralStart } = archive;
  const extents = entries.flatMap((entry) => extentOf(entry));
  const tiling = tilingProblems(extents, { from: 0, to: centralStart });
  note(problems, ...tiling.filter(({ code }) => code === 'overlap'));
  const hidden: ZipEntry[] = [];
  for (const gap of gapsOf(extents, centralStart)) {
    const { found, examined } = await findLocalHeaders(source, gap);
    for (const local of found) hidden.push(entryOf(local, gap.end));
    for (const local of found)
      note(problems, {
        code: 'hidden-member',
        message: 'has a local header but no directory record',
        offset: local.offset,
        subject: local.name,
      });
    if (examined < gap.end)
      note(problems, {
        code: 'limit',
        message: `${gap.end - examined} bytes between members were not searched`,
        offset: examined,
      });
    const [code, where] =
      gap.start === 0 ? (['prefix', 'before the first member'] as const) : (['gap', 'between members'] as const);
    if (found.length === 0)
      note(problems, { code, message: `${gap.end - gap.start} bytes ${where} belong to none`, offset: gap.start });
  }
  if (shift > 0 && entries.length === 0)
    note(problems, { code: 'prefix', message: `${shift} bytes before the archive`, offset: 0 });
  const tailEnd = end.offset + END_LENGTH + Buffer.byteLength(end.comment);
  if (tailEnd < source.size)
    note(problems, { code: 'trailing', message: `${source.size - tailEnd} bytes after the archive`, offset: tailEnd });
  return hidden;
}

function extentOf({ name, local, end }: ZipEntry): Extent[] {
  return local === undefined ? [] : [{ start: local.offset, end, subject: name }];
}

/** Stretches of [0, end) that no extent covers. */
function gapsOf(extents: readonly Extent[], end: number): { start: number; end: number }[] {
  const gaps: { start: number; end: number }[] = [];
  let reached = 0;
  for (const extent of [...extents.toSorted((a, b) => a.start - b.start), { start: end, end }]) {
    if (extent.start > reached) gaps.push({ start: reached, end: extent.start });
    reached = Math.max(reached, extent.end);
  }
  return gaps;
}
