import { CommanderError } from 'commander';
import { WeighmarkError } from '../domain/base/errors.ts';
import { findingOf, type Finding } from '../domain/base/verdict.ts';
import { withoutSecrets } from '../domain/base/secrets.ts';
import type { Style } from './command.ts';

/** What, why and how to fix, with a stable code; for people. Ends with a newline. */
export function renderFinding(finding: Finding, style: Style): string {
  const width = Math.max(0, ...Object.keys(finding.facts ?? {}).map((label) => label.length));
  const facts = Object.entries(finding.facts ?? {}).map(
    ([label, value]) => `  ${style.plain(label.padEnd(width))}  ${style.plain(value)}\n`,
  );
  const hint = finding.hint === undefined ? '' : `hint: ${style.plain(finding.hint)}\n`;
  return `weighmark: ${style.bad(`error[${finding.code}]`)}: ${style.plain(finding.message)}\n${facts.join('')}${hint}`;
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
];

function usageFinding(error: CommanderError): Finding {
  const message = error.message.replace(/^error: /, '').replace(/\n\(Did you mean (.+?)\?\)/, '');
  const meant = /\(Did you mean (.+?)\?\)/.exec(error.message)?.[1];
  const hint = meant === undefined ? HINTS.find(([words]) => words.test(message))?.[1] : `did you mean \`${meant}\`?`;
  return { code: 'usage', message: withoutSecrets(message), hint: hint ?? 'see `weighmark --help`' };
}
