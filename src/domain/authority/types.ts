import type { Role, Step } from '../claims/predicates.ts';
import type { TrustAnchor } from '../claims/types.ts';
import type { Code } from '../base/errors.ts';

/** What an environment demands (DESIGN 4.6), as `parsePolicy` makes it from YAML: every default is filled in. */
export interface Policy {
  /**
   * Names the line of versions: a client refuses a lower version than it saw under the same name at the same path; of a policy whose
   * signers the caller trusts, under the same name anywhere.
   */
  readonly name: string;
  readonly version: number;
  /** RFC 3339; from then on everything is refused. */
  readonly expires: string;
  /** SHA-256 of the policy's bytes, `sha256:<hex>`: what a VSA names. */
  readonly digest: string;
  /** Digest of what it demands, however it is written (`meaningOf`); absent: its bytes alone say which it is. */
  readonly meaning?: string;
  /** Earlier policies whose promotions still count, for a while. */
  readonly accepts?: readonly AcceptedPolicy[];
  readonly principals: readonly Principal[];
  readonly roles: readonly RoleRule[];
  /** Who said no once and is no principal any more, or not by these keys: what they said stays said. */
  readonly formerly?: readonly FormerPrincipal[];
  /** The bytes it was read from: stored with what is decided under it. */
  readonly bytes?: Uint8Array;
  /** In order; `after` always names an earlier one. */
  readonly environments: readonly Environment[];
  readonly leaves: readonly TrustedLeaf[];
  readonly summaries: readonly TrustedSummary[];
  readonly exceptions: readonly Exception[];
  readonly suppressions: readonly Suppression[];
  readonly log?: LogRule;
  /** PEM chains of the RFC 3161 authorities whose times count. */
  readonly timestampAuthorities: readonly string[];
}

/** One person or workload; counting is by principal, however many keys and identities it has (security rule 12). */
export interface Principal {
  readonly name: string;
  readonly anchors: readonly TrustAnchor[];
  /** What `builder.id`, `verifier.id` or a scanner's URI must be in its claims; empty: those are not relied on (rule 2). */
  readonly ids: readonly string[];
}

/** A policy whose promotions count until then, at most 30 days ahead, though this one asks for something else. */
export interface AcceptedPolicy {
  /** `sha256:<hex>` of its bytes. */
  readonly digest: string;
  /** RFC 3339. */
  readonly until: string;
}

/** Somebody whose revocations, withdrawals and failed evaluations keep counting; nothing else of theirs does. */
export interface FormerPrincipal {
  readonly name: string;
  readonly anchors: readonly TrustAnchor[];
  /** RFC 3339: what is proven to be signed later counts for nothing. */
  readonly until: string;
  /** Roles they held; absent: any in which one may say no. */
  readonly roles?: readonly string[];
}

/** Which principals may say what about which models. */
export interface RoleRule {
  readonly name: string;
  readonly principals: readonly string[];
  readonly predicates: readonly string[];
  /** For provenance claims: full buildType URIs. */
  readonly buildTypes: readonly string[];
  /** Globs over artifact names: `*` within one path part, `**` across. */
  readonly models: readonly string[];
  /** Input roles for which a description signed by this role ends the walk. */
  readonly vouches: readonly Role[];
}

/** Steps of which something can be shown. */
export const SHOWN_STEPS = [
  'convert',
  'cast',
  'reshard',
  'quantize',
  'merge',
  'adapter-merge',
  'prune',
] as const satisfies readonly Step[];

export interface DerivationRule {
  readonly steps: Readonly<Partial<Record<(typeof SHOWN_STEPS)[number], 'recomputed' | 'nearest'>>>;
  readonly role?: string;
}

export interface Environment {
  readonly name: string;
  readonly after?: string;
  readonly require: readonly RequiredClaim[];
  readonly approvals?: { readonly count: number; readonly role: string; readonly maxAgeMs?: number };
  /** Roles, two or more, no two of which one principal may have acted in. */
  readonly separation: readonly (readonly string[])[];
  readonly lineage: { readonly required: boolean; readonly maxDepth: number; readonly maxAgeMs?: number };
  readonly licences?: NameRule;
  /** Of every dataset along the lineage: licences, and claims about it that must be there. */
  readonly datasets?: { readonly licences?: NameRule; readonly require?: readonly RequiredClaim[] };
  readonly formats?: NameRule;
  /** What loaders fetch at run time must be an input that was attested, or a trusted leaf. */
  readonly closure?: 'covered';
  /** No dataset along the lineage may hold a record on a removal list; where no proof shows it, nothing is decided. */
  readonly removedRecords?: 'refuse';
  /** Somebody whose BOM counts must have read every file: digests of workers, of which a sample was read again, do not do. */
  readonly workerDigests?: 'refuse';
  /** By step: what must be shown of it wherever it stands in the lineage, and by which role; a claim of it alone does not do. */
  readonly derivation?: DerivationRule;
  readonly scan?: { readonly failOn: Severity; readonly role: string; readonly maxAgeMs?: number };
  readonly bom?: { readonly minimum: readonly BomElement[] };
  readonly assert: readonly Assertion[];
  /** A promotion is good for this long. */
  readonly maxAgeMs?: number;
  /** With it, a decision needs an unexpired snapshot of the revocations (rule 19). */
  readonly revocations?: {
    readonly required: boolean;
    readonly reinstate: number;
    /** The snapshot must count the revocations in force, and they must be the ones known here. */
    readonly complete?: boolean;
  };
}

export interface RequiredClaim {
  /** Predicate type URI. */
  readonly predicateType: string;
  readonly label: string;
  readonly role?: string;
  readonly maxAgeMs?: number;
  readonly where?: string;
}

export interface NameRule {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
}

export interface Assertion {
  readonly cel: string;
  readonly message: string;
}

/** An input taken without claims: by digest and role, for a reason, until a day (rule 14). */
export interface TrustedLeaf {
  readonly sha256: string;
  readonly role: Role;
  readonly reason: string;
  readonly expires: string;
}

/** Whose promotion of an ancestor stands for the ancestor's lineage (rule 15). */
export interface TrustedSummary {
  readonly principal: string;
  readonly environment: string;
  readonly policies: readonly string[];
}

export interface Exception {
  readonly code: Code;
  /** The artifact the finding is about. */
  readonly id: string;
  readonly environment: string;
  readonly reason: string;
  readonly expires: string;
}

/** A scan finding that somebody looked at and accepts: it is shown, and does not count, until a day. Never what was not examined. */
export interface Suppression {
  /** A scan rule's id, `WM-…`. */
  readonly rule: string;
  /** Glob over paths inside the artifact. */
  readonly path?: string;
  /** Hex: only in a file with these bytes. */
  readonly sha256?: string;
  /** Globs over artifact names; absent: all. */
  readonly models?: readonly string[];
  readonly reason: string;
  readonly expires: string;
}

export interface LogRule {
  /** C2SP verifier key; its name is the log's origin. */
  readonly key: string;
  readonly maxAgeMs?: number;
  readonly witnesses?: { readonly keys: readonly string[]; readonly quorum: number };
}

export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const BOM_ELEMENTS = [
  'name',
  'version',
  'licence',
  'supplier',
  'hashes',
  'datasets',
  'model-card',
  'base-model',
] as const;
export type BomElement = (typeof BOM_ELEMENTS)[number];

/** Findings an exception may set aside. Signatures, digests, revocations, promotions and the log are none of them. */
export const EXCEPTABLE = [
  'claim-missing',
  'claim-stale',
  'no-verified-time',
  'licence-refused',
  'format-refused',
  'bom-incomplete',
  'digests-from-workers',
  'scan-finding',
  'lineage-missing',
  'lineage-unattested',
  'undeclared-input',
] as const satisfies readonly Code[];

/** Revokers that it takes to undo a revocation, unless the environment says otherwise. */
export const REINSTATE = 2;

export const BREAK_GLASS_ROLE = 'break-glass';
export const PROMOTER_ROLE = 'promoter';
export const REVOKER_ROLE = 'revoker';
export const APPROVER_ROLE = 'approver';

export type { Step };
