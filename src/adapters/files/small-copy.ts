import type { WeighmarkError } from '../../domain/base/errors.ts';

/** A small file that shall stand at `to`, a new name, with these bytes and no others. */
export interface SmallCopy {
  readonly from: string;
  /** Where it is written first; in the folder of `to`, or at `to` itself. */
  readonly temporary: string;
  readonly to: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** SHA-256 of the bytes written, lower-case hex; null where they were not `sizeBytes`, or why there are none: then nothing is left of it. */
export type Copied = string | null | WeighmarkError;

export interface Renamed {
  readonly from: string;
  readonly to: string;
}
