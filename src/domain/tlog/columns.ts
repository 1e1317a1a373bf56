import { Buffer } from 'node:buffer';
import { formatLeaf, KINDS, parseLeaf, type LogEntries, type LogEntry, type LogLeaf, type LogQuery } from './leaf.ts';
import { EMPTY_ROOT, leafHash, nodeHash, type Hash } from './merkle.ts';
import { foldHashes, TILE_WIDTH } from './tiles.ts';

const DIGEST_BYTES = 32;

/** Texts by the order in which they first came. */
export class Texts {
  readonly all: string[] = [];
  readonly #numbers = new Map<string, number>();

  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#numbers.set(text, this.all.length);
    return this.all.push(text) - 1;
  }

  find(text: string): number | undefined {
    return this.#numbers.get(text);
  }
}

/** What is asked of a row; null where nothing is asked. `NOBODY`: no row can have it. */
interface Wanted {
  readonly kind: number | null;
  readonly name: number | null;
  readonly env: number | null;
  readonly manifest: Buffer | null;
  readonly bundle: Buffer | null;
}

const NOBODY = -1;

/** Rows of equal key, oldest first: the first of each key, and for each row the next. */
interface Chains {
  readonly first: Int32Array;
  readonly next: Int32Array;
}

/**
 * Entries of a log from its first on, 73 bytes each and no object: a log of 100,000 is looked through in a millisecond.
 * Hashes of complete tiles are kept too, so that the root over all of it costs a hash a tile.
 */
export class LogColumns implements LogEntries {
  length = 0;
  kinds = new Uint8Array(0);
  names = new Uint32Array(0);
  /** One more than the number of the environment; 0: none. */
  envs = new Uint32Array(0);
  manifests = Buffer.alloc(0);
  bundles = Buffer.alloc(0);
  readonly nameTexts = new Texts();
  readonly envTexts = new Texts();
  /** Merkle hash of each complete tile of leaves. */
  readonly tiles: Hash[] = [];
  readonly #partial = Buffer.alloc(TILE_WIDTH * DIGEST_BYTES);
  #byManifest: Chains | null = null;
  #byName: Chains | null = null;
  /** What was asked of a kind alone, which every decision asks anew. */
  readonly #byKind = new Map<LogLeaf['kind'], readonly LogEntry[]>();
  /** By number of entries: what is added later changes none of them, and every decision asks for the same. */
  readonly #roots = new Map<number, string>();

  /** @throws WeighmarkError `log-invalid` for what is no canonical leaf. */
  add(bytes: Uint8Array): void {
    const leaf = parseLeaf(bytes);
    this.reserve(this.length + 1);
    this.kinds[this.length] = KINDS.indexOf(leaf.kind);
    this.names[this.length] = this.nameTexts.numberOf(leaf.name);
    this.envs[this.length] = leaf.env === undefined ? 0 : this.envTexts.numberOf(leaf.env) + 1;
    this.manifests.write(leaf.manifest.slice('sha256:'.length), this.length * DIGEST_BYTES, 'hex');
    this.bundles.write(leaf.bundle.slice('sha256:'.length), this.length * DIGEST_BYTES, 'hex');
    this.#partial.set(leafHash(bytes), (this.length % TILE_WIDTH) * DIGEST_BYTES);
    this.grow(1);
    if (this.length % TILE_WIDTH === 0) this.tiles.push(foldHashes(this.#partial, 0, TILE_WIDTH));
  }

  /** Room for so many rows. */
  reserve(rows: number): void {
    if (rows <= this.kinds.length) return;
    const room = Math.max(rows, 2 * this.kinds.length, TILE_WIDTH);
    this.kinds = widened(this.kinds, new Uint8Array(room));
    this.names = widened(this.names, new Uint32Array(room));
    this.envs = widened(this.envs, new Uint32Array(room));
    this.manifests = widened(this.manifests, Buffer.alloc(room * DIGEST_BYTES));
    this.bundles = widened(this.bundles, Buffer.alloc(room * DIGEST_BYTES));
  }

  /** Rows that were filled in beyond the end count from now on. */
  grow(rows: number): void {
    this.length += rows;
    this.#byManifest = null;
    this.#byName = null;
    this.#byKind.clear();
  }

  at(index: number): LogEntry | undefined {
    if (!(index >= 0 && index < this.length)) return undefined;
    const env = this.envs[index] ?? 0;
    const leaf: LogLeaf = {
      v: 1,
      kind: KINDS[this.kinds[index] ?? 0] ?? 'push',
      name: this.nameTexts.all[this.names[index] ?? 0] ?? '',
      manifest: digestAt(this.manifests, index),
      bundle: digestAt(this.bundles, index),
      ...(env === 0 ? {} : { env: this.envTexts.all[env - 1] ?? '' }),
    };
    return { index, leaf };
  }

  *[Symbol.iterator](): Iterator<LogEntry> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index) as LogEntry;
  }

  matching(query: LogQuery): readonly LogEntry[] {
    const { kind, ...more } = query;
    if (kind === undefined || Object.values(more).some((each) => each !== undefined)) return this.#matching(query);
    const found = this.#byKind.get(kind) ?? this.#matching(query);
    this.#byKind.set(kind, found);
    return found;
  }

  #matching(query: LogQuery): readonly LogEntry[] {
    const wanted = this.#wanted(query);
    const chains = this.#chainsFor(wanted);
    const found: LogEntry[] = [];
    const start = chains === null ? 0 : (chains.of.first[chains.key] ?? NOBODY);
    for (let at = start; at !== NOBODY && at < this.length; at = chains === null ? at + 1 : (chains.of.next[at] ?? -1))
      if (this.#fits(at, wanted)) found.push(this.at(at) as LogEntry);
    return found;
  }

  rootAt(size: number): string | null {
    if (!(size >= 0 && size <= this.length)) return null;
    const known = this.#roots.get(size);
    if (known !== undefined) return known;
    const root = Buffer.from(size === 0 ? EMPTY_ROOT : this.#treeHash(0, size)).toString('hex');
    this.#roots.set(size, root);
    return root;
  }

  /** The left part is the largest power of two that leaves something for the right. */
  #treeHash(from: number, to: number): Hash {
    const count = to - from;
    // So many begin at a tile's border: what is to the left of them is as many, or a multiple.
    if (count === TILE_WIDTH) return this.tiles[from / TILE_WIDTH] ?? EMPTY_ROOT;
    if (count === 1) return leafHash(formatLeaf((this.at(from) as LogEntry).leaf));
    const middle = from + 2 ** (Math.ceil(Math.log2(count)) - 1);
    return nodeHash(this.#treeHash(from, middle), this.#treeHash(middle, to));
  }

  #wanted({ kind, name, env, manifest, bundle }: LogQuery): Wanted {
    return {
      kind: kind === undefined ? null : KINDS.indexOf(kind),
      name: name === undefined ? null : (this.nameTexts.find(name) ?? NOBODY),
      env: env === undefined ? null : (this.envTexts.find(env) ?? NOBODY - 1) + 1,
      manifest: manifest === undefined ? null : Buffer.from(manifest.slice('sha256:'.length), 'hex'),
      bundle: bundle === undefined ? null : Buffer.from(bundle.slice('sha256:'.length), 'hex'),
    };
  }

  #chainsFor({ manifest, name }: Wanted): { readonly of: Chains; readonly key: number } | null {
    if (manifest !== null) {
      this.#byManifest ??= chained(bucketsOf(this.manifests, this.length), bucketsFor(this.length));
      return {
        of: this.#byManifest,
        key: manifest.length !== DIGEST_BYTES ? NOBODY : bucket(manifest, 0, bucketsFor(this.length)),
      };
    }
    if (name === null) return null;
    this.#byName ??= chained(this.names.subarray(0, this.length), this.nameTexts.all.length);
    return { of: this.#byName, key: name };
  }

  #fits(at: number, { kind, name, env, manifest, bundle }: Wanted): boolean {
    return (
      (kind === null || this.kinds[at] === kind) &&
      (name === null || this.names[at] === name) &&
      (env === null || this.envs[at] === env) &&
      (manifest === null || isAt(this.manifests, at, manifest)) &&
      (bundle === null || isAt(this.bundles, at, bundle))
    );
  }
}

/** For entries that are at hand. */
export function columnsOf(leaves: Iterable<LogLeaf>): LogColumns {
  const columns = new LogColumns();
  for (const leaf of leaves) columns.add(formatLeaf(leaf));
  return columns;
}

function widened<T extends Uint8Array | Uint32Array>(old: T, wider: T): T {
  wider.set(old);
  return wider;
}

function digestAt(column: Buffer, row: number): string {
  return `sha256:${column.toString('hex', row * DIGEST_BYTES, (row + 1) * DIGEST_BYTES)}`;
}

function isAt(column: Buffer, row: number, digest: Buffer): boolean {
  if (digest.length !== DIGEST_BYTES) return false;
  return column.compare(digest, 0, DIGEST_BYTES, row * DIGEST_BYTES, (row + 1) * DIGEST_BYTES) === 0;
}

function bucketsFor(rows: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, rows)));
}

function bucket(digests: Buffer, at: number, buckets: number): number {
  return digests.readUInt32LE(at) % buckets;
}

function bucketsOf(digests: Buffer, rows: number): Uint32Array {
  const [numbers, buckets] = [new Uint32Array(rows), bucketsFor(rows)];
  for (let row = 0; row < rows; row += 1) numbers[row] = bucket(digests, row * DIGEST_BYTES, buckets);
  return numbers;
}

/** Walked from the end: each chain then begins with its oldest row. */
function chained(keys: Uint32Array, count: number): Chains {
  const chains = { first: new Int32Array(count).fill(NOBODY), next: new Int32Array(keys.length).fill(NOBODY) };
  for (let row = keys.length - 1; row >= 0; row -= 1) {
    const key = keys[row] ?? 0;
    chains.next[row] = chains.first[key] ?? NOBODY;
    chains.first[key] = row;
  }
  return chains;
}
