import type { ReadRecord } from '../../domain/ports/records.ts';
import type { IndexedDataset } from './indexed.ts';
import type { DataPorts } from './locate.ts';

/** All records of a dataset, read again in their order: file after file, each from its beginning. */
export async function* eachRecord(
  { roots, files }: Pick<IndexedDataset, 'roots' | 'files'>,
  { records }: Pick<DataPorts, 'records'>,
): AsyncGenerator<ReadRecord> {
  let first = 0;
  for (const [at, part] of roots.parts.entries()) {
    const source = { files: files.slice(at, at + 1), roots: { ...roots, parts: [part] }, offsetBefore: null };
    const all = Array.from({ length: part.records }, (_, position) => position);
    for await (const { position, encoding } of records.read(source, all))
      yield { position: first + position, encoding };
    first += part.records;
  }
}
