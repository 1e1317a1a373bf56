import type { BomChange } from '../../domain/bom/diff.ts';
import type { ElementResult, ElementSet } from '../../domain/bom/validate/elements.ts';
import { CODES, worstExit } from '../../domain/base/errors.ts';
import type { SpdxDocument } from '../../domain/bom/spdx.ts';
import type { Conflict } from '../../domain/metadata/types.ts';
import { forMarkdown } from '../../domain/base/text.ts';
import { formatBytes } from '../../domain/base/units.ts';
import type { Finding, Verdict } from '../../domain/base/verdict.ts';
import type { Described } from '../../flows/bom/create.ts';
import type { BomDiffOutcome } from '../../flows/bom/diff.ts';
import type { BomValidateOutcome } from '../../flows/bom/validate.ts';
import type { Report, Style } from '../command.ts';
import { renderFindings } from '../errors.ts';
import { verdictJunit } from './junit.ts';
import { verdictSarif } from './sarif.ts';
import { verdictMarkdown, verdictText } from './verdict.ts';

/**
 * The BOM, or the document made of it, on stdout; what it is about, and where sources disagree, on stderr. A metadata file that
 * could not be read fails it.
 */
export function createdReport(described: Described, path: string, instead?: SpdxDocument): Report {
  const { bom, bytes, id, kind, conflicts, problems, digests } = described;
  const findings = problems.map(({ path: file, code, message }): Finding => ({ code, message, subject: file }));
  return {
    exitCode: findings.length === 0 ? 0 : worstExit(findings.map(({ code }) => CODES[code])),
    json: {
      id,
      kind,
      conflicts,
      problems,
      confirmedDigests: digests.confirmed.length,
      absentFiles: digests.absent.map(({ path: file }) => file),
      bom: instead ?? bom,
    },
    text: (style) => ({
      out: instead === undefined ? new TextDecoder().decode(bytes) : `${JSON.stringify(instead, null, 2)}\n`,
      err: [
        ...summaryLines(described, instead === undefined ? `CycloneDX ${bom.specVersion}` : 'SPDX 3.0.1', {
          path,
          style,
        }),
        ...renderFindings(findings, style),
        '',
      ].join('\n'),
    }),
  };
}

const LABEL = 11;

function line(label: string, text: string, style: Style): string {
  return `${style.dim(label.padEnd(LABEL))}${style.plain(text)}`;
}

function summaryLines(
  { id, files, conflicts, digests, kind }: Described,
  form: string,
  { path, style }: { readonly path: string; readonly style: Style },
): readonly string[] {
  const total = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const confirmed =
    digests.confirmed.length === 0
      ? []
      : [line('confirmed', `${digests.confirmed.length} publisher's digests are right`, style)];
  return [
    line(
      'described',
      `${path}: ${kind}, ${files.length} ${files.length === 1 ? 'file' : 'files'}, ${formatBytes(total)}, ${form}`,
      style,
    ),
    line('id', id, style),
    ...confirmed,
    ...conflictLines(conflicts, style),
  ];
}

export function conflictLines(conflicts: readonly Conflict[], style: Style): readonly string[] {
  return conflicts.flatMap(({ field, values }) => [
    `${style.warn('conflict'.padEnd(LABEL))}${style.plain(field)}`,
    ...values.map(({ value, source }) => `${' '.repeat(LABEL)}${style.plain(value)}  ${style.dim(source)}`),
  ]);
}

export function validatedReport(version: string, outcome: BomValidateOutcome, file: string): Report {
  const { verdict, specVersion, elements } = outcome;
  const shown = { verdict, by: null, promise: `is valid CycloneDX ${specVersion}`, advice: 'do not rely on it' };
  return {
    exitCode: verdict.exitCode,
    json: { file, specVersion, verdict, problems: outcome.problems, elements },
    text: (style) => ({ out: `${elementLines(elements, style).join('')}${verdictText(shown, style)}` }),
    sarif: () => verdictSarif(version, verdict),
    junit: () => verdictJunit(verdict),
    markdown: () => verdictMarkdown(shown),
  };
}

/** What is missing, a line a set; elements that no BOM can hold are left out. */
function elementLines(elements: BomValidateOutcome['elements'], style: Style): readonly string[] {
  return (Object.entries(elements) as [ElementSet, readonly ElementResult[]][])
    .filter(([, results]) => results.length > 0)
    .map(([set, results]) => {
      const asked = results.filter(({ status }) => status === 'present' || status === 'missing');
      const missing = asked.filter(({ status }) => status === 'missing').map(({ id, name }) => `${id} ${name}`);
      const rest = missing.length === 0 ? '' : `; missing: ${missing.join(', ')}`;
      return `${line(set, `${asked.length - missing.length} of ${asked.length} minimum elements${rest}`, style)}\n`;
    });
}

export function verifiedReport(version: string, verdict: Verdict, bom: string): Report {
  const shown = { verdict, by: null, promise: `matches ${bom}`, advice: 'do not rely on it' };
  return {
    exitCode: verdict.exitCode,
    json: { bom, verdict },
    text: (style) => ({ out: verdictText(shown, style) }),
    sarif: () => verdictSarif(version, verdict),
    junit: () => verdictJunit(verdict),
    markdown: () => verdictMarkdown(shown),
  };
}

export function diffReport(
  { a, b, changes }: BomDiffOutcome,
  names: { readonly a: string; readonly b: string },
): Report {
  const same = changes.length === 0;
  return {
    exitCode: same ? 0 : CODES.differs,
    json: { a: { file: names.a, name: a.name }, b: { file: names.b, name: b.name }, same, changes },
    text: (style) => ({
      out: `${[...changes.map((change) => changeLine(change, style)), same ? style.good(`same: ${names.a} and ${names.b}`) : style.bad(`differ: ${changes.length} ${changes.length === 1 ? 'change' : 'changes'}`)].join('\n')}\n`,
    }),
    markdown: () =>
      [
        `| | | before | after |`,
        '|---|---|---|---|',
        ...changes.map(
          ({ what, kind, name, before = '', after = '' }) =>
            `| ${what} ${kind} | ${forMarkdown(name)} | ${forMarkdown(before)} | ${forMarkdown(after)} |`,
        ),
      ].join('\n'),
  };
}

const SIGNS = { added: '+', removed: '-', changed: '~', renamed: '>' } as const;

function changeLine({ what, kind, name, before, after }: BomChange, style: Style): string {
  const sides =
    before === undefined && after === undefined
      ? ''
      : `  ${style.dim(`${before ?? 'nothing'} → ${after ?? 'nothing'}`)}`;
  return `${SIGNS[kind]} ${what.padEnd(LABEL)}${style.plain(name)}${sides}`;
}
