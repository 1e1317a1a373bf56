import { createHash } from 'node:crypto';
import type { Source } from '../base/source.ts';

const CHUNK = 1 << 20;
const LINE = 16 << 20;
/** Places of one record in one file that are told; the others are counted. */
const TOLD = 20;

export interface RecordPlaces {
  /** 1-based, the first of them. */
  readonly lines: readonly number[];
  readonly count: number;
}

/** Why a file could hold the record all the same: it is not one record a line. */
export interface NotLines {
  readonly why: string;
}

/** SHA-256 of a record as it stands in its file, without the line's end; lower-case hex. */
export function recordDigest(record: Uint8Array): string {
  return createHash('sha256').update(record).digest('hex');
}

/**
 * Lines of a text file that are this very record, byte for byte. Memory does not grow with the file.
 * @param digest what `recordDigest` gives for the record.
 */
export async function findRecord(source: Source, digest: string): Promise<RecordPlaces | NotLines> {
  const lines: number[] = [];
  let [number, count, rest] = [0, 0, Buffer.alloc(0)];
  const look = (line: Buffer): void => {
    number += 1;
    const record = line.at(-1) === 13 ? line.subarray(0, -1) : line;
    if (record.length === 0 || recordDigest(record) !== digest) return;
    count += 1;
    if (lines.length < TOLD) lines.push(number);
  };
  for (let at = 0; at < source.size; at += CHUNK) {
    const bytes = Buffer.concat([rest, await source.read(at, CHUNK)]);
    const why = whyNotLines(bytes.subarray(rest.length), at === 0);
    if (why !== null) return { why };
    let start = 0;
    for (let end = bytes.indexOf(10, rest.length); end >= 0; end = bytes.indexOf(10, start)) {
      look(bytes.subarray(start, end));
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
    if (rest.length > LINE) return { why: 'a line longer than any record' };
  }
  if (rest.length > 0) look(rest);
  return { lines, count };
}

/** Binary, or one JSON document: its records are not its lines. */
function whyNotLines(bytes: Buffer, isFirst: boolean): string | null {
  if (bytes.includes(0)) return 'not a text of one record a line';
  const opens = isFirst ? /^(?:\ufeff)?\s*\[/.test(bytes.subarray(0, 64).toString()) : false;
  return opens ? 'one JSON document, not one record a line' : null;
}
