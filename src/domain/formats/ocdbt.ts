import { zstdDecompressSync } from 'node:zlib';
import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { startBudget, type Budget } from './budget.ts';
import { crc32c } from './crc32c.ts';
import { beyond, invalid } from './problem.ts';
import { u32, u64 } from './zip-fields.ts';

/** A value of the database: in its node, or in a stretch of a file of the database. */
export type OcdbtValue =
  { readonly bytes: Uint8Array } | { readonly file: string; readonly offset: number; readonly length: number };

/** Reads a file of the database by its path below the manifest; null if there is none. */
export type OcdbtFiles = <T>(path: string, read: (source: Source) => Promise<T>) => Promise<T | null>;

const [MANIFEST, NODE] = [0x0cdb_3a2a, 0x0cdb_20de];
const NODE_BYTES = 64 << 20;
const ENTRIES = 1_000_000;
const DEPTH = 64;

interface Place {
  readonly file: string;
  /** What the files named by the node are below. */
  readonly base: string;
  readonly offset: number;
  readonly length: number;
}

interface Walk {
  readonly files: OcdbtFiles;
  readonly budget: Budget;
  readonly found: Map<string, OcdbtValue>;
}

/**
 * Every entry of the newest version of an OCDBT database, by its key: what Orbax keeps a checkpoint's arrays in.
 * @see https://google.github.io/tensorstore/kvstore/ocdbt/index.html#storage-format
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`.
 */
export async function readOcdbt(manifest: Uint8Array, files: OcdbtFiles): Promise<ReadonlyMap<string, OcdbtValue>> {
  const walk: Walk = { files, budget: startBudget(LIMITS.structureBytes, 'OCDBT nodes'), found: new Map() };
  const root = newestRoot(bodyOf(manifest, MANIFEST));
  if (root === null) return walk.found;
  const waiting = [{ place: root.place, height: root.height, prefix: Buffer.alloc(0), depth: 0 }];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const { place, height, prefix, depth } = node;
    if (depth > DEPTH) throw beyond('an OCDBT tree is too deep');
    const reading = new Reading(await nodeAt(walk, place));
    if (reading.byte() !== height) throw invalid('an OCDBT node of another height than its parent says');
    const files = fileTable(reading, place.base);
    const keys = keyTable(reading, height > 0);
    if (height === 0) addEntries(walk, reading, { files, keys, prefix });
    else
      for (const [index, child] of placesIn(reading, files, keys.length).entries()) {
        const shared = keys[index]?.shared ?? 0;
        const below = Buffer.concat([prefix, (keys[index]?.key ?? prefix).subarray(0, shared)]);
        waiting.push({ place: child, height: height - 1, prefix: below, depth: depth + 1 });
      }
    if (waiting.length > ENTRIES) throw beyond(`more than ${ENTRIES} OCDBT nodes`);
  }
  return walk.found;
}

async function nodeAt({ files, budget }: Walk, { file, offset, length }: Place): Promise<Uint8Array> {
  if (length > NODE_BYTES) throw beyond(`an OCDBT node of ${length} bytes`);
  const bytes = await files(file, async (source) => {
    if (offset + length > source.size) throw invalid('ends early: an OCDBT node lies outside its file');
    return source.read(offset, length);
  });
  if (bytes === null) throw invalid(`${file} is not there`);
  const body = bodyOf(bytes, NODE);
  budget.spend(body.length);
  return body;
}

/** Magic, length, version, compression; the body; CRC-32C of all before it. */
function bodyOf(bytes: Uint8Array, magic: number): Uint8Array {
  const end = bytes.length - 4;
  if (end < 14 || Buffer.from(bytes).readUInt32BE(0) !== magic) throw invalid('not the OCDBT node it should be');
  if (u64(bytes, 4) !== bytes.length || crc32c(bytes.subarray(0, end)) !== u32(bytes, end))
    throw invalid('an OCDBT node has another length or checksum');
  if (bytes[12] !== 0 || (bytes[13] ?? 255) > 1)
    throw beyond('an OCDBT node of a version or compression that is not read');
  const body = bytes.subarray(14, end);
  if (bytes[13] === 0) return body;
  try {
    return zstdDecompressSync(body, { maxOutputLength: NODE_BYTES });
  } catch (error) {
    throw invalid('an OCDBT node does not decompress', { cause: error });
  }
}

/** The last of the versions in the manifest; null of an empty database. */
function newestRoot(body: Uint8Array): { readonly place: Place; readonly height: number } | null {
  const reading = new Reading(body);
  reading.take(16);
  if (reading.number() !== 0) throw beyond('an OCDBT database of numbered manifests is not read');
  reading.number();
  reading.number();
  reading.byte();
  if (reading.number() !== 0) reading.take(4);
  const files = fileTable(reading, '');
  const count = reading.count();
  reading.numbers(count);
  const heights = reading.take(count);
  const places = placesIn(reading, files, count);
  const place = places.at(-1);
  return place === undefined || place.length === 0 ? null : { place, height: heights[count - 1] ?? 0 };
}

interface NamedFile {
  readonly path: string;
  readonly base: string;
}

/** Paths, each with what it shares with the one before; their first part is what the files they name are below. */
function fileTable(reading: Reading, transitive: string): readonly NamedFile[] {
  const count = reading.count();
  const shared = [0, ...reading.numbers(Math.max(0, count - 1))];
  const lengths = reading.numbers(count);
  const bases = reading.numbers(count);
  const files: NamedFile[] = [];
  let path: Uint8Array = new Uint8Array(0);
  for (let index = 0; index < count; index++) {
    path = joined(path, shared[index] ?? 0, reading.take(lengths[index] ?? 0));
    const base = Buffer.from(path.subarray(0, bases[index])).toString('utf8');
    files.push({ path: transitive + Buffer.from(path).toString('utf8'), base: transitive + base });
  }
  return files;
}

function joined(before: Uint8Array, shared: number, suffix: Uint8Array): Uint8Array {
  if (shared > before.length || shared + suffix.length > 65_535) throw invalid('an OCDBT name of an impossible length');
  return Buffer.concat([before.subarray(0, shared), suffix]);
}

function placesIn(reading: Reading, files: readonly NamedFile[], count: number): readonly Place[] {
  const [ids, offsets, lengths] = [reading.numbers(count), reading.numbers(count), reading.numbers(count)];
  return ids.map((id, index) => {
    const file = files[id];
    if (file === undefined) throw invalid('an OCDBT node names a file that it does not list');
    return { file: file.path, base: file.base, offset: offsets[index] ?? 0, length: lengths[index] ?? 0 };
  });
}

interface Key {
  readonly key: Uint8Array;
  /** Of inner nodes: how much of it all keys below begin with. */
  readonly shared: number;
}

function keyTable(reading: Reading, inner: boolean): readonly Key[] {
  const count = reading.count();
  const prefixes = [0, ...reading.numbers(Math.max(0, count - 1))];
  const lengths = reading.numbers(count);
  const shared = inner ? reading.numbers(count) : [];
  const keys: Key[] = [];
  let key: Uint8Array = new Uint8Array(0);
  for (let index = 0; index < count; index++) {
    key = joined(key, prefixes[index] ?? 0, reading.take(lengths[index] ?? 0));
    reading.spend(key.length);
    keys.push({ key, shared: shared[index] ?? 0 });
  }
  return keys;
}

function addEntries(
  { found, budget }: Walk,
  reading: Reading,
  { files, keys, prefix }: { files: readonly NamedFile[]; keys: readonly Key[]; prefix: Uint8Array },
): void {
  const lengths = reading.numbers(keys.length);
  const kinds = reading.numbers(keys.length);
  const elsewhere = kinds.filter((kind) => kind === 1).length;
  const [ids, offsets] = [reading.numbers(elsewhere), reading.numbers(elsewhere)];
  let next = 0;
  for (const [index, { key }] of keys.entries()) {
    const name = Buffer.concat([prefix, key]).toString('utf8');
    const length = lengths[index] ?? 0;
    budget.spend(name.length + 64);
    if (found.has(name) || found.size >= ENTRIES) throw invalid('an OCDBT database with a key twice, or too many');
    if (kinds[index] === 0) found.set(name, { bytes: reading.take(length) });
    else {
      const file = files[ids[next] ?? -1];
      if (kinds[index] !== 1 || file === undefined) throw invalid('an OCDBT value that lies nowhere');
      found.set(name, { file: file.path, offset: offsets[next] ?? 0, length });
      next += 1;
    }
  }
}

/** A body read from its start. Every number and stretch must be there. */
class Reading {
  private at = 0;
  private kept = 0;

  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) throw invalid('ends early: an OCDBT node');
    return this.bytes.subarray(this.at, (this.at += length));
  }

  byte(): number {
    return this.take(1)[0] ?? 0;
  }

  number(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (!Number.isSafeInteger(value)) throw invalid('an OCDBT number is impossible');
      if (byte < 128) return value;
    }
  }

  /** How many of something follow: each takes a byte at least. */
  count(): number {
    const count = this.number();
    if (count > this.bytes.length - this.at) throw invalid('ends early: an OCDBT node');
    return count;
  }

  numbers(count: number): number[] {
    return Array.from({ length: count }, () => this.number());
  }

  /** Names that share their beginnings may be far longer than what lies there. */
  spend(length: number): void {
    this.kept += length;
    if (this.kept > NODE_BYTES) throw beyond('names of an OCDBT node are too long');
  }
}
