import type { SyntaxNode } from '@lezer/common';
import { parser } from '@lezer/python';
import { unescapeOne } from './escapes.ts';

/** A parsed source: the tree of a parser that tolerates errors, and the text its places count in. */
export interface Python {
  readonly text: string;
  readonly top: SyntaxNode;
}

export function parsePython(text: string): Python {
  return { text, top: parser.parse(text).topNode };
}

/** Depth of an expression that is followed; deeper ones are not resolved. */
const DEPTH = 40;

export function sourceOf({ text }: Python, node: SyntaxNode): string {
  return text.slice(node.from, node.to);
}

/** A node's children, as long as there are any to be honest about. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  for (let child = node.firstChild; child !== null; child = child.nextSibling) found.push(child);
  return found;
}

/** The values of an argument list: names of keyword arguments and punctuation left out. */
export function argumentsOf(call: SyntaxNode): SyntaxNode[] {
  const list = call.getChild('ArgList');
  if (list === null) return [];
  return childrenOf(list).filter(
    ({ name, nextSibling }) => !/^[(),*]+$|^AssignOp$/.test(name) && nextSibling?.name !== 'AssignOp',
  );
}

/** An identifier as Python takes it: NFKC makes `ｏｓ` the name `os`. */
export function nameOf(python: Python, node: SyntaxNode): string {
  const name = sourceOf(python, node);
  return name.normalize('NFKC');
}

/** The text a constant expression makes: literals, `+`, `join`, `chr`, slices that reverse; null for anything else. */
export function constantText(python: Python, node: SyntaxNode | null, depth = 0): string | null {
  if (node === null || depth > DEPTH) return null;
  const children = childrenOf(node);
  const inner = (at: number): string | null => constantText(python, children[at] ?? null, depth + 1);
  if (node.name === 'String') return literalText(sourceOf(python, node));
  if (node.name === 'ContinuedString') return joined(children.map((_, at) => inner(at)));
  if (node.name === 'ParenthesizedExpression') return inner(1);
  if (node.name === 'BinaryExpression' && children[1] !== undefined && sourceOf(python, children[1]) === '+')
    return joined([inner(0), inner(2)]);
  if (node.name === 'MemberExpression' && /\[\s*::\s*-1\s*\]$/.test(sourceOf(python, node)))
    return (
      Array.from(inner(0) ?? '')
        .toReversed()
        .join('') || null
    );
  return node.name === 'CallExpression' ? constantCall(python, node, depth) : null;
}

function constantCall(python: Python, node: SyntaxNode, depth: number): string | null {
  const [callee] = childrenOf(node);
  const args = argumentsOf(node);
  if (callee === undefined) return null;
  if (sourceOf(python, callee) === 'chr') {
    const code = Number(args[0] === undefined ? Number.NaN : sourceOf(python, args[0]));
    return code >= 0 && code < 0x110000 ? String.fromCodePoint(code) : null;
  }
  if (callee.name !== 'MemberExpression' || !sourceOf(python, callee).endsWith('.join')) return null;
  const separator = constantText(python, callee.firstChild, depth + 1);
  if (!/^(?:Array|Tuple)Expression$/.test(args[0]?.name ?? '')) return null;
  const parts = args[0] === undefined ? [] : childrenOf(args[0]).filter(({ name }) => !/^[[\](),]$/.test(name));
  const texts = parts.map((part) => constantText(python, part, depth + 1));
  return separator === null || texts.includes(null) ? null : texts.join(separator);
}

function joined(parts: readonly (string | null)[]): string | null {
  return parts.includes(null) ? null : parts.join('');
}

function literalText(source: string): string | null {
  const match = /^([a-zA-Z]{0,2})("""|'''|"|')([^]*)\2$/.exec(source);
  if (match === null) return null;
  const [, prefix = '', , body = ''] = match;
  if (/r/i.test(prefix)) return body;
  return body.replace(/\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|[^])/g, unescapeOne);
}
