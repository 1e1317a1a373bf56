import { PREDICATES } from '../claims/predicates.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import { isHex256 } from '../digest/hex.ts';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { readSnapshot } from './snapshot.ts';
import { signerKey, type Authority } from './authority.ts';
import { distinctPeople, type Counted } from './people.ts';
import { verifiedTime } from './time.ts';
import { REVOKER_ROLE } from './types.ts';

/** What a revocation is about. Digests are lower-case hex. */
export type RevocationTarget =
  | { readonly kind: 'artifact'; readonly sha256: string }
  /** By its bundle, and by what was signed (`pae`), so that the same signature wrapped anew is the same claim. */
  | { readonly kind: 'claim'; readonly sha256: string; readonly pae: string }
  /** A principal of the policy; its claims fall unless a verified time puts them before `since`. */
  | { readonly kind: 'principal'; readonly name: string; readonly since: string }
  /** A key by the SHA-256 of its SPKI DER, in whatever encoding; or a certificate by that of its own. */
  | { readonly kind: 'key'; readonly sha256: string; readonly since: string };

/** The predicate of `PREDICATES.revocation`, version 1. */
export interface Revocation {
  readonly action: 'revoke' | 'reinstate';
  readonly target: RevocationTarget;
  readonly reason: string;
}

/** A revocation claim and its place in the log; null: it came another way, and only ever takes away. */
export interface LoggedRevocation {
  readonly claim: VerifiedClaim;
  readonly index: number | null;
}

export interface Revoked {
  readonly reason: string;
  readonly by: string;
  readonly bundle: string;
}

export interface Revocations {
  readonly ofArtifact: (digest: string) => Revoked | null;
  /** By its own digest, or by its signer. */
  readonly ofClaim: (claim: VerifiedClaim) => Revoked | null;
  /** The claims all this rests on. */
  readonly claims: readonly VerifiedClaim[];
  /** Claims by revokers that could not be read: a reason to refuse, since they might revoke anything. */
  readonly unreadable: readonly VerifiedClaim[];
}

export const NO_REVOCATIONS: Revocations = { ofArtifact: () => null, ofClaim: () => null, claims: [], unreadable: [] };

/**
 * Applies revocations in the order of the log: a revoker counts as of its entry's index (rule 19). Undoing takes
 * `reinstate` distinct principals. The signer of a claim may always take that claim back, and nobody else's.
 */
export function collectRevocations(
  logged: readonly LoggedRevocation[],
  authority: Authority,
  options: { reinstate: number },
): Revocations {
  const state: State = { entries: new Map(), undoing: new Map(), used: [], unreadable: [] };
  const ordered = logged.toSorted(
    (a, b) => (a.index ?? Infinity) - (b.index ?? Infinity) || (a.claim.bundle < b.claim.bundle ? -1 : 1),
  );
  for (const entry of ordered) apply(entry, state, authority, options);
  const ofClaim = (claim: VerifiedClaim): Revoked | null => claimRevoked(claim, state, authority);
  return {
    ofArtifact: (digest) => state.entries.get(`artifact ${digest}`)?.revoked ?? null,
    ofClaim,
    claims: state.used,
    unreadable: state.unreadable,
  };
}

/** @throws WeighmarkError `claim-malformed` for anything but version 1, field by field. */
export function readRevocation({ statement }: VerifiedClaim): Revocation {
  const { version, action, target, reason, ...others } = statement.predicate;
  if (statement.predicateType !== PREDICATES.revocation || version !== 1 || Object.keys(others).length > 0)
    throw malformed('of an unknown version, or with unknown fields');
  if ((action !== 'revoke' && action !== 'reinstate') || typeof reason !== 'string' || reason === '')
    throw malformed('without action or reason');
  return { action, target: readTarget(target), reason };
}

interface State {
  readonly entries: Map<string, { readonly revoked: Revoked; readonly since: string }>;
  readonly undoing: Map<string, readonly Counted[]>;
  readonly used: VerifiedClaim[];
  readonly unreadable: VerifiedClaim[];
}

function apply(
  { claim, index }: LoggedRevocation,
  state: State,
  authority: Authority,
  options: { reinstate: number },
): void {
  const identity = authority.who(claim.signer);
  const isRevoker = authority
    .rolesOf(claim, claim.statement.subject[0]?.name ?? '')
    .some((role) => role.name === REVOKER_ROLE);
  if (claimRevoked(claim, state, authority) !== null) return;
  if (readSnapshot(claim) !== null) return;
  const revocation = tryRead(claim);
  if (revocation === null) {
    if (isRevoker) state.unreadable.push(claim);
    return;
  }
  if (!isRevoker && !(revocation.action === 'revoke' && revocation.target.kind === 'claim')) return;
  const by = typeof identity === 'string' ? 'its signer' : identity.principal.name;
  state.used.push(claim);
  const key = `${targetKey(revocation.target)}${isRevoker ? '' : ` ${signerKey(claim.signer)}`}`;
  if (revocation.action === 'revoke')
    revoke(state, key, revocation, { reason: revocation.reason, by, bundle: claim.bundle });
  else if (index !== null && isRevoker && typeof identity !== 'string')
    reinstate(state, key, { principal: by, pattern: identity.pattern, keys: claim.keys }, options.reinstate);
}

/** The earliest `since` holds: a later revocation never gives anything back. */
function revoke(state: State, key: string, { target }: Revocation, revoked: Revoked): void {
  const since = 'since' in target ? target.since : '';
  const earlier = state.entries.get(key);
  state.undoing.delete(key);
  if (earlier === undefined || Date.parse(since) < Date.parse(earlier.since))
    state.entries.set(key, { revoked, since });
}

function reinstate(state: State, key: string, by: Counted, needed: number): void {
  const people = distinctPeople([...(state.undoing.get(key) ?? []), by]);
  state.undoing.set(key, people);
  if (people.length < needed) return;
  state.entries.delete(key);
  state.undoing.delete(key);
}

function claimRevoked(claim: VerifiedClaim, state: State, authority: Authority): Revoked | null {
  const own =
    state.entries.get(`claim ${claim.pae}`) ?? state.entries.get(`claim ${claim.pae} ${signerKey(claim.signer)}`);
  if (own !== undefined) return own.revoked;
  const identity = authority.who(claim.signer);
  const keys = [
    ...(typeof identity === 'string' ? [] : [`principal ${identity.principal.name}`]),
    ...(claim.signer.kind === 'oidc'
      ? []
      : [claim.signer.fingerprint, ...(claim.keys ?? [])].map((key) => `key ${key}`)),
  ];
  const entries = keys.map((key) => state.entries.get(key)).filter((entry) => entry !== undefined);
  return entries.find(({ since }) => !existedBefore(claim, since))?.revoked ?? null;
}

/** Only a verified time shows that a claim is older than the day its signer was lost (rule 19). */
function existedBefore(claim: VerifiedClaim, since: string): boolean {
  const time = verifiedTime(claim);
  return time !== null && time < Date.parse(since);
}

function tryRead(claim: VerifiedClaim): Revocation | null {
  try {
    return readRevocation(claim);
  } catch {
    return null;
  }
}

export function targetKey(target: RevocationTarget): string {
  if (target.kind === 'principal') return `principal ${target.name}`;
  return `${target.kind} ${target.kind === 'claim' ? target.pae : target.sha256}`;
}

function readTarget(value: unknown): RevocationTarget {
  const { kind, sha256, name, since, pae, ...others } = isJsonObject(value) ? value : {};
  if (Object.keys(others).length > 0) throw malformed('with a target that has unknown fields');
  if (kind === 'artifact' && isHex256(sha256)) return { kind, sha256 };
  if (kind === 'claim' && isHex256(sha256) && isHex256(pae)) return { kind, sha256, pae };
  const isTime = typeof since === 'string' && !Number.isNaN(Date.parse(since));
  if (kind === 'key' && isHex256(sha256) && isTime) return { kind, sha256, since };
  if (kind === 'principal' && typeof name === 'string' && isTime) return { kind, name, since };
  throw malformed('without a target that can be understood');
}

function malformed(why: string): WeighmarkError {
  return new WeighmarkError('claim-malformed', `a revocation ${why}`);
}
