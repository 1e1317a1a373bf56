import type { StoreName } from '../../domain/metadata/known-stores.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import type { ScanFinding } from '../../domain/scan/types.ts';

export const ITEM_KINDS = ['model', 'adapter', 'dataset', 'skill', 'plug-in', 'mcp-server', 'prompt', 'other'] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];

/** A digest of one file, and who says so: nothing here was hashed unless that was asked for. */
export interface ItemDigest {
  readonly path: string;
  readonly algorithm: string;
  /** Lower-case hex. */
  readonly hex: string;
  /** `recorded`: by the store; `sealed`: in the seal's list; `hashed`: in this run. */
  readonly from: 'recorded' | 'sealed' | 'hashed';
}

/** What weights are, whatever holds them (docs/weights.md). BLAKE3, lower-case hex. */
export interface ItemWeights {
  /** The file, or the shards' path with `*`. */
  readonly set: string;
  /** The root that names and tied copies do not change. */
  readonly root: string;
  readonly tensors: number;
  /** `sealed`: as the list beside a seal says; `hashed`: read in this run. */
  readonly from: 'sealed' | 'hashed';
}

export interface ItemSignature {
  /** Files that are signatures or claims, by name. */
  readonly found: readonly string[];
  /** Who signed, by the name the caller gave them; null: nobody the caller trusts. */
  readonly by: string | null;
  /** Whether the content is what was signed; `unread` unless hashing was asked for. */
  readonly content: 'verified' | 'refused' | 'unread';
  /** Why nobody trusted signed it, or its content is refused. */
  readonly why?: string;
}

/** One artifact on this machine. */
export interface InventoryItem {
  readonly store: StoreName;
  readonly name: string;
  readonly version?: string;
  readonly aliases?: readonly string[];
  readonly location: string;
  readonly kind: ItemKind;
  readonly formats: readonly string[];
  readonly files: number;
  readonly sizeBytes: number;
  /** SPDX ids or words, as its own files say. */
  readonly licences: readonly string[];
  /** `sha256:<hex>`: computed in this run, or from its seal's list, whose names and sizes the files have. */
  readonly id?: string;
  readonly idFrom?: 'hashed' | 'sealed';
  readonly digests: readonly ItemDigest[];
  readonly weights: readonly ItemWeights[];
  readonly signature: ItemSignature | null;
  /** What feeds know of it. */
  readonly known: readonly ScanFinding[];
  /** Environments it is promoted to now; null: no policy was asked about it. */
  readonly promoted: readonly string[] | null;
  readonly findings: readonly Finding[];
}

export interface Inventory {
  readonly items: readonly InventoryItem[];
  /** Places and entries that could not be read; each names its place. */
  readonly broken: readonly Finding[];
}
