import { WeighmarkError } from '../../domain/base/errors.ts';
import type { IndexJob, RecordFile } from '../../domain/ports/records.ts';
import { batchesOf } from './batches.ts';

/** What JavaScript says of the record that the kernel refused, at `from` or after it; it must refuse it too. */
export async function refusal(file: RecordFile, from: number, { reading }: IndexJob): Promise<Error> {
  try {
    for await (const _ of batchesOf(file, { reading, columns: new Map(), from })) break;
  } catch (error) {
    if (error instanceof WeighmarkError) return error;
  }
  return new WeighmarkError('internal', `${file.path}, byte ${from}: two readers disagree about a record`);
}
