import { createHash } from 'node:crypto';
import type { Source } from '../../base/source.ts';

/** Rows of a text table or JSON lines file that came and went; order does not count. */
export interface RecordChange {
  readonly before: number;
  readonly after: number;
  readonly added: number;
  readonly removed: number;
}

const CHUNK = 1 << 20;
const RECORDS = 2_000_000;
const LINE = 16 << 20;

/** Null for more rows than are compared, or a line longer than any record. */
export async function compareRecords(a: Source, b: Source): Promise<RecordChange | null> {
  const counts = new Map<string, number>();
  const before = await countLines(a, (key) => counts.set(key, (counts.get(key) ?? 0) + 1));
  const after = await countLines(b, (key) => counts.set(key, (counts.get(key) ?? 0) - 1));
  if (before === null || after === null) return null;
  const differences = [...counts.values()];
  return {
    before,
    after,
    added: differences.reduce((sum, count) => sum + Math.max(0, -count), 0),
    removed: differences.reduce((sum, count) => sum + Math.max(0, count), 0),
  };
}

async function countLines(source: Source, add: (key: string) => void): Promise<number | null> {
  let [count, rest] = [0, Buffer.alloc(0)];
  for (let at = 0; at < source.size; at += CHUNK) {
    const bytes = Buffer.concat([rest, await source.read(at, CHUNK)]);
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      if (addLine(bytes.subarray(start, end), add)) count += 1;
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
    if (count > RECORDS || rest.length > LINE) return null;
  }
  return addLine(rest, add) ? count + 1 : count;
}

/** Short lines as they are, others by 120 bits of their SHA-256. */
function addLine(line: Buffer, add: (key: string) => void): boolean {
  const trimmed = line.at(-1) === 13 ? line.subarray(0, -1) : line;
  if (trimmed.length === 0) return false;
  add(
    trimmed.length <= 12
      ? trimmed.toString('latin1')
      : createHash('sha256').update(trimmed).digest('base64').slice(0, 20),
  );
  return true;
}
