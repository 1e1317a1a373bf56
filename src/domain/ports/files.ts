import type { Source } from '../base/source.ts';
import type { Digests } from '../digest/algorithm.ts';

/** What stat says of a regular file; equal before and after a read, or the file changed. Times in nanoseconds. */
export interface FileStamp {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly sizeBytes: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export interface TreeEntry {
  /** Path inside the artifact: `/`-separated UTF-8, no leading slash. A single file's own base name. */
  readonly path: string;
  /** Where the operating system finds it. */
  readonly location: string;
  readonly sizeBytes: number;
  readonly stamp: FileStamp;
}

/** The regular files of an artifact, sorted by UTF-8 bytes of `path`; sidecars are listed apart (DESIGN 4.1). */
export interface Tree {
  readonly kind: 'file' | 'directory';
  readonly root: string;
  readonly entries: readonly TreeEntry[];
  /** Top-level sidecars and git paths present, by artifact path; folders end in `/`. */
  readonly sidecars: readonly string[];
  /** Well-formed bookkeeping of other tools left out of the tree, by artifact path (`domain/base/bookkeeping.ts`). */
  readonly leftOut: readonly string[];
  /** True if a symbolic link was followed to make the tree. */
  readonly followedLinks: boolean;
  /** Links that were passed over, by artifact path. */
  readonly passedOver?: readonly string[];
}

export interface WalkOptions {
  readonly allowSymlinks?: boolean;
  /** Artifact paths to leave out, with everything below them. */
  readonly ignore?: readonly string[];
  /**
   * Symbolic links anywhere but at these paths are passed over, neither followed nor refused; `stores`: any but those into the
   * objects of the store the tree lies in.
   */
  readonly linksAt?: ReadonlySet<string> | 'stores';
  /**
   * What DVC and wandb keep in a workspace is left out; where it is `scanned` its files are content, and where a policy
   * `judged` the folder its links too.
   */
  readonly bookkeeping?: 'scanned' | 'judged';
  /** Paths that are in memory already: of those that are found, in their order, no second text is kept. */
  readonly known?: readonly { readonly path: string }[];
}

export interface OpenFile extends Source {
  readonly stamp: FileStamp;
  /** @throws WeighmarkError `file-changed` if the file is not as it was when opened. */
  close(): Promise<void>;
}

export interface WriteOptions {
  readonly mode?: number;
  /** Refuse to replace an existing file: `already-exists`. */
  readonly exclusive?: boolean;
}

export interface CopyOptions {
  /** `false`: a final link is refused. Default: followed. */
  readonly followLink?: boolean;
  /** If given, the file must still be as it was walked. */
  readonly stamp?: FileStamp;
}

export interface FolderItem {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
}

/** What this process may hold in memory. */
export interface Room {
  readonly allBytes: number;
  /** Of those, for objects of JavaScript. */
  readonly heapBytes: number;
}

export interface Files {
  /** Absent: nobody knows of a limit. */
  room?(): Room;
  /** @throws WeighmarkError `symlink-refused`, `special-file`, `name-unsafe`, `unreadable`, `not-found`, `limit-exceeded`. */
  walk(root: string, options?: WalkOptions): Promise<Tree>;
  /** The paths `walk` would find, sorted, without looking at the files themselves. @throws as `walk` does. */
  list(root: string, options?: WalkOptions): Promise<readonly string[]>;
  /** Opens without following a final link unless `followLink`. */
  open(location: string, options?: { followLink?: boolean }): Promise<OpenFile>;
  /** Whole small file. @throws `not-found`, `unreadable`, `limit-exceeded` if larger than maxBytes. */
  read(location: string, maxBytes: number): Promise<Uint8Array>;
  /** Null when nothing is there. */
  readIfThere(location: string, maxBytes: number): Promise<Uint8Array | null>;
  /** Temporary file in the same folder, synced, renamed, folder synced; parents are made. */
  write(location: string, bytes: Uint8Array | string | Pieces, options?: WriteOptions): Promise<void>;
  /** Copies a file to a new one, never a shared inode. @returns SHA-256 of the bytes written, lower-case hex. */
  copy(from: string, to: string): Promise<string>;
  /**
   * The same without hashing or syncing, as fast as the file system can: a clone, else a copy inside the kernel. What is
   * handed on must be verified from the copy. @throws WeighmarkError `file-changed`, `special-file`, `disk-full`.
   */
  duplicate(from: string, to: string, options?: CopyOptions): Promise<void>;
  /** Through to the disk. */
  sync(location: string): Promise<void>;
  /** Whether this user may make files in a folder, asked before long work. @throws WeighmarkError `write-refused`, `not-found`. */
  requireWritable(folder: string): Promise<void>;
  kindOf(location: string): Promise<'file' | 'directory' | 'other' | 'none'>;
  /** Names directly inside a folder, sorted by UTF-8 bytes. @throws WeighmarkError `not-found`, `unreadable`. */
  names(folder: string): Promise<readonly string[]>;
  /** The same with what each is; links are not followed. @throws as `names` does. */
  items(folder: string): Promise<readonly FolderItem[]>;
  realPath(location: string): Promise<string>;
  remove(location: string): Promise<void>;
}

/** An artifact being built out of sight, beside where it will stand. */
/** What is written one piece after the other, each made when the one before is written: whole it would take much memory. */
export interface Pieces {
  pieces(): Iterable<Uint8Array>;
}

export interface Staging {
  /** The folder that will get the artifact's name. */
  readonly root: string;
  /** Where unfinished files are; kept when interrupted, so that a repeat continues. */
  partOf(digest: string): string;
  /** A verified part becomes the file `path`, read-only. */
  settle(digest: string, path: string): Promise<void>;
  /** Many at once, each as `settle` does it. */
  settleAll(files: readonly { readonly digest: string; readonly path: string }[]): Promise<void>;
  write(path: string, bytes: Uint8Array): Promise<void>;
  /**
   * The whole folder gets its name at once. @throws WeighmarkError `already-exists` unless nothing or an empty folder is there,
   * `place-unsafe` if that is another user's, or if something else stands there afterwards.
   */
  publish(): Promise<void>;
  /** Each file replaces its namesake in the folder that is there. @throws WeighmarkError `symlink-refused`. */
  publishInto(paths: readonly string[]): Promise<void>;
  discard(): Promise<void>;
  /** Lets go of it and leaves what is there, so that a repeat continues; after `publish` and `discard` it does nothing. */
  release(): void;
}

export interface Stagings {
  /**
   * A folder that nobody else can have made, look into or replace. `key` tells apart what is staged for one target, so that
   * only the same thing is continued. @throws WeighmarkError `place-unsafe`, `write-refused`, `disk-full`.
   */
  open(target: string, key: string): Promise<Staging>;
}

/**
 * Digests of files as they were when last hashed, by location and stamp. For the hook only: a verdict speaks of bytes read
 * in its own run (DESIGN 8.4).
 */
export interface StatCache {
  /** Null unless every part of the stamp is the same, and older than the entry itself (git calls the rest racy). */
  digests(location: string, stamp: FileStamp): Promise<Digests | null>;
  remember(location: string, stamp: FileStamp, digests: Digests): Promise<void>;
  /** Of these, those in which this version of weighmark found nothing. Their bytes follow from their names, whatever lies around. */
  clean<T extends NamedBlob>(blobs: readonly T[]): Promise<ReadonlyMap<T, CleanBlob>>;
  rememberClean(blobs: ReadonlyMap<NamedBlob, CleanBlob>): Promise<void>;
}

/** A blob by git's own hash of it, at a path: what is looked for depends on the name of a file as well. */
export interface NamedBlob {
  readonly oid: string;
  readonly path: string;
}

export interface CleanBlob {
  /** Lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
}
