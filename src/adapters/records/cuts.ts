import { WeighmarkError } from '../../domain/base/errors.ts';
import type { RecordFile, Records } from '../../domain/ports/records.ts';

/**
 * Row groups of Parquet are as large as their writer made them, so that a cut is where one begins. Record batches of Arrow are
 * small: any byte will do, since a batch is read by whoever has its first byte.
 */
export async function cutsOf(
  file: RecordFile,
  { format, every }: Parameters<Records['cuts']>[1],
): Promise<readonly number[]> {
  if (file.sizeBytes <= every) return [];
  if (format === 'parquet') return rowGroupsOf(file);
  const count = format === 'arrow' ? Math.ceil(file.sizeBytes / every) - 1 : 0;
  return Array.from({ length: count }, (_, at) => (at + 1) * every);
}

/** A file that does not decode is cut nowhere: who indexes it says why. */
async function rowGroupsOf(file: RecordFile): Promise<readonly number[]> {
  const { rowGroupStarts } = await import('./parquet.ts');
  try {
    const starts = await rowGroupStarts(file);
    const isAscending = starts.every((start, at) => start > (starts[at - 1] ?? 0) && start < file.sizeBytes);
    return isAscending ? starts.slice(1) : [];
  } catch (error) {
    if (error instanceof WeighmarkError && error.code === 'records-unsupported') return [];
    throw error;
  }
}
