import type { Source } from '../../base/source.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import { isKerasConfig, judgeKeras } from './keras.ts';

const CHUNK = 4 << 20;
/** A configuration may begin in one chunk and end in the next. */
const OVERLAP = 64;
const CONFIG = 32 << 20;
/** Bytes read in search of configurations' ends, all together: a file can be made of beginnings. */
const SEARCHED = 256 << 20;
const STARTS = ['{"class_name"', '{"module"', '{"name": "', '{"backend"'];

/** Bytes from `start` up to `end`. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

/**
 * Finds Keras configurations in a file's bytes, wherever its structure puts them (attributes, heaps, metadata of a
 * SavedModel): JSON text is contiguous in all of them. Reads the parts once, and again around what it finds.
 * @param parts where to look; default: everywhere
 */
export async function judgeKerasText(
  spot: Spot,
  source: Source,
  parts: readonly Stretch[] = [{ start: 0, end: source.size }],
): Promise<void> {
  const budget = { bytes: SEARCHED };
  for (const part of parts) await judgePart(spot, source, { part, budget });
}

interface Search {
  readonly part: Stretch;
  readonly budget: { bytes: number };
}

async function judgePart(spot: Spot, source: Source, { part, budget }: Search): Promise<void> {
  const near = await chunksWith(source, part, CLASS);
  for (let base = part.start, until = 0; base < part.end; base += CHUNK) {
    if (!near.has(base)) continue;
    const bytes = Buffer.from(await source.read(base, chunkBytes(base, part)));
    for (const at of startsIn(bytes)) {
      if (base + at < until) continue;
      if (budget.bytes <= 0) return leaveOut(spot, 'more beginnings of configurations than are followed', base + at);
      until = base + at + (await judgeAt(spot, source, { offset: base + at, budget }));
    }
  }
}

/** Every configuration names a class: what is far from that word need not be searched for beginnings. */
const CLASS = '"class_name"';

function chunkBytes(base: number, { end }: Stretch): number {
  return Math.min(CHUNK + OVERLAP, end - base);
}

/** Chunks that hold the word or may hold the beginning of a configuration that does: one search a byte. */
async function chunksWith(source: Source, part: Stretch, word: string): Promise<ReadonlySet<number>> {
  const near = new Set<number>();
  for (let base = part.start; base < part.end; base += CHUNK) {
    const { buffer, byteOffset, byteLength } = await source.read(base, chunkBytes(base, part));
    if (!Buffer.from(buffer, byteOffset, byteLength).includes(word)) continue;
    for (let at = base; at >= Math.max(part.start, base - CONFIG); at -= CHUNK) near.add(at);
  }
  return near;
}

function startsIn(bytes: Buffer): number[] {
  const found = new Set<number>();
  for (const start of STARTS) {
    for (let at = bytes.indexOf(start); at >= 0 && at < CHUNK && found.size < 10_000; at = bytes.indexOf(start, at + 1))
      found.add(at);
  }
  return [...found].sort((a, b) => a - b);
}

/** Bytes the JSON value takes; 1 if it is none. */
async function judgeAt(
  spot: Spot,
  source: Source,
  { offset, budget }: { offset: number; budget: { bytes: number } },
): Promise<number> {
  for (let size = 1 << 16; ; size *= 8) {
    const bytes = Buffer.from(await source.read(offset, Math.min(size, CONFIG)));
    const length = objectLength(bytes);
    budget.bytes -= length ?? bytes.length;
    if (length === null && bytes.length === Math.min(size, CONFIG) && size < CONFIG) continue;
    if (length === null) return 1;
    judgeText(spot, bytes.toString('utf8', 0, length), offset);
    return length;
  }
}

function judgeText(spot: Spot, text: string, offset: number): void {
  try {
    const value: unknown = JSON.parse(text);
    if (isKerasConfig(value) || text.includes('"class_name"')) judgeKeras(spot, value);
  } catch {
    if (/"class_name": ?"(Lambda|__lambda__)"/.test(text))
      report(spot, 'WM-KERAS-001', 'a Lambda layer in a configuration that is not valid JSON', { offset });
  }
}

/** Length of the JSON object at the start, by its brackets; null if it does not end here. */
function objectLength(bytes: Buffer): number | null {
  let [depth, quoted] = [0, false];
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (quoted) {
      if (byte === 0x5c) at++;
      else if (byte === 0x22) quoted = false;
    } else if (byte === 0x22) quoted = true;
    else if (byte === 0x7b) depth++;
    else if (byte === 0x7d && --depth === 0) return at + 1;
    else if (byte === 0) return null;
  }
  return null;
}
