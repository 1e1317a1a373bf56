import { greatest } from '../base/lists.ts';
import { knownBy } from '../claims/binding.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import { checkLineage } from '../lineage/check.ts';
import { formatOfName, kindOf } from '../formats/names.ts';
import type { FormatId } from '../formats/types.ts';
import { indexClaims } from '../lineage/index-claims.ts';
import { leavesByEveryId } from '../lineage/standing.ts';
import type { Lineage } from '../lineage/types.ts';
import { checkOf, type Check, type Evidence, type Finding } from '../base/verdict.ts';
import { checkApprovals } from './approvals.ts';
import { checkAssertions } from './assertions.ts';
import { createAuthority } from '../authority/authority.ts';
import { checkClosure } from './closure-rule.ts';
import { checkDerivation } from './derivation-rule.ts';
import { checkBomMinimum, checkLicences } from './bom-rules.ts';
import { checkDatasets, checkDeclaredBases, checkFormats, checkScan } from './content-rules.ts';
import { withExceptions } from './exceptions.ts';
import type { Case, GateFacts } from './facts.ts';
import { openRevocations, touchedDigests } from './open-revocations.ts';
import { checkPromoted } from './promotions.ts';
import { NOTHING, checkNegatives, checkRequired, type RuleResult } from './required.ts';
import { checkDatasetClaims } from './dataset-claims-rule.ts';
import { checkRemovedRecords } from './removal-rule.ts';
import { personOf } from '../authority/one-person.ts';
import { reaching } from '../authority/reach.ts';
import { collectRevocations } from '../authority/revocations.ts';
import { checkSeparation, joinActors, type Actors } from './separation.ts';
import { inForceOf, newestSnapshot, snapshotFindings, type HeldSnapshot } from '../authority/snapshot.ts';
import { clockBehind, verifiedTime } from '../authority/time.ts';
import { REINSTATE, type Environment, type Policy } from '../authority/types.ts';
import { silenceOf, silences } from './unread.ts';
import { checkWorkerDigests } from './workers-rule.ts';
import { counted } from '../base/units.ts';

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
  const known = knownBy(facts.known ?? []);
  const index = indexClaims(facts.claims, known);
  const digest = facts.id.slice('sha256:'.length);
  const said = collectRevocations(facts.revocations, authority, {
    reinstate: environment.revocations?.reinstate ?? REINSTATE,
  });
  const { claims, weights = new Map() } = facts;
  const revocations = facts.revocations.length === 0 ? said : reaching(said, { claims, known, authority, weights });
  const about = [...index.about(digest, 'manifest'), ...facts.aliases.flatMap((each) => index.about(each, 'file'))];
  const carried = facts.carriedFrom.flatMap((each) => index.about(each, 'manifest'));
  return {
    facts,
    policy,
    environment,
    authority,
    index,
    revocations,
    personOf: personOf(policy, claims, authority),
    digest,
    known,
    about,
    aboutContent: [...about, ...carried],
  };
}

/** May this artifact enter the environment? Every rule of the policy, each a check with its evidence or findings. */
export function evaluate(of: Case): Evaluation {
  const { environment } = of;
  const lineage = lineageOf(of);
  const required = environment.require.map((rule) => ({ name: rule.label, result: checkRequired(of, rule) }));
  const approvals = checkApprovals(of, lineage.makers);
  const content = {
    licences: checkLicences(of),
    datasets: checkDatasets(of, lineage),
    formats: checkFormats(of),
    closure: checkClosure(of, lineage),
    'removed-records': checkRemovedRecords(of, lineage),
    'worker-digests': checkWorkerDigests(of),
    'dataset claims': checkDatasetClaims(of, lineage),
    derivation: checkDerivation(of, lineage),
    scan: checkScan(of),
    bom: checkBomMinimum(of),
  };
  const rules = [...required.map(({ result }) => result), approvals, ...Object.values(content)];
  const used = rules.flatMap((rule) => rule.used);
  const actors = joinActors(
    lineage.actors,
    rules.flatMap((rule) => rule.acted ?? rule.used),
  );
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
    {
      root: of.digest,
      name: facts.name,
      aliases: facts.aliases,
      required: environment.lineage.required,
      holdsWeights: [...facts.content.formats].some(([path, format]) => isWeights(path, format)),
    },
    of.index,
    {
      authority: of.authority,
      revocations: of.revocations,
      leaves: leavesByEveryId(policy.leaves, of.known),
      summaries: policy.summaries,
      now: facts.now,
      maxDepth: environment.lineage.maxDepth,
      ...(environment.lineage.maxAgeMs === undefined ? {} : { maxAgeMs: environment.lineage.maxAgeMs }),
    },
  );
}

/** Containers in which datasets come as well. */
const SHARED: readonly string[] = ['npy', 'npz', 'hdf5', 'r-data'];

/** Of datasets too; packed they tell nothing. */
const PACKED_DATA: readonly string[] = [...SHARED, 'pickle', 'joblib'];
const PACKING = /(?:\.(?:gz|bz2|xz|zst|lz4|br|zip|tar|tgz))+$/i;

/** By its bytes or by its name, packed or not: who calls a model a dataset may call its file anything, or break it. */
function isWeights(path: string, format: string): boolean {
  if (path.endsWith('.weights.h5')) return true;
  const packed = formatOfName(path.replace(PACKING, '')) ?? '';
  return [format, formatOfName(path) ?? '', PACKED_DATA.includes(packed) ? '' : packed].some(
    (each) => kindOf(each as FormatId, path) === 'weights' && !SHARED.includes(each),
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
  const newest = greatest([facts.vouchedBefore ?? 0, ...facts.claims.map((claim) => verifiedTime(claim) ?? 0)]);
  const finding = clockBehind(newest, facts.now);
  return finding === null ? [] : [finding];
}

export function logRule(of: Case): Pick<RuleResult, 'evidence' | 'findings'> {
  return { evidence: [], findings: [...of.facts.log.findings, ...silences(of.facts.log, silenceOf(of))] };
}

/**
 * What revokers say that cannot be read refuses, since it might revoke anything; where the environment wants a snapshot, one
 * must cover the promotion in question.
 */
export function revocationRule(of: Case, needed: number | null = null): Pick<RuleResult, 'evidence' | 'findings'> {
  const { facts, environment } = of;
  const rule = environment.revocations;
  const inForce = rule?.complete === true ? (size: number) => inForceOf(inForceAt(of, size)) : null;
  const stale =
    rule?.required === true || inForce !== null
      ? snapshotFindings(snapshotOf(of), { now: facts.now, needed, highest: facts.log.highestSnapshot, inForce })
      : [];
  const findings = [...openIn(of), ...(facts.log.orphans ?? []), ...stale];
  return { evidence: findings.length > 0 ? [] : [{ what: revocationWords(of) }], findings };
}

/** How many there are, and whether any is about this artifact, what it was made of, or a claim of either. */
function revocationWords(of: Case): string {
  const { facts, revocations, index } = of;
  const logged = counted(facts.revocations.length, 'revocation');
  if (facts.revocations.length === 0) return `${logged} known to the log`;
  const concerned =
    touchedBy(of).some((digest) => revocations.ofArtifact(digest) !== null) ||
    index.all.some((claim) => revocations.ofClaim(claim) !== null);
  return concerned
    ? `${logged} known to the log, of which one at least concerns this`
    : `${logged} known to the log, none concerns it`;
}

/** Of the artifact and all it was made of. */
function touchedBy(of: Case): readonly string[] {
  return touchedDigests([of.digest, ...of.facts.aliases], lineageOf(of));
}

function openIn(of: Case): readonly Finding[] {
  const { revocations, facts, index } = of;
  const digests = revocations.doubts.length === 0 ? [] : touchedBy(of);
  return openRevocations(revocations, { id: facts.id, digests, claims: index.all, copies: facts.claims });
}

/** Bundles of the revocations among the first entries of the log that hold, where undoing takes the most that is asked. */
function inForceAt({ facts, authority, policy }: Case, size: number): readonly string[] {
  const logged = facts.revocations.filter(({ index }) => index !== null && index < size);
  return collectRevocations(logged, authority, { reinstate: mostToReinstate(policy) }).inForce;
}

export function mostToReinstate({ environments }: Pick<Policy, 'environments'>): number {
  return greatest(environments.map(({ revocations }) => revocations?.reinstate ?? REINSTATE));
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
  const own = lineage.nodes.get(of.digest);
  const how = own?.step == null ? 'no step of its own' : `${own.step} by ${own.signedBy}`;
  const what = `lineage: ${counted(lineage.nodes.size, 'artifact')}, ${counted(lineage.depth, 'step')} deep: ${how}`;
  const steps = [...lineage.nodes.values()].flatMap(({ digest, step, signedBy }) =>
    step === null ? [] : [{ id: `sha256:${digest}`, step, signedBy }],
  );
  return checkOf(
    'lineage',
    [{ what, data: { nodes: lineage.nodes.size, depth: lineage.depth, steps: steps.slice(0, 100) } }],
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
