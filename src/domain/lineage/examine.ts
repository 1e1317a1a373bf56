import { PREDICATES, type Role } from '../claims/predicates.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import { canonicalJson } from '../base/json.ts';
import type { Authority } from '../authority/authority.ts';
import type { Revocations } from '../authority/revocations.ts';
import { findingOf, type Finding } from '../base/verdict.ts';
import type { BoundClaim, ClaimIndex } from './index-claims.ts';
import { isProvenance, readInputs, readProvenance, type Input, type Provenance } from './provenance.ts';

/** A provenance claim that counts: made by somebody who may take that step for this model. */
export interface AcceptedStep {
  readonly provenance: Provenance;
  readonly claim: VerifiedClaim;
  readonly principal: string;
  readonly role: string;
}

/** All that verified claims say about one artifact, judged by who says it. */
export interface Examined {
  readonly digest: string;
  readonly name: string;
  readonly step: AcceptedStep | null;
  /** Input roles for which a description by the right signer is enough, and that description. */
  readonly vouched: ReadonlyMap<Role, VerifiedClaim>;
  /** What evaluations of it were run on. */
  readonly evaluatedOn: readonly Input[];
  readonly evaluations: readonly VerifiedClaim[];
  readonly findings: readonly Finding[];
  /** A provenance claim there was, by somebody who may not make it: why there is no step. */
  readonly refused: Finding | null;
}

export interface ExamineRules {
  readonly authority: Authority;
  readonly revocations: Revocations;
}

const DESCRIPTIONS: readonly string[] = [PREDICATES.reference, PREDICATES.bom];

/** @param name the name to judge roles by; null: what each claim's signer calls the artifact. */
export function examine(
  about: readonly BoundClaim[],
  digest: string,
  name: string | null,
  rules: ExamineRules,
): Examined {
  const standing = about.filter(({ claim }) => rules.revocations.ofClaim(claim) === null);
  const fallen = about.filter(({ claim }) => rules.revocations.ofClaim(claim) !== null);
  const steps = readSteps(
    standing.filter(({ claim }) => isProvenance(claim.statement)),
    name,
    rules,
  );
  const evaluations = evaluationsOf(standing, name, rules);
  return {
    digest,
    name: name ?? about.find((bound) => bound.name !== '')?.name ?? '',
    step: steps.accepted[0] ?? null,
    vouched: vouchedRoles(standing, name, rules),
    evaluatedOn: evaluations.flatMap(readConfiguration),
    evaluations,
    findings: [...steps.findings, ...conflictOf(steps.accepted)],
    refused: steps.refused ?? revokedStep(fallen, rules),
  };
}

export function aboutAny(index: ClaimIndex, digests: readonly string[]): readonly BoundClaim[] {
  return digests.flatMap((digest) => index.about(digest));
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
    const [role] = rules.authority.rolesOf(claim, name ?? signed);
    const identity = rules.authority.who(claim.signer);
    if (role === undefined || typeof identity === 'string') {
      refused =
        lapsed(claim, digest, rules) ??
        wrongSigner(claim, digest, typeof identity === 'string' ? null : identity.principal.name);
      continue;
    }
    try {
      accepted.push({
        provenance: readProvenance(claim.statement),
        claim,
        principal: identity.principal.name,
        role: role.name,
      });
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

function revokedStep(fallen: readonly BoundClaim[], rules: ExamineRules): Finding | null {
  const bound = fallen.find(({ claim }) => isProvenance(claim.statement));
  const revocation = bound === undefined ? null : rules.revocations.ofClaim(bound.claim);
  if (bound === undefined || revocation === null) return null;
  return {
    code: 'revoked',
    message: `its provenance claim no longer counts: ${revocation.reason}`,
    subject: shown(bound.digest),
    facts: { claim: `sha256:${bound.claim.bundle}` },
  };
}

/** Two accepted accounts of one artifact must tell the same story (security rule 8). */
function conflictOf(accepted: readonly AcceptedStep[]): readonly Finding[] {
  if (accepted.length < 2) return [];
  const stories = new Set(accepted.map(({ provenance }) => storyOf(provenance)));
  if (stories.size < 2) return [];
  const facts = Object.fromEntries(
    accepted.slice(0, 4).map(({ claim, principal }) => [`by ${principal}`, `sha256:${claim.bundle}`]),
  );
  return [{ code: 'claim-conflict', message: 'trusted signers disagree about how it was made', facts }];
}

function storyOf({ buildType, inputs }: Provenance): string {
  const parts = inputs
    .map(({ role, sha256, commit, name }) => canonicalJson([role, sha256 ?? commit ?? name]))
    .toSorted();
  return canonicalJson([buildType, parts]);
}

function vouchedRoles(
  standing: readonly BoundClaim[],
  name: string | null,
  rules: ExamineRules,
): ReadonlyMap<Role, VerifiedClaim> {
  const descriptions = standing.filter(({ claim }) => DESCRIPTIONS.includes(claim.statement.predicateType));
  const pairs = descriptions.flatMap(({ claim, name: signed }) =>
    rules.authority
      .rolesOf(claim, name ?? signed)
      .flatMap((role) => role.vouches.map((vouched) => [vouched, claim] as const)),
  );
  return new Map(pairs.toReversed());
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
