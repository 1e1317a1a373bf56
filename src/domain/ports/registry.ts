import type { Source } from '../base/source.ts';
import type { Keeping } from '../registry/referrer.ts';
import type { FileStamp } from './files.ts';
import type { TransparencyLog } from './log.ts';

/** A model or dataset's name in a registry: lower-case OCI repository path; tags and digests come apart. */
export interface RegistryEntry {
  readonly name: string;
  /** `sha256:<hex>` of the manifest or index. */
  readonly id: string;
  readonly tags: readonly string[];
}

/** A blob and its file outside the registry. */
export interface StoredFile {
  readonly digest: string;
  readonly location: string;
  readonly sizeBytes: number;
}

/** A blob being read; with a stamp where it is a file on this machine, which is held to it. */
export interface Blob extends Source {
  readonly stamp?: FileStamp;
  close(): Promise<void>;
}

/** A registry, embedded or remote. Content goes in and comes out by digest; names and tags are a cache. */
export interface NewReferrer {
  readonly artifactType?: string;
  readonly content: Uint8Array;
}

export interface Registry {
  /** As the user named it: a folder or `oci://host/repo`. */
  readonly location: string;
  list(): Promise<readonly RegistryEntry[]>;
  /** Tag or `sha256:` digest to the id. @throws WeighmarkError `not-found`. */
  resolve(name: string, reference: string): Promise<string>;
  hasBlob(name: string, digest: string): Promise<boolean>;
  /** Streams a file in, hashing the bytes written; they must be `digest`. @throws `file-changed` if not. */
  putFile(name: string, digest: string, file: { location: string; sizeBytes: number }): Promise<void>;
  /** Many of at most `LIMITS.smallFileBytes`, flushed at once, before any has its name. Absent: one by one. @throws as `putFile`. */
  putFiles?(name: string, files: readonly StoredFile[]): Promise<void>;
  putBytes(name: string, digest: string, bytes: Uint8Array): Promise<void>;
  /**
   * Takes a blob over from where it may be, without sending it: from another repository on the same host, unless it is there.
   * False if it must be sent.
   */
  mountBlob(name: string, digest: string, from: { readonly location: string; readonly name: string }): Promise<boolean>;
  /** Manifest last: then the artifact is there. */
  putManifest(
    name: string,
    manifest: { bytes: Uint8Array; mediaType: string; digest: string },
    tag?: string,
  ): Promise<void>;
  getManifest(name: string, digest: string): Promise<Uint8Array>;
  openBlob(name: string, digest: string, sizeBytes: number): Promise<Blob>;
  /**
   * Where a blob is a file on this machine, there or not: it is hashed in place, by all cores. Absent: blobs come from elsewhere.
   * The file is not trusted by its name.
   */
  blobFile?(name: string, digest: string): string;
  /**
   * Writes a blob to a file of its own, never a shared inode, hashing what is written; a part that is there already is
   * continued where the registry can. With an outboard a wrong block is found at that block, and only it is fetched again.
   * @throws WeighmarkError `digest-mismatch`, `not-found`, `network`, `disk-full`.
   */
  getFile(
    name: string,
    digest: string,
    file: { location: string; sizeBytes: number; outboard?: { readonly location: string; readonly blake3: string } },
  ): Promise<void>;
  /** Many of at most `LIMITS.smallFileBytes`, as `putFiles`. Absent: one by one. @throws as `getFile`; its fact `named` is the digest. */
  getFiles?(name: string, files: readonly StoredFile[]): Promise<void>;
  /** Claim bundles attached to a manifest as referrers, as their exact bytes; unverified. */
  claims(name: string, manifest: string): Promise<readonly Uint8Array[]>;
  putClaim(name: string, manifest: string, bundle: Uint8Array): Promise<void>;
  /** Attachments, and claims where no type is given, in this order and one change of the model's list. Absent: one by one. */
  putReferrers?(name: string, manifest: string, referrers: readonly NewReferrer[]): Promise<void>;
  /** The kinds of other referrers there are. */
  attachmentTypes(name: string, manifest: string): Promise<readonly string[]>;
  /** Other referrers: digest list, BOM, policy bytes; by artifactType. */
  attachments(name: string, manifest: string, artifactType: string): Promise<readonly Uint8Array[]>;
  putAttachment(name: string, manifest: string, artifactType: string, content: Uint8Array | Keeping): Promise<void>;
  setTag(name: string, tag: string, digest: string): Promise<void>;
  /**
   * Removes what nothing names: parts of interrupted writes, old lists. Never a manifest that is listed or logged, nor
   * what it or a claim needs. Nothing younger than `olderThanMs`. @throws WeighmarkError `usage` on a remote registry.
   */
  collectGarbage(options: { readonly dryRun: boolean; readonly olderThanMs: number }): Promise<Collected>;
  readonly log: TransparencyLog;
}

export interface Collected {
  readonly removed: readonly { readonly path: string; readonly sizeBytes: number }[];
  /** Blobs that stay. */
  readonly kept: number;
}

export interface RegistryOptions {
  /** File of the log's private key; default: the user's configuration folder. */
  readonly logKeyFile?: string;
  /** Verifier keys the caller trusts for the log: they win over what was pinned or is found. */
  readonly logVkeys?: readonly string[];
}

/** A registry just made, or found as it was. */
export interface NewRegistry {
  readonly location: string;
  readonly origin: string;
  readonly vkeys: readonly string[];
  readonly logKeyFile: string;
}

export interface Registries {
  /** A folder or `oci://host/prefix`. @throws WeighmarkError `not-found`, `name-invalid`, `log-key-mismatch`, `network`. */
  open(location: string, options?: RegistryOptions): Promise<Registry>;
  /** @throws WeighmarkError `already-exists`, `anchor-inside`, `write-refused`. */
  init(location: string, options: { readonly origin?: string; readonly logKeyFile?: string }): Promise<NewRegistry>;
}
