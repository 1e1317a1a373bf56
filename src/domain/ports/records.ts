import type { RandomAccess } from '../records/index-layout.ts';
import type { Format, Reading } from '../records/reading.ts';
import type { Roots } from '../records/roots.ts';
import type { SetHasher } from '../records/trie.ts';
import type { FileStamp } from './files.ts';
import type { Progress } from './terminal.ts';

/** A file of a dataset, in the order of paths. */
export interface RecordFile {
  readonly path: string;
  readonly location: string;
  readonly sizeBytes: number;
  /** What it was when the dataset was walked. */
  readonly stamp: FileStamp;
  /** Only bytes [start, end) are read: whole lines, or the row groups and record batches that begin there. Default: the file. */
  readonly slice?: Slice;
}

/** A file of a dataset as it was when it was indexed. */
export interface SeenFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** When it was last modified: nanoseconds since the epoch, decimal. */
  readonly modifiedNs: string;
}

export interface Slice {
  readonly start: number;
  readonly end: number;
}

export interface IndexJob {
  readonly files: readonly RecordFile[];
  readonly reading: Reading;
  /** The organisation's 32 secret bytes; null: hashed in the open. */
  readonly secret: Uint8Array | null;
  /** Whether the index goes to the cache; else roots alone. */
  readonly keep: boolean;
  /** Where the kept index goes instead, and 32 bytes that say of what it is. */
  readonly into?: { readonly location: string; readonly origin: Uint8Array };
}

export interface Indexed {
  readonly roots: Roots;
  /** Where the index is; null if it was not kept. */
  readonly index: string | null;
}

export interface IndexWatch {
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly jobs?: number;
}

/** A record read again: its canonical encoding, by its position in the dataset. */
export interface ReadRecord {
  readonly position: number;
  readonly encoding: Uint8Array;
}

export interface OpenIndex extends RandomAccess {
  close(): void;
}

export interface KeptIndex {
  readonly path: string;
  readonly sizeBytes: number;
  /** When it was last read or written: milliseconds since the epoch. */
  readonly usedMs: number;
}

/** Reads datasets record by record. */
export interface Records {
  readonly kernel: 'native' | 'wasm';
  readonly hasher: SetHasher;
  /**
   * One pass over a dataset: its roots, and the index if it is kept.
   * @throws WeighmarkError `record-invalid`, `records-unsupported`, `file-changed`, `unreadable`, `disk-full`.
   */
  index(job: IndexJob, watch: IndexWatch): Promise<Indexed>;
  /** Where a table of columns can be cut, ascending, so that each piece is worth the work. @throws WeighmarkError `file-changed`, `unreadable`. */
  cuts(file: RecordFile, cut: { readonly format: Format; readonly every: number }): Promise<readonly number[]>;
  /** The index of a dataset with these roots, from the cache; null if it is not there. */
  open(roots: Roots): OpenIndex | null;
  /** An index that was put elsewhere; null if it is not there. */
  openAt(location: string): OpenIndex | null;
  /** Where the index of a dataset with these roots is, or would be. */
  locationOf(roots: Roots): string;
  /** What a dataset's files were when their kept index was made; null if nobody of this machine saw it made there. */
  seen(roots: Roots, root: string): readonly SeenFile[] | null;
  /** Keeps that, beside the index and as long as it. */
  remember(roots: Roots, root: string, files: readonly RecordFile[]): void;
  /** Removes indexes, and what interrupted runs left of them. @returns those removed. */
  removeIndexes(which: (index: KeptIndex) => boolean): readonly KeptIndex[];
  /** Records at ascending positions, read again from their files. @throws as `index` does. */
  read(source: ReadSource, positions: readonly number[]): AsyncIterable<ReadRecord>;
}

export interface ReadSource {
  readonly files: readonly RecordFile[];
  readonly roots: Roots;
  /** Where a text file's records begin, near enough; null: it is read from its beginning. */
  readonly offsetBefore: ((position: number) => { readonly position: number; readonly offset: number }) | null;
}
