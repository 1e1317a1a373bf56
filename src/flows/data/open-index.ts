import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Records } from '../../domain/ports/records.ts';
import { RecordIndex } from '../../domain/records/record-index.ts';
import type { Roots } from '../../domain/records/roots.ts';

/** Asks the index of a dataset, and closes it. @throws WeighmarkError `not-found` if it was not kept or is gone. */
export async function withIndex<T>(
  roots: Roots,
  records: Records,
  ask: (index: RecordIndex) => T | Promise<T>,
): Promise<T> {
  const file = records.open(roots);
  if (file === null)
    throw new WeighmarkError('not-found', 'the index of these records is not on this machine', {
      hint: 'make it with `weighmark dataset index` (without --no-keep)',
    });
  try {
    return await ask(new RecordIndex(file, records.hasher));
  } finally {
    file.close();
  }
}
