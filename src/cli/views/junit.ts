import { forXml } from '../../domain/base/text.ts';
import type { Check, Verdict } from '../../domain/base/verdict.ts';

export interface JunitCase {
  readonly name: string;
  /** Null when it passed. */
  readonly failure: { readonly type: string; readonly message: string; readonly details: readonly string[] } | null;
}

/** One test suite in the JUnit dialect that Jenkins, GitLab and GitHub readers share. */
export function junit(suite: string, cases: readonly JunitCase[]): string {
  const failures = cases.filter(({ failure }) => failure !== null).length;
  const counts = `tests="${cases.length}" failures="${failures}" errors="0" skipped="0"`;
  const body = cases.map((each) => junitCase(suite, each)).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ${counts}>\n  <testsuite name="${forXml(suite)}" ${counts}>\n${body}  </testsuite>\n</testsuites>`;
}

/** A verdict as a suite: one case a check. A verdict without checks verified nothing, which is a failure. */
export function verdictJunit(verdict: Verdict): string {
  const nothing: JunitCase = {
    name: 'something to verify',
    failure: { type: 'nothing-to-verify', message: 'nothing was verified', details: [] },
  };
  return junit(verdict.subject, verdict.checks.length === 0 ? [nothing] : verdict.checks.map(checkCase));
}

function checkCase(check: Check): JunitCase {
  if (check.passed) return { name: check.name, failure: null };
  const [first] = check.findings;
  const details = check.findings.map((finding) => `${finding.code}: ${finding.message}`);
  return { name: check.name, failure: { type: first.code, message: first.message, details } };
}

function junitCase(suite: string, { name, failure }: JunitCase): string {
  const open = `    <testcase classname="weighmark.${forXml(suite)}" name="${forXml(name)}"`;
  if (failure === null) return `${open}/>\n`;
  const details = failure.details.map(forXml).join('\n');
  return `${open}>\n      <failure type="${forXml(failure.type)}" message="${forXml(failure.message)}">${details}</failure>\n    </testcase>\n`;
}
