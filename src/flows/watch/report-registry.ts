import { instantOf } from '../../domain/base/instant.ts';
import { knownBy } from '../../domain/claims/binding.ts';
import { artifactsIn } from '../registry/known.ts';
import { boundWeights } from '../registry/weights-lists.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { hear, type Heard } from '../../domain/authority/speaker.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { createAuthority, openAuthority, policyHearing } from '../../domain/authority/authority.ts';
import { reaching } from '../../domain/authority/reach.ts';
import { collectRevocations } from '../../domain/authority/revocations.ts';
import { REINSTATE, type Policy } from '../../domain/authority/types.ts';
import { mostToReinstate } from '../../domain/policy/evaluate.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import {
  newestPromotions,
  overviewRevocations,
  overviewVersions,
  type OverviewFacts,
  type OverviewRevocation,
  type OverviewVersion,
} from '../../domain/report/overview.ts';
import { changesOf, type Changes } from '../../domain/report/changes.ts';
import { verdictOf, type Verdict } from '../../domain/base/verdict.ts';
import { audit, logCheck, type AuditedPromotion } from './audit.ts';
import {
  claimsIfThere,
  placesIn,
  readLog,
  revocationsOf,
  type Collecting,
  type ReadLog,
} from '../registry/gate-claims.ts';
import type { LineagePorts } from '../gate/lineage.ts';
import { REVOCATIONS_NAME } from '../gate/revoke.ts';

export interface RegistryReportInput {
  /** Judged by its roles and rules; null: by the caller's trust, and promotions are listed, not judged. */
  readonly policy: Policy | null;
  readonly timestampAuthorities: readonly string[];
}

/** What is promoted, or was last, of a name to an environment. */
export interface OverviewPromotion {
  readonly name: string;
  readonly environment: string;
  /** `sha256:<hex>`; null: nothing is promoted there any more. */
  readonly id: string | null;
  readonly by: string | null;
  /** Verified, RFC 3339; null where only the promotion itself says when. */
  readonly time: string | null;
  readonly claimedTime: string | null;
  readonly ageDays: number | null;
  readonly logIndex: number | null;
  /** By the policy; null: not asked. */
  readonly verdict: Verdict | null;
}

export interface RegistryReport {
  readonly location: string;
  readonly origin: string;
  readonly generated: string;
  readonly policy: { readonly name: string; readonly version: number; readonly digest: string } | null;
  /** Of the log; those of promotions are beside them. */
  readonly log: Verdict;
  readonly versions: readonly OverviewVersion[];
  readonly promotions: readonly OverviewPromotion[];
  readonly revocations: readonly OverviewRevocation[];
  /** Of the last 90 days. */
  readonly changes: Changes;
}

/** A whole registry at a glance: versions, what is promoted where and how old it is, scan findings, revocations. */
export async function reportRegistry(
  input: RegistryReportInput,
  registry: Registry,
  ports: LineagePorts,
): Promise<RegistryReport> {
  const { policy } = input;
  const now = ports.clock.now();
  const heard: HeardBundles = new Map();
  const { log, audited } = await judge(input, registry, { ...ports, heard });
  const about = {
    location: registry.location,
    origin: registry.log.origin,
    generated: now.toISOString(),
    log,
    policy: policy === null ? null : { name: policy.name, version: policy.version, digest: policy.digest },
  };
  if (log.checks.some(({ name, passed }) => name === 'log' && !passed))
    return { ...about, versions: [], promotions: [], revocations: [], changes: changesOf(NOTHING, now) };
  const facts = await gatherAll(input, registry, { ...ports, heard });
  return {
    ...about,
    versions: overviewVersions(facts),
    promotions: promotionsOf(facts, audited, now),
    revocations: overviewRevocations(facts),
    changes: changesOf(facts, now),
  };
}

const NOTHING = { entries: [], claims: [], listed: [], authority: openAuthority([]) };

/** What was verified, for the next question. */
type HeardBundles = Map<string, Heard>;

async function judge(
  { policy, timestampAuthorities }: RegistryReportInput,
  registry: Registry,
  ports: LineagePorts & { readonly heard: HeardBundles },
): Promise<{ log: Verdict; audited: readonly AuditedPromotion[] | null }> {
  if (policy === null)
    return {
      log: verdictOf({
        subject: registry.location,
        checks: [await logCheck(registry)],
        notAsked: ['policy', 'content'],
      }),
      audited: null,
    };
  const { log, promotions } = await audit({ policy, timestampAuthorities, heard: ports.heard }, registry, ports);
  return { log, audited: promotions };
}

async function gatherAll(
  { policy, timestampAuthorities }: RegistryReportInput,
  registry: Registry,
  ports: LineagePorts & { readonly heard: HeardBundles },
): Promise<OverviewFacts> {
  const trust = policy === null ? await ports.trust() : policyHearing(policy);
  const authority = policy === null ? openAuthority(trust) : createAuthority(policy);
  const log = await readLog(registry);
  const listed = (await registry.list()).filter(({ name }) => name !== REVOCATIONS_NAME);
  const authorities = [...(policy?.timestampAuthorities ?? []), ...timestampAuthorities];
  const verification = { trust, keyless: ports.keyless, now: ports.clock.now(), timestampAuthorities: authorities };
  const { claims, held } = await allClaims({ registry, verification, heard: ports.heard }, log);
  const said = collectRevocations(revocationsOf(claims, log, PREDICATES.revocation), authority, {
    reinstate: reinstateOf(policy),
  });
  const known = knownBy(await artifactsIn(registry, listed));
  const weights = await boundWeights(claims, () => placesIn(log, ...listed), { registry, hasher: ports.hasher });
  const revocations = reaching(said, { claims, known, authority, weights });
  return { listed, entries: [...log.entries], claims, held, revocations, authority, known };
}

/** The strictest of the environments: for a look at everything. */
export function reinstateOf(policy: Policy | null): number {
  return policy === null ? REINSTATE : mostToReinstate(policy);
}

/** Every bundle of everything listed or logged, each verified once. @throws WeighmarkError `claims-limit`. */
async function allClaims(
  { registry, verification, heard }: Required<Omit<Collecting, 'versions'>>,
  log: ReadLog,
): Promise<{ claims: readonly VerifiedClaim[]; held: ReadonlySet<string> }> {
  const places = [...(await registry.list()), ...placesIn(log)];
  const distinct = new Map(places.map((place) => [`${place.name}@${place.id}`, place]));
  const held = new Set<string>();
  const claims: VerifiedClaim[] = [];
  for (const { name, id } of distinct.values()) {
    for (const bytes of await claimsIfThere(registry, name, id)) {
      const digest = sha256Hex(bytes);
      if (held.has(digest)) continue;
      if (held.add(digest).size > MAX_CLAIMS)
        throw new WeighmarkError('claims-limit', `more than ${MAX_CLAIMS} claims in one registry`);
      const found = heard.get(digest) ?? (await hear(bytes, { ...verification, maxBytes: LIMITS.signatureBytes }));
      if (found.standing === 'named') claims.push(found.claim);
    }
  }
  return { claims, held };
}

/** All are held at once: about 10 kB each. */
const MAX_CLAIMS = 100_000;

/** Judged ones where a policy was asked, with what the newest entry of each place says of its signer and time. */
function promotionsOf(
  facts: OverviewFacts,
  audited: readonly AuditedPromotion[] | null,
  now: Date,
): readonly OverviewPromotion[] {
  const newest = newestPromotions(facts).map((each): OverviewPromotion => ({
    name: each.name,
    environment: each.environment,
    id: each.result === 'PASSED' ? each.id : null,
    by: each.signer,
    time: each.time,
    claimedTime: each.claimedTime,
    logIndex: each.logIndex,
    ageDays: ageOf(each.time ?? each.claimedTime, now),
    verdict: null,
  }));
  if (audited === null) return newest;
  return audited.map(({ name, environment, id, verdict }) => {
    const found = newest.find((each) => each.name === name && each.environment === environment && each.id === id);
    return {
      by: null,
      time: null,
      claimedTime: null,
      ageDays: null,
      logIndex: null,
      ...found,
      name,
      environment,
      id,
      verdict,
    };
  });
}

function ageOf(time: string | null, now: Date): number | null {
  const start = instantOf(time ?? '');
  return Number.isNaN(start) ? null : Math.max(0, Math.floor((now.getTime() - start) / 86_400_000));
}
