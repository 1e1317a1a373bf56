import { forShell } from '../base/text.ts';
import { PREDICATES, SCANS } from '../claims/predicates.ts';
import { isHex256 } from '../digest/hex.ts';
import { bindingOf } from '../claims/binding.ts';
import { undecided, type Evidence, type Finding } from '../base/verdict.ts';
import { compileAssertion } from './cel.ts';
import { acceptedOf, denialsOf, type Accepted, type Case, type Denial } from './facts.ts';
import { actKey } from '../authority/copies.ts';
import { saysNo } from '../authority/polarity.ts';
import { ageStart, clockDisagrees, daysOf } from '../authority/time.ts';
import type { RequiredClaim, RoleRule } from '../authority/types.ts';
import { whoMay } from '../authority/holders.ts';
import type { VerifiedClaim } from '../claims/types.ts';

export interface RuleResult {
  readonly evidence: readonly Evidence[];
  readonly findings: readonly Finding[];
  readonly used: readonly Accepted[];
  /** Everybody whose claim would have done as well; absent: those used. No order of claims says who acted. */
  readonly acted?: readonly Accepted[];
}

export const NOTHING: RuleResult = { evidence: [], findings: [], used: [] };

/** One claim that must be there: by the right signer, fresh enough, and saying what the policy wants. */
export function checkRequired(of: Case, rule: RequiredClaim): RuleResult {
  const accepted = acceptedOf(of, of.aboutContent, rule.predicateType, rule.role);
  if (accepted.length === 0) return refused(absence(of, rule));
  const judged = accepted.map((each) => ({ each, finding: problemWith(of, each, rule) }));
  const acted = judged.flatMap(({ each, finding }) => (finding === null ? [each] : []));
  const [good] = acted;
  if (good === undefined) return refused(judged.at(-1)?.finding ?? absence(of, rule));
  const what = `${rule.label} by ${good.principal}`;
  return {
    evidence: [
      { what, data: { type: rule.predicateType, bundle: `sha256:${good.claim.bundle}`, principal: good.principal } },
    ],
    findings: [],
    used: [good],
    acted,
  };
}

/** Claims of the types that can say no: while one by the right role stands, it blocks (security rule 8). */
export function checkNegatives(of: Case): readonly Finding[] {
  const evaluations = denialsOf(of, PREDICATES.evaluation).filter(({ claim }) => saysNo(claim.statement));
  return [...evaluations.map((each) => negative(of, each)), ...unboundNegatives(of)];
}

function negative(of: Case, denial: Denial): Finding {
  const { claim, by, lost } = denial;
  if (lost !== null) return unconfirmed(of, denial, 'evaluated it, and the result is not a pass');
  return {
    code: 'claim-negative',
    message: `${by} evaluated it and the result is not a pass`,
    subject: of.facts.id,
    facts: { result: String(claim.statement.predicate['result']).slice(0, 100), claim: `sha256:${claim.bundle}` },
    hint: 'a better result does not undo it: its signer takes the claim back with `weighmark revoke --claim`',
  };
}

/** Logged for this artifact and no pass, but what it is about cannot be read from it, or is this as something else. */
function unboundNegatives(of: Case): readonly Finding[] {
  const denials = [PREDICATES.evaluation, ...SCANS].flatMap((type) => denialsOf(of, type));
  const bound = new Set(denials.map(({ claim }) => actKey(claim)));
  return (of.facts.log.claims ?? []).flatMap(({ leaf }): readonly Finding[] => {
    const claim = of.index.byBundle(leaf.bundle.slice('sha256:'.length));
    if (claim === null || bound.has(actKey(claim)) || !saysNo(claim.statement) || !isAskedOf(of, claim)) return [];
    if (!mayMeanThis(of, claim) || of.revocations.ofClaim(claim)?.kind === 'claim') return [];
    const what = claim.statement.predicateType === PREDICATES.evaluation ? 'evaluated' : 'scanned';
    return [
      undecided({
        code: 'claim-malformed',
        message: `${of.authority.nameOf(claim)} ${what} something, not with a pass, and what cannot be read`,
        subject: of.facts.id,
        facts: { claim: `sha256:${claim.bundle}` },
      }),
    ];
  });
}

/** By somebody of whom such a no is heard here. */
function isAskedOf({ authority, environment, facts }: Case, claim: VerifiedClaim): boolean {
  const { predicateType } = claim.statement;
  const roles = authority.denialRolesOf(claim, facts.name);
  if (SCANS.includes(predicateType)) return environment.scan !== undefined && roles.includes(environment.scan.role);
  return predicateType === PREDICATES.evaluation && roles.length > 0;
}

/** It names nothing that binds, something without a digest that can be read, or this artifact's as one of another kind or spelling. */
function mayMeanThis({ digest, facts }: Case, claim: VerifiedClaim): boolean {
  const { subject } = claim.statement;
  if (bindingOf(claim).kind === 'none' || subject.some((each) => !isHex256(each.digest['sha256']))) return true;
  return subject.some((each) => [digest, ...facts.aliases].includes(each.digest['sha256'] ?? ''));
}

/** A no by somebody lost since: nobody can tell whether it was before. */
export function unconfirmed(of: Case, { claim, by, lost }: Denial, what: string): Finding {
  return {
    code: 'denial-unconfirmed',
    message: `${by} ${what}; nothing shows that this was before ${by} was lost`,
    subject: of.facts.id,
    facts: { claim: `sha256:${claim.bundle}`, lost: lost?.reason ?? '' },
    hint: `a revoker says the same with \`weighmark revoke\`, or lifts it with \`weighmark revoke --claim sha256:${claim.bundle}\``,
  };
}

/** Age by verified time only (rule 11). */
export function ageProblem(of: Case, { claim }: Accepted, label: string, maxAgeMs: number | undefined): Finding | null {
  if (maxAgeMs === undefined) return null;
  const start = ageStart(claim);
  const about = { subject: of.facts.id, facts: { claim: `sha256:${claim.bundle}` } };
  if (start === null)
    return {
      code: 'no-verified-time',
      message: `nobody but its signer says when the ${label} was signed`,
      ...about,
      hint: 'sign with --tsa URL or --keyless',
    };
  const age = of.facts.now.getTime() - start;
  return age > maxAgeMs
    ? { code: 'claim-stale', message: `the ${label} is ${daysOf(age)} old; ${daysOf(maxAgeMs)} are allowed`, ...about }
    : null;
}

function problemWith(of: Case, each: Accepted, rule: RequiredClaim): Finding | null {
  const age = ageProblem(of, each, rule.label, rule.maxAgeMs);
  if (age !== null || rule.where === undefined) return age;
  const { statement, signer, times } = each.claim;
  const answer = compileAssertion(rule.where).ask({
    predicate: statement.predicate,
    signer: { principal: each.principal, roles: each.roles, kind: signer.kind },
    times,
    name: of.facts.name,
  });
  if (answer.holds) return null;
  return {
    code: 'policy-refused',
    message: `the ${rule.label} by ${each.principal} is not as the policy wants it: ${answer.why}`,
    subject: of.facts.id,
    facts: { where: rule.where },
  };
}

/** Why there is none: nobody signed one, the wrong one did, it was taken back, or it is about two things. */
function absence(of: Case, rule: RequiredClaim): Finding {
  const there = of.aboutContent
    .filter(({ claim }) => claim.statement.predicateType === rule.predicateType)
    .map(({ claim }) => claim);
  const revoked = there.map((claim) => of.revocations.ofClaim(claim)).find((found) => found !== null);
  const wanted = rule.role === undefined ? '' : ` by a ${rule.role}`;
  const about = { subject: of.facts.id, facts: { claim: rule.predicateType } };
  if (revoked !== undefined)
    return { code: 'revoked', message: `its ${rule.label} no longer counts: ${revoked.reason}`, ...about };
  const lapsed = there.find((claim) => claim.onlyNo !== undefined && of.authority.nameOf(claim) !== null);
  if (lapsed?.onlyNo !== undefined)
    return {
      ...lapsed.onlyNo,
      message: `its ${rule.label} is by ${of.authority.nameOf(lapsed)} and does not count: ${lapsed.onlyNo.message}`,
      subject: of.facts.id,
    };
  const [disagreeing] = there.flatMap((claim) => clockDisagrees(claim, rule.label, of.facts.now) ?? []);
  if (disagreeing !== undefined) return { ...disagreeing, subject: of.facts.id };
  if (there.length > 0)
    return {
      code: 'wrong-signer',
      message: `its ${rule.label} is signed by nobody who may say it of ${of.facts.name}`,
      ...about,
      ...whoMay(rolesWanted(of, rule, there), null),
    };
  const split = [of.digest, ...of.facts.aliases]
    .flatMap((digest) => of.index.ambiguousAbout(digest))
    .some((claim) => claim.statement.predicateType === rule.predicateType);
  if (split)
    return { code: 'subject-ambiguous', message: `its ${rule.label} is about something else as well`, ...about };
  return { code: 'claim-missing', message: `it has no ${rule.label}${wanted}`, ...about, hint: makingOf(of, rule) };
}

/** The command that makes the claim, of this very artifact; what its figures are, who asked for it knows. */
function makingOf(of: Case, { label }: RequiredClaim): string {
  const made =
    label === 'bom'
      ? '`weighmark seal PATH` makes one'
      : `\`weighmark attest ${of.facts.name}@${of.facts.id} --type ${forShell(label)}${label === 'evaluation' ? ' --result passed' : ''}\` makes one`;
  return `${made}, by somebody whom the policy lets say it; was there one: \`weighmark log show\``;
}

function rolesWanted(of: Case, { role }: RequiredClaim, [claim]: readonly VerifiedClaim[]): readonly RoleRule[] {
  const able = claim === undefined ? [] : of.authority.rolesFor(claim, of.facts.name);
  return role === undefined ? able : able.filter(({ name }) => name === role);
}

function refused(finding: Finding): RuleResult {
  return { evidence: [], findings: [finding], used: [] };
}
