import { parse, tokenize } from '@huggingface/jinja';
import { report, type Spot } from '../session.ts';
import { judgeCharacters } from './characters.ts';
import { judgeInstructions } from './instructions.ts';
import { pushAll } from '../../base/lists.ts';
import { either, isText, makes, type Made, type Node } from './template-text.ts';

const TEMPLATE_LIMIT = 1 << 20;
const NODES = 200_000;
const TAGS_KEPT = 20_000;

/** Python attributes that lead from any value to the interpreter. */
const GADGET =
  /__(class|mro|base|bases|subclasses|globals|builtins|init|import|getattribute|getattr|reduce|reduce_ex|code|dict|module|call|closure|func|self|loader|spec|name|new|getitem|init_subclass|traceback)__|\b(gi_frame|gi_code|f_globals|f_builtins|f_back|cr_frame|ag_frame|tb_frame|func_globals|_module|_TemplateReference\w*)\b/i;
/** As an attribute, any name of Python's own: messages have none. */
const LEADS_OUT = new RegExp(`${GADGET.source}|^__\\w+__$|^mro$`, 'i');
/** What gadgets are walked to; these names occur in no chat template's expressions. */
const ACTION =
  /\b(os\s*\.\s*(popen|system|environ|exec\w*)|popen\s*\(|subprocess|check_output|importlib|__import__|eval\s*\(|exec\s*\(|getattr\s*\(|open\s*\(\s*['"])/;
/** Objects of Jinja and Flask that gadgets start from: pages use them every day, chat templates never. */
const STARTS =
  /\b(?:lipsum|cycler|joiner|url_for|get_flashed_messages|config\.(?:items|from_object)|(?<![\w.])self\s*[.[|])/;
/** What a model server renders, which has no folder of templates; others inherit from each other. */
const CHAT = /chat|prompt|tokenizer/i;
function isServed(name: string): boolean {
  return CHAT.test(name) || !/\.\w+$/.test(name);
}

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
    report(spot, 'WM-TEMPLATE-002', `${name} cannot be parsed`, {
      severity: parts.tags.some(isOdd) && isServed(name) ? 'high' : 'low',
    });
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
  const gadget =
    GADGET.exec(joined) ??
    (isProse(joined) ? null : (ACTION.exec(code) ?? (isServed(name) ? STARTS.exec(code) : null)));
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
    report(spot, 'WM-TEMPLATE-001', `${name} loads another template`, { severity: isServed(name) ? 'high' : 'low' });
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
  return text
    .replaceAll('\\N{LOW LINE}', '_')
    .replace(
      /\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\([0-7]{3})/g,
      (_, hex?: string, unicode?: string, octal?: string) =>
        String.fromCharCode(
          octal === undefined ? Number.parseInt(hex ?? unicode ?? '0', 16) : Number.parseInt(octal, 8),
        ),
    );
}

/** What the model will read: text outside tags, and string literals inside them. */
function literalsOf({ tags, texts }: Parts): string[] {
  const strings = tags.flatMap((tag) =>
    [...tag.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1] ?? match[2] ?? ''),
  );
  return [...texts, ...strings];
}

/** Names that are computed, found in the syntax tree: of attributes, of filters that take them, of fields of `format`. */
function walkTemplate(spot: Spot, name: string, program: object): void {
  const nodes = nodesOf(program);
  const set = setOf(nodes);
  for (const node of nodes) {
    judgeText(spot, name, { node, set });
    if (node.type === 'MemberExpression' && node['computed'] === true) judgeMember(spot, name, { node, set });
    if (node.type === 'CallExpression') judgeCall(spot, name, { node, set });
  }
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
  return found.toReversed();
}

/** What names, fields of namespaces, loop variables and parameters of macros are set to. Twice: a use may come first. */
function setOf(nodes: readonly Node[]): Map<string, Made> {
  const set = new Map<string, Made>();
  const macros = new Map(nodes.flatMap((node) => (node.type === 'Macro' ? [[nameOf(node['name']), node]] : [])));
  for (let round = 0; round < 2; round++)
    for (const node of nodes) {
      if (node.type === 'Set') put(set, targetOf(node['assignee']), makesOf(node, set));
      else if (node.type === 'Macro') put(set, `${nameOf(node['name'])}()`, makesOf(node, set));
      else if (node.type === 'For') put(set, targetOf(node['loopvar']), makes(node['iterable'], set));
      else if (node.type === 'KeywordArgumentExpression')
        put(set, `.${nameOf(node['key'])}`, makes(node['value'], set));
      else if (node.type === 'CallExpression') putArguments(set, macros.get(nameOf(node['callee'])), node);
    }
  return set;
}

/** What a name is set to; what stands in a block (`{% set %}`, a macro) is one text. */
function makesOf(node: Node, set: ReadonlyMap<string, Made>): Made {
  const body = node['body'] as readonly unknown[] | undefined;
  if (body === undefined || body.length === 0) return makes(node['value'], set);
  const parts = body.map((part) => makes(part, set));
  return parts.every(isText)
    ? {
        text: parts
          .map(({ text }) => text)
          .join('')
          .trim(),
      }
    : either(parts);
}

function putArguments(set: Map<string, Made>, macro: Node | undefined, call: Node): void {
  const parameters = (macro?.['args'] ?? []) as Node[];
  for (const [at, argument] of (call['args'] as unknown[]).entries())
    put(set, nameOf(parameters[at]?.['key'] ?? parameters[at]), makes(argument, set));
}

/** A name set twice is whatever is worst: what it was is not followed. */
function put(set: Map<string, Made>, target: string, made: Made): void {
  const known = set.get(target);
  if (target === '' || made === 'data' || known === 'made') return;
  if (known === undefined || made === 'made' || made === 'mixed') set.set(target, made);
  else if (isText(known) && isText(made) && known.text !== made.text) set.set(target, 'choice');
}

function targetOf(node: unknown): string {
  const target = node as Node | undefined;
  return target?.type === 'MemberExpression' ? `.${nameOf(target['property'])}` : nameOf(target);
}

function nameOf(node: unknown): string {
  const value = (node as Node | undefined)?.['value'];
  return typeof value === 'string' ? value : '';
}

/** A text that is put together of literals and leads out is an attack wherever it stands. */
function judgeText(spot: Spot, name: string, { node, set }: { node: Node; set: ReadonlyMap<string, Made> }): void {
  if (!/^(?:BinaryExpression|FilterExpression|CallExpression|MemberExpression)$/.test(node.type)) return;
  const made = makes(node, set);
  if (isText(made) && GADGET.test(made.text))
    report(spot, 'WM-TEMPLATE-001', `${name} takes the attribute ${made.text.slice(0, 80)}`);
  if (node.type === 'MemberExpression' && node['computed'] !== true && LEADS_OUT.test(nameOf(node['property'])))
    report(spot, 'WM-TEMPLATE-001', `${name} takes the attribute ${nameOf(node['property']).slice(0, 80)}`);
}

function judgeMember(spot: Spot, name: string, { node, set }: { node: Node; set: ReadonlyMap<string, Made> }): void {
  const property = node['property'] as Node;
  if (property.type === 'SliceExpression') return;
  judgeName(spot, name, makes(property, set));
  if (property.type === 'Identifier' && SPECIAL_TOKEN.test(nameOf(property)) && !set.has(nameOf(property)))
    report(spot, 'WM-TEMPLATE-001', `${name} takes the attribute that ${nameOf(property)} is the name of`, {
      severity: 'high',
    });
  if (property.type !== 'FilterExpression') return;
  const filter = property['filter'] as Node;
  if (TEXT_FILTERS.has(nameOf(filter.type === 'CallExpression' ? filter['callee'] : filter)))
    report(spot, 'WM-TEMPLATE-001', `${name} takes an attribute whose name a filter makes`, { severity: 'high' });
}

/** What the tokenizer's own settings hand to its template: a text of whoever wrote the template. */
const SPECIAL_TOKEN = /^(?:bos|eos|unk|sep|pad|cls|mask)_token$/;

/** Filters that make one text out of others. */
const TEXT_FILTERS: ReadonlySet<string> = new Set(
  'format join replace reverse string map urlencode truncate center wordwrap'.split(' '),
);
/** Filters that take an attribute by the name they are given. */
const BY_NAME: ReadonlySet<string> = new Set(
  'attr map selectattr rejectattr groupby sort sum unique min max'.split(' '),
);

/** `'{0.__class__}'.format(x)` walks attributes; a filter may be given the name of one. */
function judgeCall(spot: Spot, name: string, { node, set }: { node: Node; set: ReadonlyMap<string, Made> }): void {
  const callee = node['callee'] as Node;
  if (callee.type === 'Identifier' && BY_NAME.has(nameOf(callee)))
    for (const argument of node['args'] as Node[])
      judgeName(spot, name, makes(argument.type === 'KeywordArgumentExpression' ? argument['value'] : argument, set));
  if (callee.type === 'MemberExpression' && callee['computed'] === true && !isLiteral(callee['property']))
    report(spot, 'WM-TEMPLATE-001', `${name} calls what it takes by a computed name`, { severity: 'medium' });
  if (callee.type !== 'MemberExpression' || !/^format(?:_map)?$/.test(nameOf(callee['property']))) return;
  const format = makes(callee['object'], set);
  if (format === 'made' || format === 'mixed' || (isText(format) && /\{[^{}]*[.[][^{}]*\}/.test(format.text)))
    report(spot, 'WM-TEMPLATE-001', `${name} formats with a path of attributes`, { severity: 'high' });
}

function isLiteral(node: unknown): boolean {
  return /^(?:String|Integer|Float|Numeric)Literal$/.test((node as Node).type);
}

function judgeName(spot: Spot, name: string, made: Made): void {
  if (isText(made) && GADGET.test(made.text))
    report(spot, 'WM-TEMPLATE-001', `${name} takes the attribute ${made.text.slice(0, 80)}`);
  else if (made === 'made' || made === 'mixed')
    report(spot, 'WM-TEMPLATE-001', `${name} takes an attribute whose name is put together`, {
      severity: made === 'made' ? 'high' : 'medium',
    });
}
