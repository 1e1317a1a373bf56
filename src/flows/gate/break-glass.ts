import type { Code } from '../../domain/base/errors.ts';
import type { Case } from '../../domain/policy/facts.ts';
import { BREAK_GLASS_ROLE } from '../../domain/authority/types.ts';
import { checkOf, exitOf, type Check, type Finding } from '../../domain/base/verdict.ts';

/** What a broken glass sets aside: what is not yet there, not what is wrong (rule 13). */
const WAIVED: readonly Code[] = [
  'claim-missing',
  'claim-stale',
  'no-verified-time',
  'approval-missing',
  'approver-duplicate',
  'separation-of-duties',
  'lineage-missing',
  'lineage-unattested',
  'undeclared-input',
  'licence-refused',
  'format-refused',
  'bom-incomplete',
  'policy-refused',
  'not-promoted',
  'policy-mismatch',
  'promotion-expired',
];

/** Checks that look at the world outside the artifact: the log and its completeness are never waived. */
const KEPT_CHECKS = ['content', 'log', 'revocation', 'scan', 'policy'];

/**
 * The same checks with what an emergency may set aside turned into marked evidence. Signatures, digests, revocations,
 * blocked scans and the log stay.
 */
export function breakGlassChecks(of: Case, checks: readonly Check[], reason: string): readonly Check[] {
  const exists = of.policy.roles.some(({ name }) => name === BREAK_GLASS_ROLE);
  const missing: Finding = {
    code: 'policy-refused',
    message: 'the policy lets nobody break the glass',
    subject: of.facts.id,
  };
  const own = checkOf(
    'break-glass',
    [{ what: `BREAK-GLASS for 24 h: ${reason}`, data: { reason } }],
    exists ? [] : [missing],
  );
  return [own, ...checks.map(waived)];
}

/** What a broken glass sets aside stays so for as long as it is broken, when the rules are asked again (rule 13). */
export function whileBroken(checks: readonly Check[]): readonly Check[] {
  return checks.map(waived);
}

function waived(check: Check): Check {
  if (check.passed || KEPT_CHECKS.includes(check.name)) return check;
  const left = check.findings.filter((finding) => !WAIVED.includes(finding.code) || exitOf(finding) !== 1);
  const set = check.findings.filter((finding) => !left.includes(finding));
  return checkOf(
    check.name,
    [...check.evidence, ...set.map(({ code, message }) => ({ what: `set aside: ${message}`, data: { code } }))],
    left,
  );
}
