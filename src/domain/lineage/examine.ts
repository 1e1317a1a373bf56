import { PREDICATES, type Role, type Step } from '../claims/predicates.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import { canonicalJson, isJsonObject } from '../base/json.ts';
import { whoMay } from '../authority/holders.ts';
import type { Authority } from '../authority/authority.ts';
import type { Revocations } from '../authority/revocations.ts';
import { findingOf, type Finding } from '../base/verdict.ts';
import { derivationsOf, type VerifiedDerivation } from './derived.ts';
import type { BoundClaim } from './index-claims.ts';
import { isProvenance, readInputs, readProvenance, type Input, type Provenance } from './provenance.ts';

/** A provenance claim that counts: made by somebody who may take that step for this model. */
export interface AcceptedStep {
  readonly provenance: Provenance;
  readonly claim: VerifiedClaim;
  readonly principal: string;
}

/** All that verified claims say about one artifact, judged by who says it. */
export interface Examined {
  readonly digest: string;
  readonly name: string;
  /** The first of `steps`, which all tell one story, or there is a finding. */
  readonly step: AcceptedStep | null;
  readonly steps: readonly AcceptedStep[];
  /** Input roles for which a description by the right signer is enough, and that description. */
  readonly vouched: ReadonlyMap<Role, VerifiedClaim>;
  /** All such descriptions. */
  readonly described: readonly VerifiedClaim[];
  /** Recomputations of the step that made it. */
  readonly derivations: readonly VerifiedDerivation[];
  /** What evaluations of it were run on. */
  readonly evaluatedOn: readonly Input[];
  readonly evaluations: readonly VerifiedClaim[];
  /** Those who may say so say that it is a model: made by a step for models, or described as one. */
  readonly isModel: boolean;
  /** Everybody whose signature counts of it, in every role in which it may. */
  readonly acted: readonly Act[];
  readonly findings: readonly Finding[];
  /** A provenance claim there was, by somebody who may not make it: why there is no step. */
  readonly refused: Finding | null;
}

/** Somebody who acted. A maker had a part in what it is; who evaluates it had none. */
export interface Act {
  readonly principal: string;
  readonly role: string;
  readonly made: boolean;
}

export interface ExamineRules {
  readonly authority: Authority;
  readonly revocations: Revocations;
  /** One digest for all ids of an artifact at hand: whoever names another disagrees with nobody. */
  readonly meant?: (digest: string) => string;
}

const MADE: readonly string[] = [PREDICATES.provenance, PREDICATES.reference, PREDICATES.bom];
const ACTED: readonly string[] = [...MADE, PREDICATES.evaluation];
/** What these give is a model; the other steps may give data. */
const MODEL_STEPS: readonly (Step | null)[] = [
  'train',
  'fine-tune',
  'adapter',
  'merge',
  'adapter-merge',
  'quantize',
  'cast',
  'prune',
];

/** @param name the name to judge roles by; null: what each claim's signer calls the artifact. */
export function examine(
  about: readonly BoundClaim[],
  digest: string,
  name: string | null,
  rules: ExamineRules,
): Examined {
  const standing = about.filter(({ claim }) => rules.revocations.ofClaim(claim) === null);
  const steps = readSteps(
    standing.filter(({ claim }) => isProvenance(claim.statement)),
    name,
    rules,
  );
  const evaluations = evaluationsOf(standing, name, rules);
  const vouching = vouchedRoles(standing, name, rules);
  return {
    digest,
    name: name ?? about.find((bound) => bound.name !== '')?.name ?? '',
    step: steps.accepted[0] ?? null,
    steps: steps.accepted,
    vouched: new Map(vouching.toReversed()),
    described: [...new Set(vouching.map(([, claim]) => claim))],
    derivations: derivationsOf(standing, name, rules.authority),
    evaluatedOn: evaluations.flatMap(readConfiguration),
    evaluations,
    isModel:
      steps.accepted.some(({ provenance }) => MODEL_STEPS.includes(provenance.step)) ||
      isSaidModel(standing, name, rules),
    acted: standing.flatMap((bound) => actsIn(bound, name, rules)),
    findings: [...steps.findings, ...conflictOf(steps.accepted, digest, rules)],
    refused: steps.refused ?? revokedStep(about, rules),
  };
}

function readSteps(
  bound: readonly BoundClaim[],
  name: string | null,
  rules: ExamineRules,
): { accepted: readonly AcceptedStep[]; findings: readonly Finding[]; refused: Finding | null } {
  const accepted: AcceptedStep[] = [];
  const findings: Finding[] = [];
  let refused: Finding | null = null;
  for (const { claim, name: signed, digest } of bound) {
    const roles = rules.authority.rolesOf(claim, name ?? signed);
    const identity = rules.authority.who(claim.signer);
    if (roles.length === 0 || typeof identity === 'string') {
      refused = lapsed(claim, digest, rules) ?? {
        ...wrongSigner(claim, digest, typeof identity === 'string' ? null : identity.principal.name),
        ...whoMay(
          rules.authority.rolesFor(claim, name ?? signed),
          typeof identity === 'string' ? null : identity.principal.name,
        ),
      };
      continue;
    }
    try {
      accepted.push({ provenance: readProvenance(claim.statement), claim, principal: identity.principal.name });
    } catch (error) {
      findings.push({ ...findingOf(error, 'claim-malformed'), subject: shown(digest) });
    }
  }
  return { accepted, findings, refused };
}

/** By somebody who might say it, but not dated or not in order: that is the reason, not who they are. */
function lapsed(claim: VerifiedClaim, digest: string, { authority }: ExamineRules): Finding | null {
  const name = authority.nameOf(claim);
  if (claim.onlyNo === undefined || name === null) return null;
  const message = `its provenance is by ${name} and does not count: ${claim.onlyNo.message}`;
  return { ...claim.onlyNo, message, subject: shown(digest) };
}

function wrongSigner(claim: VerifiedClaim, digest: string, principal: string | null): Finding {
  const who = principal ?? 'a signer the policy does not name';
  return {
    code: 'wrong-signer',
    message: `its provenance is signed by ${who}, who may not say this of it`,
    subject: shown(digest),
    facts: { claim: `sha256:${claim.bundle}` },
  };
}

function revokedStep(about: readonly BoundClaim[], { revocations }: ExamineRules): Finding | null {
  for (const { claim, digest } of about) {
    const revocation = isProvenance(claim.statement) ? revocations.ofClaim(claim) : null;
    if (revocation === null) continue;
    return {
      code: 'revoked',
      message: `its provenance claim no longer counts: ${revocation.reason}`,
      subject: shown(digest),
      facts: { claim: `sha256:${claim.bundle}` },
    };
  }
  return null;
}

/** Two accepted accounts of one artifact must tell the same story (security rule 8). */
function conflictOf(accepted: readonly AcceptedStep[], digest: string, { meant }: ExamineRules): readonly Finding[] {
  if (accepted.length < 2) return [];
  const stories = new Set(accepted.map(({ provenance }) => storyOf(provenance, meant)));
  if (stories.size < 2) return [];
  const facts = Object.fromEntries(accepted.slice(0, 4).map(teller));
  return [{ code: 'claim-conflict', ...conflictWords(accepted, digest), facts }];
}

/** Two accounts by one person are told apart: neither hides the other. */
function teller({ claim, principal }: AcceptedStep, index: number, all: readonly AcceptedStep[]): [string, string] {
  const before = all.slice(0, index).filter((each) => each.principal === principal).length;
  return [`by ${principal}${before === 0 ? '' : ` (${before + 1})`}`, `sha256:${claim.bundle}`];
}

/** One who says two things mends it alone; which of the two is wrong only they know, so each is named. */
function conflictWords(told: readonly AcceptedStep[], digest: string): Pick<Finding, 'message' | 'hint'> {
  const people = new Set(told.map(({ principal }) => principal));
  const [one] = people;
  if (people.size > 1) return { message: 'trusted signers disagree about how it was made' };
  const ways = told
    .slice(0, 4)
    .map(({ claim }) => `\`weighmark revoke ${shown(digest)} --claim sha256:${claim.bundle} --reason TEXT\``);
  return {
    message: `${one} says different things about how it was made`,
    hint: `${one} takes back what is wrong: ${ways.join(' or ')}`,
  };
}

function storyOf({ buildType, inputs }: Provenance, meant = (digest: string) => digest): string {
  const parts = inputs
    .map(({ role, sha256, commit, name }) => canonicalJson([role, sha256 === null ? (commit ?? name) : meant(sha256)]))
    .toSorted();
  return canonicalJson([buildType, parts]);
}

/**
 * Input roles for which a description is enough, by the policy's word on its signer. A dataset rests on a description of data; of
 * anything else a BOM says what it is, not how it came to be.
 */
function vouchedRoles(
  standing: readonly BoundClaim[],
  name: string | null,
  rules: ExamineRules,
): readonly (readonly [Role, VerifiedClaim])[] {
  const descriptions = standing.filter(
    ({ claim }) => claim.statement.predicateType === PREDICATES.reference || componentOf(claim) === 'data',
  );
  return descriptions.flatMap(({ claim, name: signed }) =>
    rules.authority
      .rolesOf(claim, name ?? signed)
      .flatMap((role) => role.vouches)
      .filter((vouched) => vouched === 'dataset' || claim.statement.predicateType === PREDICATES.reference)
      .map((vouched) => [vouched, claim] as const),
  );
}

/** What a BOM is about, in CycloneDX's words; null for other claims. */
function componentOf({ statement }: VerifiedClaim): unknown {
  if (statement.predicateType !== PREDICATES.bom) return null;
  const { metadata } = statement.predicate;
  const component = isJsonObject(metadata) ? metadata['component'] : undefined;
  return isJsonObject(component) ? component['type'] : undefined;
}

function isSaidModel(standing: readonly BoundClaim[], name: string | null, rules: ExamineRules): boolean {
  return standing.some(
    ({ claim, name: signed }) =>
      componentOf(claim) === 'machine-learning-model' && rules.authority.rolesOf(claim, name ?? signed).length > 0,
  );
}

/** In which roles a claim's signer acted by it. */
export function actsIn(
  { claim, name: signed }: Pick<BoundClaim, 'claim' | 'name'>,
  name: string | null,
  { authority }: ExamineRules,
): readonly Act[] {
  const identity = authority.who(claim.signer);
  const { predicateType } = claim.statement;
  if (typeof identity === 'string' || !ACTED.includes(predicateType)) return [];
  return authority
    .rolesOf(claim, name ?? signed)
    .map((role) => ({ principal: identity.principal.name, role: role.name, made: MADE.includes(predicateType) }));
}

function evaluationsOf(
  standing: readonly BoundClaim[],
  name: string | null,
  rules: ExamineRules,
): readonly VerifiedClaim[] {
  const found = standing.filter(({ claim }) => claim.statement.predicateType === PREDICATES.evaluation);
  return found
    .filter(({ claim, name: signed }) => rules.authority.rolesOf(claim, name ?? signed).length > 0)
    .map(({ claim }) => claim);
}

/** What an evaluation says it looked at; one that cannot be read says nothing, and the policy's rule about it decides. */
function readConfiguration({ statement }: VerifiedClaim): readonly Input[] {
  try {
    return readInputs(statement.predicate['configuration']).filter(
      ({ role, sha256 }) => role === 'dataset' && sha256 !== null,
    );
  } catch {
    return [];
  }
}

/** As people see it; one form for every finding about an artifact. */
export function shown(digest: string): string {
  return `sha256:${digest}`;
}
