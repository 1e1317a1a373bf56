import type { AuditOutcome, AuditedPromotion } from '../../flows/watch/audit.ts';
import { findingsOf, type Verdict } from '../../domain/base/verdict.ts';
import { forTerminal } from '../../domain/base/text.ts';

type Labels = Readonly<Record<string, string>>;

interface Family {
  readonly name: string;
  readonly help: string;
  readonly unit?: string;
  readonly samples: readonly { readonly labels: Labels; readonly value: number }[];
}

/**
 * An audit for dashboards: OpenMetrics 1.0 text (https://prometheus.io/docs/specs/om/open_metrics_spec/), gauges alone, which
 * Prometheus' own text format reads as well (node_exporter's textfile collector). What is promoted nowhere any more has no series.
 */
export function auditMetrics(
  { log, promotions }: AuditOutcome,
  { registry, version, at }: { readonly registry: string; readonly version: string; readonly at: Date },
): string {
  const all = { registry };
  const places = promotions.filter(({ id, verdict }) => id !== null || verdict.exitCode !== 0);
  const families: readonly Family[] = [
    family('weighmark_build_info', 'The weighmark that audited.', [{ labels: { version }, value: 1 }]),
    {
      ...family('weighmark_audit_timestamp_seconds', 'When the registry was last audited to the end.', [
        { labels: all, value: Math.floor(at.getTime() / 1000) },
      ]),
      unit: 'seconds',
    },
    family('weighmark_audit_log_ok', 'Whether the whole log verifies and nothing was taken from it.', [
      { labels: all, value: okOf(log) },
    ]),
    family(
      'weighmark_audit_promotion_ok',
      'Whether what is promoted there still may be.',
      places.map((each) => ({ labels: { ...all, ...placeOf(each), id: each.id ?? '' }, value: okOf(each.verdict) })),
    ),
    family(
      'weighmark_audit_findings',
      'What is wrong, by code.',
      [
        { verdict: log, labels: { ...all, name: '', environment: '' } },
        ...places.map((each) => ({ verdict: each.verdict, labels: { ...all, ...placeOf(each) } })),
      ].flatMap(({ verdict, labels }) =>
        codesOf(verdict).map(([code, value]) => ({ labels: { ...labels, code }, value })),
      ),
    ),
  ];
  return `${families.map(familyText).join('')}# EOF\n`;
}

function family(name: string, help: string, samples: Family['samples']): Family {
  return { name, help, samples };
}

function placeOf({ name, environment }: AuditedPromotion): Labels {
  return { name, environment };
}

function okOf({ exitCode }: Verdict): number {
  return exitCode === 0 ? 1 : 0;
}

function codesOf(verdict: Verdict): readonly (readonly [string, number])[] {
  const byCode = Map.groupBy(findingsOf(verdict), ({ code }) => code);
  return [...byCode].map(([code, all]) => [code, all.length] as const).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function familyText({ name, help, unit, samples }: Family): string {
  const lines = samples.map(({ labels, value }) => `${name}{${labelsText(labels)}} ${value}`);
  return [
    `# TYPE ${name} gauge`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${help}`,
    ...lines,
    '',
  ].join('\n');
}

function labelsText(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(',');
}

/** Controls are made visible first: no name can end its line. */
function escaped(text: string): string {
  return forTerminal(text).replace(/[\\"]/g, (char) => `\\${char}`);
}
