import { stripTypeScriptTypes } from 'node:module';
import { parseAst } from '@rollup/wasm-node/parseAst';

/**
 * The fixed operators of mutation, and a text in which all mutants of a file stand behind one switch: where `weighmarkMutant(7)`
 * is true the seventh mutant runs, else the file as it is. So a file is loaded once for all of them.
 */
export const OPERATORS = ['negate', 'swap', 'drop throw', 'empty list', 'constant'] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Mutant {
  readonly id: number;
  /** Below the root of the checkout. */
  readonly path: string;
  readonly line: number;
  readonly operator: Operator;
  /** What stands there, on one line. */
  readonly text: string;
  /** What is there instead; empty for a `throw` that is dropped. */
  readonly instead: string;
}

export interface Instrumented {
  readonly mutants: readonly Mutant[];
  /** JavaScript; every place as long as `weighmarkMutant` says no to all. */
  readonly text: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

interface Place {
  readonly node: Node;
  readonly operator: Operator;
  readonly instead: string;
}

/** What is code after types are turned to spaces, by Rollup's parser. Mutants are numbered from `first` on. */
export function instrument(path: string, source: string, first: number): Instrumented {
  const text = stripTypeScriptTypes(source);
  const places = placesIn(parseAst(text) as unknown as Node, text);
  const mutants = places.map(({ node, operator, instead }, index) => ({
    id: first + index,
    path,
    line: text.slice(0, node.start).split('\n').length,
    operator,
    text: oneLine(text.slice(node.start, node.end)),
    instead: oneLine(instead),
  }));
  return { mutants, text: switched(text, places, first) };
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Outer places open before inner ones and close after them: by start, the longer first. */
function switched(text: string, places: readonly Place[], first: number): string {
  const inserts = places.flatMap(({ node, operator, instead }, index) => {
    const id = first + index;
    const [open, close] =
      operator === 'drop throw'
        ? [`{if(!weighmarkMutant(${id})){`, '}}']
        : [`(weighmarkMutant(${id})?(${instead}):(`, '))'];
    const size = node.end - node.start;
    return [
      { at: node.start, closes: 0, rank: -size, index, insert: open },
      { at: node.end, closes: -1, rank: size, index: -index, insert: close },
    ];
  });
  inserts.sort((a, b) => a.at - b.at || a.closes - b.closes || a.rank - b.rank || a.index - b.index);
  let [result, at] = ['', 0];
  for (const { at: next, insert } of inserts) {
    result += text.slice(at, next) + insert;
    at = next;
  }
  return result + text.slice(at);
}

/** In the order of the text. */
function placesIn(root: Node, text: string): readonly Place[] {
  const places: Place[] = [];
  const of = (node: Node): string => text.slice(node.start, node.end);
  const negated = new Set<Node>();
  const visit = (node: Node): void => {
    for (const condition of conditionsOf(node)) {
      if (negated.has(condition)) continue;
      negated.add(condition);
      places.push({ node: condition, operator: 'negate', instead: `!(${of(condition)})` });
    }
    const other = SWAPPED[node['operator'] as string];
    if (node.type === 'BinaryExpression' && other !== undefined && !negatedAlready(node, negated)) {
      const [left, right] = [node['left'] as Node, node['right'] as Node];
      places.push({ node, operator: 'swap', instead: `(${of(left)}) ${other} (${of(right)})` });
    }
    if (node.type === 'ThrowStatement') places.push({ node, operator: 'drop throw', instead: '' });
    if (node.type === 'ArrayExpression' && (node['elements'] as unknown[]).length > 0)
      places.push({ node, operator: 'empty list', instead: '[]' });
    const given = givenBy(node);
    if (given !== null)
      for (const instead of constantsFor(given, of(given))) places.push({ node: given, operator: 'constant', instead });
    childrenOf(node).forEach(visit);
  };
  visit(root);
  return places.toSorted((a, b) => a.node.start - b.node.start || b.node.end - a.node.end);
}

const SWAPPED: Readonly<Record<string, string>> = {
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
};

/** An equality that is negated as a condition would be the same mutant again. */
function negatedAlready(node: Node, negated: ReadonlySet<Node>): boolean {
  return negated.has(node) && ['===', '!=='].includes(node['operator'] as string);
}

/** What is decided by: of `a && b` both, not the whole. */
function conditionsOf(node: Node): readonly Node[] {
  const logical = node.type === 'LogicalExpression' && node['operator'] !== '??';
  if (logical) return [node['left'] as Node, node['right'] as Node].filter((each) => !isLogical(each));
  const deciding = ['IfStatement', 'ConditionalExpression', 'WhileStatement', 'DoWhileStatement', 'ForStatement'];
  const test = node['test'] as Node | null | undefined;
  return deciding.includes(node.type) && test && !isLogical(test) ? [test] : [];
}

function isLogical(node: Node): boolean {
  return node.type === 'LogicalExpression' && node['operator'] !== '??';
}

/** What a `return` or an arrow gives; null for anything else. */
function givenBy(node: Node): Node | null {
  if (node.type === 'ReturnStatement') return (node['argument'] as Node | null) ?? null;
  const isShort = node.type === 'ArrowFunctionExpression' && (node['body'] as Node).type !== 'BlockStatement';
  return isShort ? (node['body'] as Node) : null;
}

const SAYS_YES_OR_NO = /\.(?:some|every|includes|has|test|startsWith|endsWith|equals)$/;
const GIVES_A_LIST = /\.(?:map|filter|flatMap|slice|concat|toSorted|split)$/;

/** Of the kind that is given, as far as the text says; what is a constant already has no other. */
function constantsFor(node: Node, text: string): readonly string[] {
  const callee = node.type === 'CallExpression' ? text.slice(0, (node['callee'] as Node).end - node.start) : '';
  if (isLogical(node) || node.type === 'UnaryExpression' || SWAPPED[node['operator'] as string] !== undefined)
    return ['true', 'false'];
  if (SAYS_YES_OR_NO.test(callee)) return ['true', 'false'];
  if (text === 'true' || text === 'false') return [text === 'true' ? 'false' : 'true'];
  if (GIVES_A_LIST.test(callee)) return ['[]'];
  return ['ArrayExpression', 'Literal', 'Identifier', 'ObjectExpression', 'TemplateLiteral'].includes(node.type)
    ? []
    : ['null'];
}

function childrenOf(node: Node): readonly Node[] {
  return Object.values(node).flatMap((value) =>
    (Array.isArray(value) ? value : [value]).filter(
      (each): each is Node => typeof each === 'object' && each !== null && 'type' in each && 'start' in each,
    ),
  );
}
