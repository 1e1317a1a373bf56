import type { SyntaxNode } from '@lezer/common';
import { argumentsOf, childrenOf, constantText, nameOf, sourceOf, type Python } from './python-tree.ts';

/** Texts that an expression may come to, as far as its source says so. */
export interface Texts {
  readonly python: Python;
  /** Text that a name stands for, where every assignment to it says the same. */
  readonly constants: ReadonlyMap<string, string>;
}

const DEPTH = 8;
const MOST = 8;
/** Calls whose last argument is what comes of them where nothing else is set. */
const DEFAULTS = /(?:^|\.)(?:get|getenv|getattr|pop|setdefault)$/;

export function textsOf(python: Python): Texts {
  return { python, constants: constantsOf(python) };
}

/**
 * A constant, a name that stands for one, either side of `or` and of a condition, the default of a look-up, and text that these are
 * put together in. None: only running it would tell.
 */
export function possibleTexts(texts: Texts, node: SyntaxNode | null, depth = 0): readonly string[] {
  if (node === null || depth > DEPTH) return [];
  const { python } = texts;
  const whole = constantText(python, node);
  if (whole !== null) return [whole];
  const children = childrenOf(node);
  const at = (index: number) => possibleTexts(texts, children.at(index) ?? null, depth + 1);
  switch (node.name) {
    case 'ParenthesizedExpression':
      return at(1);
    case 'NamedExpression':
      return at(-1);
    case 'ConditionalExpression':
      return [...at(0), ...at(-1)];
    case 'BinaryExpression':
      return operated(children[1] === undefined ? '' : sourceOf(python, children[1]), at(0), at(2));
    case 'FormatString':
      return formatted(texts, node, depth);
    case 'CallExpression':
      return children[0] !== undefined && DEFAULTS.test(sourceOf(python, children[0]))
        ? possibleTexts(texts, argumentsOf(node).at(-1) ?? null, depth + 1)
        : [];
    default:
      return named(texts, node);
  }
}

function operated(operator: string, left: readonly string[], right: readonly string[]): readonly string[] {
  if (operator === 'or') return [...left, ...right];
  return operator === '+' ? left.flatMap((first) => right.map((second) => first + second)).slice(0, MOST) : [];
}

function named({ python, constants }: Texts, node: SyntaxNode): readonly string[] {
  const name = sourceOf(python, node);
  const text = /^(?:(?:self|cls)\.)?\w+$/.test(name) ? constants.get(name.replace(/^(?:self|cls)\./, '')) : undefined;
  return text === undefined ? [] : [text];
}

/** `f"{ORG}/name"`: with a conversion or a format in it, or a brace that is one, only running it would tell. */
function formatted(texts: Texts, node: SyntaxNode, depth: number): readonly string[] {
  const source = sourceOf(texts.python, node);
  const [, opening = '', quote = ''] = /^(\w*("""|'''|"|'))/.exec(source) ?? [];
  if (quote === '' || source.includes('\\') || /\{\{|\}\}/.test(source)) return [];
  let found: readonly string[] = [''];
  let from = node.from + opening.length;
  for (const each of childrenOf(node)) {
    const parts = childrenOf(each);
    if (each.name !== 'FormatReplacement' || parts.length !== 3) return [];
    const before = texts.python.text.slice(from, each.from);
    const values = possibleTexts(texts, parts[1] ?? null, depth + 1);
    found = found.flatMap((start) => values.map((value) => start + before + value)).slice(0, MOST);
    from = each.to;
  }
  const rest = texts.python.text.slice(from, node.to - quote.length);
  return found.map((start) => start + rest);
}

function constantsOf(python: Python): ReadonlyMap<string, string> {
  const found = new Map<string, string | null>();
  const say = (name: string, text: string | null): void =>
    void found.set(name, found.has(name) && found.get(name) !== text ? null : text);
  python.top.cursor().iterate(({ node }) => {
    if (node.name !== 'AssignStatement' && node.name !== 'ParamList') return;
    const children = childrenOf(node);
    for (const [at, child] of children.entries()) {
      const value = children.slice(at + 1).find(({ name }) => name !== 'TypeDef');
      if (value?.name !== 'AssignOp') continue;
      const name = child.name === 'MemberExpression' ? child.lastChild : child;
      if (name === null || !/^(?:VariableName|PropertyName)$/.test(name.name)) continue;
      say(nameOf(python, name), constantText(python, value.nextSibling));
    }
  });
  return new Map([...found].flatMap(([name, text]) => (text === null ? [] : [[name, text] as const])));
}
