import { remembered } from '../base/remembered.ts';
import { PREDICATES } from '../claims/predicates.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import { LIMITS } from '../base/limits.ts';
import type { Finding } from '../base/verdict.ts';
import { timeOf } from './edges.ts';
import { examine, shown, type Act, type Examined, type ExamineRules } from './examine.ts';
import type { ClaimIndex } from './index-claims.ts';
import type { Input } from './provenance.ts';
import { NO_MODEL, judgeInput, rootStanding, unlistedFindings, type Scene, type StandingRules } from './standing.ts';
import { digestConflicts, existedAt, stepFindings } from './step-rules.ts';
import type { Lineage, LineageEdge, LineageNode } from './types.ts';
import { walk } from './walk.ts';
import { counted } from '../base/units.ts';

export interface LineageRules extends StandingRules, ExamineRules {
  readonly maxDepth: number;
  /** Provenance older than this, by verified time, is stale. */
  readonly maxAgeMs?: number;
}

export interface LineageSubject {
  /** Hex of the id. */
  readonly root: string;
  /** The name it was asked for by; null: what its claims call it. */
  readonly name: string | null;
  /** Other digests that mean the same thing: the content of a single file. */
  readonly aliases: readonly string[];
  /** False where an environment asks for no lineage: then a root without provenance is no finding. */
  readonly required: boolean;
  /** Its content is a model's: then a description of data is none of it. */
  readonly holdsWeights?: boolean;
}

/**
 * Walks an artifact's whole ancestry by digest, through claims whose signers may make them, and says everything that is
 * wrong with it. The order of claims does not matter; each node is examined once.
 */
export function checkLineage(subject: LineageSubject, index: ClaimIndex, rules: LineageRules): Lineage {
  const judging = { ...rules, meant: index.meant };
  const examined = remembered((digest) => examineNode(digest, subject, index, judging));
  const existed = remembered((digest) => existedAt(examined(digest)));
  const look = remembered((digest) => lookAt(examined(digest), { index, rules, examined }));
  const path = walk(subject.root, (digest) => look(digest).next, LIMITS.lineageNodes);
  const nodes = path.order.toReversed().map((digest) => look(digest));
  const findings = [
    ...rootFindings(subject, look(subject.root), { index, rules, examined }),
    ...nodes.flatMap((node) => [...node.findings, ...stepFindings(node.examined, existed, rules)]),
    ...path.cycles.map((digest) => finding('lineage-cycle', 'it is among its own ancestors', digest)),
    ...(path.depth > rules.maxDepth
      ? [
          finding(
            'lineage-too-deep',
            `its ancestry is ${counted(path.depth, 'step')} deep; ${rules.maxDepth} are allowed`,
            subject.root,
          ),
        ]
      : []),
    ...(path.cut
      ? [finding('lineage-too-deep', `its ancestry has more than ${LIMITS.lineageNodes} nodes`, subject.root)]
      : []),
    ...digestConflicts(withInputs(nodes, examined), index),
  ];
  return {
    root: subject.root,
    nodes: new Map(nodes.map(({ node }) => [node.digest, node])),
    findings: uniqueFindings(findings).map((each) => named(each, subject.root, (digest) => examined(digest).name)),
    used: [...new Set(nodes.flatMap(({ used }) => used))],
    ...peopleIn(nodes.flatMap(({ examined, acted }) => [...examined.acted, ...acted])),
    depth: path.depth,
  };
}

/** Inputs are looked at too where the walk ends: who describes a dataset says what its digests are. */
function withInputs(nodes: readonly Seen[], examined: (digest: string) => Examined): ReadonlySet<Examined> {
  const all = new Set<Examined>();
  for (const node of nodes) {
    all.add(node.examined);
    for (const { provenance } of node.examined.steps)
      for (const { sha256 } of provenance.inputs) if (sha256 !== null) all.add(examined(sha256));
  }
  return all;
}

interface Seen {
  readonly examined: Examined;
  readonly node: LineageNode;
  readonly next: readonly string[];
  readonly findings: readonly Finding[];
  readonly used: readonly VerifiedClaim[];
  readonly acted: readonly Act[];
}

function examineNode(digest: string, subject: LineageSubject, index: ClaimIndex, rules: LineageRules): Examined {
  if (digest !== subject.root) return examine(index.about(digest), digest, null, rules);
  const about = [...index.about(digest, 'manifest'), ...subject.aliases.flatMap((alias) => index.about(alias, 'file'))];
  return examine(about, digest, subject.name, rules);
}

function lookAt(examined: Examined, scene: Scene): Seen {
  const judged = (examined.step?.provenance.inputs ?? []).map((input) => judgeInput(input, examined, scene));
  const evaluated = examined.evaluatedOn.map((input) => noteEvaluated(input));
  const edges = [...judged.map(({ edge }) => edge), ...evaluated];
  const { digest } = examined;
  const revoked = scene.rules.revocations.ofArtifact(digest);
  return {
    examined,
    node: nodeOf(examined, edges, describers(digest, scene)),
    next: edges
      .filter(({ standing, to }) => (standing === 'attested' || standing === 'noted') && to !== '')
      .map(({ to }) => to),
    findings: [
      ...(revoked === null
        ? []
        : [
            finding(
              'revoked',
              `${examined.name === '' ? 'it' : examined.name} was revoked by ${revoked.by}: ${revoked.reason}`,
              digest,
            ),
          ]),
      ...unlistedFindings(digest, scene.rules),
      ...examined.findings.map((each) => ({ ...each, subject: shown(digest) })),
      ...judged.flatMap(({ findings }) => findings),
    ],
    used: [...examined.steps.map(({ claim }) => claim), ...judged.flatMap(({ used }) => used)],
    acted: judged.flatMap(({ acted }) => acted),
  };
}

/** A BOM decides nothing here: who signed one is told beside who took the step. */
function describers(digest: string, { index, rules }: Scene): readonly string[] {
  const boms = index.about(digest).filter(({ claim }) => claim.statement.predicateType === PREDICATES.bom);
  const counted = boms.filter(({ claim }) => rules.revocations.ofClaim(claim) === null);
  return [...new Set(counted.flatMap(({ claim }) => rules.authority.nameOf(claim) ?? []))];
}

/** A node that evaluations ran on is walked for revocations; nothing demands that it has claims of its own. */
function noteEvaluated(input: Input): LineageEdge {
  return { word: 'evaluated-on', role: input.role, to: input.sha256 ?? '', name: input.name, standing: 'noted' };
}

function nodeOf(examined: Examined, edges: readonly LineageEdge[], describedBy: readonly string[]): LineageNode {
  const { step } = examined;
  return {
    digest: examined.digest,
    name: examined.name,
    step: step === null ? null : (step.provenance.step ?? step.provenance.buildType),
    signedBy: step?.principal ?? null,
    time: timeOf(step),
    edges,
    describedBy,
  };
}

function rootFindings(subject: LineageSubject, seen: Seen, scene: Scene): readonly Finding[] {
  const { index } = scene;
  if (!subject.required || rootStanding(seen.examined, scene, subject.holdsWeights === true)) return [];
  if (seen.examined.step !== null) return [finding('lineage-missing', NO_MODEL, subject.root)];
  if (seen.examined.refused !== null) return [seen.examined.refused];
  if (seen.findings.some(({ code }) => code === 'claim-malformed')) return [];
  const ambiguous = [subject.root, ...subject.aliases].some((digest) => index.ambiguousAbout(digest).length > 0);
  if (ambiguous) return [finding('subject-ambiguous', 'a claim is about it and something else at once', subject.root)];
  const missing = finding('lineage-missing', 'nobody says how it was made', subject.root);
  return [{ ...missing, hint: takenAsItIs(subject.root) }];
}

function takenAsItIs(digest: string): string {
  return `seal it with what it was made of: \`weighmark seal PATH --step STEP --input ROLE=REF\`; or let the policy take it as it is (docs/policy.md): \`leaves: [{ sha256: ${digest}, role: base-model, reason: WHY, expires: DATE }]\``;
}

function peopleIn(acts: readonly Act[]): Pick<Lineage, 'actors' | 'makers'> {
  const actors = new Map<string, Set<string>>();
  for (const { role, principal } of acts) actors.set(role, (actors.get(role) ?? new Set()).add(principal));
  return { actors, makers: new Set(acts.flatMap(({ made, principal }) => (made ? [principal] : []))) };
}

/** The same words about the same thing once, in an order that does not depend on how claims came. */
function uniqueFindings(findings: readonly Finding[]): readonly Finding[] {
  const byText = new Map(findings.map((each) => [`${each.code} ${each.subject ?? ''} ${each.message}`, each]));
  return [...byText.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

/** Of an ancestor: which one, in words; "it" would be taken for the artifact that was asked about. */
function named(each: Finding, root: string, nameOf: (digest: string) => string): Finding {
  const digest = each.subject?.slice('sha256:'.length) ?? root;
  if (digest === root) return each;
  return { ...each, facts: { of: `${nameOf(digest)} ${shown(digest)}`.trim(), ...each.facts } };
}

function finding(code: Finding['code'], message: string, digest: string): Finding {
  return { code, message, subject: shown(digest) };
}
