import { Batch } from '../../domain/records/batch.ts';
import { RECORD_BYTES, unsupported } from '../../domain/records/problem.ts';
import type { RecordReader } from '../../domain/records/reader.ts';
import { textReader } from '../../domain/records/readers.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { RecordFile } from '../../domain/ports/records.ts';
import type { OpenFile } from '../../domain/ports/files.ts';
import { openFile, sameStamp } from '../files/open.ts';
import { mediaBatches, sampleBatches } from './members.ts';
import { changed, within, type BatchOptions } from './source.ts';

const CHUNK = 1 << 20;
/** Where reading begins inside of a file, what is wanted is near: the first piece is small, the next ones grow. */
const NEAR = 32 << 10;

/**
 * A file's records in their order, a batch at a time; the batch is the same object each time.
 * @throws WeighmarkError `record-invalid`, `records-unsupported`, `file-changed`, `unreadable`.
 */
export async function* batchesOf(file: RecordFile, options: BatchOptions): AsyncGenerator<Batch> {
  if (options.reading.format === 'parquet') {
    const { parquetBatches } = await import('./parquet.ts');
    yield* parquetBatches(file, options);
  } else if (options.reading.format === 'media') {
    yield* mediaBatches(file, options);
  } else if (options.reading.format === 'webdataset') {
    yield* sampleBatches(file, options);
  } else yield* textBatches(file, options);
}

async function* textBatches(
  file: RecordFile,
  { reading, columns, from = file.slice?.start ?? 0, onBytes }: BatchOptions,
) {
  const opened = await openFile(file.location, { followLink: true });
  if (!sameStamp(opened.stamp, file.stamp)) throw changed(file.path);
  const reader = textReader(reading, columns);
  const batch = new Batch();
  const end = Math.min(opened.size, file.slice?.end ?? opened.size);
  if (from > 0 && reading.format !== 'jsonl' && reading.format !== 'text') await readHeader(reader, opened, from);
  let [base, rest]: [number, Uint8Array] = [from, new Uint8Array(0)];
  let chunk = from === (file.slice?.start ?? 0) ? CHUNK : NEAR;
  for (let at = from, last = false; !last; chunk = Math.min(CHUNK, 4 * chunk)) {
    const more = await opened.read(at, Math.min(end - at, Math.max(chunk, Math.min(rest.length, RECORD_BYTES))));
    at += more.length;
    last = at >= end;
    const bytes = rest.length === 0 ? more : Buffer.concat([rest, more]);
    const used = await withLine(file, opened, () => within(file, () => reader.read({ bytes, base, last }, batch)));
    const [record = base, next = base + used] = batch.offsets;
    if (next - record > RECORD_BYTES) throw tooLong(file, record);
    base += used;
    rest = bytes.subarray(used);
    if (rest.length > RECORD_BYTES) throw tooLong(file, base);
    onBytes?.(more.length);
    if (batch.ends.length > 0) yield batch;
    batch.clear();
  }
  await opened.close();
}

/** The first row of a table says how to read the others; a byte order mark is none. */
async function readHeader(reader: RecordReader, opened: Pick<OpenFile, 'read'>, from: number): Promise<void> {
  const most = Math.min(from, RECORD_BYTES);
  for (let size = Math.min(NEAR, most), used = 0; used <= BOM_BYTES; size = Math.min(most, 4 * size)) {
    used = reader.read({ bytes: await opened.read(0, size), base: 0, last: false }, new Batch());
    if (size === most) return;
  }
}

const BOM_BYTES = 3;

/** A row that is refused is named by its line too, as editors count: the file up to there is read again. */
async function withLine<T>({ path }: RecordFile, opened: Pick<OpenFile, 'read'>, act: () => T): Promise<T> {
  try {
    return act();
  } catch (error) {
    const byte = error instanceof WeighmarkError && error.code === 'record-invalid' ? error.facts['byte'] : undefined;
    if (byte === undefined || !(error instanceof WeighmarkError)) throw error;
    const line = String(await lineOf(opened, Number(byte)));
    const { code, message, facts, hint } = error;
    throw new WeighmarkError(code, `${path}, line ${line}${message.slice(path.length)}`, {
      subject: path,
      facts: { line, ...facts },
      ...(hint === undefined ? {} : { hint }),
    });
  }
}

async function lineOf(opened: Pick<OpenFile, 'read'>, byte: number): Promise<number> {
  let line = 1;
  for (let at = 0; at < byte; at += CHUNK) {
    const bytes = await opened.read(at, Math.min(CHUNK, byte - at));
    for (let next = bytes.indexOf(LF); next >= 0; next = bytes.indexOf(LF, next + 1)) line += 1;
  }
  return line;
}

const LF = 10;

export function tooLong(file: RecordFile, byte: number): WeighmarkError {
  return unsupported(`${file.path}, byte ${byte}: a record longer than ${RECORD_BYTES} bytes`);
}
