import { PREDICATES } from '../claims/predicates.ts';
import type { Signer, TrustEntry, VerifiedClaim } from '../claims/types.ts';
import { canonicalJson } from '../base/json.ts';
import { globMatches } from '../base/glob.ts';
import { entryOf, mismatch } from '../trust/match.ts';
import type { Policy, Principal, RoleRule } from './types.ts';

/** Who a signer is under a policy. `pattern`: only a pattern names it, so several such count as one (rule 12). */
export interface Identified {
  readonly principal: Principal;
  readonly pattern: boolean;
}

/** Why a signer is nobody: not named at all, or named by two principals. */
export type Unidentified = 'unknown' | 'ambiguous';

/** A policy's word on signers; remembers answers, since a lineage has thousands of claims by few signers. */
export interface Authority {
  who(signer: Signer): Identified | Unidentified;
  /** Roles in which the signer may make this very claim about a model of that name; empty: none. */
  rolesOf(claim: VerifiedClaim, model: string): readonly RoleRule[];
}

export function createAuthority(policy: Policy): Authority {
  const known = new Map<string, Identified | Unidentified>();
  const covers = memoised((glob: string, model: string) => globMatches(glob, model));
  function who(signer: Signer): Identified | Unidentified {
    const key = signerKey(signer);
    const found = known.get(key) ?? identify(policy, signer);
    known.set(key, found);
    return found;
  }
  function rolesOf(claim: VerifiedClaim, model: string): readonly RoleRule[] {
    const identity = who(claim.signer);
    if (typeof identity === 'string' || !idsAgree(claim, identity.principal)) return [];
    const { name } = identity.principal;
    return policy.roles.filter(
      (role) =>
        role.principals.includes(name) && maySign(role, claim) && role.models.some((glob) => covers(glob, model)),
    );
  }
  return { who, rolesOf };
}

/**
 * For looking at a lineage without a policy: everybody the caller trusts may say everything; their names are the trust's.
 */
export function openAuthority(trust: readonly TrustEntry[]): Authority {
  const role: RoleRule = {
    name: 'trusted',
    principals: [],
    predicates: [],
    buildTypes: [],
    models: [],
    vouches: ['dataset', 'base-model', 'adapter', 'tokenizer', 'prompt'],
  };
  function who(signer: Signer): Identified | Unidentified {
    const entry = entryOf(signer, trust);
    return entry === null
      ? 'unknown'
      : { principal: { name: entry.name, anchors: [entry.anchor], ids: [] }, pattern: false };
  }
  return { who, rolesOf: (claim) => (typeof who(claim.signer) === 'string' ? [] : [role]) };
}

/** The principals' anchors as trust: a claim that none of them verifies is nobody's. */
export function policyTrust(policy: Policy): readonly TrustEntry[] {
  return policy.principals.flatMap(({ name, anchors }) => anchors.map((anchor) => ({ name, anchor })));
}

/** What makes two signatures the same signer's, whoever the policy says that is. */
export function signerKey(signer: Signer): string {
  if (signer.kind === 'key') return `key ${signer.fingerprint}`;
  return canonicalJson(
    signer.kind === 'oidc'
      ? { ...signer, notBefore: undefined }
      : { root: signer.root, subject: signer.subject, sans: signer.sans },
  );
}

function identify(policy: Policy, signer: Signer): Identified | Unidentified {
  const matches = policy.principals.flatMap((principal) => {
    const anchors = principal.anchors.filter((anchor) => mismatch(signer, anchor) === null);
    const pattern = anchors.every((anchor) => anchor.kind === 'oidc' && anchor.identityPattern !== undefined);
    return anchors.length === 0 ? [] : [{ principal, pattern }];
  });
  const [only, other] = matches;
  if (only === undefined) return 'unknown';
  return other === undefined ? only : 'ambiguous';
}

function maySign(role: RoleRule, { statement }: VerifiedClaim): boolean {
  if (!role.predicates.includes(statement.predicateType)) return false;
  return (
    statement.predicateType !== PREDICATES.provenance || role.buildTypes.includes(buildTypeIn(statement.predicate))
  );
}

function buildTypeIn(predicate: Readonly<Record<string, unknown>>): string {
  const definition = predicate['buildDefinition'];
  const buildType =
    typeof definition === 'object' && definition !== null
      ? (definition as Record<string, unknown>)['buildType']
      : undefined;
  return typeof buildType === 'string' ? buildType : '';
}

/** What a claim calls its maker must be what the policy ties to the signer, where it ties anything (rule 2). */
function idsAgree({ statement }: VerifiedClaim, principal: Principal): boolean {
  if (principal.ids.length === 0) return true;
  const { predicate } = statement;
  const stated = [
    at(predicate, 'runDetails', 'builder', 'id'),
    at(predicate, 'verifier', 'id'),
    at(predicate, 'scanner', 'uri'),
  ];
  return stated.every((id) => id === undefined || (typeof id === 'string' && principal.ids.includes(id)));
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce(
    (found: unknown, key) =>
      typeof found === 'object' && found !== null && Object.hasOwn(found, key)
        ? (found as Record<string, unknown>)[key]
        : undefined,
    value,
  );
}

function memoised(compute: (a: string, b: string) => boolean): (a: string, b: string) => boolean {
  const known = new Map<string, boolean>();
  return (a, b) => {
    const key = `${a}\0${b}`;
    const value = known.get(key) ?? compute(a, b);
    known.set(key, value);
    return value;
  };
}
