import type { WeighmarkError } from '../base/errors.ts';
import type { Digests, HashAlgorithm } from '../digest/algorithm.ts';
import type { Blake3Tree } from '../digest/blake3-tree.ts';
import type { FileStamp } from './files.ts';

export interface HashJob {
  readonly location: string;
  /** What the file must measure; absent: whatever it measures now. */
  readonly sizeBytes?: number;
  /** If given, the file must still be as it was walked. */
  readonly stamp?: FileStamp;
  readonly followLink?: boolean;
  /**
   * Where to write the file's outboard while it is hashed (with `blake3`): complete or not at all. Its
   * folder is made. Memory does not grow with the file.
   */
  readonly outboardTo?: string;
  /**
   * Only the `sizeBytes` from byte `start` on, of a file that must measure `fileBytes`. `subtree` (BLAKE3 alone, an aligned part
   * that is not the whole): the result is the part's chaining value.
   */
  readonly part?: { readonly start: number; readonly fileBytes: number; readonly subtree?: boolean };
  /**
   * Parts whose own BLAKE3 is wanted beside that of the whole, in the same read, where the kernel can: in order, apart from each
   * other, none empty.
   */
  readonly stretches?: readonly Stretch[];
}

/** Bytes `start` to `end` of a file. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

export interface HashOptions {
  readonly algorithms: readonly HashAlgorithm[];
  /** Threads at most; default: the cores there are. */
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
  /** Told once, before anything is read: the sum of all sizes. */
  readonly onTotal?: (bytes: number) => void;
  /** Also yield BLAKE3 outboards (bao-tree pre-order, 16 KiB groups) in memory, for files of at least this size. */
  readonly outboardFromBytes?: number;
  /** Also yield the bytes of small files, up to this size, where the kernel can: what is then looked at is what was hashed. */
  readonly contentUpToBytes?: number;
  /** Tells a job's failure and goes on: its result then has no digests. Absent: the first failure is thrown. */
  readonly onFailure?: (index: number, error: WeighmarkError) => void;
}

export type SumsOptions = Pick<HashOptions, 'algorithms' | 'jobs' | 'signal' | 'onProgress'>;

export interface HashResult {
  readonly sizeBytes: number;
  readonly digests: Digests;
  readonly outboard?: Uint8Array;
  /** The whole file, where it was asked for and small enough. */
  readonly content?: Uint8Array;
  /** BLAKE3 of the job's stretches, 32 bytes each; absent where none were asked for or the kernel cannot. */
  readonly stretches?: Uint8Array;
}

export interface Hasher {
  /** `wasm` or `native`, for `--version -v`. */
  readonly kernel: string;
  readonly tree: Blake3Tree;
  /** Results in the order of jobs. @throws WeighmarkError `file-changed`, `unreadable`, `not-found`, `interrupted`. */
  hash(jobs: readonly HashJob[], options: HashOptions): Promise<readonly HashResult[]>;
  /**
   * The lines of a checksum file (`formatSums`) for plain files in the order given, or for all files of one folder, by path: at
   * the cost of the bytes. Null where anything is out of the ordinary or fails: `hash` then says what. Absent: no kernel can.
   */
  sums?(names: readonly string[], options: SumsOptions): Promise<Uint8Array | null>;
  /** Bytes that come in order from elsewhere: standard input, a download. */
  hashStream(chunks: AsyncIterable<Uint8Array>, algorithms: readonly HashAlgorithm[]): Promise<HashResult>;
}
