import type { VerifiedClaim } from '../claims/types.ts';
import { checkLineage } from '../lineage/check.ts';
import { indexClaims } from '../lineage/index-claims.ts';
import type { Lineage } from '../lineage/types.ts';
import { checkOf, type Check, type Evidence, type Finding } from '../base/verdict.ts';
import { checkApprovals } from './approvals.ts';
import { checkAssertions } from './assertions.ts';
import { createAuthority } from '../authority/authority.ts';
import { checkBomMinimum, checkLicences } from './bom-rules.ts';
import { checkDatasets, checkDeclaredBases, checkFormats, checkScan } from './content-rules.ts';
import { withExceptions } from './exceptions.ts';
import type { Case, GateFacts } from './facts.ts';
import { checkPromoted } from './promotions.ts';
import { NOTHING, checkNegatives, checkRequired, type RuleResult } from './required.ts';
import { collectRevocations } from '../authority/revocations.ts';
import { checkSeparation, joinActors, type Actors } from './separation.ts';
import { newestSnapshot, snapshotFindings, type HeldSnapshot } from '../authority/snapshot.ts';
import { clockBehind, verifiedTime } from '../authority/time.ts';
import type { Environment, Policy } from '../authority/types.ts';

export interface Evaluation {
  readonly checks: readonly Check[];
  readonly lineage: Lineage;
  /** Every claim the decision rests on: what the VSA must name. */
  readonly used: readonly VerifiedClaim[];
  /** Who acted in which role, along the lineage and in the claims used. */
  readonly actors: Actors;
}

/** The facts with what follows from them. The same for every question about one artifact and environment. */
export function caseOf(facts: GateFacts, policy: Policy, environment: Environment): Case {
  const authority = createAuthority(policy);
  const index = indexClaims(facts.claims);
  const digest = facts.id.slice('sha256:'.length);
  const revocations = collectRevocations(facts.revocations, authority, {
    reinstate: environment.revocations?.reinstate ?? 2,
  });
  const about = [digest, ...facts.aliases].flatMap((each) => index.about(each));
  const carried = facts.carriedFrom.flatMap((each) => index.about(each));
  return {
    facts,
    policy,
    environment,
    authority,
    index,
    revocations,
    digest,
    about,
    aboutContent: [...about, ...carried],
  };
}

/** May this artifact enter the environment? Every rule of the policy, each a check with its evidence or findings. */
export function evaluate(of: Case): Evaluation {
  const { environment } = of;
  const lineage = lineageOf(of);
  const required = environment.require.map((rule) => ({ name: rule.label, result: checkRequired(of, rule) }));
  const makers = new Set([...lineage.actors.values()].flatMap((people) => [...people]));
  const approvals = checkApprovals(of, makers);
  const content = {
    licences: checkLicences(of),
    datasets: checkDatasets(of, lineage),
    formats: checkFormats(of),
    scan: checkScan(of),
    bom: checkBomMinimum(of),
  };
  const rules = [...required.map(({ result }) => result), approvals, ...Object.values(content)];
  const used = rules.flatMap((rule) => rule.used);
  const actors = joinActors(lineage.actors, used);
  const before = previousOf(of);
  const checks = [
    policyCheck(of),
    ...given('log', logRule(of)),
    ...given('revocation', revocationRule(of)),
    lineageCheck(of, lineage),
    ...required.flatMap(({ name, result }) => given(`claim ${name}`, result)),
    ...given('claims', { ...NOTHING, findings: checkNegatives(of) }),
    ...given('approvals', approvals),
    ...given('separation', { ...NOTHING, findings: checkSeparation(of, actors) }),
    ...Object.entries(content).flatMap(([name, result]) => given(name, result)),
    ...given('assertions', checkAssertions(of, lineage)),
    ...given('after', before),
  ];
  const claims = [
    ...lineage.used,
    ...used.map(({ claim }) => claim),
    ...(before.claim === null ? [] : [before.claim]),
    ...of.revocations.claims,
  ];
  return { checks: checks.map((check) => withExceptions(of, check)), lineage, used: [...new Set(claims)], actors };
}

export function lineageOf(of: Case): Lineage {
  const { environment, policy, facts } = of;
  return checkLineage(
    { root: of.digest, name: facts.name, aliases: facts.aliases, required: environment.lineage.required },
    of.index,
    {
      authority: of.authority,
      revocations: of.revocations,
      leaves: policy.leaves,
      summaries: policy.summaries,
      now: facts.now,
      maxDepth: environment.lineage.maxDepth,
      ...(environment.lineage.maxAgeMs === undefined ? {} : { maxAgeMs: environment.lineage.maxAgeMs }),
    },
  );
}

/** A rule the policy does not have is no check. */
export function given(
  name: string,
  { evidence, findings }: Pick<RuleResult, 'evidence' | 'findings'>,
): readonly Check[] {
  return evidence.length === 0 && findings.length === 0 ? [] : [checkOf(name, evidence, findings)];
}

export function policyCheck(of: Case): Check {
  const { policy, environment, facts } = of;
  const expired = Date.parse(policy.expires) <= facts.now.getTime();
  const evidence: Evidence[] = [
    {
      what: `policy ${policy.name} version ${policy.version}, environment ${environment.name}`,
      data: { digest: policy.digest, version: policy.version },
    },
  ];
  const finding: Finding = {
    code: 'policy-refused',
    message: `the policy ${policy.name} expired on ${policy.expires.slice(0, 10)}`,
    hint: 'get a newer version from its owner',
  };
  return checkOf('policy', evidence, [...(expired ? [finding] : []), ...clockFindings(of)]);
}

/** A clock behind a time that others vouch for cannot judge any age (rule 11). */
function clockFindings({ facts }: Case): readonly Finding[] {
  const newest = Math.max(facts.vouchedBefore ?? 0, ...facts.claims.map((claim) => verifiedTime(claim) ?? 0));
  const finding = clockBehind(newest, facts.now);
  return finding === null ? [] : [finding];
}

export function logRule({ facts }: Case): Pick<RuleResult, 'evidence' | 'findings'> {
  return { evidence: [], findings: facts.log.findings };
}

/**
 * What revokers say that cannot be read refuses, since it might revoke anything; where the environment wants a snapshot, one
 * must cover the promotion in question.
 */
export function revocationRule(of: Case, needed: number | null = null): Pick<RuleResult, 'evidence' | 'findings'> {
  const { revocations, facts, environment } = of;
  const unreadable = revocations.unreadable.map((claim): Finding => ({
    code: 'claim-malformed',
    message: 'a revoker signed something that cannot be understood, which might revoke anything',
    subject: facts.id,
    facts: { claim: `sha256:${claim.bundle}` },
  }));
  const stale =
    environment.revocations?.required === true
      ? snapshotFindings(snapshotOf(of), { now: facts.now, needed, highest: facts.log.highestSnapshot })
      : [];
  const findings = [...unreadable, ...stale];
  return {
    evidence: findings.length > 0 ? [] : [{ what: `${facts.revocations.length} revocations known to the log` }],
    findings,
  };
}

export function snapshotOf({ facts, authority, revocations }: Case): HeldSnapshot | null {
  return newestSnapshot(
    facts.revocations.map(({ claim }) => claim),
    authority,
    { origin: facts.log.origin, rootAt: facts.log.rootAt, revoked: (claim) => revocations.ofClaim(claim) !== null },
  );
}

function lineageCheck(of: Case, lineage: Lineage): Check {
  const bases = checkDeclaredBases(of, lineage);
  const what = `lineage: ${lineage.nodes.size} ${lineage.nodes.size === 1 ? 'artifact' : 'artifacts'}, ${lineage.depth} steps deep`;
  return checkOf(
    'lineage',
    [{ what, data: { nodes: lineage.nodes.size, depth: lineage.depth } }],
    [...lineage.findings, ...bases],
  );
}

/** The environment before this one must hold this id now. */
function previousOf(of: Case): {
  readonly evidence: readonly Evidence[];
  readonly findings: readonly Finding[];
  readonly claim: VerifiedClaim | null;
} {
  const previous = of.policy.environments.find(({ name }) => name === of.environment.after);
  if (of.environment.after === undefined) return { evidence: [], findings: [], claim: null };
  if (previous === undefined)
    return {
      evidence: [],
      findings: [{ code: 'policy-invalid', message: `there is no environment ${of.environment.after}` }],
      claim: null,
    };
  return checkPromoted(of, previous, { lasting: true });
}
