import { WeighmarkError } from '../base/errors.ts';

/** Where a row is: of which file the caller adds. */
export interface Place {
  /** Offset in the file, in bytes. */
  readonly byte: number;
  readonly column?: string;
}

/** A row that the declared reading refuses; never a word of the row itself. */
export function badRow(why: string, { byte, column }: Place): WeighmarkError {
  const where = column === undefined ? `byte ${byte}` : `byte ${byte}, column ${JSON.stringify(column.slice(0, 200))}`;
  return new WeighmarkError('record-invalid', `${where}: ${why}`, {
    facts: { byte: String(byte), ...(column === undefined ? {} : { column }) },
    hint: 'a dataset is read as declared or not at all: mend the row, or declare another reading',
  });
}

/** What version 1 does not read is undecided, never passed over. */
export function unsupported(why: string): WeighmarkError {
  return new WeighmarkError('records-unsupported', why);
}

/** Of one record, in bytes; of values inside each other. */
export const RECORD_BYTES = 64 << 20;
export const RECORD_DEPTH = 64;
