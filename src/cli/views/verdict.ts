import type { Code } from '../../domain/base/errors.ts';
import {
  exitOf,
  findingsOf,
  verdictOf,
  type Check,
  type Evidence,
  type Finding,
  type Verdict,
} from '../../domain/base/verdict.ts';
import { forMarkdown } from '../../domain/base/text.ts';
import type { Style } from '../command.ts';
import { renderFindings, wayOutOf } from '../errors.ts';

export interface ShownVerdict {
  readonly verdict: Verdict;
  /** Who vouches for the content; null if nobody does. */
  readonly by: string | null;
  /** What was asked, for the last line: default `is what BY signed`. */
  readonly promise?: string;
  /** What follows if the answer is no, or there is none: default for a no `do not load`. */
  readonly advice?: string;
}

/** A verdict for people (DESIGN 5): verified apart from claimed, what is wrong, and last the verdict. Ends with a newline. */
export function verdictText(shown: ShownVerdict, style: Style): string {
  const { verdict } = shown;
  const lines =
    verdict.outcome === 'nothing'
      ? nothingLines(verdict, style)
      : [...blocks(verdict, style), ...errorLines(verdict, style)];
  return `${[...lines, headline(shown, style)].join('\n')}\n${verdict.outcome === 'nothing' ? hintLine(verdict, style) : ''}`;
}

/** Several, one after the other; where one is a no and `-q` was said, what is well is silent. */
export function verdictTexts(
  shown: readonly ShownVerdict[],
  { quiet }: { readonly quiet: boolean },
  style: Style,
): string {
  const amiss = shown.filter(({ verdict }) => verdict.exitCode !== 0);
  return (quiet && amiss.length > 0 ? amiss : shown).map((each) => verdictText(each, style)).join('\n');
}

/** The same for a pull request or a job summary. */
export function verdictMarkdown(shown: ShownVerdict): string {
  const { verdict } = shown;
  const evidence = verdict.checks.flatMap(({ name, evidence: found }) =>
    found.map(({ what }) => `| verified | ${forMarkdown(name)} | ${forMarkdown(what)} |`),
  );
  const findings = findingsOf(verdict)
    .slice(0, MAX_FINDINGS)
    .map(({ code, message }) => `| **${code}** | | ${forMarkdown(message)} |`);
  const claimed = verdict.claimed.map(({ what }) => `| claimed | | ${forMarkdown(what)} |`);
  const notAsked = verdict.notAsked.length === 0 ? [] : [`| not asked | | ${notAskedWords(verdict)} |`];
  return [
    `### ${forMarkdown(lastLine(shown))}`,
    '',
    '| | | |',
    '|---|---|---|',
    ...findings,
    ...evidence,
    ...claimed,
    ...notAsked,
  ].join('\n');
}

/** Several verdicts as one, for formats that hold one report: checks and paths say whose they are. */
export function oneVerdict(verdicts: readonly Verdict[]): Verdict {
  const checks = verdicts.flatMap((verdict) =>
    verdict.checks.map((check) => placed(check, verdict.subject, verdicts.length > 1)),
  );
  return verdictOf({ subject: verdicts.map(({ subject }) => subject).join(' '), checks });
}

function placed(check: Check, subject: string, several: boolean): Check {
  const name = several ? `${subject}: ${check.name}` : check.name;
  if (check.passed) return { ...check, name };
  const [first, ...rest] = check.findings.map((finding) => ({
    ...finding,
    subject: finding.subject === undefined ? subject : `${subject.replace(/\/$/, '')}/${finding.subject}`,
  }));
  return first === undefined ? { ...check, name } : { ...check, name, findings: [first, ...rest] };
}

const MAX_FINDINGS = 20;
const LABEL_WIDTH = 11;

function blocks(verdict: Verdict, style: Style): readonly string[] {
  const failed = verdict.outcome !== 'verified';
  const verified = failed
    ? [failedSummary(verdict)].filter((line) => line !== '')
    : verdict.checks.flatMap(({ evidence }) => evidence.map(({ what }) => what));
  return [
    ...block('verified', onceEach(verified), style),
    ...block('claimed', onceEach(verdict.claimed.map(({ what }) => what)), style),
    ...block('note', verdict.notes, style),
    ...(failed ? [] : block('not asked', verdict.notAsked.length === 0 ? [] : [notAskedWords(verdict)], style)),
  ];
}

/** What two claims say in the same words, such as two seals of one content, is said once and counted. */
function onceEach(lines: readonly string[]): readonly string[] {
  return [...Map.groupBy(lines, (line) => line)].map(([line, same]) =>
    same.length === 1 ? line : `${line} (${same.length} times)`,
  );
}

/** Somebody's signed scan may be among what was verified: what was not asked is another one, of these bytes in this run. */
function notAskedWords({ notAsked }: Verdict): string {
  return notAsked.map((each) => (each === 'scan' ? 'a scan in this run' : each)).join(', ');
}

/** What still holds of something refused: in one line, signature first. */
function failedSummary(verdict: Verdict): string {
  const evidenceOf = (name: string): readonly Evidence[] =>
    verdict.checks.find((check) => check.name === name)?.evidence ?? [];
  const signature = evidenceOf('signature')[0]?.what;
  const content = countsOf(verdict);
  return [signature, content === null ? undefined : `${content.good} of ${content.signed} files`]
    .filter(Boolean)
    .join('; ');
}

function nothingLines(verdict: Verdict, style: Style): readonly string[] {
  const [content, ...claimed] = verdict.claimed;
  const where = /\(looked for (.+)\)$/.exec(findingsOf(verdict)[0]?.message ?? '')?.[1] ?? '';
  return [
    ...block('content', content === undefined ? [] : [content.what], style),
    ...block('signature', [`none${where === '' ? '' : ` (looked for ${where})`}`], style),
    ...block(
      'claimed',
      claimed.map(({ what }) => what),
      style,
    ),
    ...block('note', verdict.notes, style),
  ];
}

function errorLines(verdict: Verdict, style: Style): readonly string[] {
  const findings = findingsOf(verdict);
  const shown = renderFindings(findings.slice(0, MAX_FINDINGS), style);
  return findings.length > MAX_FINDINGS ? [...shown, `and ${findings.length - MAX_FINDINGS} more`] : shown;
}

function hintLine(verdict: Verdict, style: Style): string {
  const [first] = findingsOf(verdict);
  return first === undefined ? '' : `hint: ${style.plain(wayOutOf(first))}\n`;
}

function headline(shown: ShownVerdict, style: Style): string {
  const line = lastLine(shown);
  if (shown.verdict.outcome === 'verified') return style.good(line);
  return shown.verdict.outcome === 'failed' ? style.bad(line) : style.warn(line);
}

function lastLine({ verdict, by, promise, advice }: ShownVerdict): string {
  const { subject, id, outcome } = verdict;
  const words = promise ?? `is what ${by ?? 'somebody trusted'} signed`;
  if (outcome === 'verified')
    return `VERIFIED${verdict.scope === 'whole' ? '' : ` (${verdict.scope})`}: ${subject} ${words}${id === undefined ? '' : ` (${id})`}`;
  if (outcome === 'nothing') return `NOT VERIFIED: nobody signed ${subject}`;
  if (outcome === 'failed') return `FAILED: ${failure(verdict, by)}; ${advice ?? 'do not load'}`;
  if (outcome === 'usage') return `NOT VERIFIED: ${findingsOf(verdict)[0]?.message ?? 'not asked properly'}`;
  return `UNDECIDED: ${subject} could not be verified: ${reasonOf(verdict)}${advice === undefined ? '' : `; ${advice}`}`;
}

/** What decided, the others are shown above: that it was revoked before anything else, then the first. */
function reasonOf(verdict: Verdict): string {
  const findings = findingsOf(verdict);
  const deciding = findings.filter((finding) => exitOf(finding) === verdict.exitCode);
  const leading = deciding.find(({ code }) => code === 'revoked') ?? deciding[0] ?? findings[0];
  return leading?.message ?? 'unknown';
}

/** Counts where the content differs, else the first reason. */
function failure(verdict: Verdict, by: string | null): string {
  const findings = findingsOf({ checks: verdict.checks.filter(({ name }) => name === 'content') });
  const count = (...codes: readonly Code[]) =>
    new Set(findings.filter(({ code }) => codes.includes(code)).map(({ subject }) => subject)).size;
  const changed = count('digest-mismatch', 'digest-conflict');
  const total = countsOf(verdict)?.signed;
  const parts = [
    changed > 0 ? `${changed}${total === undefined ? '' : ` of ${total}`} files changed` : '',
    count('file-missing') > 0 ? `${count('file-missing')} missing` : '',
    count('file-unsigned') > 0 ? `${count('file-unsigned')} unsigned` : '',
  ].filter((part) => part !== '');
  const isContent = parts.length > 0 && by !== null && findings.every(({ code }: Finding) => CONTENT.includes(code));
  return isContent ? `${parts.join(', ')} since ${by} signed` : `${verdict.subject}: ${reasonOf(verdict)}`;
}

const CONTENT: readonly Code[] = ['digest-mismatch', 'digest-conflict', 'file-missing', 'file-unsigned'];

function countsOf(verdict: Verdict): { readonly good: number; readonly signed: number } | null {
  const data = verdict.checks.find((check: Check) => check.name === 'content')?.evidence[0]?.data;
  const { good, signed } = data ?? {};
  return typeof good === 'number' && typeof signed === 'number' ? { good, signed } : null;
}

function block(label: string, lines: readonly string[], style: Style): readonly string[] {
  return lines.map((line, index) => `${style.dim((index === 0 ? label : '').padEnd(LABEL_WIDTH))}${style.plain(line)}`);
}
