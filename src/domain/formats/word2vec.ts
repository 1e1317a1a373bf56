import { elementsOf, startTally } from './tensors.ts';
import type { Findings, NamedSource } from './types.ts';

const HEADER = /^([1-9]\d{0,8}) ([1-9]\d{0,4})\r?\n/;
/** A word as it is written: no control character, and not without end. */
const WORD = /^[^\0-\x20\x7f]{1,500}$/;
const LONGEST = 501;
/** As many of the first words are looked at as lie in a file's head. */
const LOOKED_AT = 4;

interface Header {
  readonly bytes: number;
  readonly words: number;
  readonly size: number;
}

function headerOf(head: Buffer): Header | null {
  const found = HEADER.exec(head.toString('latin1', 0, 20));
  return found === null ? null : { bytes: found[0].length, words: Number(found[1]), size: Number(found[2]) };
}

/**
 * The binary vectors of word2vec's own program, which gensim and fastText write and read, too: how many words and of what size as
 * text, then each word, a space, its numbers of 32 bits, and perhaps a line's end. There is no magic: the sizes must fit, and the
 * words lie where they must.
 */
export function isWord2vec(head: Buffer, size: number): boolean {
  if ((head[0] ?? 0) < 0x31 || (head[0] ?? 0) > 0x39) return false;
  const header = headerOf(head);
  if (header === null) return false;
  const names = size - header.bytes - header.words * header.size * 4;
  return names >= 2 * header.words && names <= LONGEST * header.words && wordsLie(head, header);
}

function wordsLie(head: Buffer, { bytes, words, size }: Header): boolean {
  for (let at = bytes, seen = 0; seen < Math.min(words, LOOKED_AT); seen++) {
    if (head[at] === 0x0a) at += 1;
    if (at + LONGEST > head.length && seen > 0) return true;
    const end = head.indexOf(0x20, at);
    if (end < 0 || !WORD.test(head.toString('latin1', at, end))) return false;
    at = end + 1 + size * 4;
  }
  return true;
}

/** One matrix, whose rows lie apart, each behind its word. */
export async function readWord2vec({ source }: NamedSource): Promise<Findings> {
  const header = headerOf(Buffer.from(await source.read(0, 64)));
  const { words = 0, size = 0 } = header ?? {};
  const shape = [words, size];
  const tally = startTally({ known: () => Number.isSafeInteger(elementsOf(shape)) });
  tally.add({ name: 'vectors', dtype: 'F32', shape });
  return { format: 'word2vec', metadata: [{ key: 'words', value: words, place: 'header:words' }], ...tally.finish() };
}
