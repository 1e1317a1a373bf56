import { CODES, type Code, type ExitCode } from '../../domain/base/errors.ts';
import { EXPLANATIONS } from '../../domain/base/explanations.ts';
import { RULES } from '../../domain/scan/rules.ts';
import type { Style } from '../command.ts';

/** What a code or a scan rule means, offline. */
export type Explained =
  | {
      readonly kind: 'code';
      readonly id: Code;
      readonly exitCode: ExitCode;
      readonly what: string;
      readonly wayOut: string;
      readonly page: string;
    }
  | {
      readonly kind: 'rule';
      readonly id: string;
      readonly title: string;
      readonly severity: string;
      readonly what: string;
      readonly wayOut: string;
      readonly page: string;
      /** MITRE ATLAS and CWE. */
      readonly marks: readonly string[];
    };

/** By a code or a rule's id, in any case; null if there is none. */
export function explained(word: string): Explained | null {
  const code = word.toLowerCase();
  if (Object.hasOwn(EXPLANATIONS, code)) return codeExplained(code as Code);
  const id = word.toUpperCase();
  return Object.hasOwn(RULES, id) ? ruleExplained(id) : null;
}

/** Everything that can be explained, codes first. */
export function explainable(): readonly string[] {
  return [...Object.keys(EXPLANATIONS), ...Object.keys(RULES)];
}

function codeExplained(id: Code): Explained {
  return { kind: 'code', id, exitCode: CODES[id], ...EXPLANATIONS[id], page: `docs/errors.md#${id}` };
}

function ruleExplained(id: string): Explained | null {
  const rule = RULES[id];
  if (rule === undefined) return null;
  const { title, severity, why, fix, atlas, cwe } = rule;
  const marks = [...atlas, ...cwe.map((number) => `CWE-${number}`)];
  return {
    kind: 'rule',
    id,
    title,
    severity,
    what: why,
    wayOut: fix,
    page: `docs/rules.md#${id.toLowerCase()}`,
    marks,
  };
}

export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  0: 'done and verified',
  1: 'a check said no',
  2: 'usage or configuration',
  3: 'nothing to verify',
  4: 'undecided',
  70: 'a fault of weighmark',
  130: 'interrupted',
};

/** For people: what it is, what it means, what to do. Ends with a newline. */
export function explainedText(of: Explained, style: Style): string {
  const head =
    of.kind === 'code'
      ? `exit ${of.exitCode}: ${EXIT_MEANINGS[of.exitCode]}`
      : `${of.severity}: ${of.title}${of.marks.length === 0 ? '' : ` (${of.marks.join(', ')})`}`;
  return [
    `${style.bold(of.id)}  ${style.plain(head)}`,
    '',
    `what       ${style.plain(of.what)}`,
    `way out    ${style.plain(of.wayOut)}`,
    `page       ${style.plain(of.page)}`,
    '',
  ].join('\n');
}

const SECTIONS: readonly (readonly [title: string, exits: readonly ExitCode[]])[] = [
  ['Exit code 1: a check said no', [1]],
  ['Exit code 2: usage or configuration', [2]],
  ['Exit code 3: nothing to verify', [3]],
  ['Exit code 4: undecided', [4]],
  ['Exit code 70, 130: weighmark itself', [70, 130]],
];

/** The page of codes: `docs/errors.md` is this, and a test holds it there. */
export function errorsMarkdown(): string {
  const sections = SECTIONS.map(([title, exits]) => {
    const codes = Object.entries(EXPLANATIONS).filter(([code]) => exits.includes(CODES[code as Code]));
    return [`## ${title}`, '', ...codes.flatMap(([code, { what, wayOut }]) => paragraph(code, what, wayOut))].join(
      '\n',
    );
  });
  return [
    '# Error codes',
    '',
    '<!-- Generated from src/domain/base/explanations.ts; `UPDATE=1 node --test test/cli/explain.test.ts` writes it. -->',
    '',
    'Stable; one cause each. `--json` carries the code, what, why and how to fix; `weighmark explain CODE` says what stands here, offline.',
    '',
    ...sections,
  ].join('\n');
}

function paragraph(code: string, what: string, wayOut: string): readonly string[] {
  return [`### ${code}`, what, '', `Way out: ${linked(wayOut)}.`, ''];
}

/** `docs/policy.md` as a link from the same folder. */
function linked(text: string): string {
  return text.replace(/\bdocs\/([a-z-]+\.md)/g, '[$1]($1)').replace(/[.?]$/, '');
}
