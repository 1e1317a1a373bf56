import { DigestColumn, type ListedFile } from '../../domain/digest/list.ts';
import { DigestRows } from '../../domain/digest/rows.ts';
import type { ByteRange } from '../../domain/digest/proven.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Digests, HashAlgorithm } from '../../domain/digest/algorithm.ts';
import type { Files, Tree, TreeEntry } from '../../domain/ports/files.ts';
import type { Hasher, HashJob, HashResult, Stretch } from '../../domain/ports/hasher.ts';
import type { Progress } from '../../domain/ports/terminal.ts';

export interface HashTreePorts {
  readonly files: Files;
  readonly hasher: () => Promise<Hasher>;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

export interface HashTreeOptions {
  readonly label: string;
  readonly algorithms: readonly HashAlgorithm[];
  readonly jobs?: number;
  readonly followLinks?: boolean;
  readonly outboardFromBytes?: number;
  /** Where a file's outboard is written while it is hashed; undefined: nowhere. */
  readonly outboardTo?: (entry: TreeEntry) => string | undefined;
  /** Parts of a file whose own BLAKE3 is wanted from the same read; undefined: none. */
  readonly stretchesOf?: (entry: TreeEntry) => readonly Stretch[] | undefined;
  /** Also hand on the bytes of small files, where the kernel can. */
  readonly contents?: boolean;
}

export interface HashedEntry {
  readonly entry: TreeEntry;
  readonly digests: Digests;
  readonly outboard?: Uint8Array;
  /** Of a small file, where they were asked for and the kernel can. */
  readonly content?: Uint8Array;
  /** BLAKE3 of the parts that were asked for, 32 bytes each. */
  readonly stretches?: Uint8Array;
}

/** One pass over the files, with progress. @throws WeighmarkError `file-changed`, `unreadable`, `interrupted`. */
export async function hashTree(
  entries: readonly TreeEntry[],
  options: HashTreeOptions,
  ports: HashTreePorts,
): Promise<readonly HashedEntry[]> {
  const all: HashedEntry[] = [];
  const rows = new DigestRows(32);
  await hashEach(entries, options, ports, (some) => {
    for (const each of some) all.push(kept(each, rows));
  });
  return all;
}

/** The same, told as it goes, in order: what is told is not kept. */
export async function hashEach(
  entries: readonly TreeEntry[],
  options: HashTreeOptions,
  ports: HashTreePorts,
  told: (some: readonly HashedEntry[]) => void | Promise<void>,
): Promise<void> {
  const progress = ports.progress.start(
    options.label,
    entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
  const followLink = options.followLinks === true ? { followLink: true } : {};
  const jobOf = (entry: TreeEntry): HashJob => {
    const { location, sizeBytes, stamp } = entry;
    const outboardTo = options.outboardTo?.(entry);
    const stretches = options.stretchesOf?.(entry);
    return {
      location,
      sizeBytes,
      stamp,
      ...followLink,
      ...(outboardTo === undefined ? {} : { outboardTo }),
      ...(stretches === undefined ? {} : { stretches }),
    };
  };
  const how = hashOptions(options, ports, (bytes) => progress.advance(bytes));
  const atOnce = options.contents === true ? CONTENTS_AT_ONCE : ENTRIES_AT_ONCE;
  try {
    const hasher = await ports.hasher();
    for (let from = 0; from < entries.length; from += atOnce) {
      const some = entries.slice(from, from + atOnce);
      const results = await hasher.hash(some.map(jobOf), how);
      await told(some.map((entry, index) => hashed(entry, results[index])));
    }
  } finally {
    progress.end();
  }
}

/** What is asked and answered of more at a time would take hundreds of megabytes for a million files. */
const ENTRIES_AT_ONCE = 1 << 14;
/** Contents at most so large are handed on, of so many files at a time: 32 MiB. */
export const CONTENT_BYTES = 16 << 10;
const CONTENTS_AT_ONCE = 1 << 11;

/** BLAKE3 of many files that nothing else is known of lies in rows. */
function kept(hashed: HashedEntry, rows: DigestRows): HashedEntry {
  const { blake3, sha256, blake2b } = hashed.digests;
  const isAlone = (sha256 ?? blake2b ?? hashed.outboard ?? hashed.content ?? hashed.stretches) === undefined;
  if (blake3 === undefined || !isAlone) return hashed;
  const at = rows.next();
  rows.bytes.write(blake3, at, 'hex');
  return new KeptEntry(hashed.entry, rows.bytes, at);
}

class KeptEntry implements HashedEntry {
  readonly entry: TreeEntry;
  readonly #column: Buffer;
  readonly #at: number;

  constructor(entry: TreeEntry, column: Buffer, at: number) {
    this.entry = entry;
    this.#column = column;
    this.#at = at;
  }

  get digests(): Digests {
    return { blake3: this.#column.toString('hex', this.#at, this.#at + 32) };
  }
}

/** Both digests of every file of a tree, as a digest list has them. @throws WeighmarkError what `hashTree` throws. */
export async function hashListed(
  tree: Tree,
  { outboardTo, jobs }: Pick<HashTreeOptions, 'outboardTo' | 'jobs'>,
  ports: HashTreePorts,
): Promise<readonly ListedFile[]> {
  const options = { label: 'hashing', algorithms: ['sha256', 'blake3'] as const, followLinks: tree.followedLinks };
  const hashed = await hashTree(
    tree.entries,
    { ...options, ...(outboardTo === undefined ? {} : { outboardTo }), ...(jobs === undefined ? {} : { jobs }) },
    ports,
  );
  const column = new DigestColumn();
  return hashed.map((each) => listedOf(each, column));
}

export function listedOf({ entry: { path, sizeBytes }, digests }: HashedEntry, column: DigestColumn): ListedFile {
  return column.add({ path, sizeBytes, sha256: digests.sha256 ?? '', blake3: digests.blake3 ?? '' });
}

/** Digests of byte ranges, in order: for OMS signatures by shards. @throws WeighmarkError `file-changed` and what reading throws. */
export async function hashRanges(
  entry: TreeEntry,
  algorithm: HashAlgorithm,
  options: { ranges: readonly ByteRange[]; followLink: boolean },
  ports: HashTreePorts,
): Promise<readonly string[]> {
  const file = await ports.files.open(entry.location, { followLink: options.followLink });
  if (file.size !== entry.sizeBytes)
    throw new WeighmarkError('file-changed', `${entry.location} changed while it was read`, {
      subject: entry.location,
    });
  const hasher = await ports.hasher();
  const digests: string[] = [];
  for (const { start, end } of options.ranges) {
    ports.signal?.throwIfAborted();
    const { digests: found } = await hasher.hashStream(chunks(file, start, Math.min(end, file.size)), [algorithm]);
    digests.push(found[algorithm] ?? '');
  }
  await file.close();
  return digests;
}

const CHUNK_BYTES = 1 << 20;

async function* chunks(
  file: { read(offset: number, length: number): Promise<Uint8Array> },
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += CHUNK_BYTES) yield file.read(at, Math.min(CHUNK_BYTES, end - at));
}

function hashed(entry: TreeEntry, result: HashResult | undefined): HashedEntry {
  if (result === undefined) throw new Error('the hasher returned too few results');
  const { digests, outboard, content, stretches } = result;
  if (content !== undefined) return { entry, digests, content };
  const more = stretches === undefined ? {} : { stretches };
  return outboard === undefined ? { entry, digests, ...more } : { entry, digests, outboard, ...more };
}

function hashOptions(options: HashTreeOptions, ports: HashTreePorts, onProgress: (bytes: number) => void) {
  const { algorithms, jobs, outboardFromBytes, contents } = options;
  return {
    algorithms,
    onProgress,
    ...(jobs === undefined ? {} : { jobs }),
    ...(ports.signal === undefined ? {} : { signal: ports.signal }),
    ...(outboardFromBytes === undefined ? {} : { outboardFromBytes }),
    ...(contents === true ? { contentUpToBytes: CONTENT_BYTES } : {}),
  };
}
