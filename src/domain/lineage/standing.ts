import { hexIdsOf } from '../claims/subjects.ts';
import { PREDICATES, type Role } from '../claims/predicates.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import { readPromotion, type Promotion } from '../authority/vsa.ts';
import { PROMOTER_ROLE, type TrustedLeaf, type TrustedSummary } from '../authority/types.ts';
import { bindingOf, type Known } from '../claims/binding.ts';
import type { Finding } from '../base/verdict.ts';
import { verifiedFor } from './derived.ts';
import { edgeWord } from './edges.ts';
import { givesData } from './gives-data.ts';
import { actsIn, shown, type Act, type Examined, type ExamineRules } from './examine.ts';
import type { ClaimIndex } from './index-claims.ts';
import { isProvenance, readProvenance, type Input } from './provenance.ts';
import type { LineageEdge, Standing } from './types.ts';
import { pushAll } from '../base/lists.ts';

export interface StandingRules extends ExamineRules {
  readonly leaves: readonly TrustedLeaf[];
  readonly summaries: readonly TrustedSummary[];
  readonly now: Date;
}

/** What every judgement looks at; each artifact is examined once. */
export interface Scene {
  readonly index: ClaimIndex;
  readonly rules: StandingRules;
  readonly examined: (digest: string) => Examined;
}

export interface JudgedInput {
  readonly edge: LineageEdge;
  readonly findings: readonly Finding[];
  readonly used: readonly VerifiedClaim[];
  readonly acted: readonly Act[];
}

/** Inputs that need nobody's word, only a digest: what they are is the step's own claim. */
const PINNED_ROLES: readonly (Role | null)[] = ['code', 'config'];

/** Is this input attested, covered, trusted by name, or why not (security rules 14, 15)? */
export function judgeInput(input: Input, parent: Examined, scene: Scene): JudgedInput {
  const word = edgeWord(parent.step?.provenance.step ?? null, input.role);
  const judged = standingOf(input, parent, scene);
  const to = input.sha256 ?? (input.commit === null ? '' : `git:${input.commit}`);
  const shown = verifiedFor(input, parent.derivations, scene.index.meant);
  const verified = shown?.map(({ word: proven, by, roles }) => ({ word: proven, by, roles }));
  return {
    edge: {
      word,
      role: input.role,
      to,
      name: input.name,
      standing: judged.standing,
      ...(verified === undefined ? {} : { verified }),
    },
    findings: judged.findings,
    used: [...judged.used, ...(shown ?? []).map(({ claim }) => claim)],
    acted: judged.acted ?? [],
  };
}

/**
 * A model's lineage rests on a step that gives a model, a dataset's on a step or a description of data; or it is a trusted leaf in
 * its role: a tokenizer that is trusted as one is no model without lineage.
 * @param holdsWeights the content is a model's, whatever anybody calls it.
 */
export function rootStanding(
  node: Examined,
  { rules, examined: look }: Pick<Scene, 'rules' | 'examined'>,
  holdsWeights: boolean,
): boolean {
  const { step, digest, vouched, isModel } = node;
  const isData = !isModel && !holdsWeights;
  const roles: readonly Role[] = isData ? [...MODEL_ROLES, 'dataset'] : MODEL_ROLES;
  if (roles.some((role) => liveLeaf(digest, role, rules) !== null)) return true;
  if (step !== null) return isData || !givesData(node, look);
  return vouched.has('dataset') && isData;
}

const MODEL_ROLES: readonly Role[] = ['base-model', 'adapter'];
/** Of a model of which only a step is told that gives data. */
export const NO_MODEL = 'nobody says how it was made: the step that is told of it gives data, and it is a model';

interface Judged {
  readonly standing: Standing;
  readonly findings: readonly Finding[];
  readonly used: readonly VerifiedClaim[];
  /** Who acted on an input that is not walked further, but counts. */
  readonly acted?: readonly Act[];
}

function standingOf(input: Input, parent: Examined, scene: Scene): Judged {
  const { sha256, role } = input;
  const { index, rules } = scene;
  if (sha256 === null) return unpinned(input, parent);
  const revoked = rules.revocations.ofArtifact(sha256);
  if (revoked !== null)
    return refused({
      code: 'revoked',
      message: `${input.name === '' ? 'an input' : `the input ${input.name}`} was revoked by ${revoked.by}: ${revoked.reason}`,
      subject: shown(sha256),
      facts: { input: input.name, role: role ?? 'not said' },
    });
  const [unlisted] = unlistedFindings(sha256, rules);
  if (unlisted !== undefined) return refused(unlisted);
  if (liveLeaf(sha256, role, rules) !== null) return stands('trusted-leaf');
  const summary = summaryOf(sha256, index, rules);
  if (summary !== null)
    return {
      standing: 'summary',
      findings: summaryFindings(sha256, index, rules),
      used: [summary.claim],
      acted: [...scene.examined(sha256).acted, ...summaryActs(summary, index, rules)],
    };
  const examined = scene.examined(sha256);
  if (role !== null && MODEL_ROLES.includes(role) && givesData(examined, scene.examined))
    return refused({
      code: 'lineage-missing',
      message: NO_MODEL,
      subject: shown(sha256),
      facts: { input: input.name, role },
    });
  if (examined.step !== null) return stands('attested');
  const description = role === null ? undefined : examined.vouched.get(role);
  if (description !== undefined)
    return { standing: 'described', findings: [], used: [description], acted: examined.acted };
  return PINNED_ROLES.includes(role) ? stands('pinned') : refused(whyNot(input, sha256, scene));
}

function unpinned({ role, commit, name }: Input, parent: Examined): Judged {
  if (role === 'code' && commit !== null) return stands('pinned');
  const message = `the input ${name === '' ? '(unnamed)' : name} of ${parent.step?.provenance.step ?? 'a step'} has no SHA-256`;
  return refused({
    code: 'dependency-unpinned',
    message,
    subject: shown(parent.digest),
    facts: { input: name, role: role ?? 'not said' },
  });
}

function whyNot(input: Input, sha256: string, { index, rules, examined: look }: Scene): Finding {
  const { role, name } = input;
  const examined = look(sha256);
  const about = { subject: shown(sha256), facts: { input: name, role: role ?? 'not said' } };
  if (examined.refused !== null) return { ...examined.refused, ...about };
  // Without a step that counts nothing else is found than that one cannot be read.
  const [malformed] = examined.findings;
  if (malformed !== undefined) return { ...malformed, ...about };
  if (index.ambiguousAbout(sha256).length > 0)
    return { code: 'subject-ambiguous', message: 'a claim is about this input and something else at once', ...about };
  if (rules.leaves.some((leaf) => leaf.sha256 === sha256 && leaf.role === role)) {
    return {
      code: 'lineage-unattested',
      message: 'nobody attests it, and the policy trusted it only until its exception ended',
      ...about,
    };
  }
  if (role === 'base-model' || role === 'adapter' || role === 'package')
    return { code: 'lineage-missing', message: 'nobody says how this input was made', ...about };
  return { code: 'lineage-unattested', message: 'nobody the policy names attests this input', ...about };
}

/** A leaf pins content: whichever id of it an input names. */
export function leavesByEveryId(leaves: readonly TrustedLeaf[], known: Known): readonly TrustedLeaf[] {
  return leaves.flatMap((leaf) => {
    const artifact = known.get(leaf.sha256);
    return artifact === undefined ? [leaf] : hexIdsOf(artifact).map((sha256) => ({ ...leaf, sha256 }));
  });
}

/** A leaf counts in its role; an input that says none is no leaf. */
function liveLeaf(digest: string, role: Role | null, { leaves, now }: StandingRules): TrustedLeaf | null {
  return (
    leaves.find((leaf) => leaf.sha256 === digest && leaf.role === role && Date.parse(leaf.expires) > now.getTime()) ??
    null
  );
}

interface Summary {
  readonly claim: VerifiedClaim;
  readonly promotion: Promotion;
}

/** A promotion of the ancestor by a named verifier, for a named environment, under a named policy; never a broken glass. */
function summaryOf(digest: string, index: ClaimIndex, rules: StandingRules): Summary | null {
  if (rules.summaries.length === 0) return null;
  const found = index.about(digest).flatMap(({ claim }): Summary[] => {
    if (claim.statement.predicateType !== PREDICATES.promotion || rules.revocations.ofClaim(claim) !== null) return [];
    const promotion = readPromotion(claim.statement);
    return promotion !== null && accepts(promotion, claim, rules) ? [{ claim, promotion }] : [];
  });
  return found[0] ?? null;
}

/** Whoever promoted it, and whoever signed what that rests on: of those a summary spares the walk, not the count. */
function summaryActs({ claim, promotion }: Summary, index: ClaimIndex, rules: StandingRules): readonly Act[] {
  const rested = promotion.inputs.flatMap((bundle) => index.byBundle(bundle) ?? []);
  const by = (each: VerifiedClaim): readonly Act[] => {
    const binding = bindingOf(each);
    return binding.kind === 'one' ? actsIn({ claim: each, ...binding }, null, rules) : [];
  };
  const identity = rules.authority.who(claim.signer);
  const promoter =
    typeof identity === 'string' ? [] : [{ principal: identity.principal.name, role: PROMOTER_ROLE, made: false }];
  return [...promoter, ...rested.flatMap(by)];
}

function accepts(promotion: Promotion, claim: VerifiedClaim, { summaries, authority }: StandingRules): boolean {
  const identity = authority.who(claim.signer);
  if (claim.onlyNo !== undefined || typeof identity === 'string' || !promotion.passed || promotion.breakGlass)
    return false;
  return summaries.some(
    ({ principal, environment, policies }) =>
      principal === identity.principal.name &&
      environment === promotion.environment &&
      policies.includes(promotion.policyDigest),
  );
}

/** What a summary rests on must be here, and is still walked for revocations (rule 15). */
export function summaryFindings(digest: string, index: ClaimIndex, rules: StandingRules): readonly Finding[] {
  const summary = summaryOf(digest, index, rules);
  if (summary === null) return [];
  const seen = new Set<string>([summary.claim.bundle]);
  const findings: Finding[] = [];
  const queue = [...summary.promotion.inputs];
  if (queue.length === 0)
    findings.push({
      code: 'claim-missing',
      message: 'the promotion that stands for its lineage names no claims',
      subject: shown(digest),
    });
  for (let bundle = queue.pop(); bundle !== undefined; bundle = queue.pop()) {
    if (seen.has(bundle)) continue;
    seen.add(bundle);
    const claim = index.byBundle(bundle);
    if (claim === null)
      findings.push({
        code: 'claim-missing',
        message: 'a claim that its promotion rests on is not here',
        subject: shown(digest),
        facts: { claim: shown(bundle) },
      });
    else pushAll(findings, revokedIn(claim, rules));
    if (claim?.statement.predicateType === PREDICATES.promotion)
      pushAll(queue, readPromotion(claim.statement)?.inputs ?? []);
  }
  return findings;
}

/** Weights were revoked, and what the weights of this are cannot be read here: nobody can tell whether it is meant. */
export function unlistedFindings(digest: string, { revocations }: StandingRules): readonly Finding[] {
  const list = revocations.unlisted(digest);
  if (list === null) return [];
  const message = 'weights were revoked, and its signed list of weights is not here to tell whether these are meant';
  return [{ code: 'weights-unlisted', message, subject: shown(digest), facts: { list: shown(list) } }];
}

function revokedIn(claim: VerifiedClaim, rules: StandingRules): readonly Finding[] {
  const { revocations } = rules;
  const digests = [...claim.statement.subject.flatMap(({ digest }) => digest['sha256'] ?? []), ...inputsIn(claim)];
  const artifacts = digests
    .map((digest) => [digest, revocations.ofArtifact(digest)] as const)
    .filter(([, revoked]) => revoked !== null);
  const own = revocations.ofClaim(claim);
  return [
    ...digests.flatMap((digest) => unlistedFindings(digest, rules)),
    ...artifacts.map(([digest, revoked]): Finding => ({
      code: 'revoked',
      message: `something its lineage rests on was revoked by ${revoked?.by}: ${revoked?.reason}`,
      subject: shown(digest),
    })),
    ...(own === null
      ? []
      : [
          {
            code: 'revoked',
            message: `a claim that its promotion rests on was revoked: ${own.reason}`,
            subject: shown(claim.bundle),
          } as const,
        ]),
  ];
}

function inputsIn(claim: VerifiedClaim): readonly string[] {
  if (!isProvenance(claim.statement)) return [];
  try {
    return readProvenance(claim.statement).inputs.flatMap(({ sha256 }) => sha256 ?? []);
  } catch {
    return [];
  }
}

function stands(standing: Standing): Judged {
  return { standing, findings: [], used: [] };
}

function refused(finding: Finding): Judged {
  return { standing: 'refused', findings: [finding], used: [] };
}
