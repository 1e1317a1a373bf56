import type { Batch } from './batch.ts';

/** Bytes of a file from `base` on; `last` says that no more follow. */
export interface Chunk {
  readonly bytes: Uint8Array;
  readonly base: number;
  readonly last: boolean;
}

/** Turns a file's bytes, chunk after chunk, into canonical records. */
export interface RecordReader {
  /**
   * Encodes every whole record of the chunk. @returns how many bytes were used; the next chunk begins there, and with
   * `last` it is all of them.
   * @throws WeighmarkError `record-invalid` for what the declared reading refuses.
   */
  read(chunk: Chunk, batch: Batch): number;
}
