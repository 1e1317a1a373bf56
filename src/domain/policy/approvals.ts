import { PREDICATES } from '../claims/predicates.ts';
import { isJsonObject } from '../base/json.ts';
import { bindingOf } from '../claims/binding.ts';
import type { Finding } from '../base/verdict.ts';
import { distinctPeople } from '../authority/people.ts';
import type { Revoked } from '../authority/revocations.ts';
import { clockDisagrees } from '../authority/time.ts';
import { acceptedOf, type Accepted, type Case } from './facts.ts';
import { NOTHING, ageProblem, type RuleResult } from './required.ts';
import { approvalProperty, policyUri } from '../authority/vsa.ts';

/**
 * k distinct people who had no part in making it (security rule 12). A pattern names nobody in particular, so all
 * approvals known by a pattern only count as one.
 * @param makers principals who took a step of the lineage, described what it used, or signed a BOM.
 */
export function checkApprovals(of: Case, makers: ReadonlySet<string>): RuleResult {
  const rule = of.environment.approvals;
  if (rule === undefined) return NOTHING;
  const given = acceptedOf(of, of.about, PREDICATES.approval, rule.role).filter((each) => approves(each, of));
  const fresh = given.filter((each) => ageProblem(of, each, 'approval', rule.maxAgeMs) === null);
  const made = new Set([...makers].map(of.personOf));
  const independent = fresh.filter(({ principal }) => !made.has(of.personOf(principal)));
  const counted = countable(independent);
  if (counted.length < rule.count)
    return { ...NOTHING, findings: [shortage(of, { given, fresh, independent, counted }, rule)] };
  return {
    evidence: counted.map(({ principal, claim }) => ({
      what: `approved by ${principal}`,
      data: { principal, bundle: `sha256:${claim.bundle}` },
    })),
    findings: [],
    used: counted,
    acted: independent,
  };
}

function countable(approvals: readonly Accepted[]): readonly Accepted[] {
  return distinctPeople(approvals.map((each) => ({ ...each, keys: each.claim.keys })));
}

type Rule = NonNullable<Case['environment']['approvals']>;

interface Counted {
  readonly given: readonly Accepted[];
  readonly fresh: readonly Accepted[];
  readonly independent: readonly Accepted[];
  readonly counted: readonly Accepted[];
}

/** The one reason that would have made the difference. */
function shortage(of: Case, { given, fresh, independent, counted }: Counted, rule: Rule): Finding {
  const about = {
    subject: of.facts.id,
    facts: { wanted: `${rule.count} by ${rule.role}`, counted: String(counted.length) },
  };
  const hint = `\`weighmark approve ${of.facts.name}@${of.facts.id} --env ${of.environment.name}\``;
  const makers = fresh.filter((each) => !independent.includes(each)).map(({ principal }) => of.personOf(principal));
  const [fallen] = revokedApprovals(of, rule.role);
  if (fallen !== undefined)
    return { code: 'revoked', message: `an approval no longer counts: ${fallen.reason}`, ...about };
  const lapsed = lapsedApproval(of, rule.role);
  if (lapsed !== null) return { ...lapsed, ...about };
  if (countable(fresh).length >= rule.count)
    return {
      code: 'separation-of-duties',
      message: `${makers.join(', ')} approved what they made themselves`,
      ...about,
    };
  const [stale] = given.filter((each) => !fresh.includes(each));
  const staleness = stale === undefined ? null : ageProblem(of, stale, `approval by ${stale.principal}`, rule.maxAgeMs);
  if (staleness !== null && countable(given).length >= rule.count) return staleness;
  if (independent.length >= rule.count)
    return {
      code: 'approver-duplicate',
      message: `${independent.length} approvals, but by ${counted.length} of the ${rule.count} people wanted`,
      ...about,
    };
  const [disagreeing] = of.about
    .filter(({ claim }) => claim.statement.predicateType === PREDICATES.approval)
    .flatMap(({ claim }) => clockDisagrees(claim, 'approval', of.facts.now) ?? []);
  if (disagreeing !== undefined) return { ...disagreeing, subject: of.facts.id };
  return {
    code: 'approval-missing',
    message: `${counted.length} of ${rule.count} approvals by ${rule.role} are there`,
    ...about,
    hint,
  };
}

function lapsedApproval(of: Case, role: string): Finding | null {
  const found = of.about.find(
    ({ claim }) =>
      claim.onlyNo !== undefined &&
      claim.statement.predicateType === PREDICATES.approval &&
      of.authority.denialRolesOf(claim, of.facts.name).includes(role),
  )?.claim;
  if (found?.onlyNo === undefined) return null;
  const message = `an approval by ${of.authority.nameOf(found)} does not count: ${found.onlyNo.message}`;
  return { ...found.onlyNo, message };
}

function revokedApprovals(of: Case, role: string): readonly Revoked[] {
  const given = of.about.filter(
    ({ claim }) =>
      claim.statement.predicateType === PREDICATES.approval &&
      of.authority.rolesOf(claim, of.facts.name).some(({ name }) => name === role),
  );
  return given.map(({ claim }) => of.revocations.ofClaim(claim)).filter((revoked) => revoked !== null);
}

/**
 * An SVR claim (v0.2) for this environment, by a named verifier; for this name, since the same bytes may go by several; and
 * under this policy if it names any: what was approved for a sandbox is not approved for everything that has a `prod`.
 */
function approves({ claim }: Accepted, of: Case): boolean {
  const binding = bindingOf(claim);
  if (binding.kind !== 'one' || (binding.name !== '' && binding.name !== of.facts.name)) return false;
  const { verifier, properties } = claim.statement.predicate;
  const policies = isJsonObject(verifier) && typeof verifier['id'] === 'string' ? verifier['policies'] : undefined;
  if (!Array.isArray(policies) || (policies.length > 0 && !policies.some((each) => isOurs(each, of)))) return false;
  return Array.isArray(properties) && properties.includes(approvalProperty(of.environment.name));
}

/** Any version of it: approvals outlive a policy's editing, by its maximum age. */
function isOurs(named: unknown, { policy: { name, digest } }: Case): boolean {
  const { uri, digest: digests } = isJsonObject(named) ? named : {};
  const isVersion = typeof uri === 'string' && uri.startsWith(policyUri({ name, version: 0 }).slice(0, -1));
  const sha256 = isJsonObject(digests) ? digests['sha256'] : undefined;
  return isVersion || (typeof sha256 === 'string' && `sha256:${sha256}` === digest);
}
