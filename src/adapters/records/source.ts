import { WeighmarkError } from '../../domain/base/errors.ts';
import type { RecordFile } from '../../domain/ports/records.ts';
import type { Reading } from '../../domain/records/reading.ts';
import type { Columns } from '../../domain/records/struct.ts';

export interface BatchOptions {
  readonly reading: Reading;
  readonly columns: Columns;
  /** Where a record begins; what comes before is read only as far as it says how to read on. */
  readonly from?: number;
  /** Of a table of columns: the row to begin with. */
  readonly row?: number;
  readonly onBytes?: (bytes: number) => void;
}

/** What is wrong with a row says in which file. */
export function within<T>(file: RecordFile, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw placed(file, error);
  }
}

/** The same of what takes a while. */
export async function withinFile<T>(file: RecordFile, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw placed(file, error);
  }
}

function placed({ path }: RecordFile, error: unknown): unknown {
  if (!(error instanceof WeighmarkError)) return error;
  return new WeighmarkError(error.code, `${path}, ${error.message}`, {
    subject: path,
    facts: error.facts,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}

/** Of a file, or of the slice of it that is read. */
export function bytesOf({ sizeBytes, slice }: RecordFile): number {
  return slice === undefined ? sizeBytes : slice.end - slice.start;
}

export function changed(path: string): WeighmarkError {
  return new WeighmarkError('file-changed', `${path} changed while its records were read`, { subject: path });
}
