import type { PREDICATES, Role } from '../claims/predicates.ts';
import type { CiIdentity } from '../claims/types.ts';
import type {
  DerivationRule,
  AcceptedPolicy,
  BomElement,
  EXCEPTABLE,
  NameRule,
  Severity,
  Suppression,
  TrustedSummary,
} from '../authority/types.ts';

/** The policy file as written, once it conforms to `POLICY_SCHEMA`. */
export interface RawPolicy {
  readonly name: string;
  readonly version: number;
  readonly expires: string;
  readonly accepts?: readonly AcceptedPolicy[];
  readonly principals: Readonly<Record<string, RawPrincipal>>;
  readonly roles: Readonly<Record<string, RawRole>>;
  readonly formerly?: readonly RawFormer[];
  readonly environments: readonly RawEnvironment[];
  readonly leaves?: readonly RawLeaf[];
  readonly summaries?: readonly TrustedSummary[];
  readonly exceptions?: readonly RawException[];
  readonly suppressions?: readonly Suppression[];
  readonly log?: RawLog;
  readonly timestampAuthorities?: readonly string[];
}

export interface RawPrincipal {
  readonly ids?: readonly string[];
  readonly keys?: readonly string[];
  readonly identities?: readonly { issuer: string; identity?: string; pattern?: string; trustedRoot?: string }[];
  readonly github?: readonly CiIdentity[];
  readonly gitlab?: readonly CiIdentity[];
  readonly certificates?: readonly { chain: string; identity: string }[];
}

export interface RawFormer extends Omit<RawPrincipal, 'ids'> {
  readonly name: string;
  readonly until: string;
  readonly roles?: readonly string[];
}

export type RawRole =
  | readonly string[]
  | {
      readonly principals: readonly string[];
      readonly signs?: readonly string[];
      readonly builds?: readonly string[];
      readonly models?: readonly string[];
      readonly vouches?: readonly Role[];
    };

export type ClaimName = keyof typeof PREDICATES | (string & {});

export interface RawEnvironment {
  readonly name: string;
  readonly after?: string;
  readonly require?: readonly (ClaimName | { claim: ClaimName; role?: string; maxAge?: string; where?: string })[];
  readonly approvals?: number | { count: number; role?: string; maxAge?: string };
  readonly separation?: readonly (readonly string[])[];
  readonly lineage?: { required?: boolean; maxDepth?: number; maxAge?: string };
  readonly licences?: NameRule;
  readonly datasets?: { licences?: NameRule; require?: RawEnvironment['require'] };
  readonly formats?: NameRule;
  readonly closure?: 'covered';
  readonly removedRecords?: 'refuse';
  readonly workerDigests?: 'refuse';
  readonly derivation?: DerivationRule['steps'] & { readonly role?: string };
  readonly scan?: { failOn?: Severity; role?: string; maxAge?: string };
  readonly bom?: { minimum: readonly BomElement[] };
  readonly assert?: readonly { cel: string; message: string }[];
  readonly maxAge?: string;
  readonly revocations?: { required?: boolean; complete?: boolean; reinstate?: number };
}

export interface RawLeaf {
  readonly sha256: string;
  readonly role: Role;
  readonly reason: string;
  readonly expires: string;
}

export interface RawException {
  readonly code: (typeof EXCEPTABLE)[number];
  readonly id: string;
  readonly environment: string;
  readonly reason: string;
  readonly expires: string;
}

export interface RawLog {
  readonly key: string;
  readonly maxAge?: string;
  readonly witnesses?: { readonly keys: readonly string[]; readonly quorum: number };
}
