import type { RecordFile } from '../../domain/ports/records.ts';
import { RecordIndex } from '../../domain/records/record-index.ts';
import type { Roots } from '../../domain/records/roots.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { requireSeen } from './unchanged.ts';
import { locateDataset, rootsBeside, type DataPorts } from './locate.ts';
import { forShell } from '../../domain/base/text.ts';

/** A dataset on this machine with its index: to ask, and to read records again. */
export interface IndexedDataset {
  readonly root: string;
  readonly roots: Roots;
  readonly index: RecordIndex;
  readonly files: readonly RecordFile[];
  /** False: nobody saw these files indexed; the answer speaks of what was. */
  readonly seen: boolean;
}

/**
 * Opens datasets that were indexed, and closes their indexes.
 * @throws WeighmarkError `not-found` without roots beside a dataset or without its index, `file-changed` where files are not as indexed.
 */
export async function withDatasets<T>(
  locations: readonly string[],
  ports: DataPorts,
  ask: (datasets: readonly IndexedDataset[]) => T | Promise<T>,
): Promise<T> {
  const open: { close(): void }[] = [];
  try {
    const datasets: IndexedDataset[] = [];
    for (const root of locations) {
      const roots = await rootsBeside(root, ports.files);
      const { files } = await locateDataset(root, roots.reading, ports.files);
      const seen = await requireSeen(root, { roots, files }, ports);
      const file = ports.records.open(roots);
      if (file === null) throw noIndex(root);
      open.push(file);
      datasets.push({ root, roots, files, seen, index: new RecordIndex(file, ports.records.hasher) });
    }
    checkComparable(datasets);
    return await ask(datasets);
  } finally {
    for (const file of open) file.close();
  }
}

function noIndex(root: string): WeighmarkError {
  return new WeighmarkError('not-found', `the index of ${root} is not on this machine`, {
    subject: root,
    hint: `make it with \`weighmark dataset index ${forShell(root)}\` (without --no-keep)`,
  });
}

/** Hashes of one kind alone mean anything to each other. @throws WeighmarkError `usage`. */
function checkComparable(datasets: readonly IndexedDataset[]): void {
  const kinds = new Set(
    datasets.map(({ roots }) => `${roots.hashing} ${roots.key} ${roots.reading.profile} ${roots.reading.by ?? 'path'}`),
  );
  const keys = [...new Set(datasets.flatMap(({ roots }) => roots.key ?? []))];
  if (kinds.size > 1)
    throw new WeighmarkError('usage', 'the datasets were indexed in ways that cannot be compared', {
      hint: 'index them again: all with --as-text or none, all by path or all by content, all with the same --secret or none',
      ...(keys.length < 2 ? {} : { facts: { keys: keys.join(' ') } }),
    });
}

/** Where the parts of a dataset end, which may be as many as its records. */
const ENDS = new WeakMap<Roots['parts'], Float64Array>();

function endsOf(parts: Roots['parts']): Float64Array {
  let end = 0;
  const ends = ENDS.get(parts) ?? Float64Array.from(parts, ({ records }) => (end += records));
  ENDS.set(parts, ends);
  return ends;
}

/** Which file holds a position, and the how-manieth record of it, from 0. */
export function placeOf({ parts }: Roots, position: number): { readonly path: string; readonly record: number } {
  const ends = endsOf(parts);
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ends[middle] as number) > position) high = middle;
    else low = middle + 1;
  }
  const { path, records } = parts[low] ?? { path: '', records: 0 };
  return { path, record: position - (ends[low] ?? records) + records };
}
