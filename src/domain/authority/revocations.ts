import type { VerifiedClaim } from '../claims/types.ts';
import { nameIn } from '../claims/names.ts';
import { readSnapshot } from './snapshot.ts';
import { signerKey, type Authority } from './authority.ts';
import { firstPlaces, mergedCopies } from './copies.ts';
import { mayUndo, peopleOver, isInOrder } from './undoing.ts';
import { saysNo } from './polarity.ts';
import {
  isRevocation,
  readRevocation,
  targetKey,
  type EntryTarget,
  type Revocation,
  type RevocationTarget,
} from './revocation.ts';
import { verifiedTime } from './time.ts';
import { REVOKER_ROLE } from './types.ts';
import { instantOf } from '../base/instant.ts';

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
  /** The model that its signer names. */
  readonly name: string;
}

export interface Revocations {
  readonly ofArtifact: (digest: string) => Revoked | null;
  /** Whether weights were revoked, or may have been: then what an artifact's weights are decides. */
  readonly namesWeights: boolean;
  /** SHA-256 of a weights list that somebody bound to the artifact and that is not here, where one is asked for. */
  readonly unlisted: (digest: string) => string | null;
  /** By its own digest, or by its signer. */
  readonly ofClaim: (claim: VerifiedClaim) => Revoked | null;
  /** Taken back by a revoker of today over models of that name; the PAE digest, for claims that cannot be read. */
  readonly lifted: (pae: string, name: string) => boolean;
  /** The same of one that can be: by its signer, or by as many revokers as its kind takes. */
  readonly takenBack: (claim: VerifiedClaim) => boolean;
  readonly doubts: readonly Doubt[];
  readonly doubtOfArtifact: (digest: string) => Doubt | null;
  /** Does what is in doubt touch this claim? */
  readonly doubtOf: (claim: VerifiedClaim) => Doubt | null;
  /** As many revokers over models of that name as it takes say of this entry that it never had a bundle. */
  readonly voided: (entry: Omit<EntryTarget, 'kind'>, name: string) => boolean;
  /** Whether somebody current has decided about the target since: revoked it, or let it count again. */
  readonly settled: (target: RevocationTarget) => boolean;
  /** Bundles of the revocations that hold now, hex. */
  readonly inForce: readonly string[];
  /** The claims all this rests on. */
  readonly claims: readonly VerifiedClaim[];
  /** Claims by revokers that could not be read: a reason to refuse, since they might revoke anything. */
  readonly unreadable: readonly VerifiedClaim[];
  /** The same by others, who may take back what they signed themselves. */
  readonly unclear: readonly VerifiedClaim[];
}

export const NO_REVOCATIONS: Revocations = {
  ofArtifact: () => null,
  namesWeights: false,
  unlisted: () => null,
  ofClaim: () => null,
  lifted: () => false,
  takenBack: () => false,
  doubts: [],
  doubtOfArtifact: () => null,
  doubtOf: () => null,
  voided: () => false,
  settled: () => false,
  inForce: [],
  claims: [],
  unreadable: [],
  unclear: [],
};

/**
 * Applies revocations in the order of the log: a revoker counts as of its entry's index (rule 19). Undoing takes
 * `reinstate` distinct principals. The signer of a claim may always take that claim back, and nobody else's. Whoever takes back
 * a no says yes: that is heard only in the log, by somebody of today with whom all is in order.
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
    named: new Map(),
    used: [],
    unreadable: [],
    unclear: [],
    needed: options.reinstate,
  };
  const ordered = logged.toSorted(
    (a, b) => (a.index ?? Infinity) - (b.index ?? Infinity) || (a.claim.bundle < b.claim.bundle ? -1 : 1),
  );
  for (const entry of saidOnce(ordered)) apply(entry, state, authority);
  return answers(state, authority);
}

/** Whoever may push can wrap anew what others signed: its first place counts, so that nothing old undoes what came since. */
function saidOnce(ordered: readonly LoggedRevocation[]): readonly LoggedRevocation[] {
  return firstPlaces(ordered, ({ claim }) => claim).map(({ first, copies: [own, ...others] }) => ({
    index: first.index,
    claim: mergedCopies([own.claim, ...others.map(({ claim }) => claim)]),
  }));
}

function answers(state: State, authority: Authority): Revocations {
  const { entries, undone, voids, needed } = state;
  const standing = (said: readonly VerifiedClaim[]) =>
    said.filter((claim) => takenBack(claim, state, authority) === undefined);
  const lifted = (pae: string, name: string): boolean =>
    peopleOver(entries.get(`claim ${pae}`)?.lifters ?? [], name, authority).length > 0;
  const doubts = new Map([...state.doubts].filter(([, { pae, name }]) => !lifted(pae, name)));
  return {
    ofArtifact: (digest) => entries.get(`artifact ${digest}`)?.revoked ?? null,
    namesWeights: [...[...entries.values()].map(({ revoked }) => revoked), ...doubts.values()].some(
      ({ kind }) => kind === 'weights',
    ),
    unlisted: () => null,
    ofClaim: entries.size === 0 ? () => null : onceEach((claim) => claimRevoked(claim, state, authority)),
    lifted,
    takenBack: (claim) => takenBack(claim, state, authority) !== undefined,
    doubts: [...doubts.values()],
    doubtOfArtifact: (digest) => doubts.get(`artifact ${digest}`) ?? null,
    doubtOf: (claim) =>
      keysOf(claim, authority)
        .map((key) => doubts.get(key))
        .find((doubt) => doubt !== undefined) ?? null,
    voided: (entry, name) =>
      peopleOver(voids.get(targetKey({ kind: 'entry', ...entry })) ?? [], name, authority).length >= needed,
    settled: (target) => entries.has(targetKey(target)) || undone.has(targetKey(target)),
    inForce: [...new Set([...entries.values()].map(({ revoked }) => revoked.bundle))].toSorted(),
    claims: state.used,
    unreadable: standing(state.unreadable),
    unclear: standing(state.unclear),
  };
}

/** A decision asks of each claim many times; nothing is applied any more. */
function onceEach(ask: Revocations['ofClaim']): Revocations['ofClaim'] {
  const known = new WeakMap<VerifiedClaim, Revoked | null>();
  return (claim) => {
    const before = known.get(claim);
    if (before !== undefined) return before;
    const answer = ask(claim);
    known.set(claim, answer);
    return answer;
  };
}

interface Entry {
  readonly revoked: Revoked;
  readonly since: string;
  /** By whoever could say yes as well: only they take back a no. */
  readonly lifters: readonly VerifiedClaim[];
}

interface State {
  readonly entries: Map<string, Entry>;
  readonly undoing: Map<string, readonly VerifiedClaim[]>;
  readonly undone: Set<string>;
  readonly doubts: Map<string, Doubt>;
  /** Entries of the log, by whom they were declared empty. */
  readonly voids: Map<string, readonly VerifiedClaim[]>;
  /** The models that are named by who revokes: whoever undoes it must be a revoker of each. */
  readonly named: Map<string, readonly string[]>;
  readonly used: VerifiedClaim[];
  readonly unreadable: VerifiedClaim[];
  readonly unclear: VerifiedClaim[];
  /** How many people it takes to undo. */
  readonly needed: number;
}

function apply({ claim, index }: LoggedRevocation, state: State, authority: Authority): void {
  const name = nameIn(claim.statement);
  const mayDeny = authority.denialRolesOf(claim, name).includes(REVOKER_ROLE);
  const lost = claimRevoked(claim, state, authority);
  if (lost?.kind === 'claim' || readSnapshot(claim) !== null) return;
  const revocation = tryRead(claim);
  if (revocation === null) {
    if (saysNo(claim.statement)) (mayDeny ? state.unreadable : state.unclear).push(claim);
    return;
  }
  const { action, target, reason } = revocation;
  const saysYes = index !== null && lost === null && isInOrder(claim, authority);
  if (action === 'reinstate' || target.kind === 'entry') {
    if (!saysYes || !mayUndo(claim, name, authority)) return;
    state.used.push(claim);
    const key = targetKey(target);
    if (action === 'reinstate') reinstate(state, key, claim, authority);
    else state.voids.set(key, [...(state.voids.get(key) ?? []), claim]);
    return;
  }
  if (!mayDeny && target.kind !== 'claim') return;
  const key = `${targetKey(target)}${mayDeny ? '' : ` ${signerKey(claim.signer)}`}`;
  const by = authority.nameOf(claim) ?? 'its signer';
  const revoked: Revoked = { reason, by, bundle: claim.bundle, kind: target.kind };
  if (mayDeny) state.named.set(key, [...new Set([...(state.named.get(key) ?? []), name])]);
  if (lost !== null) {
    if (mayDeny) state.doubts.set(key, { ...revoked, target, pae: claim.pae, name });
    return;
  }
  state.used.push(claim);
  revoke(state, key, { target, revoked, lifters: saysYes ? [claim] : [] });
}

/** The earliest `since` holds: a later revocation never gives anything back. */
function revoke(state: State, key: string, said: Pick<Revocation, 'target'> & Omit<Entry, 'since'>): void {
  const since = 'since' in said.target ? said.target.since : '';
  const earlier = state.entries.get(key);
  const lifters = [...(earlier?.lifters ?? []), ...said.lifters];
  state.undoing.delete(key);
  state.doubts.delete(key);
  const isEarliest = earlier === undefined || instantOf(since) < instantOf(earlier.since);
  state.entries.set(key, isEarliest ? { revoked: said.revoked, since, lifters } : { ...earlier, lifters });
}

function reinstate(state: State, key: string, claim: VerifiedClaim, authority: Authority): void {
  const names = state.named.get(key) ?? [];
  if (!names.every((name) => mayUndo(claim, name, authority))) return;
  const said = [...(state.undoing.get(key) ?? []), claim];
  state.undoing.set(key, said);
  if (peopleOver(said, nameIn(claim.statement), authority).length < state.needed) return;
  state.entries.delete(key);
  state.undoing.delete(key);
  state.doubts.delete(key);
  state.undone.add(key);
}

function claimRevoked(claim: VerifiedClaim, state: State, authority: Authority): Revoked | null {
  const own = takenBack(claim, state, authority);
  if (own !== undefined) return own.revoked;
  const entries = signerKeys(claim, authority)
    .map((key) => state.entries.get(key))
    .filter((entry) => entry !== undefined);
  return entries.find(({ since }) => !existedBefore(claim, since))?.revoked ?? null;
}

/**
 * By its own digest. One is enough to take back a yes, or a no that is an evaluation or a withdrawal; a revocation that is
 * understood takes as many as undo it.
 */
function takenBack(claim: VerifiedClaim, { entries, needed }: State, authority: Authority): Entry | undefined {
  const key = `claim ${claim.pae}`;
  const [byRevoker, byOwn] = [entries.get(key), entries.get(`${key} ${signerKey(claim.signer)}`)];
  if (!saysNo(claim.statement)) return byRevoker ?? byOwn;
  const enough = isRevocation(claim) && tryRead(claim) !== null ? needed : 1;
  const people = peopleOver(byRevoker?.lifters ?? [], nameIn(claim.statement), authority);
  if (people.length >= enough) return byRevoker;
  return enough === 1 && (byOwn?.lifters ?? []).length > 0 ? byOwn : undefined;
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
  return time !== null && time < instantOf(since);
}

function tryRead(claim: VerifiedClaim): Revocation | null {
  try {
    return readRevocation(claim);
  } catch {
    return null;
  }
}
