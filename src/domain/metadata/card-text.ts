import { fact } from './read.ts';
import type { Fact } from './types.ts';

const BODY = 200_000;
const PARAGRAPH = 1500;
const HEADING = 400;

interface Section {
  readonly level: number;
  readonly title: string;
  /** Its first paragraph, as plain text; empty if it begins with something else (a table, code, a list of badges). */
  readonly paragraph: string;
}

/**
 * What the prose of a card says under its usual headings (huggingface.co's template and older habits): only the first
 * paragraph of a section, in the author's own words.
 * @param body the card without its front matter.
 */
export function readCardText(body: string, path: string): readonly Fact[] {
  const sections = sectionsOf(body.slice(0, BODY));
  const [title] = sections;
  const described =
    title?.level === 1 ? [fact('description', title.paragraph, { file: path, pointer: 'first paragraph' })] : [];
  const said = sections.flatMap(({ title: heading, paragraph }) => {
    const field = HEADINGS.find(([pattern]) => pattern.test(heading))?.[1];
    return field === undefined ? [] : [fact(field, paragraph, { file: path, pointer: `section ${heading}` })];
  });
  return [
    ...[...described, ...said].filter(({ value }) => typeof value === 'string' && isProse(value)),
    ...graphicFacts(body.slice(0, BODY), path),
  ];
}

const HEADINGS: readonly (readonly [RegExp, 'useCase' | 'limitation' | 'ethical' | 'user' | 'tradeoff'])[] = [
  [/^(?:(?:primary )?intended users?|(?:target )?users?|intended audience)$/i, 'user'],
  [/^(?:performance )?trade-?offs?$/i, 'tradeoff'],
  [/^(?:intended uses?(?: (?:&|and) limitations?)?|intended use cases?|direct use|uses?|use cases?)$/i, 'useCase'],
  [
    /^(?:limitations?(?: (?:&|and) bias(?:es)?)?|known limitations?|bias, risks,? (?:&|and) limitations|risks (?:&|and) limitations|out-of-scope use)$/i,
    'limitation',
  ],
  [/^(?:ethical considerations?|ethics|bias(?:es)?|ethical considerations? (?:&|and) limitations?)$/i, 'ethical'],
];

const RESULTS =
  /^(?:evaluation|evaluation results?|results?|performance|benchmarks?|benchmark results?|metrics|training results?|quantitative analys[ie]s)$/i;
const GRAPHICS = 50;

/** Pictures below a heading about results: what their author calls them, and where they are. Others are decoration. */
function graphicFacts(body: string, path: string): readonly Fact[] {
  const found: Fact[] = [];
  let [results, fenced, heading] = [false, false, ''];
  for (const line of body.split('\n')) {
    if (/^(?:```|~~~)/.test(line)) fenced = !fenced;
    if (fenced || line.length > 2000) continue;
    const [, title] = /^#{1,6}[ \t]+([^\n]{1,300}?)[ \t]*#*$/.exec(line) ?? [];
    if (title !== undefined) [heading, results] = [plainText(title), RESULTS.test(plainText(title))];
    for (const [, alt = '', target = ''] of results
      ? line.matchAll(/!\[([^\]]{0,300})\]\(\s*<?([^\s)>]{1,1000})/g)
      : []) {
      if (found.length < GRAPHICS)
        found.push(fact('graphic', { name: plainText(alt), target }, { file: path, pointer: `section ${heading}` }));
    }
  }
  return found;
}

function sectionsOf(body: string): readonly Section[] {
  const sections: { level: number; title: string; lines: string[]; done: boolean }[] = [];
  let fenced = false;
  for (const line of body.split('\n')) {
    if (/^(?:```|~~~)/.test(line)) fenced = !fenced;
    const [, marks, title] =
      fenced || line.length > HEADING ? [] : (/^(#{1,6})[ \t]+([^\n]{1,300}?)[ \t]*#*$/.exec(line) ?? []);
    if (marks !== undefined && title !== undefined)
      sections.push({ level: marks.length, title: plainText(title), lines: [], done: false });
    else addLine(sections.at(-1), fenced ? '```' : line);
  }
  return sections.map(({ level, title, lines }) => ({ level, title, paragraph: plainText(lines.join(' ')) }));
}

/** Lines up to the first blank one after something. */
function addLine(section: { lines: string[]; done: boolean } | undefined, line: string): void {
  if (section === undefined || section.done) return;
  if (line.trim() !== '') section.lines.push(line.trim().slice(0, PARAGRAPH));
  else if (section.lines.length > 0) section.done = true;
}

function plainText(markdown: string): string {
  const text = markdown
    .slice(0, 2 * PARAGRAPH)
    .replace(/!\[[^\]]{0,300}\]\([^)]{0,1000}\)/g, '')
    .replace(/\[([^\]]{0,300})\]\([^)]{0,1000}\)/g, '$1');
  return text
    .replace(/<[^>]{0,300}>/g, ' ')
    .replace(/\*\*|__(?=\w)|(?<=\w)__|`/g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, PARAGRAPH)
    .toWellFormed();
}

/** Sentences; no placeholder, table, list, code or badge. */
function isProse(text: string): boolean {
  return (
    text.length >= 20 &&
    /^[\p{L}\p{N}"'“(]/u.test(text) &&
    /\s/.test(text) &&
    !/more information needed|fill in|^todo\b/i.test(text)
  );
}
