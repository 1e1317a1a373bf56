import { checkPackageStep, packagedFrom } from '../../domain/claims/package-step.ts';
import { onlyFile } from '../../domain/claims/binding.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import type { MatchedArtifact } from '../../domain/claims/subjects.ts';
import type { ManifestFile } from '../../domain/digest/manifest.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Heard } from '../../domain/authority/speaker.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { caseOf, snapshotOf } from '../../domain/policy/evaluate.ts';
import { newestByAnchor } from '../../domain/authority/time.ts';
import { createAuthority, policyHearing } from '../../domain/authority/authority.ts';
import type { Case, GateFacts } from '../../domain/policy/facts.ts';
import type { Environment, Policy } from '../../domain/authority/types.ts';
import type { Clock } from '../../domain/ports/terminal.ts';
import type { KeylessVerifier } from '../../domain/trust/keyless-verifier.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import type { TimeMemory, VersionMemory } from '../../domain/ports/trust.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import {
  collectClaims,
  placesIn,
  readLog,
  revocationsOf,
  type Collected,
  type ReadLog,
} from '../registry/gate-claims.ts';
import { findOrphans, namedPolicies, orphanFindings, type FoundOrphan } from './earlier-policies.ts';
import { artifactIn, matched, revokedIn } from '../registry/known.ts';
import { boundWeights } from '../registry/weights-lists.ts';
import { logFreshness, pinnedFindings, type PinnedCheckpoint } from './log-freshness.ts';
import { blake3Findings, readContent, type ContentPorts, type GateContent } from './gate-content.ts';

export interface GatePorts extends ContentPorts {
  readonly clock: Clock;
  readonly keyless: () => Promise<KeylessVerifier>;
  /** Of revocation snapshots: a lower version than one seen before is an old one (security rule 19). */
  readonly versions: VersionMemory;
  /** Absent: only the times seen in this run bound the clock. */
  readonly times?: TimeMemory;
}

/** What was read already in this run, for another question about the same registry under the same trust. */
export interface Given {
  readonly log: ReadLog;
  /** Of the same artifact. */
  readonly collected?: Collected;
  readonly heard?: Map<string, Heard>;
}

export interface GateTarget {
  readonly name: string;
  /** Tag or `sha256:…`. */
  readonly reference: string;
}

export interface GateQuestion {
  readonly target: GateTarget;
  readonly policy: Policy;
  readonly environment: Environment;
  /** RFC 3161 authorities the caller believes beside the policy's: PEM chains. */
  readonly timestampAuthorities?: readonly string[];
  /** A checkpoint the caller brings: the log must continue it. */
  readonly pinned?: PinnedCheckpoint;
  /** False: only the log and the claims are looked at, for content that was verified elsewhere. */
  readonly withContent?: boolean;
  /** A log whose age nothing vouches for is a reason to refuse. */
  readonly needsFreshLog?: boolean;
  readonly given?: Given;
}

/** Facts gathered for one decision, in one reading of the registry. */
export interface Gathered {
  readonly of: Case;
  readonly id: string;
  readonly content: GateContent | null;
  readonly collected: Collected;
  readonly log: ReadLog;
  /** The same with its content, which is read now: for whoever asks first what the claims say. */
  readonly withContent: () => Promise<Gathered>;
}

/** The environment by name. @throws WeighmarkError `usage` with the names there are. */
export function environmentOf(policy: Policy, name: string): Environment {
  const found = policy.environments.find((environment) => environment.name === name);
  if (found !== undefined) return found;
  throw new WeighmarkError('usage', `the policy has no environment ${name}`, {
    subject: name,
    hint: `it has ${policy.environments.map((each) => each.name).join(', ')}`,
  });
}

/**
 * Reads everything a decision rests on: the log, all claims of the artifact and its ancestors, the content itself.
 * @throws WeighmarkError `not-found`, `log-key-mismatch`, `log-rollback`, `log-fork`, `network`; bad claims and content are findings.
 */
export async function gather(question: GateQuestion, registry: Registry, ports: GatePorts): Promise<Gathered> {
  const ground = await groundOf(question, registry, ports);
  return question.withContent === false
    ? decidedOn(ground, null)
    : decidedOn(ground, await readContent(ground.named, registry, ports));
}

/** All that does not hang on the content. */
interface Ground {
  readonly question: GateQuestion;
  readonly registry: Registry;
  readonly ports: GatePorts;
  readonly named: { readonly name: string; readonly id: string };
  readonly log: ReadLog;
  readonly now: Date;
  readonly collected: Collected;
  readonly trusted: readonly VerifiedClaim[];
  readonly findings: readonly Finding[];
  readonly orphans: readonly FoundOrphan[];
  readonly facts: Pick<GateFacts, 'revocations' | 'weights' | 'policies' | 'vouchedBefore'>;
  readonly revoked: readonly MatchedArtifact[];
  readonly highestSnapshot: number | null;
}

async function groundOf(question: GateQuestion, registry: Registry, ports: GatePorts): Promise<Ground> {
  const { target, policy, environment, given } = question;
  const named = { name: target.name, id: await registry.resolve(target.name, target.reference) };
  const log = given?.log ?? (await readLog(registry));
  const now = ports.clock.now();
  const verification = verificationOf(question, now, ports);
  const versions = environment.removedRecords !== undefined;
  const collected =
    given?.collected ?? (await collectClaims(named, log, { ...given, registry, verification, versions }));
  const { claims } = collected;
  const trusted = trustedOf(policy, collected, target.name);
  const file = collected.own === null ? null : onlyFile(collected.own);
  const doubled = await manifestFindings(named.id, file, { registry, log });
  return {
    question,
    registry,
    ports,
    named,
    log,
    now,
    collected,
    trusted,
    findings: [...doubled, ...(await freshness(question, { registry, log, now }))],
    orphans: await findOrphans({ ...collected, registry, log, policy, verification }),
    facts: {
      revocations: revocationsOf(claims, log, PREDICATES.revocation),
      weights: await boundWeights(claims, () => placesIn(log, named), { registry, hasher: ports.hasher }),
      policies: await namedPolicies(named, { policy, collected }, registry),
      ...(await rememberedTime(question, { log, trusted }, ports)),
    },
    revoked: await revokedIn(registry, log.entries, collected),
    highestSnapshot: await ports.versions.highest(snapshotsOf(log)),
  };
}

function snapshotsOf({ origin }: ReadLog): string {
  return `snapshot ${origin}`;
}

async function decidedOn(ground: Ground, content: GateContent | null): Promise<Gathered> {
  const { question, registry, named, log, collected, ports } = ground;
  const { policy, environment } = question;
  const isRead = content !== null && content.files.length > 0;
  const own = collected.own ?? (isRead ? matched(named.id, content.files) : null);
  const conflicts = content === null ? [] : await blake3Findings(named, content, { registry, claims: ground.trusted });
  const ids = [...new Set([named.id, ...(own?.ids ?? [])])];
  const file = own === null ? null : onlyFile(own);
  const aliases = file === null ? [] : [file];
  const carried = carriedFrom(ids, collected.claims, content);
  const orphans = orphanFindings(ground.orphans, {
    digests: [...ids.map((each) => each.slice('sha256:'.length)), ...aliases, ...carried],
    name: named.name,
    environment,
    lineage: collected.lineage,
  });
  const facts: GateFacts = {
    ...named,
    ...ground.facts,
    now: ground.now,
    aliases,
    carriedFrom: carried,
    known: [...(own === null ? [] : [own]), ...ground.revoked, ...collected.known],
    claims: collected.claims,
    log: {
      origin: log.origin,
      promotions: log.entries.matching({ kind: 'promotion', name: named.name }),
      rootAt: (size) => log.entries.rootAt(size),
      highestSnapshot: ground.highestSnapshot,
      strangers: collected.strangers,
      findings: [...conflicts, ...ground.findings],
      absent: collected.absent,
      unread: collected.unread,
      orphans,
      claims: ids
        .flatMap((manifest) => log.entries.matching({ kind: 'claim', manifest }))
        .sort((a, b) => a.index - b.index),
    },
    content: content?.facts ?? {
      formats: new Map(),
      declaredBases: [],
      // As its manifest has them, whose digest is its id.
      ...(own?.files === undefined ? {} : { digests: own.files }),
    },
  };
  const of = caseOf(facts, policy, environment);
  const snapshot = snapshotOf(of)?.snapshot.version;
  if (snapshot !== undefined) await ports.versions.remember(snapshotsOf(log), snapshot);
  const withContent = async (): Promise<Gathered> =>
    decidedOn(ground, await readContent(ground.named, registry, ports));
  return { of, id: named.id, content, collected, log, withContent };
}

/** A file whose bytes are the manifest of something here: claims by tools that know no kinds would be about both. */
async function manifestFindings(
  id: string,
  file: string | null,
  { registry, log }: { registry: Registry; log: ReadLog },
): Promise<readonly Finding[]> {
  if (file === null) return [];
  const names = new Set(log.entries.matching({ manifest: `sha256:${file}` }).map(({ leaf }) => leaf.name));
  for (const name of names)
    if ((await artifactIn(registry, name, `sha256:${file}`)) !== null)
      return [
        {
          code: 'subject-ambiguous',
          message: `its only file is the manifest of ${name}, which is not this`,
          subject: id,
        },
      ];
  return [];
}

function verificationOf({ policy, timestampAuthorities }: GateQuestion, now: Date, ports: GatePorts): Verification {
  return {
    trust: policyHearing(policy),
    keyless: ports.keyless,
    now,
    timestampAuthorities: [...policy.timestampAuthorities, ...(timestampAuthorities ?? [])],
  };
}

/** Kept by the policy's name and the log: the anchor of the decision (security rule 1). */
async function rememberedTime(
  { policy }: GateQuestion,
  { log, trusted }: Pick<Ground, 'log' | 'trusted'>,
  { times }: GatePorts,
): Promise<Pick<GateFacts, 'vouchedBefore'>> {
  if (times === undefined) return {};
  const anchor = `policy ${policy.name} of ${log.origin}`;
  const vouchedBefore = await times.newest([anchor]);
  await times.remember(newestByAnchor(trusted.map((claim) => ({ claim, anchor }))));
  return vouchedBefore === null ? {} : { vouchedBefore };
}

function trustedOf(policy: Policy, { claims }: Collected, name: string): readonly VerifiedClaim[] {
  const authority = createAuthority(policy);
  return claims.filter((claim) => authority.rolesOf(claim, name).length > 0);
}

async function freshness(
  { policy, pinned, needsFreshLog }: GateQuestion,
  { registry, log, now }: { registry: Registry; log: ReadLog; now: Date },
): Promise<readonly Finding[]> {
  if (needsFreshLog !== true && policy.log?.witnesses === undefined) return pinnedFindings(log, pinned);
  return logFreshness(log, { rule: policy.log, pinned, now }, registry);
}

/** Ids before an edit of documentation alone, recomputed from the files read now (DESIGN 4.3). */
function carriedFrom(
  ids: readonly string[],
  claims: readonly VerifiedClaim[],
  content: GateContent | null,
): readonly string[] {
  if (content === null) return [];
  return claims.flatMap((claim) => {
    const isOwn = claim.statement.subject.some(({ digest }) => ids.includes(`sha256:${digest['sha256']}`));
    return isOwn ? earlierIds(claim, content.files) : [];
  });
}

function earlierIds({ statement }: VerifiedClaim, files: readonly ManifestFile[]): readonly string[] {
  try {
    return packagedFrom(statement) === null
      ? []
      : checkPackageStep(statement, files).map((id) => id.slice('sha256:'.length));
  } catch {
    return [];
  }
}
