import type { Source } from '../base/source.ts';

/** A file as the index has it: what a commit will hold, whatever lies in the work tree. */
export interface IndexEntry {
  /** From `root`. */
  readonly path: string;
  readonly kind: 'file' | 'link';
  /** The blob's name, by git's own hash. */
  readonly oid: string;
}

/** The bytes of a blob, valid until the visit ends. */
export interface Blob extends Source {
  /** Of the bytes, lower-case hex. */
  readonly sha256: string;
}

export interface Blobs {
  /** @throws WeighmarkError `unreadable` if git lacks the blob, and what `visit` throws. */
  read<T>(entry: IndexEntry, visit: (blob: Blob) => Promise<T>): Promise<T>;
  /** The next reads are of these, in this order: git is asked for many at a time, before their turn. */
  expect(entries: readonly IndexEntry[]): void;
}

/** What git knows of the working folder; asked with hooks, fsmonitor, filter programs and external diff off (security rule 5). */
export interface Git {
  /** Top folder of the work tree; null outside of one. */
  root(): Promise<string | null>;
  /** Files to be committed (added, changed, renamed). Submodules are left out. */
  staged(): Promise<readonly IndexEntry[]>;
  /** Entries of the index that match a glob, by path from `root`: double stars as in gitignore. */
  indexed(glob: string): Promise<readonly IndexEntry[]>;
  /**
   * Reads blobs, one after the other, all by one process; started with the first. Those above a few megabytes are on disk
   * meanwhile.
   */
  withBlobs<T>(work: (blobs: Blobs) => Promise<T>): Promise<T>;
  /**
   * Of these, those that git itself turns into other bytes when it checks them out: by the index's attributes
   * (`working-tree-encoding`, `ident`, `eol=crlf`), no program asked.
   */
  converted(entries: readonly IndexEntry[]): Promise<ReadonlySet<string>>;
  /** Visits the bytes git would check out, by its own conversions alone. */
  eachCheckedOut<T extends IndexEntry>(
    entries: readonly T[],
    visit: (entry: T, blob: Blob) => Promise<void>,
  ): Promise<void>;
  /** Where Git LFS and git-annex keep objects; absolute. */
  stores(): Promise<{ readonly lfs: string; readonly annex: string }>;
  /** All files git tracks or would add, by path from `root`. */
  files(): Promise<readonly string[]>;
}
