import { findingsOf, type Finding } from '../../domain/base/verdict.ts';
import { forMarkdown } from '../../domain/base/text.ts';
import type { RegistryReport } from '../../flows/watch/report-registry.ts';
import type { Style } from '../command.ts';
import { markdownTable } from './markdown.ts';
import { ageText, registryCounts } from './registry-html.ts';
import { nameOf, standingCounts } from './registry-versions.ts';

/** The overview for a terminal: only what somebody should look at, then the counts. */
export function registryText(report: RegistryReport, style: Style): string {
  const lines = [
    ...findingsOf(report.log).map(({ code, message }) => style.bad(`log: ${code}: ${message}`)),
    ...promotedLines(report.promotions, style),
    ...report.versions.flatMap((each) => troubles(each).map((trouble) => style.warn(`${nameOf(each)}: ${trouble}`))),
    ...missingLines(report.versions).map((line) => style.warn(line)),
    ...report.revocations.map(({ action, target, reason, by }) =>
      style.plain(`${action}: ${target}: ${reason} (${by})`),
    ),
    style.bold(registryCounts(report)),
    style.plain(standingCounts(report)),
  ];
  return `${lines.join('\n')}\n`;
}

const MOST_ALIKE = 20;

/** What is refused first; of many that hold, the count is enough. */
function promotedLines(promotions: RegistryReport['promotions'], style: Style): readonly string[] {
  const isFine = ({ verdict }: RegistryReport['promotions'][number]) => verdict === null || verdict.exitCode === 0;
  const fine = promotions.filter(isFine);
  const shown = [...promotions.filter((each) => !isFine(each)), ...fine.slice(0, MOST_ALIKE)];
  const more = fine.length - MOST_ALIKE;
  return [
    ...shown.map((each) => promoted(each, style)),
    ...(more > 0 ? [style.plain(`and ${more} more like these`)] : []),
  ];
}

/** What many versions lack is said once, with how many they are. */
function missingLines(versions: RegistryReport['versions']): readonly string[] {
  const lacking = versions.filter(({ missing }) => missing.length > 0);
  return [...Map.groupBy(lacking, ({ missing }) => missing.join(', '))].flatMap(([missing, same]) => {
    const lacks = `no ${missing} by anybody who may sign it`;
    if (same.length <= MOST_ALIKE) return same.map((each) => `${nameOf(each)}: ${lacks}`);
    return [
      `${same.length} versions: ${lacks}: ${same.slice(0, 3).map(nameOf).join('; ')} and ${same.length - 3} more`,
    ];
  });
}

function promoted(each: RegistryReport['promotions'][number], style: Style): string {
  const what = `${each.name} in ${each.environment}: ${each.id === null ? 'nothing' : each.id.slice(0, 23)}`;
  const age = ageText(each);
  if (each.verdict === null) return style.plain(`${what}, not judged${age === '' ? '' : `, ${age}`}`);
  const [first] = findingsOf(each.verdict);
  return first === undefined
    ? style.good(`${what}, holds${age === '' ? '' : `, ${age}`}`)
    : style.bad(`${what}, ${reasonOf(first)}`);
}

function reasonOf({ code, message }: Finding): string {
  return `${code}: ${message}`;
}

function troubles({ findings, revoked, absent }: RegistryReport['versions'][number]): readonly string[] {
  return [
    ...(revoked === null ? [] : [`revoked: ${revoked}`]),
    ...(absent.length === 0 ? [] : [`claims gone: log entry ${absent.join(', ')}`]),
    ...findings.slice(0, 20).map(({ rule, severity, path, message }) => `${severity} ${rule} ${path}: ${message}`),
  ];
}

/** The same for a wiki. */
export function registryMarkdown(report: RegistryReport): string {
  const promotions = report.promotions.map((each) => [
    each.name,
    each.environment,
    each.id?.slice(0, 23) ?? 'nothing',
    each.verdict === null ? 'not judged' : (findingsOf(each.verdict).map(reasonOf)[0] ?? 'holds'),
    each.by ?? '',
    each.time ?? `${each.claimedTime ?? ''} (claimed)`,
    ageText(each),
  ]);
  const versions = report.versions.map((each) => [
    nameOf(each),
    each.id.slice(0, 23),
    String(each.claims),
    troubles(each).join('; '),
  ]);
  const revocations = report.revocations.map((each) => [
    String(each.logIndex ?? ''),
    each.action,
    each.target,
    each.reason,
    each.by,
  ]);
  return `# Registry ${forMarkdown(report.location)}

${registryCounts(report)}. ${standingCounts(report)}. ${findingsOf(report.log)
    .map((finding) => `**${forMarkdown(reasonOf(finding))}**`)
    .join(' ')}

## Promoted

${markdownTable(['Model', 'Environment', 'Artifact', 'Now', 'By', 'Time', 'Age'], promotions)}

## Versions

${markdownTable(['Version', 'Id', 'Claims', 'To look at'], versions)}

## Revocations

${markdownTable(['Entry', 'Action', 'Of', 'Reason', 'By'], revocations)}
`;
}
