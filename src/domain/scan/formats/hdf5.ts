import { windowSource, type Source } from '../../base/source.ts';
import type { Findings, Problem } from '../../formats/types.ts';
import type { Spot } from '../session.ts';
import type { Judge } from './judge.ts';
import { judgeKerasText, type Stretch } from './keras-text.ts';
import { judgeBy } from './structure.ts';

/** Links and data outside the file, Keras configurations, and arrays that are pickles. */
export const judgeHdf5: Judge = async (spot, file, how) => {
  const { source, reads } = recording(file.source);
  const judge = judgeBy({
    ...HDF5,
    findings: async (_, __, findings) => {
      const chunks = await chunksOfNumbers(source, findings);
      await judgeKerasText(spot, file.source, partsBesideNumbers(file.source, findings, { reads, chunks }));
      await judgeDatasets(spot, file.source, findings);
    },
  });
  return judge(spot, { ...file, source }, how);
};

const HDF5 = {
  ruleOf: ({ code }) => (code === 'external-reference' ? 'WM-HDF5-001' : undefined),
  isHonest,
  ruleOfReference: ({ kind }) => (kind === 'external-link' || kind === 'external-data' ? 'WM-HDF5-001' : undefined),
} satisfies Parameters<typeof judgeBy>[0];

/** The same source, with where it was read. */
function recording(source: Source): { readonly source: Source; readonly reads: Stretch[] } {
  const reads: Stretch[] = [];
  const read = (offset: number, length: number): Promise<Uint8Array> => {
    const last = reads.at(-1);
    if (last !== undefined && offset >= last.start && offset <= last.end)
      reads[reads.length - 1] = { start: last.start, end: Math.max(last.end, offset + length) };
    else reads.push({ start: offset, end: offset + length });
    return source.read(offset, length);
  };
  return { source: { size: source.size, read }, reads };
}

/** Chunks of arrays of numbers; none of a file whose indexes cannot all be followed. */
async function chunksOfNumbers(source: Source, { tensors, problems = [] }: Findings): Promise<readonly Stretch[]> {
  const chunked = tensors?.items.some(({ dtype, offset }) => offset === undefined && NUMERIC.test(dtype)) === true;
  if (!chunked || problems.length > 0) return [];
  const { hdf5Chunks } = await import('../../formats/hdf5-stretches.ts');
  return hdf5Chunks(source, ({ dtype }) => NUMERIC.test(dtype));
}

/**
 * Where text may lie that a loader takes: everywhere but in the elements of arrays of numbers, contiguous or in chunks, as
 * long as the reader followed the whole structure, and read nothing of it among those elements.
 */
function partsBesideNumbers(
  source: Source,
  findings: Findings,
  { reads, chunks }: { reads: readonly Stretch[]; chunks: readonly Stretch[] },
): Stretch[] {
  const { tensors, problems = [], passedOver = false } = findings;
  const all = [{ start: 0, end: source.size }];
  if (tensors === undefined || passedOver || problems.length > 0) return all;
  const contiguous = tensors.items
    .filter(({ dtype, offset }) => offset !== undefined && NUMERIC.test(dtype))
    .map(({ offset = 0, length = 0 }) => ({ start: offset, end: offset + length }));
  const numbers = [...contiguous, ...chunks]
    .filter(({ start, end }) => end - start >= NUMBERS)
    .sort((a, b) => a.start - b.start);
  const structure = reads.toSorted((a, b) => a.start - b.start);
  const parts: Stretch[] = [];
  let [from, at, reached] = [0, 0, 0];
  for (const { start, end } of numbers) {
    for (; (structure[at]?.start ?? end) < start; at++) reached = Math.max(reached, structure[at]?.end ?? 0);
    const isRead = (structure[at]?.start ?? end) < end || start < from;
    const first = Math.max(start, reached);
    if (isRead || first >= end) continue;
    parts.push({ start: from, end: first });
    from = end;
  }
  return [...parts, { start: from, end: source.size }].filter(({ start, end }) => end > start);
}

/** Arrays below this are searched with what lies around them. */
const NUMBERS = 1 << 16;
const NUMERIC = /^(?:B?F\d+|C\d+|[IU](?:16|32|64))$/;

const SIGNATURE = Buffer.from('894844460d0a1a0a', 'hex');
const USER_BLOCK = 1 << 16;

/** Line ends behind the end, as PyTables writes them, and user blocks: MATLAB 7.3's, and one that nobody wrote to. */
async function isHonest({ code, offset = 0 }: Problem, source: Source): Promise<boolean> {
  if (code === 'trailing' && source.size - offset <= 64)
    return /^[\s\0]*$/.test(Buffer.from(await source.read(offset, source.size - offset)).toString('latin1'));
  if (code !== 'prefix') return false;
  const before = Buffer.from(await source.read(0, Math.min(source.size, USER_BLOCK + SIGNATURE.length)));
  const end = before.indexOf(SIGNATURE);
  return (
    before.toString('latin1', 0, 10) === 'MATLAB 7.3' ||
    (end > 0 && before.subarray(0, end).every((byte) => byte === 0))
  );
}

/** Byte arrays of HDF5 that are pickles: PyTables and pandas unpickle them. */
async function judgeDatasets(spot: Spot, source: Source, { tensors }: Findings): Promise<void> {
  const bytes = (tensors?.items ?? []).filter(
    ({ dtype, offset }) => offset !== undefined && /^([UI]8|OPAQUE|STRING|VLEN)$/.test(dtype),
  );
  for (const { offset = 0, length = 0 } of bytes.slice(0, 10_000)) {
    await spot.session.examine(
      { ...spot, depth: spot.depth + 1 },
      { path: '', source: windowSource(source, offset, length) },
      { rawData: true },
    );
  }
}
