import { createAuthority, policyHearing } from '../../domain/authority/authority.ts';
import { saysNo } from '../../domain/authority/polarity.ts';
import { hear, type Heard as Hearing } from '../../domain/authority/speaker.ts';
import { PROMOTER_ROLE, type Environment, type Policy } from '../../domain/authority/types.ts';
import { readPromotion } from '../../domain/authority/vsa.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import { collectRevocations, NO_REVOCATIONS, type Revocations } from '../../domain/authority/revocations.ts';
import { mostToReinstate } from '../../domain/policy/evaluate.ts';
import { looseEnvelope } from '../../domain/claims/loose-envelope.ts';
import { parseStatement } from '../../domain/claims/statement.ts';
import { nameIn } from '../../domain/claims/names.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import type { Statement, VerifiedClaim } from '../../domain/claims/types.ts';
import { orphanFinding, orphansBetween, type Orphan } from '../../domain/policy/orphans.ts';
import { BESIDE_LINEAGE, unreadFinding } from '../../domain/policy/unread.ts';
import { parsePolicy } from '../../domain/policy/parse.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { ATTACHMENTS } from '../../domain/registry/referrer.ts';
import type { LogEntry } from '../../domain/tlog/leaf.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { claimsIfThere, readLog, revocationsOf, type ReadLog } from '../registry/gate-claims.ts';

/** A policy that was in force once, as the registry keeps its bytes. */
export interface EarlierPolicy {
  readonly policy: Policy;
  /**
   * A promotion by somebody who may names its digest. Others lie with a revocation that the log's operator admitted: enough to
   * ask about revocations, and about nothing else.
   */
  readonly proven: boolean;
}

export interface Heard {
  readonly registry: Registry;
  readonly log: ReadLog;
  readonly policy: Policy;
  readonly verification: Omit<Verification, 'trust'>;
  /** Exact bytes by hex SHA-256. */
  readonly bundles: ReadonlyMap<string, Uint8Array>;
  readonly claims: readonly VerifiedClaim[];
}

/** What is orphaned, and under which policy it counted. */
export interface FoundOrphan {
  readonly orphan: Orphan;
  readonly before: Policy;
}

/** Places of each kind whose policies are looked at, newest first. */
const MOST_PLACES = 200;
/** Each further policy may prove older ones. */
const MOST_ROUNDS = 8;

/**
 * Everything that somebody said no to under an earlier policy and that this one does not hear. Without a no by a stranger
 * nothing is looked for.
 */
export async function findOrphans(given: Heard): Promise<readonly FoundOrphan[]> {
  const unheard = unheardIn(given);
  if (unheard.length === 0) return [];
  const found = new Map<string, FoundOrphan>();
  for (const earlier of await earlierPolicies(given, unheard))
    for (const each of await orphansUnder(earlier, given))
      if (!found.has(each.orphan.claim.bundle)) found.set(each.orphan.claim.bundle, each);
  return [...found.values()];
}

function revocationsNow({ policy, claims, log }: Pick<Heard, 'policy' | 'claims' | 'log'>): Revocations {
  const logged = revocationsOf(claims, log, PREDICATES.revocation);
  return collectRevocations(logged, createAuthority(policy), { reinstate: mostToReinstate(policy) });
}

/** Bundles that say no, or might as nobody can read them, by strangers or by people who may not (any more). */
function unheardIn(given: Heard): readonly string[] {
  const { policy, claims, log, bundles } = given;
  const authority = createAuthority(policy);
  const revocations = revocationsNow(given);
  const counted = new Set(revocations.claims.map(({ bundle }) => bundle));
  const named = new Map(claims.map((claim) => [claim.bundle, claim]));
  return [...bundles].flatMap(([digest, bytes]) => {
    const claim = named.get(digest);
    const statement = claim?.statement ?? statementIn(bytes);
    if (statement === null) return entryOfUnread(log, digest) === undefined ? [] : [digest];
    if (!saysNo(statement) || counted.has(digest)) return [];
    const roles = claim === undefined ? [] : authority.denialRolesOf(claim, nameIn(statement));
    return roles.length > 0 ? [] : [digest];
  });
}

/** The same between two policies at hand, over everything the log names: what a change would silence. */
export async function orphansAgainst(
  before: Policy,
  given: Pick<Heard, 'registry' | 'policy' | 'verification'>,
): Promise<readonly FoundOrphan[]> {
  const log = await readLog(given.registry);
  const places = new Map([...log.entries].map(({ leaf }) => [`${leaf.name}@${leaf.manifest}`, leaf]));
  const bundles = new Map<string, Uint8Array>();
  for (const { name, manifest } of places.values())
    for (const bytes of await claimsIfThere(given.registry, name, manifest)) {
      bundles.set(sha256Hex(bytes), bytes);
      if (bundles.size > MOST_BUNDLES)
        throw new WeighmarkError('claims-limit', `more than ${MOST_BUNDLES} claims in one registry`);
    }
  const verification = { ...given.verification, trust: policyHearing(given.policy), maxBytes: LIMITS.signatureBytes };
  const claims: VerifiedClaim[] = [];
  for (const bytes of bundles.values()) {
    const heard = await hear(bytes, verification);
    if (heard.standing === 'named') claims.push(heard.claim);
  }
  return orphansUnder({ policy: before, proven: true }, { ...given, log, bundles, claims });
}

const MOST_BUNDLES = 100_000;

/**
 * Meaning, by the digest of their bytes, of the policies that promotions of an artifact name and that lie with it, other than
 * the one in force. What lies there is anybody's: only the bytes that a promotion names by digest are read.
 * @throws WeighmarkError `network`.
 */
export async function namedPolicies(
  { name, id }: { readonly name: string; readonly id: string },
  { policy, collected }: { readonly policy: Policy; readonly collected: { readonly claims: readonly VerifiedClaim[] } },
  registry: Registry,
): Promise<ReadonlyMap<string, string>> {
  const wanted = new Set(collected.claims.flatMap(({ statement }) => readPromotion(statement)?.policyDigest ?? []));
  wanted.delete(policy.digest);
  const meanings = new Map<string, string>();
  if (wanted.size === 0) return meanings;
  for (const bytes of await registry.attachments(name, id, ATTACHMENTS.policy).catch(noneUnlessNetwork)) {
    const digest = `sha256:${sha256Hex(bytes)}`;
    const meaning = wanted.has(digest) ? tryPolicy(bytes)?.meaning : undefined;
    if (meaning !== undefined) meanings.set(digest, meaning);
  }
  return meanings;
}

function noneUnlessNetwork(error: unknown): readonly Uint8Array[] {
  if (error instanceof WeighmarkError && error.code === 'network') throw error;
  return [];
}

interface Decided {
  readonly digests: readonly string[];
  readonly name: string;
  readonly environment: Pick<Environment, 'name' | 'removedRecords' | 'datasets'>;
  /** `sha256:<hex>` of it and of all it descends from. */
  readonly lineage: ReadonlySet<string>;
}

/**
 * Those that concern a decision: every revocation, what was said of this artifact or withdrawn from this place, and what was said of
 * the records it was made from, where the environment asks for that.
 */
export function orphanFindings(found: readonly FoundOrphan[], about: Decided): readonly Finding[] {
  return found
    .filter(({ orphan }) => concerns(orphan, about))
    .map(({ orphan, before }) => orphanFinding(orphan, before));
}

function concerns({ claim, place }: Orphan, { digests, name, environment, lineage }: Decided): boolean {
  const named = claim.statement.subject.map(({ digest }) => digest['sha256'] ?? '');
  switch (claim.statement.predicateType) {
    case PREDICATES.revocation:
      return true;
    case PREDICATES.promotion:
      if (place?.name === name && place.environment === environment.name) return true;
      return place === null && named.some((each) => digests.includes(each));
    case PREDICATES['removed-records']:
      return environment.removedRecords !== undefined;
    case PREDICATES['records-check']:
      return environment.datasets?.require !== undefined && named.some((each) => lineage.has(`sha256:${each}`));
    default:
      return named.some((each) => digests.includes(each));
  }
}

type Asked = Pick<Heard, 'registry' | 'log' | 'policy' | 'verification' | 'bundles' | 'claims'>;

async function orphansUnder({ policy, proven }: EarlierPolicy, given: Asked): Promise<readonly FoundOrphan[]> {
  const verification = { ...given.verification, trust: policyHearing(policy), maxBytes: LIMITS.signatureBytes };
  const claims: VerifiedClaim[] = [];
  for (const bytes of given.bundles.values()) {
    const statement = statementIn(bytes);
    const asked = statement !== null && (saysNo(statement) || statement.predicateType === PREDICATES.revocation);
    if (!asked || (!proven && statement.predicateType !== PREDICATES.revocation)) continue;
    const heard = await hear(bytes, verification);
    if (heard.standing === 'named') claims.push(heard.claim);
  }
  const unread = await unreadOrphans({ policy, proven }, given);
  const orphans = [
    ...orphansBetween({ policy, claims }, given, { origin: given.log.origin, entries: [...given.log.entries] }),
    ...unread,
  ];
  return orphans.map((orphan) => ({ orphan, before: policy }));
}

/** Where the log has what nobody can read; null for what nothing would be open by. */
function entryOfUnread({ entries }: ReadLog, digest: string): LogEntry | undefined {
  const found = entries.matching({ bundle: `sha256:${digest}` });
  return found.find(({ leaf }) => leaf.kind === 'revocation') ?? found.find(({ leaf }) => leaf.kind === 'claim');
}

/** What cannot be read and was signed by somebody whom the earlier policy heard was open there: it is so when they leave. */
async function unreadOrphans({ policy, proven }: EarlierPolicy, given: Asked): Promise<readonly Orphan[]> {
  const revocations = revocationsNow(given);
  const found: Orphan[] = [];
  for (const [digest, bytes] of given.bundles) {
    const entry = statementIn(bytes) === null ? entryOfUnread(given.log, digest) : undefined;
    if (entry === undefined || (!proven && entry.leaf.kind !== 'revocation')) continue;
    const under = (each: Policy) =>
      hear(bytes, { ...given.verification, trust: policyHearing(each), maxBytes: LIMITS.signatureBytes });
    const then = await under(policy);
    if (
      then.standing !== 'unread' ||
      !isOpen(then, entry, policy) ||
      isOpen(await under(given.policy), entry, given.policy)
    )
      continue;
    if (!revocations.lifted(then.pae, entry.leaf.name)) found.push(unreadOrphan(then, entry));
  }
  return found;
}

type Unread = Extract<Hearing, { readonly standing: 'unread' }>;

function isOpen(heard: Hearing, entry: LogEntry, policy: Policy): boolean {
  if (heard.standing !== 'unread' || !heard.proven) return false;
  const silence = { origin: '', revocations: NO_REVOCATIONS, policy, unasked: BESIDE_LINEAGE, id: entry.leaf.manifest };
  return unreadFinding(silence, { ...heard, entry }, '', 'claim-malformed') !== null;
}

/** Of what it is nobody knows: what is logged as a revocation might revoke anything, else it is about what its entry names. */
function unreadOrphan({ bundle, pae, names }: Unread, entry: LogEntry): Orphan {
  const { kind, name, manifest } = entry.leaf;
  const statement: Statement = {
    _type: '',
    subject: [{ name, digest: { sha256: manifest.slice('sha256:'.length) } }],
    predicateType: kind === 'revocation' ? PREDICATES.revocation : PREDICATES.evaluation,
    predicate: {},
  };
  const claim: VerifiedClaim = { bundle, pae, statement, signer: NOBODY, times: [] };
  const what = `log entry ${entry.index}, which cannot be read and might say no, was signed`;
  return { claim, by: names.join(' or '), entry, what, target: null };
}

const NOBODY: VerifiedClaim['signer'] = { kind: 'key', fingerprint: '', keyType: '' };

/** Policies that the registry keeps, other than the one in force; those that promotions prove come first. */
async function earlierPolicies(given: Heard, unheard: readonly string[]): Promise<readonly EarlierPolicy[]> {
  const { registry, policy } = given;
  const places = placesOf(given, unheard);
  const kept = new Map<string, Policy>();
  for (const { name, manifest } of places)
    for (const bytes of await registry.attachments(name, manifest, ATTACHMENTS.policy).catch(() => [])) {
      const found = tryPolicy(bytes);
      if (found !== null && found.digest !== policy.digest) kept.set(found.digest, found);
    }
  const proven = kept.size === 0 ? new Set<string>() : await provenDigests(given, places, kept);
  return [...kept.values()]
    .map((each) => ({ policy: each, proven: proven.has(each.digest) }))
    .filter((each) => each.proven || (each.policy.name === policy.name && each.policy.version <= policy.version))
    .toSorted((a, b) => Number(b.proven) - Number(a.proven) || b.policy.version - a.policy.version);
}

type Place = Pick<LogEntry['leaf'], 'name' | 'manifest'>;

/** Those of what is unheard come first, however much was logged since: the policy under which it was said lies with it. */
function placesOf(given: Heard, unheard: readonly string[]): readonly Place[] {
  const { entries } = given.log;
  const own = unheard.flatMap((digest) => entriesOf(digest, given));
  const others = [...entries.matching({ kind: 'promotion' }), ...entries.matching({ kind: 'revocation' })];
  const places = [...newestPlaces(own), ...newestPlaces(others)];
  return [...new Map(places.map((place) => [`${place.name}@${place.manifest}`, place])).values()];
}

/** Where it is logged; what is not lies with what it names. */
function entriesOf(digest: string, { log: { entries }, bundles }: Heard): readonly LogEntry[] {
  const logged = entries.matching({ bundle: `sha256:${digest}` });
  if (logged.length > 0) return logged;
  const { subject = [] } = statementIn(bundles.get(digest) ?? new Uint8Array()) ?? {};
  return subject.flatMap((each) => entries.matching({ manifest: `sha256:${each.digest['sha256'] ?? ''}` }));
}

function newestPlaces(found: readonly LogEntry[]): readonly Place[] {
  const leaves = found.toSorted((a, b) => a.index - b.index).map(({ leaf }) => leaf);
  return [...new Map(leaves.toReversed().map((leaf) => [`${leaf.name}@${leaf.manifest}`, leaf])).values()].slice(
    0,
    MOST_PLACES,
  );
}

/** Digests of those kept that promotions name: by promoters of the policy in force, then of those that they prove. */
async function provenDigests(
  { registry, log, policy, verification }: Heard,
  places: readonly Place[],
  kept: ReadonlyMap<string, Policy>,
): Promise<ReadonlySet<string>> {
  const logged = new Set(log.entries.matching({ kind: 'promotion' }).map(({ leaf }) => leaf.bundle));
  const bundles: Uint8Array[] = [];
  for (const { name, manifest } of places)
    for (const bytes of await claimsIfThere(registry, name, manifest))
      if (logged.has(`sha256:${sha256Hex(bytes)}`)) bundles.push(bytes);
  const unproven = new Map(kept);
  let asking: readonly Policy[] = [policy];
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const named = await Promise.all(asking.map((each) => digestsNamedUnder(each, bundles, verification)));
    asking = named.flat().flatMap((digest) => takenFrom(unproven, digest));
  }
  return new Set([...kept.keys()].filter((digest) => !unproven.has(digest)));
}

/** Each is taken once, whoever names it again. */
function takenFrom(policies: Map<string, Policy>, digest: string): readonly Policy[] {
  const found = policies.get(digest);
  policies.delete(digest);
  return found === undefined ? [] : [found];
}

async function digestsNamedUnder(
  policy: Policy,
  bundles: readonly Uint8Array[],
  verification: Heard['verification'],
): Promise<readonly string[]> {
  const authority = createAuthority(policy);
  const heard = await Promise.all(
    bundles.map((bytes) =>
      hear(bytes, { ...verification, trust: policyHearing(policy), maxBytes: LIMITS.signatureBytes }),
    ),
  );
  return heard.flatMap((each) => {
    if (each.standing !== 'named') return [];
    const promotion = readPromotion(each.claim.statement);
    const isPromoter = authority
      .rolesOf(each.claim, promotion?.resource?.name ?? '')
      .some(({ name }) => name === PROMOTER_ROLE);
    return promotion !== null && isPromoter ? [promotion.policyDigest] : [];
  });
}

function tryPolicy(bytes: Uint8Array): Policy | null {
  try {
    return parsePolicy(bytes);
  } catch {
    return null;
  }
}

function statementIn(bytes: Uint8Array): Statement | null {
  try {
    const envelope = looseEnvelope(bytes, LIMITS.signatureBytes);
    return envelope === null ? null : parseStatement(envelope.payloads[0].payload);
  } catch {
    return null;
  }
}
