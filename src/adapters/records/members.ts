import { Buffer } from 'node:buffer';
import { windowSource, type Source } from '../../domain/base/source.ts';
import { Batch } from '../../domain/records/batch.ts';
import { mediaFields, MemberRecords, type MemberField } from '../../domain/records/members.ts';
import { readSamples, type Sample } from '../../domain/records/webdataset.ts';
import type { RecordFile } from '../../domain/ports/records.ts';
import { openFile, sameStamp } from '../files/open.ts';
import { createHasher } from '../hasher/index.ts';
import { changed, withinFile, type BatchOptions } from './source.ts';

const CHUNK = 1 << 20;
/** Room for one record: there are as many batches as files. */
const ONE = 512;
/** Samples of a tar that are handed on together. */
const SAMPLES = 256;

/** An image or a sound: one record. */
export async function* mediaBatches(
  file: RecordFile,
  { reading, columns, onBytes }: BatchOptions,
): AsyncGenerator<Batch> {
  const opened = await openFile(file.location, { followLink: true });
  if (!sameStamp(opened.stamp, file.stamp)) throw changed(file.path);
  const fields = mediaFields(file.path, await blake3Of(opened), reading);
  await opened.close();
  onBytes?.(opened.size);
  const batch = new Batch(ONE);
  new MemberRecords(reading, columns).record(fields, { byte: 0 }, batch);
  yield batch;
}

/** The samples of a WebDataset tar, from the one that begins at `from`. */
export async function* sampleBatches(
  file: RecordFile,
  { reading, columns, from = 0, onBytes }: BatchOptions,
): AsyncGenerator<Batch> {
  const opened = await openFile(file.location, { followLink: true });
  if (!sameStamp(opened.stamp, file.stamp)) throw changed(file.path);
  const samples = (await withinFile(file, () => readSamples(opened))).filter(({ offset }) => offset >= from);
  const [records, batch] = [new MemberRecords(reading, columns), new Batch()];
  for (const sample of samples) {
    const fields = await fieldsOf(opened, sample);
    await withinFile(file, async () => records.record(fields, { byte: sample.offset }, batch));
    onBytes?.(sample.members.reduce((sum, { size }) => sum + size, 0));
    if (batch.ends.length < SAMPLES) continue;
    yield batch;
    batch.clear();
  }
  if (batch.ends.length > 0) yield batch;
  await opened.close();
}

async function fieldsOf(source: Source, { key, members }: Sample): Promise<readonly MemberField[]> {
  const fields: MemberField[] = [['__key__', key]];
  for (const { extension, start, size } of members)
    fields.push([extension, await blake3Of(windowSource(source, start, size))]);
  return fields;
}

async function blake3Of(source: Source): Promise<Uint8Array> {
  const { digests } = await (await hasher()).hashStream(chunksOf(source), ['blake3']);
  return Buffer.from(digests.blake3 ?? '', 'hex');
}

let made: ReturnType<typeof createHasher> | undefined;
const hasher = () => (made ??= createHasher({ kernel: 'wasm' }));

async function* chunksOf(source: Source): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < source.size; at += CHUNK) yield await source.read(at, CHUNK);
}
