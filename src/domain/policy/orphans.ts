import { createAuthority, type Authority } from '../authority/authority.ts';
import { actKey } from '../authority/copies.ts';
import { saysNo } from '../authority/polarity.ts';
import { isRevocation, readRevocation, targetText, type RevocationTarget } from '../authority/revocation.ts';
import { collectRevocations, type Revocations } from '../authority/revocations.ts';
import { PROMOTER_ROLE, REVOKER_ROLE, type Policy } from '../authority/types.ts';
import { readPromotion, readResource } from '../authority/vsa.ts';
import { counted } from '../base/units.ts';
import type { Finding } from '../base/verdict.ts';
import { PREDICATES } from '../claims/predicates.ts';
import { tryRemovedRecords, type RemovedRecords } from '../claims/removed-records.ts';
import { nameIn } from '../claims/names.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import type { LogEntry } from '../tlog/leaf.ts';
import { mostToReinstate } from './evaluate.ts';

/** A policy and the claims that are by anyone it names, now or formerly. */
export interface Hearing {
  readonly policy: Policy;
  readonly claims: readonly VerifiedClaim[];
}

/** A no that counted under an earlier policy, or was open there, and that a later one does not hear. */
export interface Orphan {
  readonly claim: VerifiedClaim;
  readonly by: string;
  /** The entry by which it is logged; null: it came another way. */
  readonly entry: LogEntry | null;
  /** For people. */
  readonly what: string;
  /** Of a revocation: what it is about. */
  readonly target: RevocationTarget | null;
  /** Of a withdrawal: from where; null: it does not say. */
  readonly place?: Place | null;
}

export interface Place {
  readonly name: string;
  readonly environment: string;
}

/** What is logged, and by which log. */
export interface Logged {
  readonly origin: string;
  readonly entries: readonly LogEntry[];
}

/** Each no that would cease to count, unless somebody current said the same, or took it back, since. */
export function orphansBetween(before: Hearing, now: Hearing, log: Logged): readonly Orphan[] {
  const past = judgeOf(before, log.entries);
  const today = judgeOf(now, log.entries);
  const claims = new Map(before.claims.map((claim) => [claim.bundle, claim]));
  return [...claims.values()].flatMap((claim) => {
    if (!saysNo(claim.statement) || past.revocations.takenBack(claim)) return [];
    if (!past.hears(claim) || today.hears(claim) || today.revocations.takenBack(claim)) return [];
    return takesBackNo(claim, before.claims) ? [] : (orphanOf(claim, { past, today, log, before }) ?? []);
  });
}

/** Without it there is a no more, not one less. */
function takesBackNo(claim: VerifiedClaim, others: readonly VerifiedClaim[]): boolean {
  const target = isRevocation(claim) ? targetIn(claim) : null;
  return target?.kind === 'claim' && others.some(({ pae, statement }) => pae === target.pae && saysNo(statement));
}

export function orphanFinding({ claim, by, what, target }: Orphan, before: Policy): Finding {
  const again = target === null ? ANEW[claim.statement.predicateType] : '`weighmark revoke --again`';
  return {
    code: 'revocation-orphaned',
    message: `${what} by ${by}, whom the policy hears no more`,
    facts: { claim: `sha256:${claim.bundle}`, policy: `${before.name} version ${before.version}, ${before.digest}` },
    hint: `name them under \`formerly:\`, say it anew with ${again ?? '`weighmark revoke`'}, or take it back with \`weighmark revoke ${target === null ? '--claim' : '--undo'}\``,
  };
}

/** How somebody of today says the same. */
const ANEW: Readonly<Record<string, string>> = {
  [PREDICATES.promotion]: '`weighmark rollback --to none`',
  [PREDICATES['removed-records']]: '`weighmark attest --type removed-records`',
};

interface Judge {
  readonly authority: Authority;
  readonly revocations: Revocations;
  readonly hears: (claim: VerifiedClaim) => boolean;
  /** Null for what no promoter said. */
  readonly promotes: (bundle: string) => VerifiedClaim | null;
  /** What those who are heard want gone. */
  readonly removals: readonly RemovedRecords[];
}

function judgeOf({ policy, claims }: Hearing, entries: readonly LogEntry[]): Judge {
  const authority = createAuthority(policy);
  const indexes = new Map(entries.toReversed().map(({ index, leaf }) => [hexOf(leaf.bundle), index]));
  const logged = claims.filter(isRevocation).map((claim) => ({ claim, index: indexes.get(claim.bundle) ?? null }));
  const byBundle = new Map(claims.map((claim) => [claim.bundle, claim]));
  const mine = (bundle: string): VerifiedClaim | undefined => byBundle.get(bundle);
  const revocations = collectRevocations(logged, authority, { reinstate: mostToReinstate(policy) });
  const hears: Judge['hears'] = ({ bundle }) => {
    const claim = mine(bundle);
    if (claim === undefined) return false;
    const roles = authority.denialRolesOf(claim, nameIn(claim.statement));
    return isRevocation(claim) ? roles.includes(REVOKER_ROLE) : roles.length > 0;
  };
  return {
    authority,
    revocations,
    hears,
    removals: claims.flatMap((claim) =>
      hears(claim) && !revocations.takenBack(claim) ? (tryRemovedRecords(claim.statement) ?? []) : [],
    ),
    promotes: (bundle) => {
      const claim = mine(bundle);
      if (claim === undefined) return null;
      const roles = authority.rolesOf(claim, nameIn(claim.statement));
      return roles.some(({ name }) => name === PROMOTER_ROLE) ? claim : null;
    },
  };
}

interface Compared {
  readonly past: Judge;
  readonly today: Judge;
  readonly log: Logged;
  readonly before: Hearing;
}

function orphanOf(claim: VerifiedClaim, compared: Compared): Orphan | null {
  const { past, today, log } = compared;
  const entry = log.entries.find(({ leaf }) => hexOf(leaf.bundle) === claim.bundle) ?? null;
  const found = { claim, by: past.authority.nameOf(claim) ?? '', entry };
  const name = nameIn(claim.statement);
  switch (claim.statement.predicateType) {
    case PREDICATES.revocation: {
      const target = targetIn(claim);
      if (target === null) return { ...found, target, what: 'a revocation that cannot be read' };
      const open = past.revocations.doubts.some(({ bundle }) => bundle === claim.bundle);
      const holds = (open || past.revocations.inForce.includes(claim.bundle)) && !today.revocations.settled(target);
      return holds ? { ...found, target, what: `${targetText(target)} was revoked` } : null;
    }
    case PREDICATES.promotion:
      return withdrawalOf(found, compared);
    case PREDICATES['removed-records']: {
      const list = tryRemovedRecords(claim.statement);
      if (list !== null && isCovered(list, today.removals)) return null;
      const records = list === null ? 'records that cannot be read' : counted(list.records.length, 'record');
      return { ...found, target: null, what: `${records} of ${name} must go, by a list` };
    }
    default: {
      const isRevoked = claim.statement.subject.some(
        ({ digest }) => today.revocations.ofArtifact(digest['sha256'] ?? '') !== null,
      );
      return isRevoked
        ? null
        : { ...found, target: null, what: `${name} was evaluated, scanned or checked, and not with a pass` };
    }
  }
}

/** It holds wherever it lies, by whichever copy, until somebody of today promotes to its place after it, or upon it. */
function withdrawalOf(found: Omit<Orphan, 'what' | 'target'>, { today, log, before }: Compared): Orphan | null {
  const { claim } = found;
  const said = placeSaid(claim, log.origin);
  if (said === 'elsewhere') return null;
  const copies = before.claims.filter((each) => actKey(each) === actKey(claim)).map(({ bundle }) => bundle);
  const places = log.entries.filter(({ leaf }) => leaf.kind === 'promotion' && (said === null || isAt(leaf, said)));
  const [entry = null] = places
    .filter(({ leaf }) => copies.includes(hexOf(leaf.bundle)))
    .toSorted((a, b) => a.index - b.index);
  const place = said ?? (entry === null ? null : { name: entry.leaf.name, environment: entry.leaf.env ?? '' });
  const isOver = places.some(({ index, leaf }) => {
    const promoting = place !== null && isAt(leaf, place) ? today.promotes(hexOf(leaf.bundle)) : null;
    if (promoting === null) return false;
    return entry === null ? namesOne(promoting, copies) : index > entry.index;
  });
  if (isOver) return null;
  const where = place === null ? 'an environment that is not said' : place.environment;
  const what = `${place?.name ?? nameIn(claim.statement)} was withdrawn from ${where}`;
  return { ...found, entry: entry ?? found.entry, target: null, place, what };
}

/** Null: it does not say. */
function placeSaid({ statement: { predicate } }: VerifiedClaim, origin: string): Place | 'elsewhere' | null {
  const uri = predicate['resourceUri'];
  if (typeof uri !== 'string') return null;
  const resource = readResource(uri);
  return resource?.origin === origin ? resource : 'elsewhere';
}

function isAt({ name, env }: LogEntry['leaf'], place: Place): boolean {
  return name === place.name && env === place.environment;
}

function namesOne({ statement }: VerifiedClaim, bundles: readonly string[]): boolean {
  return readPromotion(statement)?.inputs.some((each) => bundles.includes(each)) === true;
}

/** Every record of it is on some list, hashed in the same way. */
function isCovered({ hashing, profile, records }: RemovedRecords, lists: readonly RemovedRecords[]): boolean {
  const alike = lists.filter((list) => list.hashing === hashing && list.profile === profile);
  const wanted = new Set(alike.flatMap((list) => list.records));
  return records.every((record) => wanted.has(record));
}

function targetIn(claim: VerifiedClaim): RevocationTarget | null {
  try {
    return readRevocation(claim).target;
  } catch {
    return null;
  }
}

function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}
