import type { Source } from '../base/source.ts';

/** A file as the index has it: what a commit will hold, whatever lies in the work tree. */
export interface IndexEntry {
  /** From `root`. */
  readonly path: string;
  /** The bytes of a path that is no UTF-8, one a character; `path` is what can be shown of it. */
  readonly rawPath?: string;
  readonly kind: 'file' | 'link';
  /** The blob's name, by git's own hash. */
  readonly oid: string;
}

/** The bytes of a blob, valid until the visit ends. */
export interface Blob extends Source {
  /** Of the bytes, lower-case hex. */
  readonly sha256: string;
  /** A NUL among the bytes: such a blob git takes for binary, unless an attribute says text. */
  readonly hasNul: boolean;
}

/** What git makes of blobs when it writes them into a work tree, by its own conversions. */
export interface Conversions {
  /** By attributes, on every machine (`working-tree-encoding`, `ident`, `eol=crlf`): the blob itself lies nowhere. */
  readonly always: ReadonlySet<IndexEntry>;
  /** Line ends, where a machine's configuration wants them: that of Git for Windows does. `text`: whatever the bytes are. */
  readonly lineEnds: ReadonlyMap<IndexEntry, 'text' | 'auto'>;
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
  /** By the index's attributes, no program asked. */
  converted(entries: readonly IndexEntry[]): Promise<Conversions>;
  /** Visits the bytes git would check out, by its own conversions alone; with `lineEnds` as a machine would that wants CR LF. */
  eachCheckedOut<T extends IndexEntry>(
    entries: readonly T[],
    how: { readonly lineEnds: boolean },
    visit: (entry: T, blob: Blob) => Promise<void>,
  ): Promise<void>;
  /** Where Git LFS and git-annex keep objects, in the order to look; absolute. */
  stores(): Promise<{ readonly lfs: readonly string[]; readonly annex: readonly string[] }>;
  /** All files git tracks or would add, by path from `root`. */
  files(): Promise<readonly string[]>;
}
