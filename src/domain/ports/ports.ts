import type { WeighmarkError } from '../base/errors.ts';
import type { Signer, TrustEntry, VerifiedTime } from '../claims/types.ts';
import type { Settings } from '../trust/settings.ts';
import type { LogPolicy } from '../tlog/quorum.ts';

/**
 * The contracts between flows and adapters. Flows take these as their last argument; domain code takes at most a
 * `Source`. Adapters return facts and bytes, never judgements.
 */

/** Random access to untrusted bytes: a file, an archive member, a remote blob. Lengths and offsets are in bytes. */
export interface Source {
  readonly size: number;
  /**
   * Exactly `min(length, size - offset)` bytes; the array belongs to the caller.
   * @throws WeighmarkError `file-changed` if the bytes promised by `size` are not there, `unreadable` if reading fails.
   */
  read(offset: number, length: number): Promise<Uint8Array>;
}

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
  /** Well-formed bookkeeping of download tools left out of the tree, by artifact path. */
  readonly leftOut: readonly string[];
  /** True if a symbolic link was followed to make the tree. */
  readonly followedLinks: boolean;
}

export interface WalkOptions {
  readonly allowSymlinks?: boolean;
  /** Artifact paths to leave out, with everything below them. */
  readonly ignore?: readonly string[];
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

export interface Files {
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
  write(location: string, bytes: Uint8Array | string, options?: WriteOptions): Promise<void>;
  /** Copies a file to a new one, never a shared inode. @returns SHA-256 of the bytes written, lower-case hex. */
  copy(from: string, to: string): Promise<string>;
  kindOf(location: string): Promise<'file' | 'directory' | 'other' | 'none'>;
  /** Names directly inside a folder, sorted by UTF-8 bytes. @throws WeighmarkError `not-found`, `unreadable`. */
  names(folder: string): Promise<readonly string[]>;
  realPath(location: string): Promise<string>;
  remove(location: string): Promise<void>;
}

export type HashAlgorithm = 'sha256' | 'blake3' | 'blake2b';

/** Lower-case hex digests of one file's whole content. */
export type Digests = Readonly<Partial<Record<HashAlgorithm, string>>>;

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
  /** Tells a job's failure and goes on: its result then has no digests. Absent: the first failure is thrown. */
  readonly onFailure?: (index: number, error: WeighmarkError) => void;
}

export interface HashResult {
  readonly sizeBytes: number;
  readonly digests: Digests;
  readonly outboard?: Uint8Array;
}

/** BLAKE3 node by node, for proofs about parts. Chaining values and digests are 32 bytes. */
export interface Blake3Tree {
  /** Digest of a whole. */
  digest(bytes: Uint8Array): Uint8Array;
  /** Chaining value of an aligned subtree that starts `offset` bytes into the whole and is not all of it. */
  subtree(bytes: Uint8Array, offset: number): Uint8Array;
  /** Parent of two chaining values; with `isRoot` the digest. */
  parent(left: Uint8Array, right: Uint8Array, isRoot: boolean): Uint8Array;
}

export interface Hasher {
  /** `wasm` or `native`, for `--version -v`. */
  readonly kernel: string;
  readonly tree: Blake3Tree;
  /** Results in the order of jobs. @throws WeighmarkError `file-changed`, `unreadable`, `not-found`, `interrupted`. */
  hash(jobs: readonly HashJob[], options: HashOptions): Promise<readonly HashResult[]>;
  /** Bytes that come in order from elsewhere: standard input, a download. */
  hashStream(chunks: AsyncIterable<Uint8Array>, algorithms: readonly HashAlgorithm[]): Promise<HashResult>;
}

export interface Clock {
  now(): Date;
}

export interface Progress {
  /** One long piece of work; `total` in bytes. */
  start(label: string, total: number): { advance(bytes: number): void; end(): void };
}

/** Text shipped with the program: JSON Schemas, trusted roots, licence lists. */
export interface Assets {
  schema(name: string): Promise<string>;
  path(name: string): string;
}

/** Makes one signature in one Sigstore bundle: a key, a certificate chain, or a keyless identity (with its witnesses). */
export interface ClaimSigner {
  /** For people: `key SHA256:9f2c…`, `keyless identity`. */
  readonly description: string;
  /** Signs the DSSE pre-authentication encoding of an in-toto payload. Returns the bundle (v0.3 JSON, one line, no LF). */
  sign(payload: Uint8Array): Promise<Uint8Array>;
}

export interface KeySignerOptions {
  /** Private key, PEM. */
  readonly keyFile: string;
  /** Signing certificate and its intermediates, PEM, leaf first. */
  readonly certificateChainFile?: string;
  /** Asked only if the key is encrypted; null: none to be had. */
  password(): Promise<string | null>;
  /** RFC 3161 server that timestamps each signature. */
  readonly tsa?: string;
}

export interface KeylessSignerOptions {
  readonly identityTokenFile?: string;
  /** Sigstore signing config (JSON file); absent: the public-good instance's. */
  readonly signingConfigFile?: string;
  /** RFC 3161 server instead of the signing config's. */
  readonly tsa?: string;
  /** A person who can sign in with a browser: asked before anything becomes public, then told what to do. Absent: nobody. */
  readonly person?: { confirm(question: string): Promise<boolean>; tell(message: string): void };
}

export interface GeneratedKey {
  readonly privatePem: string;
  readonly publicPem: string;
  /** SHA-256 of the SPKI DER, lower-case hex. */
  readonly fingerprint: string;
}

/** Makes signers. A key is opened at once, a token is fetched when the first signature is made. */
export interface Signers {
  /** @throws WeighmarkError `key-unusable`, `password-wrong`, `not-found`. */
  key(options: KeySignerOptions): Promise<ClaimSigner>;
  /** Signing throws WeighmarkError `network`, `key-unusable`; never with a token in the message. */
  keyless(options: KeylessSignerOptions): Promise<ClaimSigner>;
  /** A new P-256 pair, encrypted when there is a password. */
  generate(password: string | null): Promise<GeneratedKey>;
}

/** The configuration files that count here, merged: the project's, if allowed, over the user's. */
export interface Configuration {
  readonly settings: Settings;
  /** The files behind it. */
  readonly sources: readonly string[];
  /** A project's file that was found and does not count: nobody allowed it, or it changed since. */
  readonly notAllowed?: string;
}

/** A project's configuration file that the user has read and allowed: trusted only while its bytes stay the same. */
export interface AllowedFile {
  readonly path: string;
  /** SHA-256 of its bytes, lower-case hex. */
  readonly sha256: string;
}

/** The user's trust: who may sign. Kept in one file of the user's own configuration. */
export interface TrustStore {
  readonly location: string;
  /** Empty when there is no file yet. @throws WeighmarkError `trust-invalid`. */
  read(): Promise<{ readonly entries: readonly TrustEntry[]; readonly allowed: readonly AllowedFile[] }>;
  write(content: { readonly entries: readonly TrustEntry[]; readonly allowed: readonly AllowedFile[] }): Promise<void>;
  /** The same form as the file, for `trust export`. */
  format(entries: readonly TrustEntry[]): string;
  /** Refreshes the public-good Sigstore root by TUF. @throws WeighmarkError `network`, `trust-invalid`. */
  update(): Promise<{ readonly location: string; readonly sha256: string; readonly changed: boolean }>;
}

/** Cryptographic facts about Sigstore material, offline. Judging identities is the domain's. */
export interface KeylessVerifier {
  /**
   * Proves a bundle with a Fulcio certificate against one instance's trusted root: chain, SCT, log entry bound to
   * artifact, signature and key, timestamps, DSSE signature.
   * @param trustedRoot content of trusted_root.json; absent: the built-in public-good instance.
   * @throws WeighmarkError `signature-invalid`, `signature-malformed`, `trust-invalid`.
   */
  verify(bundle: Uint8Array, trustedRoot?: string): Promise<{
    readonly signer: Extract<Signer, { kind: 'oidc' }>;
    readonly times: readonly VerifiedTime[];
    /** The logs it is in, and the place in the tree each one's inclusion proof names. */
    readonly logEntries: readonly { readonly log: string; readonly index: string | null }[];
  }>;
  /** RFC 3161 tokens of a bundle over its signature that verify under the given authorities (PEM chains). */
  timestamps(bundle: Uint8Array, authorities: readonly string[]): Promise<readonly VerifiedTime[]>;
}

/** A model or dataset's name in a registry: lower-case OCI repository path; tags and digests come apart. */
export interface RegistryEntry {
  readonly name: string;
  /** `sha256:<hex>` of the manifest or index. */
  readonly id: string;
  readonly tags: readonly string[];
}

/** RFC 8785 JSON of this is a log leaf (DESIGN 4.5): nothing the bundle does not sign. */
export interface LogLeaf {
  readonly v: 1;
  readonly kind: 'push' | 'claim' | 'promotion' | 'revocation';
  readonly name: string;
  /** `sha256:<hex>` */
  readonly manifest: string;
  /** SHA-256 of the bundle's bytes, `sha256:<hex>`. */
  readonly bundle: string;
  readonly env?: string;
}

export interface LogEntry {
  readonly index: number;
  readonly leaf: LogLeaf;
}

/** A registry, embedded or remote. Content goes in and comes out by digest; names and tags are a cache. */
export interface Registry {
  /** As the user named it: a folder or `oci://host/repo`. */
  readonly location: string;
  list(): Promise<readonly RegistryEntry[]>;
  /** Tag or `sha256:` digest to the id. @throws WeighmarkError `not-found`. */
  resolve(name: string, reference: string): Promise<string>;
  hasBlob(name: string, digest: string): Promise<boolean>;
  /** Streams a file in, hashing the bytes written; they must be `digest`. @throws `file-changed` if not. */
  putFile(name: string, digest: string, file: { location: string; sizeBytes: number }): Promise<void>;
  putBytes(name: string, digest: string, bytes: Uint8Array): Promise<void>;
  /**
   * Takes a blob over from where it may be, without sending it: from another repository on the same host, unless it is there.
   * False if it must be sent.
   */
  mountBlob(name: string, digest: string, from: { readonly location: string; readonly name: string }): Promise<boolean>;
  /** Manifest last: then the artifact is there. */
  putManifest(name: string, manifest: { bytes: Uint8Array; mediaType: string; digest: string }, tag?: string): Promise<void>;
  getManifest(name: string, digest: string): Promise<Uint8Array>;
  openBlob(name: string, digest: string, sizeBytes: number): Promise<Source & { close(): Promise<void> }>;
  /**
   * Writes a blob to a file of its own, never a shared inode, hashing what is written; a part that is there already is
   * continued where the registry can. With an outboard a wrong block is found at that block, and only it is fetched again.
   * @throws WeighmarkError `digest-mismatch`, `not-found`, `network`, `disk-full`.
   */
  getFile(name: string, digest: string, file: { location: string; sizeBytes: number; outboard?: { readonly location: string; readonly blake3: string } }): Promise<void>;
  /** Claim bundles attached to a manifest as referrers, as their exact bytes; unverified. */
  claims(name: string, manifest: string): Promise<readonly Uint8Array[]>;
  putClaim(name: string, manifest: string, bundle: Uint8Array): Promise<void>;
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

/** An attachment that keeps further blobs, put before it: they stay as long as it does. */
export interface Keeping {
  readonly bytes: Uint8Array;
  readonly keeps: readonly BlobRef[];
}

/** A blob by its digest, `sha256:<hex>`. */
export interface BlobRef {
  readonly digest: string;
  readonly sizeBytes: number;
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

/** An artifact being built out of sight, beside where it will stand. */
export interface Staging {
  /** The folder that will get the artifact's name. */
  readonly root: string;
  /** Where unfinished files are; kept when interrupted, so that a repeat continues. */
  partOf(digest: string): string;
  /** A verified part becomes the file `path`, read-only. */
  settle(digest: string, path: string): Promise<void>;
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** The whole folder gets its name at once. @throws WeighmarkError `already-exists` unless nothing or an empty folder is there. */
  publish(): Promise<void>;
  /** Each file replaces its namesake in the folder that is there. @throws WeighmarkError `symlink-refused`. */
  publishInto(paths: readonly string[]): Promise<void>;
  discard(): Promise<void>;
}

export interface Stagings {
  /** `key` tells apart what is staged for one target, so that only the same thing is continued. */
  open(target: string, key: string): Promise<Staging>;
}

/** A leaf that is durably logged; `index` is null while it waits for the operator of a remote log (`log integrate`). */
export interface LoggedLeaf {
  readonly index: number | null;
  readonly leaf: LogLeaf;
}

export interface LogQuery {
  readonly name?: string;
  readonly manifest?: string;
  readonly bundle?: string;
  readonly kind?: LogLeaf['kind'];
  readonly env?: string;
}

/**
 * C2SP tlog-tiles. Every read is of a checkpoint whose signature verified under the known log key and which continues
 * the newest one this user has seen. @see https://c2sp.org/tlog-tiles
 * @throws WeighmarkError `log-key-mismatch`, `log-rollback`, `log-fork`, `log-invalid` from every method that reads.
 */
export interface TransparencyLog {
  /** Name of the log: the first line of its checkpoints. */
  readonly origin: string;
  /** Its verifier keys in C2SP form: named by the caller, else pinned when first seen, else the registry's own say. */
  readonly vkeys: readonly string[];
  /** Whether an earlier run left this user a checkpoint to hold the log against. */
  readonly remembered: boolean;
  /**
   * Whether decisions may rest on that memory (security rule 18): this user made the log, wrote to it with its key, or an
   * earlier decision had witnesses or a checkpoint brought along. Having read the log, or been refused, is not enough: it
   * may have been an old one.
   */
  readonly anchored: boolean;
  /** Something besides memory vouches for the log as it was read in this run: later runs may rest on their memory of it. */
  anchor(): Promise<void>;
  /**
   * Durable when it returns: tiles, then checkpoint. Needs the log key, except on a remote registry, where the entries
   * wait. A leaf that is logged already is not logged twice. @throws `key-unusable` without the key.
   */
  append(leaves: readonly LogLeaf[]): Promise<readonly LoggedLeaf[]>;
  /** The newest signed checkpoint's text, or null for an empty log. */
  checkpoint(): Promise<string | null>;
  /** Entries [from, to), proven to be in the log; `to` beyond the end is the end. */
  entries(from: number, to: number): Promise<readonly LogEntry[]>;
  /** All matching entries, oldest first. Reads and proves the whole log: nothing can be left out by a cache. */
  find(query: LogQuery): Promise<readonly LogEntry[]>;
  /** Leaves that wait for the log's operator (remote registries); unproven. */
  pending(): Promise<readonly LogLeaf[]>;
  /** C2SP tlog-proof text for one entry; its extra data is the leaf. */
  prove(index: number): Promise<string>;
  /** Reads every tile: recomputes the root, checks the checkpoint's signature. `root` is base64. */
  verify(): Promise<{ readonly size: number; readonly root: string }>;
  /** For the log's operator: logs what waits, then asks the policy's witnesses to cosign. @throws `key-unusable`. */
  integrate(policy?: LogPolicy): Promise<Integration>;
}

export interface Integration {
  readonly size: number;
  /** Entries that waited and are logged now. */
  readonly added: readonly LogEntry[];
  /** Names of the witnesses that cosigned. */
  readonly cosigned: readonly string[];
  /** Witnesses that did not, and why. */
  readonly refused: readonly { readonly witness: string; readonly why: string }[];
}

/** The highest versions this user has seen, of policies and of revocation snapshots: lower ones are a rollback. */
export interface VersionMemory {
  /** Null if none was seen. @throws WeighmarkError `config-invalid` if the memory cannot be read: never forgotten silently. */
  highest(line: string): Promise<number | null>;
  /** Never goes back. */
  remember(line: string, version: number): Promise<void>;
}

/** What git knows of the working folder; asked with hooks, fsmonitor, filters and external diff off (security rule 5). */
export interface Git {
  /** Top folder of the work tree; null outside of one. */
  root(): Promise<string | null>;
  /** Files to be committed (added, changed, renamed), by path from `root`. */
  staged(): Promise<readonly string[]>;
  /** All files git tracks or would add, by path from `root`. */
  files(): Promise<readonly string[]>;
}

/** A place in a BOM that the official schema refuses. */
export interface SchemaProblem {
  /** RFC 6901 pointer in JSON; `line N` in XML. */
  readonly pointer: string;
  readonly message: string;
  /** The schema's keyword: `required`, `enum`… */
  readonly keyword: string;
}

/** The official CycloneDX schemas. */
export interface BomSchemaValidator {
  /** Nothing when the text is valid. The text is well-formed JSON; `specVersion` one that has a schema (1.2–1.7). */
  validate(text: string, specVersion: string): Promise<readonly SchemaProblem[]>;
  /** The same for XML, against the XSD; null where the optional package for it is not installed. */
  validateXml(text: string, specVersion: string): Promise<readonly SchemaProblem[] | null>;
}

/**
 * Digests of files as they were when last hashed, by location and stamp. For the hook only: a verdict speaks of bytes read
 * in its own run (DESIGN 8.4).
 */
export interface StatCache {
  /** Null unless every part of the stamp is the same, and older than the entry itself (git calls the rest racy). */
  digests(location: string, stamp: FileStamp): Promise<Digests | null>;
  remember(location: string, stamp: FileStamp, digests: Digests): Promise<void>;
}

export interface FeedBytes {
  readonly bytes: Uint8Array;
  /** When these bytes were fetched or written, RFC 3339. */
  readonly fetched: string;
  /** Content of the detached signature beside the feed (`.sig`), if it was asked for. */
  readonly signature?: Uint8Array;
}

/** Threat intelligence from files and URLs: fetched bytes are cached for the user, capped by `LIMITS.feedBytes`. */
export interface Feeds {
  /** @throws WeighmarkError `not-found`, `unreadable`, `network`, `limit-exceeded`, `usage` for an address that is not https. */
  read(location: string, options?: { readonly signed?: boolean }): Promise<FeedBytes>;
}

/** Tells one other system. */
export interface Webhook {
  /** All that is ever shown of the address. */
  readonly host: string;
  /** @throws WeighmarkError `webhook-undelivered`, `interrupted`. */
  deliver(json: string): Promise<void>;
}

/** Packs evidence into a tar: parts of a folder registry as they stand, and documents beside them. */
export interface EvidencePacker {
  /** The tar appears under its name when it is whole. @throws WeighmarkError `write-refused`, `disk-full`. */
  pack(evidence: {
    readonly registry: string;
    readonly models: readonly string[];
    readonly files: readonly { readonly path: string; readonly content: string | Uint8Array }[];
    readonly target: string;
  }): Promise<void>;
}
