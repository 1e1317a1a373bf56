import { CommanderError } from 'commander';
import { CODES, WeighmarkError, type Code } from '../domain/base/errors.ts';
import { EXPLANATIONS } from '../domain/base/explanations.ts';
import { findingOf, type Finding } from '../domain/base/verdict.ts';
import { withoutSecrets } from '../domain/base/secrets.ts';
import type { Style } from './command.ts';

/** What, why and how to fix, with a stable code; for people. Ends with a newline. */
export function renderFinding(finding: Finding, style: Style): string {
  const width = Math.max(0, ...Object.keys(finding.facts ?? {}).map((label) => label.length));
  const facts = Object.entries(finding.facts ?? {}).map(
    ([label, value]) => `  ${style.plain(label.padEnd(width))}  ${style.plain(value)}\n`,
  );
  return `weighmark: ${style.bad(`error[${finding.code}]`)}: ${style.plain(finding.message)}\n${facts.join('')}hint: ${style.plain(wayOutOf(finding))}\n`;
}

/** Several, one after the other; a way out that several share is said once, after the first. */
export function renderFindings(findings: readonly Finding[], style: Style): readonly string[] {
  const said = new Set<string>();
  return findings.map((finding) => {
    const lines = renderFinding(finding, style).trimEnd();
    const hint = wayOutOf(finding);
    if (!said.has(hint)) return (said.add(hint), lines);
    return lines.slice(0, lines.lastIndexOf('\n'));
  });
}

/** The finding's own hint, else that of its code: no refusal is without one. */
export function wayOutOf({ code, hint, facts }: Finding): string {
  const { wayOut } = EXPLANATIONS[code];
  return hint ?? (facts?.['rule'] === undefined ? wayOut : wayOut.replace('RULE', facts['rule']));
}

/** For `JSON.stringify`: whatever is a finding (a known code and a message) leaves with its way out. */
export function withWaysOut(_key: string, value: unknown): unknown {
  return isFinding(value) ? { ...value, hint: wayOutOf(value) } : value;
}

function isFinding(value: unknown): value is Finding {
  if (typeof value !== 'object' || value === null || !('code' in value) || !('message' in value)) return false;
  return Object.hasOwn(CODES, value.code as Code) && typeof value.message === 'string';
}

/** The finding behind anything thrown; a usage error of the command line is one too. Null for `--help`. */
export function findingOfThrown(error: unknown): Finding | null {
  if (error instanceof CommanderError) return error.exitCode === 0 || isGroupHelp(error) ? null : usageFinding(error);
  return findingOf(error);
}

/** `weighmark trust` alone: its help was shown, and nothing was done. */
export function isGroupHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.code === 'commander.help';
}

/** Where the trace of an unexpected error helps: not for WeighmarkErrors. */
export function traceOf(error: unknown): string {
  if (error instanceof WeighmarkError || error instanceof CommanderError || !(error instanceof Error)) return '';
  return `${error.stack ?? ''}\n`;
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/--certificate-identity|--cert-identity/, 'weighmark calls it `--identity`'],
  [/--certificate-oidc-issuer|--cert-oidc-issuer/, 'weighmark calls it `--issuer`'],
  [/--private[-_]key|--public[-_]key/, 'weighmark calls it `--key`'],
  [/--bundle/, 'weighmark calls it `--signature`'],
  [/--ignore[-_]paths/, 'weighmark calls it `--ignore`'],
  [/unknown command 'version'/, '`weighmark --version` prints it'],
];

/** The command whose words were wrong, where it is known, and a blank. */
function helpOf(error: CommanderError): string {
  return 'helpOf' in error && typeof error.helpOf === 'string' ? `${error.helpOf} ` : '';
}

function usageFinding(error: CommanderError): Finding {
  const message = error.message.replace(/^error: /, '').replace(/\n\(Did you mean (.+?)\?\)/, '');
  const meant = /\(Did you mean (.+?)\?\)/.exec(error.message)?.[1];
  const known = HINTS.find(([words]) => words.test(message))?.[1];
  const hint = known ?? (meant === undefined ? undefined : `did you mean \`${meant}\`?`);
  return { code: 'usage', message: withoutSecrets(message), hint: hint ?? `see \`weighmark ${helpOf(error)}--help\`` };
}
