import { headOf, type Source } from '../../base/source.ts';
import type { PickleCall } from './machine.ts';
import { readPickle, type Pickle } from './read.ts';
import { isNode } from './values.ts';

/** First opcodes that push something, mark or look up: any other byte is refused at once by an empty stack. */
const STARTS: ReadonlySet<number> = new Set(
  Buffer.from('(])}\x8fIJKLMSUTVXFGNcBC\x88\x89\x8a\x8b\x8c\x8d\x8e\x95\x96\x80', 'latin1'),
);
/** What a module or name of Python looks like. */
const WORD = /^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/;

/**
 * Whether bytes without a PROTO opcode are a pickle: CPython's unpickler would look something up on its way to STOP, or
 * call it before it stops anywhere. A text that it refuses before, or that only begins like an import, is text.
 */
export async function isPlainPickle(source: Source): Promise<boolean> {
  const [first = 0] = await headOf(source, 1);
  if (!startsPickle(first)) return false;
  return actsAsPickle(await readPickle(source, { keep: 0 }));
}

/** Whether any stream that is a pickle begins with this byte, or one with a protocol does. */
export function startsPickle(first: number): boolean {
  return STARTS.has(first);
}

/** The same of a stream that was read. */
export function actsAsPickle({ complete, globals, calls, events }: Pickle): boolean {
  if (complete && globals.some(({ module, name }) => isWord(module) && isWord(name))) return true;
  if (calls.some(isDeliberate)) return true;
  return complete && events.some(({ kind }) => kind === 'extension' || kind === 'computed-name');
}

/** By chance a text calls a name of two of its lines with nothing; never with arguments, or with an empty tuple. */
function isDeliberate({ callee, args, via }: PickleCall): boolean {
  if (!isNode(callee) || callee.kind !== 'global') return true;
  return isWord(callee.module) && isWord(callee.name) && (via !== 'INST' || args.length > 0);
}

function isWord(text: string | null): boolean {
  return text === null || WORD.test(text);
}
