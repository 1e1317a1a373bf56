import { Batch } from '../../domain/records/batch.ts';
import { unsupported } from '../../domain/records/problem.ts';
import type { RecordFile } from '../../domain/ports/records.ts';
import { fileError } from '../files/errors.ts';
import { checkStamp, type Addon } from './native.ts';
import type { BatchOptions } from './source.ts';

/** Rows asked for at first, since few may be wanted, and at most. */
const [FEW, MANY] = [64, 16_384];

/** Rows of Parquet and Arrow as the addon indexed them, a batch at a time; the batch is the same object each time. */
export async function* rowsByAddon(file: RecordFile, options: BatchOptions, addon: Addon): AsyncGenerator<Batch> {
  const batch = new Batch();
  let row = options.row ?? 0;
  for (let count = FEW; ; count = Math.min(MANY, 4 * count)) {
    checkStamp(file);
    const rows = await readRows(file, { options, row, count }, addon);
    checkStamp(file);
    if (rows.length === 0) return;
    for (const encoding of rows) {
      batch.put(Buffer.from(encoding, 'hex'));
      batch.close(0);
    }
    yield batch;
    batch.clear();
    row += rows.length;
  }
}

interface Rows {
  readonly options: BatchOptions;
  readonly row: number;
  readonly count: number;
}

async function readRows(file: RecordFile, { options, row, count }: Rows, addon: Addon): Promise<readonly string[]> {
  const { format, profile } = options.reading;
  const fields = ['rows', format, profile, file.location, String(row), String(count)];
  const answer = await addon.index(addon.create(), Buffer.from(fields.map((field) => `${field}\0`).join('')));
  const [kind, ...rest] = answer.toString('latin1').slice(0, -1).split('\0');
  if (kind === 'ok') return rest;
  const why = answer.toString('utf8').split('\0')[2] ?? '';
  throw kind === 'unsupported' ? unsupported(`${file.path}: ${why}`) : fileError(new Error(why), file.location);
}
