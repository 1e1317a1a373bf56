import type { StoreName } from '../../domain/metadata/known-stores.ts';
import type { StatedDigest } from '../../domain/metadata/types.ts';

/** A file of an artifact that a store keeps under a name of its own. */
export interface PlacedFile {
  /** What it is called inside the artifact. */
  readonly path: string;
  readonly location: string;
}

/** An artifact in a store, found by names alone. */
export interface Stored {
  readonly store: StoreName;
  readonly name: string;
  /** Commit, tag or version as the store has it. */
  readonly version?: string;
  /** Names that point to it: `main`. */
  readonly aliases?: readonly string[];
  /** What a user names it by: a folder, a file, a manifest. */
  readonly location: string;
  /** Its files, where they do not lie in a folder of their own. */
  readonly files?: readonly PlacedFile[];
  /** The folder that a signature of these files lies in. */
  readonly sealedAt?: string;
  /** What the store recorded of them, beside what blobs' names say. */
  readonly recorded: readonly StatedDigest[];
}
