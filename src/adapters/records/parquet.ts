import type { Batch } from '../../domain/records/batch.ts';
import { unsupported } from '../../domain/records/problem.ts';
import type { RecordFile } from '../../domain/ports/records.ts';
import type { BatchOptions } from './source.ts';

// oxlint-disable-next-line require-yield
export async function* parquetBatches(_file: RecordFile, _options: BatchOptions): AsyncGenerator<Batch> {
  throw unsupported('Parquet needs the addon');
}
