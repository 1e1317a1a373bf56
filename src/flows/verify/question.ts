import type { Matching } from '../../domain/claims/oms-match.ts';
import type { OmsManifest } from '../../domain/claims/oms.ts';
import type { Lookup } from '../../domain/base/by-path.ts';
import type { ListedFile } from '../../domain/digest/list.ts';
import type { Digests, HashAlgorithm } from '../../domain/digest/algorithm.ts';
import type { Tree } from '../../domain/ports/files.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import type { HashedEntry } from '../content/hash-tree.ts';

/** Which files are meant. */
export interface TreeQuestion {
  readonly root: string;
  readonly manifest: OmsManifest;
  readonly allowSymlinks: boolean;
  /** Further artifact paths to leave out, as the user says. */
  readonly ignore: readonly string[];
  /** The signature in use, where it lies inside: no part of what it signs. */
  readonly ownNames: readonly string[];
  readonly ignoreUnsignedFiles: boolean;
  /** A policy decides: nothing in the folder may be unsigned. */
  readonly underPolicy: boolean;
  readonly jobs?: number;
}

export interface ContentQuestion extends TreeQuestion {
  /** The signer's name, for messages. */
  readonly by: string;
  /** Glob of the only files to look at. */
  readonly only?: string;
  /** Digests signed together; BLAKE3 alone is hashed then, unless `algorithm` wants more. */
  readonly pairs: Lookup<ListedFile> | null;
  readonly algorithm?: 'sha256' | 'all';
  /** SHA-256 is needed for claims, whatever the signature's own algorithm is. */
  readonly needsSha256: boolean;
}

export interface ContentFile {
  readonly path: string;
  readonly location: string;
  readonly sizeBytes: number;
  /** What was hashed in this run, and what is signed together with it. */
  readonly digests: Digests;
}

export interface Content {
  readonly tree: Tree;
  /** The signed files that are there, verified unless a finding names them. */
  readonly files: readonly ContentFile[];
  readonly signedCount: number;
  readonly algorithms: readonly HashAlgorithm[];
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/** The signed files, being hashed while it is not yet known whether BLAKE3 alone will do; of no use if it will not. */
export interface Ahead {
  readonly tree: Tree;
  /** What of it is signed. */
  readonly matching: Matching;
  /** By path; null if a file could not be hashed. */
  readonly hashed: Promise<Lookup<HashedEntry> | null>;
  stop(): void;
}

export interface Hashing {
  readonly question: ContentQuestion;
  readonly tree: Tree;
  readonly ahead: Ahead | null;
}
