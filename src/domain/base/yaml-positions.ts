import { unescapeToken } from './pointer.ts';
import { isCollection, isNode, isSeq, LineCounter, parseDocument, type Node } from 'yaml';

export interface Position {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

/**
 * Where in a YAML text the value of a JSON Pointer stands; of what is missing, the nearest that is there. For messages about
 * a text that `parseStrictYaml` has read: null where it cannot be read at all.
 */
export function yamlPositions(text: string): (pointer: string) => Position | null {
  const counter = new LineCounter();
  const document = parseDocument(text, { version: '1.2', schema: 'core', lineCounter: counter, logLevel: 'silent' });
  return (pointer) => {
    const node = nearest(document.contents, pointer.split('/').slice(1).map(unescapeToken));
    const offset = node?.range?.[0];
    if (offset === undefined) return null;
    const { line, col } = counter.linePos(offset);
    return line === 0 ? null : { line, column: col };
  };
}

function nearest(root: unknown, path: readonly string[]): Node | null {
  let node = isNode(root) ? root : null;
  for (const part of path) {
    const child: unknown = isCollection(node) ? node.get(isSeq(node) ? Number(part) : part, true) : undefined;
    if (!isNode(child)) return node;
    node = child;
  }
  return node;
}
