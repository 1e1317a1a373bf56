import type { Code, ExitCode } from '../../domain/base/errors.ts';
import { ageInDays } from '../../domain/scan/feeds/match.ts';
import {
  atLeast,
  isCounted,
  RULES,
  type Place,
  type ScanFinding,
  type ScanResult,
  type Severity,
  SEVERITIES,
} from '../../domain/scan/index.ts';
import { suppressionText } from '../../domain/policy/suppressions.ts';
import { forMarkdown } from '../../domain/base/text.ts';
import type { ArtifactScan, ReadFeed } from '../../flows/content/scan.ts';
import type { Style } from '../command.ts';
import { junit } from './junit.ts';
import { sarifLog, type SarifNotice, type SarifResult, type SarifRule } from './sarif.ts';
import { pushAll } from '../../domain/base/lists.ts';

export interface ShownScan {
  /** The path as the user wrote it. */
  readonly shown: string;
  readonly scan: ArtifactScan;
  /** Why it was not scanned at all. */
  readonly stopped?: Code;
}

export interface About {
  readonly failOn: Severity;
  readonly feeds: readonly ReadFeed[];
  readonly now: Date;
  readonly exitCode: ExitCode;
  /** Low and informational findings are listed too. */
  readonly verbose: boolean;
}

/** The body of `schemas/scan.schema.json`. */
export function scanJson(scans: readonly ShownScan[], { failOn, feeds, now }: About): Record<string, unknown> {
  return {
    failOn,
    artifacts: scans.map(({ shown, scan }) => ({
      path: shown,
      verdict: scan.verdict,
      unknownFiles: scan.files.filter(isUnknown).length,
      findings: scan.findings,
      files: scan.files,
    })),
    feeds: feeds.map((feed) => ({
      location: feed.location,
      kind: feed.kind,
      fetched: feed.fetched,
      ageDays: ageInDays(feed, now),
      indicators: feed.indicators.length,
      unread: feed.unread.length,
      ...(feed.published === undefined ? {} : { published: feed.published }),
    })),
  };
}

export function scanText(scans: readonly ShownScan[], about: About, style: Style): { out: string } {
  return {
    out: `${[...scans.map((scan) => artifactText(scan, about, style)), ...feedLines(about, style)].join('\n')}\n`,
  };
}

const MOST = 50;
const MOST_OPEN = 10;

function artifactText({ shown, scan, stopped }: ShownScan, about: About, style: Style): string {
  if (stopped !== undefined)
    return `${style.warn(WORDS.incomplete)}: ${style.plain(shown)}: ${style.plain(scan.files[0]?.unexamined[0]?.reason ?? 'not scanned')}`;
  const least: Severity = about.verbose ? 'info' : 'medium';
  const all = allFindings(scan);
  const listed = all.filter(({ severity }) => atLeast(severity, least));
  const shownFindings = about.verbose ? listed : listed.slice(0, MOST);
  const lines = shownFindings.map((finding) => findingText(finding, style));
  if (listed.length > shownFindings.length)
    lines.push(style.dim(`  and ${listed.length - shownFindings.length} more (-v shows all)`));
  const open = scan.files.flatMap(({ unexamined }) => unexamined);
  const shownOpen = about.verbose ? open : open.slice(0, MOST_OPEN);
  for (const { place, reason } of shownOpen)
    lines.push(`${style.warn('not examined')}  ${style.plain(placeText(place))}: ${style.plain(reason)}`);
  if (open.length > shownOpen.length)
    lines.push(style.dim(`  and ${open.length - shownOpen.length} more not examined (-v shows all)`));
  if (about.verbose) pushAll(lines, adviceLines(shownFindings, style));
  return [...lines, summaryText(shown, scan, { style, hidden: all.length - listed.length })].join('\n');
}

/** What to do about each rule that was found, once. */
function adviceLines(findings: readonly ScanFinding[], style: Style): string[] {
  return [...new Set(findings.map(({ rule }) => rule))].flatMap((id) => {
    const rule = RULES[id];
    return rule === undefined ? [] : [`${style.dim('advice')}    ${style.bold(id)}  ${style.plain(rule.fix)}`];
  });
}

function findingText({ rule, severity, message, place, suppression }: ScanFinding, style: Style): string {
  const word = paint(
    style,
    suppression?.state === 'active'
      ? 'dim'
      : atLeast(severity, 'high')
        ? 'bad'
        : severity === 'medium'
          ? 'warn'
          : 'dim',
    severity.padEnd(8),
  );
  const title = RULES[rule]?.title ?? rule;
  return `${word}  ${style.bold(rule)}  ${style.plain(placeText(place))}\n          ${style.plain(title)}: ${style.plain(message)}${suppression === undefined ? '' : `\n          ${style.plain(suppressionText(suppression))}`}`;
}

function paint(style: Style, tone: 'good' | 'bad' | 'warn' | 'dim', text: string): string {
  return style[tone](text);
}

function placeText({ path, member, offset, tensor }: Place): string {
  const parts = [
    member === undefined ? path : `${path}!/${member}`,
    ...(tensor === undefined ? [] : [`tensor ${tensor}`]),
    ...(offset === undefined ? [] : [`byte ${offset}`]),
  ];
  return parts.join(', ');
}

const WORDS: Readonly<Record<ArtifactScan['verdict'], string>> = {
  block: 'BLOCK',
  review: 'REVIEW',
  pass: 'PASS',
  incomplete: 'INCOMPLETE',
};

function summaryText(shown: string, scan: ArtifactScan, { style, hidden }: { style: Style; hidden: number }): string {
  const counts = SEVERITIES.flatMap((severity) => {
    const count = allFindings(scan).filter((finding) => isCounted(finding) && finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}`];
  });
  const suppressed = allFindings(scan).filter((finding) => !isCounted(finding)).length;
  if (suppressed > 0) counts.push(`${suppressed} suppressed`);
  const unknown = scan.files.filter(isUnknown).length;
  const unread = scan.files.filter(({ unexamined }) => unexamined.length > 0).length;
  const files = `${counted(scan.files.length)}${unread === 0 ? '' : `, ${unread === scan.files.length ? '' : `${unread} `}not examined in full`}${unknown === 0 ? '' : `, ${unknown === scan.files.length ? '' : `${unknown} `}of no known format`}`;
  const word = paint(
    style,
    scan.verdict === 'block' ? 'bad' : scan.verdict === 'pass' ? 'good' : 'warn',
    WORDS[scan.verdict],
  );
  const found = `${counts.length === 0 ? 'no finding' : counts.join(', ')}${hidden === 0 ? '' : ` (${hidden} not listed: -v)`}`;
  const advice = scan.verdict === 'block' ? '; do not load' : '';
  return `${word}: ${style.plain(shown)}: ${files}, ${found}${style.plain(loadsText(scan.files))}${advice}`;
}

function counted(files: number): string {
  return `${files} ${files === 1 ? 'file' : 'files'}`;
}

/** Examined, and of no format whose readers and judges are here. */
function isUnknown({ formats, sizeBytes }: ScanResult): boolean {
  return sizeBytes > 0 && formats.every((format) => format === 'unknown');
}

/** Whether PyTorch's strict loader takes the pickles; of several files, which one it does not. */
function loadsText(files: readonly ScanResult[]): string {
  const refused = files.filter(({ weightsOnly }) => weightsOnly?.loads === false);
  const [first] = refused;
  if (first === undefined)
    return files.some(({ weightsOnly }) => weightsOnly !== undefined) ? '; loads with weights_only=True' : '';
  const which = files.length === 1 ? 'it' : first.path;
  const others = refused.length > 1 ? ` and ${counted(refused.length - 1)} more` : '';
  return `; weights_only=True refuses ${which}${others}: ${first.weightsOnly?.because ?? ''}`;
}

function feedLines({ feeds, now }: About, style: Style): string[] {
  return feeds.map((feed) => {
    const age = ageInDays(feed, now);
    return style.dim(
      `feed ${feed.location}: ${feed.kind}, ${feed.indicators.length} indicators, ${age === null ? `no date of its own, fetched ${feed.fetched.slice(0, 10)}` : `${age} days old`}`,
    );
  });
}

function allFindings(scan: ArtifactScan): readonly ScanFinding[] {
  return [...scan.findings, ...scan.files.flatMap(({ findings }) => findings)].sort(
    (a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity),
  );
}

const LEVELS: Readonly<Record<Severity, SarifResult['level']>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  info: 'note',
};
const SCORES: Readonly<Record<Severity, number>> = { critical: 9.5, high: 8, medium: 5.5, low: 2, info: 0 };

export function scanSarif(version: string, scans: readonly ShownScan[]): object {
  const findings = scans.flatMap(({ shown, scan }) =>
    allFindings(scan).map((finding) => ({
      ...finding,
      shown,
      single: scan.files.length === 1 && scan.root.endsWith(`/${finding.place.path}`),
    })),
  );
  const rules = [...new Set(findings.map(({ rule }) => rule))].flatMap((id): SarifRule[] => {
    const rule = RULES[id];
    return rule === undefined
      ? []
      : [
          {
            id,
            title: rule.title,
            help: `${rule.why} ${rule.fix}`,
            securitySeverity: SCORES[rule.severity],
            tags: [...rule.atlas, ...rule.cwe.map((number) => `external/cwe/cwe-${number}`)],
          },
        ];
  });
  return sarifLog(
    version,
    rules,
    findings.map(({ shown, single, ...finding }) =>
      sarifResult(finding, single ? shown : `${shown.replace(/\/+$/, '')}/${finding.place.path}`),
    ),
    scans.flatMap(unreadNotices),
  );
}

/** What was not examined is no result, and must not be taken for none: what the tool says of itself. */
function unreadNotices({ shown, scan }: ShownScan): SarifNotice[] {
  return scan.files.flatMap(({ unexamined }) =>
    unexamined.map(({ place, reason }) => ({
      message: `not examined: ${placeText(place)}: ${reason}`,
      path:
        scan.root.endsWith(`/${place.path}`) && scan.files.length === 1
          ? shown
          : `${shown.replace(/\/+$/, '')}/${place.path}`,
    })),
  );
}

function sarifResult({ rule, severity, message, place, suppression }: ScanFinding, path: string): SarifResult {
  const { member, offset, tensor } = place;
  const identity = [member, tensor, offset, message].filter((part) => part !== undefined).join('|');
  return {
    ruleId: rule,
    level: LEVELS[severity],
    message: `${RULES[rule]?.title ?? rule}: ${message}`,
    path: path.replace(/^\.\//, ''),
    identity,
    properties: { severity, ...place },
    ...(offset === undefined || member !== undefined ? {} : { byteOffset: offset }),
    ...(suppression === undefined
      ? {}
      : { suppression: { accepted: suppression.state === 'active', justification: suppressionText(suppression) } }),
  };
}

/** One case a file. */
export function scanJunit(scans: readonly ShownScan[], { failOn }: About): string {
  return junit(
    'scan',
    scans.flatMap(({ shown, scan }) =>
      scan.files.map((file) => {
        const bad = file.findings.filter((finding) => isCounted(finding) && atLeast(finding.severity, failOn));
        const details = [
          ...bad.map(({ rule, severity, message }) => `${severity} ${rule}: ${message}`),
          ...file.unexamined.map(({ reason }) => `not examined: ${reason}`),
        ];
        const [first] = details;
        return {
          name: scan.files.length === 1 ? shown : `${shown}/${file.path}`,
          failure:
            first === undefined
              ? null
              : { type: bad.length > 0 ? 'scan-finding' : 'scan-incomplete', message: first, details },
        };
      }),
    ),
  );
}

export function scanMarkdown(scans: readonly ShownScan[], { verbose }: About): string {
  const lines = scans.flatMap(({ shown, scan }) => {
    const rows = allFindings(scan)
      .filter(({ severity }) => atLeast(severity, verbose ? 'info' : 'low'))
      .slice(0, 500)
      .map(
        ({ rule, severity, message, place, suppression }) =>
          `| ${severity} | ${rule} | ${forMarkdown(placeText(place))} | ${forMarkdown(message)}${suppression === undefined ? '' : `; ${forMarkdown(suppressionText(suppression))}`} |`,
      );
    const table = rows.length === 0 ? [] : ['', '| severity | rule | where | what |', '|---|---|---|---|', ...rows];
    return [`## ${forMarkdown(shown)}: ${WORDS[scan.verdict]}`, ...table, ''];
  });
  return lines.join('\n');
}
