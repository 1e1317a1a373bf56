import { parse, tokenize } from '@huggingface/jinja';
import { report, type Spot } from '../session.ts';
import { judgeCharacters } from './characters.ts';
import { judgeInstructions } from './instructions.ts';
import { pushAll } from '../../base/lists.ts';

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

const TEMPLATE_LIMIT = 1 << 20;
const NODES = 200_000;
const TAGS_KEPT = 20_000;

/** Python attributes that lead from any value to the interpreter. */
const GADGET =
  /__(class|mro|base|bases|subclasses|globals|builtins|init|import|getattribute|getattr|reduce|reduce_ex|code|dict|module|call|closure|func|self|loader|spec|name|new|getitem|init_subclass|traceback)__|\b(gi_frame|gi_code|f_globals|f_builtins|f_back|cr_frame|ag_frame|tb_frame|func_globals|_module|_TemplateReference\w*)\b/i;
/** What gadgets are walked to; these names occur in no chat template's expressions. */
const ACTION =
  /\b(os\s*\.\s*(popen|system|environ|exec\w*)|popen\s*\(|subprocess|check_output|importlib|__import__|eval\s*\(|exec\s*\(|getattr\s*\(|open\s*\(\s*['"]|lipsum|cycler|joiner|url_for|get_flashed_messages|config\.(items|from_object)|(?<![\w.])self\s*[.[|])/;
const INCLUDES = /^-?\s*(import|include|extends|from|do)\b/;

/**
 * Judges a chat template: gadgets that lead out of the renderer's sandbox, text meant to stay unseen, and instructions
 * the user did not write. The template is parsed, never rendered.
 */
export function judgeTemplate(spot: Spot, name: string, template: string): void {
  if (template.length > TEMPLATE_LIMIT)
    return report(spot, 'WM-TEMPLATE-002', `${name} is ${template.length} characters long`, { severity: 'high' });
  const parts = partsOf(template);
  for (const tag of parts.tags) judgeExpression(spot, name, tag);
  judgeCharacters(spot, template, { what: name, instruction: true });
  const program = parseTemplate(template);
  if (program === null)
    report(spot, 'WM-TEMPLATE-002', `${name} cannot be parsed`, { severity: parts.tags.some(isOdd) ? 'high' : 'low' });
  else walkTemplate(spot, name, program);
  judgeInstructions(spot, name, { template, literals: literalsOf(parts) });
}

/** Long runs of white space are cut first: the library looks through them again and again. */
function parseTemplate(template: string): object | null {
  try {
    return parse(tokenize(template.replace(/\s{100,}/g, ' '), { lstrip_blocks: true, trim_blocks: true }));
  } catch {
    return null;
  }
}

interface Parts {
  /** The insides of `{{ }}` and `{% %}`. */
  readonly tags: readonly string[];
  /** What stands between them, comments left out. */
  readonly texts: readonly string[];
}

/** Splits a template without a parser, so that one made to break parsers is read too; an open tag ends with the text. */
function partsOf(template: string): Parts {
  const [tags, texts]: [string[], string[]] = [[], []];
  const opening = /\{[{%#]/g;
  let at = 0;
  for (let open = opening.exec(template); open !== null && tags.length < TAGS_KEPT; open = opening.exec(template)) {
    const start = open.index + 2;
    const close = template.indexOf({ '{{': '}}', '{%': '%}', '{#': '#}' }[open[0]] ?? '}}', start);
    const end = close < 0 ? template.length : close;
    texts.push(template.slice(at, open.index));
    if (open[0] !== '{#') tags.push(template.slice(start, end));
    at = Math.min(template.length, end + 2);
    opening.lastIndex = at;
  }
  return { tags, texts: [...texts, template.slice(at)] };
}

/** The same gadget spelled with escapes or pieced together counts. */
function judgeExpression(spot: Spot, name: string, expression: string): void {
  const plain = unescape(expression);
  const joined = plain.replace(/['"]\s*(?:[~+,]\s*)?['"]/g, '');
  const code = plain.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g, "''");
  const gadget = GADGET.exec(joined) ?? (isProse(joined) ? null : ACTION.exec(code)) ?? null;
  if (gadget !== null) return report(spot, 'WM-TEMPLATE-001', `${name} uses ${gadget[0].trim()}`);
  if (/\|\s*attr\s*\(/.test(code))
    report(spot, 'WM-TEMPLATE-001', `${name} takes attributes by computed name (|attr)`, { severity: 'high' });
  if (
    /\|\s*(map|selectattr|rejectattr|groupby|sort|sum|unique)\s*\([^)]{0,200}attribute\s*=\s*['"][^'"]{0,100}_/.test(
      plain,
    ) &&
    /__/.test(plain)
  )
    report(spot, 'WM-TEMPLATE-001', `${name} walks attributes through a filter`, { severity: 'high' });
  if (/['"]\s*\|\s*(format|reverse|join|replace|urlencode|lower|upper)\b/.test(plain) && /\[\s*['"(]|attr/.test(code))
    report(spot, 'WM-TEMPLATE-001', `${name} puts an attribute's name together`, { severity: 'high' });
  if (INCLUDES.test(expression))
    report(spot, 'WM-TEMPLATE-001', `${name} loads another template`, { severity: 'high' });
}

function isProse(expression: string): boolean {
  return /^['"][^'"]*['"]$/.test(expression.trim());
}

function isOdd(expression: string): boolean {
  return (
    GADGET.test(expression) ||
    /\(\s*\)\s*\.|\[\s*\]\s*\.|\{\s*\}\s*\.|\brecursive\b|\bimport\b|\binclude\b/.test(expression)
  );
}

function unescape(text: string): string {
  return text.replace(
    /\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\([0-7]{3})/g,
    (_, hex?: string, unicode?: string, octal?: string) =>
      String.fromCharCode(octal === undefined ? Number.parseInt(hex ?? unicode ?? '0', 16) : Number.parseInt(octal, 8)),
  );
}

/** What the model will read: text outside tags, and string literals inside them. */
function literalsOf({ tags, texts }: Parts): string[] {
  const strings = tags.flatMap((tag) =>
    [...tag.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1] ?? match[2] ?? ''),
  );
  return [...texts, ...strings];
}

/** Filters that make one text out of others. */
const TEXT_FILTERS: ReadonlySet<string> = new Set([
  'format',
  'join',
  'replace',
  'reverse',
  'string',
  'map',
  'urlencode',
  'truncate',
  'center',
  'wordwrap',
]);

/** Attribute access by a name that is computed from strings, found in the syntax tree. */
function walkTemplate(spot: Spot, name: string, program: object): void {
  const nodes = nodesOf(program);
  const constants = new Map<string, string>();
  for (const node of nodes) if (node.type === 'Set') setConstant(constants, node);
  for (const node of nodes) if (node.type === 'MemberExpression') judgeMember(spot, name, node, constants);
}

function nodesOf(program: object): Node[] {
  const found: Node[] = [];
  const waiting: unknown[] = [program];
  for (let seen = 0; waiting.length > 0 && seen < NODES; seen++) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (Array.isArray(value)) pushAll(waiting, value as unknown[]);
    else if (value instanceof Map) pushAll(waiting, [...value.keys(), ...value.values()]);
    else {
      found.push(value as Node);
      pushAll(waiting, Object.values(value));
    }
  }
  return found;
}

function setConstant(constants: Map<string, string>, node: Node): void {
  const assignee = node['assignee'] as Node | undefined;
  const value = constantOf(node['value'], constants, 0);
  if (assignee?.type === 'Identifier' && value !== null) constants.set(String(assignee['value']), value);
}

function judgeMember(spot: Spot, name: string, node: Node, constants: ReadonlyMap<string, string>): void {
  const property = node['property'] as Node;
  const text = node['computed'] === true ? constantOf(property, constants, 0) : String(property['value']);
  if (text !== null && GADGET.test(text))
    return report(spot, 'WM-TEMPLATE-001', `${name} takes the attribute ${text.slice(0, 80)}`);
  if (node['computed'] !== true || property.type !== 'FilterExpression') return;
  const filter = property['filter'] as Node;
  const called = filter.type === 'CallExpression' ? (filter['callee'] as Node) : filter;
  if (TEXT_FILTERS.has(String(called['value'])))
    report(spot, 'WM-TEMPLATE-001', `${name} takes an attribute whose name a filter makes`, { severity: 'high' });
}

/** The string a constant expression makes, following `+`, `~` and `set`; null for anything else. */
function constantOf(value: unknown, constants: ReadonlyMap<string, string>, depth: number): string | null {
  if (typeof value !== 'object' || value === null || depth > 100) return null;
  const node = value as Node;
  if (node.type === 'StringLiteral') return String(node['value']);
  if (node.type === 'Identifier') return constants.get(String(node['value'])) ?? null;
  if (node.type !== 'BinaryExpression') return null;
  const [left, right] = [
    constantOf(node['left'], constants, depth + 1),
    constantOf(node['right'], constants, depth + 1),
  ];
  return left === null || right === null ? null : left + right;
}
