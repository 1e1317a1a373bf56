import { isUtf8 } from 'node:buffer';
import { badRow } from './problem.ts';
import type { Chunk } from './reader.ts';

/** Past the byte order mark, which only a file's first bytes can be. */
export function startOf({ bytes, base }: Chunk): number {
  return base === 0 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/** Of the whole lines alone: a character may go on in the next chunk. */
export function checkUtf8({ bytes, base, last }: Chunk, from: number): void {
  const end = last ? bytes.length : bytes.lastIndexOf(0x0a) + 1;
  if (isUtf8(bytes.subarray(from, end))) return;
  let at = from;
  for (let next = bytes.indexOf(0x0a, at) + 1; next > 0 && isUtf8(bytes.subarray(at, next));) {
    at = next;
    next = bytes.indexOf(0x0a, at) + 1;
  }
  throw badRow('not UTF-8 in the line that begins here', { byte: base + at });
}
