import { checkOf, type Check, type Evidence, type Finding } from '../base/verdict.ts';
import type { Case } from './facts.ts';
import type { Exception } from '../authority/types.ts';

/** What the log shows and hides, who took back what, and whether the policy holds at all: no exception is about these. */
const NEVER: readonly string[] = ['policy', 'log', 'revocation', 'after'];

/** Findings that the policy excepts, by code, artifact and environment until a day, become evidence that says so. */
export function withExceptions(of: Case, check: Check): Check {
  if (check.passed || NEVER.includes(check.name)) return check;
  const excused = check.findings.map((finding) => ({ finding, exception: exceptionFor(of, finding) }));
  const left = excused.filter(({ exception }) => exception === null).map(({ finding }) => finding);
  const evidence = excused.flatMap(({ finding, exception }): Evidence[] =>
    exception === null ? [] : [evidenceOf(finding, exception)],
  );
  return checkOf(check.name, [...check.evidence, ...evidence], left);
}

function exceptionFor({ policy, environment, facts }: Case, finding: Finding): Exception | null {
  return (
    policy.exceptions.find(
      (each) =>
        each.code === finding.code &&
        each.id === finding.subject &&
        each.environment === environment.name &&
        Date.parse(each.expires) > facts.now.getTime(),
    ) ?? null
  );
}

function evidenceOf(finding: Finding, { reason, expires, code, id }: Exception): Evidence {
  return {
    what: `excepted until ${expires.slice(0, 10)}: ${finding.message} (${reason})`,
    data: { code, id, reason, expires },
  };
}
