import type { Role } from '../claims/predicates.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import type { Finding } from '../base/verdict.ts';
import type { Verified } from './derived.ts';

/** Why the walk ends at an input, or that it goes on. */
export type Standing =
  /** Provenance by somebody who may take that step: walked further. */
  | 'attested'
  /** Described by somebody whose description of such an input is enough. */
  | 'described'
  /** Named in the policy by digest, with a reason and a last day. */
  | 'trusted-leaf'
  /** Covered by a promotion that the policy accepts in place of the lineage. */
  | 'summary'
  /** Code or configuration, pinned by digest. */
  | 'pinned'
  /** Only looked at: what an evaluation ran on. */
  | 'noted'
  | 'refused';

/** Hugging Face's words for relations, and the obvious ones where it has none. */
export type EdgeWord =
  | 'trained-on'
  | 'finetune'
  | 'adapter'
  | 'merge'
  | 'quantized'
  | 'converted'
  | 'pruned'
  | 'packaged'
  | 'preprocessed'
  | 'uses'
  | 'evaluated-on';

export interface LineageEdge {
  readonly word: EdgeWord;
  readonly role: Role | null;
  /** Hex SHA-256, or `git:<commit>` for code, or empty where the claim pins nothing. */
  readonly to: string;
  readonly name: string;
  readonly standing: Standing;
  /** Of weights that a step turned into these: who recomputed it, strongest first; empty: it is claimed alone. */
  readonly verified?: readonly Verified[];
}

export interface LineageNode {
  /** Hex SHA-256 of the manifest, or of a single file. */
  readonly digest: string;
  readonly name: string;
  /** How it was made: the short name of a step, or a foreign build type. */
  readonly step: string | null;
  readonly signedBy: string | null;
  /** Whose BOMs of it count, each once. */
  readonly describedBy?: readonly string[];
  /** By when the step's claim existed, RFC 3339. */
  readonly time: string | null;
  readonly edges: readonly LineageEdge[];
}

export interface Lineage {
  readonly root: string;
  /** By digest, the root first, parents before their inputs. */
  readonly nodes: ReadonlyMap<string, LineageNode>;
  readonly findings: readonly Finding[];
  /** Every claim the answer rests on. */
  readonly used: readonly VerifiedClaim[];
  /** Whose signatures count along the way, in every role: role → principals. */
  readonly actors: ReadonlyMap<string, ReadonlySet<string>>;
  /** Those of them who took a step, described an input or signed a BOM. */
  readonly makers: ReadonlySet<string>;
  readonly depth: number;
}
