import { FILE_SIGNATURE, PREDICATES } from '../claims/predicates.ts';
import type { Signer, TrustEntry, VerifiedClaim } from '../claims/types.ts';
import { canonicalJson, isJsonObject } from '../base/json.ts';
import { globMatches } from '../base/glob.ts';
import { entryOf, mismatch } from '../trust/match.ts';
import { saysNo } from './polarity.ts';
import { verifiedTime } from './time.ts';
import {
  BREAK_GLASS_ROLE,
  PROMOTER_ROLE,
  REVOKER_ROLE,
  type FormerPrincipal,
  type Policy,
  type Principal,
  type RoleRule,
} from './types.ts';

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
  /** Roles in which such a claim about a model of that name may be made, whoever signed this one. */
  rolesFor(claim: VerifiedClaim, model: string): readonly RoleRule[];
  /**
   * Roles, held now or formerly, in which the signer may say no by a claim of this type: whether it is dated or calls its maker
   * by the right name does not matter.
   */
  denialRolesOf(claim: VerifiedClaim, model: string): readonly string[];
  /** For people: the name of whoever signed, now or formerly somebody; null: nobody. */
  nameOf(claim: VerifiedClaim): string | null;
}

export function createAuthority(policy: Policy): Authority {
  const authority = AUTHORITIES.get(policy) ?? authorityUnder(policy);
  if (!AUTHORITIES.has(policy)) asItIs(policy);
  AUTHORITIES.set(policy, authority);
  return authority;
}

/** What is remembered of a policy must stay true of it: from now on whoever changes it in place is told so, and makes another. */
function asItIs(policy: Policy): void {
  for (const part of [policy.principals, policy.roles, policy.formerly]) freeze(part);
  Object.freeze(policy);
}

function freeze(value: unknown): void {
  if (!Array.isArray(value) && (!isJsonObject(value) || Object.getPrototypeOf(value) !== Object.prototype)) return;
  for (const each of Object.values(Object.freeze(value))) freeze(each);
}

/** One for each policy that was read: an audit asks the same of thousands of artifacts. */
const AUTHORITIES = new WeakMap<Policy, Authority>();

function authorityUnder(policy: Policy): Authority {
  const known = new Map<string, Identified | Unidentified>();
  const covers = memoised((glob: string, model: string) => globMatches(glob, model));
  function who(signer: Signer): Identified | Unidentified {
    const key = signerKey(signer);
    const before = known.get(key);
    if (before !== undefined) return before;
    const found = identify(policy, signer);
    known.set(key, found);
    return found;
  }
  const named = new Map<string, People>();
  function people(signer: Signer): People {
    const key = signerKey(signer);
    const found = named.get(key) ?? {
      current: namedBy(policy.principals, signer).map(({ name }) => name),
      former: namedBy(policy.formerly ?? [], signer),
    };
    named.set(key, found);
    return found;
  }
  function rolesOf(claim: VerifiedClaim, model: string): readonly RoleRule[] {
    const identity = who(claim.signer);
    if (claim.onlyNo !== undefined || typeof identity === 'string' || !idsAgree(claim, identity.principal)) return [];
    const { name } = identity.principal;
    return rolesFor(claim, model).filter(({ principals }) => principals.includes(name));
  }
  function rolesFor(claim: VerifiedClaim, model: string): readonly RoleRule[] {
    return policy.roles.filter((role) => maySign(role, claim) && role.models.some((glob) => covers(glob, model)));
  }
  function denialRolesOf(claim: VerifiedClaim, model: string): readonly string[] {
    const type = claim.statement.predicateType;
    const able = policy.roles.filter(
      (role) => role.predicates.includes(type) && role.models.some((glob) => covers(glob, model)),
    );
    const { current, former: once } = people(claim.signer);
    const held = able.filter(({ principals }) => principals.some((name) => current.includes(name)));
    const former = spokeThen(once, claim).flatMap(({ roles }) =>
      formerRoles(type, able).filter((role) => roles === undefined || role === NO_ROLE || roles.includes(role)),
    );
    return [...new Set([...held.map(({ name }) => name), ...former])];
  }
  function nameOf(claim: VerifiedClaim): string | null {
    const { current, former } = people(claim.signer);
    return current[0] ?? spokeThen(former, claim)[0]?.name ?? null;
  }
  return { who, rolesOf, rolesFor, denialRolesOf, nameOf };
}

/** All whom a policy names by this signer. */
interface People {
  readonly current: readonly string[];
  readonly former: readonly FormerPrincipal[];
}

function namedBy<T extends Pick<Principal, 'name' | 'anchors'>>(people: readonly T[], signer: Signer): readonly T[] {
  return people.filter(({ anchors }) => anchors.some((anchor) => mismatch(signer, anchor) === null));
}

/** Those of them whose time it may be from. */
function spokeThen(former: readonly FormerPrincipal[], claim: VerifiedClaim): readonly FormerPrincipal[] {
  const time = verifiedTime(claim);
  return former.filter(({ until }) => time === null || time <= Date.parse(until));
}

/** Where the policy has no role any more in which such a statement was made. */
const NO_ROLE = '(formerly)';

/** The roles by which such a statement is made; of revokers and promoters also where the policy has none any more. */
function formerRoles(predicateType: string, able: readonly RoleRule[]): readonly string[] {
  const role = ALWAYS_HELD.get(predicateType);
  const names = able.map(({ name }) => name).filter((name) => name !== BREAK_GLASS_ROLE);
  return [...names, ...(role === undefined ? (names.length === 0 ? [NO_ROLE] : []) : [role])];
}

const ALWAYS_HELD: ReadonlyMap<string, string> = new Map([
  [PREDICATES.revocation, REVOKER_ROLE],
  [PREDICATES.promotion, PROMOTER_ROLE],
]);

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
  const rolesOf: Authority['rolesOf'] = (claim) =>
    claim.onlyNo !== undefined || typeof who(claim.signer) === 'string' ? [] : [role];
  const nameOf: Authority['nameOf'] = ({ signer }) => entryOf(signer, trust)?.name ?? null;
  return {
    who,
    rolesOf,
    rolesFor: () => [],
    denialRolesOf: (claim) => (nameOf(claim) === null ? [] : [role.name]),
    nameOf,
  };
}

/** Whether a claim counts for what it says: a yes by who may say it, a no by who may or once might. */
export function isHeard(claim: VerifiedClaim, model: string, authority: Authority): boolean {
  if (authority.rolesOf(claim, model).length > 0) return true;
  return saysNo(claim.statement) && authority.denialRolesOf(claim, model).length > 0;
}

/** The principals' anchors as trust: a claim that none of them verifies is nobody's. */
export function policyTrust(policy: Policy): readonly TrustEntry[] {
  return policy.principals.flatMap(({ name, anchors }) => anchors.map((anchor) => ({ name, anchor })));
}

/** Who may sign a single file's bytes. Such a signature names no model, so a role that is limited to some does not say so. */
export function policyFileTrust(policy: Policy): readonly TrustEntry[] {
  const roles = policy.roles.filter(
    ({ predicates, models }) => predicates.includes(FILE_SIGNATURE) && models.includes('**'),
  );
  return policyTrust(policy).filter(({ name }) => roles.some(({ principals }) => principals.includes(name)));
}

/** Those and whoever was one formerly: all of whom a no must be heard. */
export function policyHearing(policy: Policy): readonly TrustEntry[] {
  const former = (policy.formerly ?? []).flatMap(({ name, anchors }) => anchors.map((anchor) => ({ name, anchor })));
  return [...policyTrust(policy), ...former];
}

/** What makes two signatures the same signer's, whoever the policy says that is. */
export function signerKey(signer: Signer): string {
  if (signer.kind === 'key') return signer.fingerprint;
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

const MOST_COVERED = 10_000;

function memoised(compute: (a: string, b: string) => boolean): (a: string, b: string) => boolean {
  const known = new Map<string, boolean>();
  return (a, b) => {
    const key = `${a}\0${b}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const value = compute(a, b);
    if (known.size >= MOST_COVERED) known.clear();
    known.set(key, value);
    return value;
  };
}
