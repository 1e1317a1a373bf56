import {
  createAuthority,
  isHeard,
  openAuthority,
  policyHearing,
  type Authority,
} from '../../domain/authority/authority.ts';
import type { Policy } from '../../domain/authority/types.ts';
import type { ManifestFile } from '../../domain/digest/manifest.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import type { TrustEntry } from '../../domain/claims/types.ts';
import { silences } from '../../domain/policy/unread.ts';
import { CONTROLS, controlStatus } from '../../domain/report/controls/catalogue.ts';
import type { JudgedControl } from '../../domain/report/controls/declarations.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { collectRevocations, type Revocations } from '../../domain/authority/revocations.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Lineage } from '../../domain/lineage/types.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { reportedDenials, type ReportedDenial } from '../../domain/report/denials.ts';
import { manifestOf } from '../../domain/claims/subjects.ts';
import { evidenceHeld, reportFacts, type ReportedPromotion, type ReportFacts } from '../../domain/report/facts.ts';
import { checkOf, findingsOf, verdictOf, type Check, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import { checkEnvironment } from '../gate/environment.ts';
import { environmentOf, type Given } from '../gate/gate.ts';
import { reinstateOf } from './report-registry.ts';
import { collectClaims, readLog, revocationsOf, type Collected } from '../registry/gate-claims.ts';
import { readContent } from '../gate/gate-content.ts';
import { lineage, type LineageOutcome, type LineagePorts } from '../gate/lineage.ts';
import { filesOf } from '../registry/registry-show.ts';
import { instantOf } from '../../domain/base/instant.ts';

export interface ReportInput {
  readonly name: string;
  /** Tag or `sha256:…`. */
  readonly reference: string;
  readonly policy: Policy | null;
  readonly environment: string | null;
  /** RFC 3339: what was promoted to the environment at that moment. Null: now. */
  readonly at: string | null;
  readonly timestampAuthorities: readonly string[];
}

/** Everything a report shows, verified in this run unless it says otherwise. */
export interface Report {
  readonly name: string;
  readonly id: string;
  readonly verdict: Verdict;
  readonly facts: ReportFacts;
  /** Revocations in force that touch it or its claims. */
  readonly revocations: readonly ReportedDenial[];
  /** Environments in which it is the newest promotion of its name. */
  readonly serving: readonly string[];
  readonly files: readonly ManifestFile[];
  readonly lineage: Lineage;
  readonly controls: readonly JudgedControl[];
  /** With `at`: the promotion in force at that moment, and what became of it. */
  readonly past: {
    readonly at: string;
    readonly environment: string;
    readonly promotion: ReportedPromotion | null;
  } | null;
  readonly policy: { readonly name: string; readonly version: number; readonly digest: string } | null;
  readonly generated: string;
}

/** Reads the artifact back, verifies claims, lineage and, where asked, its promotion; judges nothing it did not verify. */
export async function report(input: ReportInput, ports: LineagePorts, registry: Registry): Promise<Report> {
  const log = await readLog(registry);
  const trust = input.policy === null ? await ports.trust() : policyHearing(input.policy);
  const now = ports.clock.now();
  const target = await targetOf(input, registry);
  const collected = await collectClaims(target, log, {
    registry,
    verification: verification(input, trust, { ports, now }),
    versions: input.policy?.environments.some(({ removedRecords }) => removedRecords !== undefined) === true,
  });
  const given = { log, collected };
  const authority = input.policy === null ? openAuthority(trust) : createAuthority(input.policy);
  const revocations = collectRevocations(revocationsOf(collected.claims, log, PREDICATES.revocation), authority, {
    reinstate: reinstateOf(input.policy),
  });
  const facts = factsOf(target, { ...given, authority, revocations });
  const ancestry = await ancestryOf(input, { ...target, given }, { registry, ports });
  const promoted = await promotionChecks(input, { ...target, given }, { registry, ports });
  const content = await contentOf(target, promoted, { registry, ports });
  const silence = { origin: log.origin, revocations, policy: input.policy, unasked: [], id: target.id };
  const claims = claimsCheck(facts, silences(collected, silence));
  const serving = servingNow(facts.promotions, target.id);
  const held = evidenceHeld(facts, {
    content: content.check.passed,
    lineage: ancestry.lineage,
    policy: promoted.length > 0,
  });
  return {
    ...target,
    verdict: withServing(reportVerdict(target, { content: content.check, claims, ancestry, promoted }), serving),
    facts,
    revocations: denialsOf(target, { ...given, revocations }),
    serving,
    files: content.files,
    lineage: ancestry.lineage,
    controls: judgedControls(held),
    past: pastOf(input, facts),
    policy:
      input.policy === null
        ? null
        : { name: input.policy.name, version: input.policy.version, digest: input.policy.digest },
    generated: now.toISOString(),
  };
}

interface Target {
  readonly name: string;
  readonly id: string;
}

function denialsOf(
  { id }: Target,
  { log, collected, revocations }: Pick<Given, 'log'> & { collected: Collected; revocations: Revocations },
): readonly ReportedDenial[] {
  const ids = idsOf(id, collected);
  const own = collected.claims.filter(({ statement }) => ids.includes(manifestOf(statement) ?? ''));
  return reportedDenials({ ids, own }, revocations, log.entries);
}

function idsOf(id: string, { known }: Collected): readonly string[] {
  return [id, ...(known.find((each) => each.id === id || each.ids?.includes(id) === true)?.ids ?? [])];
}

/** A claim counts if its signer has a role for the name, and nobody who may revoked it. */
function factsOf(
  target: Target,
  {
    log,
    collected,
    authority,
    revocations,
  }: Pick<Given, 'log'> & { collected: Collected; authority: Authority; revocations: Revocations },
): ReportFacts {
  return reportFacts(target.id, collected.claims, {
    entries: log.entries,
    ids: idsOf(target.id, collected),
    authority,
    standing: (claim) => {
      const revoked = revocations.ofClaim(claim)?.reason ?? null;
      return { revoked, counts: revoked === null && isHeard(claim, target.name, authority) };
    },
  });
}

function ancestryOf(
  input: ReportInput,
  { name, id, given }: Target & { given: Given },
  { registry, ports }: { registry: Registry; ports: LineagePorts },
): Promise<LineageOutcome> {
  const place = { kind: 'registry' as const, name, reference: id, registry, given };
  return lineage({ ...input, shown: `${name}@${id}`, environment: null, place }, ports);
}

function claimsCheck({ claims }: ReportFacts, findings: readonly Finding[]): Check {
  const counting = claims.filter(({ counts }) => counts);
  return checkOf(
    'claims',
    counting.map(({ title, signer }) => ({ what: `${title} by ${signer}` })),
    counting.length === 0 ? [{ code: 'nothing-to-verify', message: 'no claim by anyone trusted' }] : findings,
  );
}

interface Judged {
  readonly content: Check;
  readonly claims: Check;
  readonly ancestry: LineageOutcome;
  readonly promoted: readonly Check[];
}

function reportVerdict({ name, id }: Target, { content, claims, ancestry, promoted }: Judged): Verdict {
  // An environment's own rules judge the lineage and what was revoked: one answer is enough.
  const origin = ancestry.verdict.checks.filter(
    (check) =>
      ['lineage', 'revocation'].includes(check.name) && !promoted.some(({ name: asked }) => asked === check.name),
  );
  return verdictOf({
    subject: `${name}@${id}`,
    id,
    checks: [content, claims, ...origin, ...promoted.filter((check) => check !== content)],
    notes: ancestry.verdict.notes,
  });
}

function judgedControls(held: ReturnType<typeof evidenceHeld>): readonly JudgedControl[] {
  return CONTROLS.map((control) => ({
    control,
    status: controlStatus(control, held),
    held: control.needs.filter((kind) => held.has(kind)),
  }));
}

/** The newest promotion of the name to each environment, where it is of this artifact. */
function servingNow(promotions: ReportFacts['promotions'], id: string): readonly string[] {
  const newest = new Map(promotions.map((each) => [each.environment, each]));
  return [...newest.values()]
    .filter((each) => each.id === id && each.result === 'PASSED')
    .map(({ environment }) => environment)
    .toSorted();
}

/** Something revoked that runs is said first. */
function withServing(verdict: Verdict, serving: readonly string[]): Verdict {
  const revoked = findingsOf(verdict).some(({ code }) => code === 'revoked');
  return revoked && serving.length > 0
    ? verdictOf({ ...verdict, notes: [`still promoted to ${serving.join(', ')}`, ...verdict.notes] })
    : verdict;
}

async function targetOf({ name, reference }: ReportInput, registry: Registry): Promise<Target> {
  return { name, id: await registry.resolve(name, reference) };
}

function verification(
  input: ReportInput,
  trust: readonly TrustEntry[],
  { ports, now }: { ports: LineagePorts; now: Date },
): Verification {
  const authorities = [...(input.policy?.timestampAuthorities ?? []), ...input.timestampAuthorities];
  return { trust, keyless: ports.keyless, now, timestampAuthorities: authorities };
}

/** The bytes are read once: where the environment was judged, that read is the one that counts. */
async function contentOf(
  target: Target,
  promoted: readonly Check[],
  { registry, ports }: { registry: Registry; ports: LineagePorts },
): Promise<{ check: Check; files: readonly ManifestFile[] }> {
  const check = promoted.find(({ name }) => name === 'content');
  if (check === undefined) return readContent(target, registry, { hasher: ports.hasher, progress: ports.progress });
  // What keeps the manifest from being read is a finding of the check already.
  return { check, files: await filesOf(registry, target.name, target.id).catch(() => []) };
}

async function promotionChecks(
  input: ReportInput,
  target: Target & { given: Given },
  { registry, ports }: { registry: Registry; ports: LineagePorts },
): Promise<readonly Check[]> {
  const { policy, environment } = input;
  if (environment === null || input.at !== null) return [];
  if (policy === null)
    throw new WeighmarkError('usage', 'an environment is judged by a policy, and none is named', {
      hint: 'say `--policy FILE`',
    });
  environmentOf(policy, environment);
  const question = {
    ...target,
    policy,
    environment,
    withRules: true,
    timestampAuthorities: input.timestampAuthorities,
  };
  return (await checkEnvironment(question, registry, ports)).checks;
}

/** The newest promotion of the name to the environment that existed by then, by verified time where there is one. */
function pastOf({ at, environment }: ReportInput, { promotions }: ReportFacts): Report['past'] {
  if (at === null || environment === null) return null;
  const moment = instantOf(at);
  const before = promotions.filter(
    (each) => each.environment === environment && instantOf(each.time ?? each.claimedTime ?? '') <= moment,
  );
  return { at, environment, promotion: before.at(-1) ?? null };
}
