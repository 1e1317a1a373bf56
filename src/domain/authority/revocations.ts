import type { VerifiedClaim } from '../claims/types.ts';
import { readSnapshot } from './snapshot.ts';
import { signerKey, type Authority } from './authority.ts';
import { distinctPeople, type Counted } from './people.ts';
import { saysNo } from './polarity.ts';
import { readRevocation, targetKey, type EntryTarget, type Revocation, type RevocationTarget } from './revocation.ts';
import { verifiedTime } from './time.ts';
import { REVOKER_ROLE } from './types.ts';

/** A revocation claim and its place in the log; null: it came another way, and only ever takes away. */
export interface LoggedRevocation {
  readonly claim: VerifiedClaim;
  readonly index: number | null;
}

export interface Revoked {
  readonly reason: string;
  readonly by: string;
  readonly bundle: string;
  /** What was revoked: the claim itself, or whoever signed it. */
  readonly kind: RevocationTarget['kind'];
}

/** Said by a revoker who was lost, with nothing to show that it was before: somebody current must confirm or lift it. */
export interface Doubt extends Revoked {
  readonly pae: string;
  readonly target: RevocationTarget;
}

export interface Revocations {
  readonly ofArtifact: (digest: string) => Revoked | null;
  /** By its own digest, or by its signer. */
  readonly ofClaim: (claim: VerifiedClaim) => Revoked | null;
  /** Taken back by name: by its signer or a revoker; the PAE digest, for claims that cannot be read. */
  readonly lifted: (pae: string) => boolean;
  readonly doubts: readonly Doubt[];
  /** Does what is in doubt touch this claim? */
  readonly doubtOf: (claim: VerifiedClaim) => Doubt | null;
  /** As many revokers as it takes say of this entry that it never had a bundle. */
  readonly voided: (entry: Omit<EntryTarget, 'kind'>) => boolean;
  /** Whether somebody current has decided about the target since: revoked it, or let it count again. */
  readonly settled: (target: RevocationTarget) => boolean;
  /** Bundles of the revocations that hold now, hex. */
  readonly inForce: readonly string[];
  /** The claims all this rests on. */
  readonly claims: readonly VerifiedClaim[];
  /** Claims by revokers that could not be read: a reason to refuse, since they might revoke anything. */
  readonly unreadable: readonly VerifiedClaim[];
}

export const NO_REVOCATIONS: Revocations = {
  ofArtifact: () => null,
  ofClaim: () => null,
  lifted: () => false,
  doubts: [],
  doubtOf: () => null,
  voided: () => false,
  settled: () => false,
  inForce: [],
  claims: [],
  unreadable: [],
};

/**
 * Applies revocations in the order of the log: a revoker counts as of its entry's index (rule 19). Undoing takes
 * `reinstate` distinct principals. The signer of a claim may always take that claim back, and nobody else's.
 */
export function collectRevocations(
  logged: readonly LoggedRevocation[],
  authority: Authority,
  options: { reinstate: number },
): Revocations {
  const state: State = {
    entries: new Map(),
    undoing: new Map(),
    undone: new Set(),
    doubts: new Map(),
    voids: new Map(),
    used: [],
    unreadable: [],
  };
  const ordered = logged.toSorted(
    (a, b) => (a.index ?? Infinity) - (b.index ?? Infinity) || (a.claim.bundle < b.claim.bundle ? -1 : 1),
  );
  for (const entry of ordered) apply(entry, state, authority, options);
  return answers(state, authority, options.reinstate);
}

function answers(state: State, authority: Authority, needed: number): Revocations {
  const { entries, undone, voids } = state;
  const doubts = new Map([...state.doubts].filter(([, { pae }]) => !entries.has(`claim ${pae}`)));
  return {
    ofArtifact: (digest) => entries.get(`artifact ${digest}`)?.revoked ?? null,
    ofClaim: (claim) => claimRevoked(claim, state, authority),
    lifted: (pae) => entries.has(`claim ${pae}`),
    doubts: [...doubts.values()],
    doubtOf: (claim) =>
      keysOf(claim, authority)
        .map((key) => doubts.get(key))
        .find((doubt) => doubt !== undefined) ?? null,
    voided: (entry) => (voids.get(targetKey({ kind: 'entry', ...entry }))?.length ?? 0) >= needed,
    settled: (target) => entries.has(targetKey(target)) || undone.has(targetKey(target)),
    inForce: [...new Set([...entries.values()].map(({ revoked }) => revoked.bundle))].toSorted(),
    claims: state.used,
    unreadable: state.unreadable.filter(({ pae }) => !entries.has(`claim ${pae}`)),
  };
}

interface State {
  readonly entries: Map<string, { readonly revoked: Revoked; readonly since: string }>;
  readonly undoing: Map<string, readonly Counted[]>;
  readonly undone: Set<string>;
  readonly doubts: Map<string, Doubt>;
  /** Entries of the log, by whom they were declared empty. */
  readonly voids: Map<string, readonly Counted[]>;
  readonly used: VerifiedClaim[];
  readonly unreadable: VerifiedClaim[];
}

function apply(
  { claim, index }: LoggedRevocation,
  state: State,
  authority: Authority,
  options: { reinstate: number },
): void {
  const model = claim.statement.subject[0]?.name ?? '';
  const mayDeny = authority.denialRolesOf(claim, model).includes(REVOKER_ROLE);
  const mayUndo = authority.rolesOf(claim, model).some((role) => role.name === REVOKER_ROLE);
  const lost = claimRevoked(claim, state, authority);
  if (lost?.kind === 'claim' || readSnapshot(claim) !== null) return;
  const revocation = tryRead(claim);
  if (revocation === null) {
    if (mayDeny && saysNo(claim.statement)) state.unreadable.push(claim);
    return;
  }
  const { action, target, reason } = revocation;
  const by = authority.nameOf(claim) ?? 'its signer';
  if (action === 'reinstate' || target.kind === 'entry') {
    if (index === null || !mayUndo || lost !== null) return;
    state.used.push(claim);
    const identity = authority.who(claim.signer);
    if (typeof identity === 'string') return;
    const person = { principal: by, pattern: identity.pattern, keys: claim.keys };
    if (action === 'reinstate') reinstate(state, targetKey(target), person, options.reinstate);
    else state.voids.set(targetKey(target), distinctPeople([...(state.voids.get(targetKey(target)) ?? []), person]));
    return;
  }
  if (!mayDeny && target.kind !== 'claim') return;
  const key = `${targetKey(target)}${mayDeny ? '' : ` ${signerKey(claim.signer)}`}`;
  const revoked: Revoked = { reason, by, bundle: claim.bundle, kind: target.kind };
  if (lost !== null) {
    if (mayDeny) state.doubts.set(key, { ...revoked, target, pae: claim.pae });
    return;
  }
  state.used.push(claim);
  revoke(state, key, revocation, revoked);
}

/** The earliest `since` holds: a later revocation never gives anything back. */
function revoke(state: State, key: string, { target }: Revocation, revoked: Revoked): void {
  const since = 'since' in target ? target.since : '';
  const earlier = state.entries.get(key);
  state.undoing.delete(key);
  state.doubts.delete(key);
  if (earlier === undefined || Date.parse(since) < Date.parse(earlier.since))
    state.entries.set(key, { revoked, since });
}

function reinstate(state: State, key: string, by: Counted, needed: number): void {
  const people = distinctPeople([...(state.undoing.get(key) ?? []), by]);
  state.undoing.set(key, people);
  if (people.length < needed) return;
  state.entries.delete(key);
  state.undoing.delete(key);
  state.doubts.delete(key);
  state.undone.add(key);
}

function claimRevoked(claim: VerifiedClaim, state: State, authority: Authority): Revoked | null {
  const own =
    state.entries.get(`claim ${claim.pae}`) ?? state.entries.get(`claim ${claim.pae} ${signerKey(claim.signer)}`);
  if (own !== undefined) return own.revoked;
  const entries = signerKeys(claim, authority)
    .map((key) => state.entries.get(key))
    .filter((entry) => entry !== undefined);
  return entries.find(({ since }) => !existedBefore(claim, since))?.revoked ?? null;
}

function keysOf(claim: VerifiedClaim, authority: Authority): readonly string[] {
  return [`claim ${claim.pae}`, ...signerKeys(claim, authority)];
}

/** What a revocation may call the signer. */
function signerKeys({ signer, ...claim }: VerifiedClaim, authority: Authority): readonly string[] {
  const name = authority.nameOf({ signer, ...claim });
  const own =
    signer.kind === 'oidc'
      ? [`identity ${signer.issuer} ${signer.san.value}`]
      : [signer.fingerprint, ...(claim.keys ?? [])].map((key) => `key ${key}`);
  return [...(name === null ? [] : [`principal ${name}`]), ...own];
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
