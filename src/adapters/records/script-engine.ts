import { WeighmarkError } from '../../domain/base/errors.ts';
import type { BulkHasher } from '../../domain/records/blake3.ts';
import { branchesOf, BUCKET_RECORDS, sortBucket, storedNodes, trieHeap } from '../../domain/records/build.ts';
import { MAX_RECORDS, OFFSET_STEP, prefixBitsOf } from '../../domain/records/index-layout.ts';
import { keyedHashing, openHashing } from '../../domain/records/keys.ts';
import { OrderedTree } from '../../domain/records/ordered.ts';
import { formatRoots, type Part, type Roots } from '../../domain/records/roots.ts';
import { kindsOf, type Columns } from '../../domain/records/struct.ts';
import type { Branch } from '../../domain/records/trie.ts';
import { unsupported } from '../../domain/records/problem.ts';
import type { Indexed, IndexJob, IndexWatch } from '../../domain/ports/records.ts';
import { batchesOf } from './batches.ts';
import type { IndexPlace } from './cache.ts';
import { IndexWriter } from './index-writer.ts';
import { bytesOf } from './source.ts';
import { Spill } from './spill.ts';
import { pushAll } from '../../domain/base/lists.ts';

/** Indexes a dataset in JavaScript, with the hashing in WebAssembly: the same roots and the same file as the addon's. */
export async function indexByScript(job: ScriptJob, watch: IndexWatch, hasher: BulkHasher): Promise<Indexed> {
  const spill = new Spill();
  try {
    const scanned = await scan(job, watch, { hasher, spill });
    return await finish(job, scanned, { hasher, spill });
  } finally {
    spill.close();
  }
}

export interface ScriptJob extends IndexJob {
  readonly cache: IndexPlace;
}

interface Tools {
  readonly hasher: BulkHasher;
  readonly spill: Spill;
}

interface Scanned {
  readonly columns: Columns;
  readonly parts: readonly Part[];
  readonly offsets: readonly number[];
  readonly tree: OrderedTree;
}

async function scan(job: IndexJob, { progress, signal }: IndexWatch, { hasher, spill }: Tools): Promise<Scanned> {
  const hashing = job.secret === null ? openHashing : keyedHashing(job.secret);
  const columns: Columns = new Map();
  const [parts, offsets, tree]: [Part[], number[], OrderedTree] = [[], [], new OrderedTree(hasher)];
  const work = progress.start(
    'records',
    job.files.reduce((sum, file) => sum + bytesOf(file), 0),
  );
  const onBytes = (bytes: number): void => work.advance(bytes);
  for (const file of job.files) {
    const before = tree.count;
    for await (const batch of batchesOf(file, { reading: job.reading, columns, onBytes })) {
      signal.throwIfAborted();
      const hashes = hashing.hash(batch.view(), Uint32Array.from(batch.ends), hasher);
      noteOffsets(batch.offsets, { first: tree.count, base: file.slice?.start ?? 0 }, offsets);
      tree.add(hashes);
      spill.add(hashes);
      if (tree.count > MAX_RECORDS) throw unsupported(`more than ${MAX_RECORDS} records`);
    }
    parts.push({ path: file.path, records: tree.count - before });
  }
  work.end();
  return { columns, parts, offsets, tree };
}

/** @param from position of the first record, and where in its file the bytes begin that are read. */
function noteOffsets(
  of: readonly number[],
  { first, base }: { readonly first: number; readonly base: number },
  into: number[],
): void {
  for (let at = (OFFSET_STEP - (first % OFFSET_STEP)) % OFFSET_STEP; at < of.length; at += OFFSET_STEP)
    into.push((of[at] as number) - base);
}

async function finish(job: ScriptJob, scanned: Scanned, { hasher, spill }: Tools): Promise<Indexed> {
  const { tree, columns, parts, offsets } = scanned;
  const records = tree.count;
  const { root: ordered, stored } = tree.finish();
  const writer = job.keep ? new IndexWriter(job.cache.folder(), records) : null;
  try {
    const { branches, fence } = sortAll(records, { hasher, spill }, writer);
    const { heap, root: set } = trieHeap(branches, hasher);
    const roots: Roots = {
      reading: job.reading,
      hashing: job.secret === null ? 'open' : 'keyed',
      records,
      distinct: set.distinct,
      ordered: hex(ordered),
      set: hex(set.hash),
      columns: kindsOf(columns),
      parts,
    };
    const index = writer === null ? null : job.cache.locationOf(roots);
    const nodes = storedNodes(stored, records, hasher);
    if (index !== null) await writer?.finish(index, { nodes, fence, heap, offsets, roots: formatRoots(roots) });
    return { roots, index };
  } catch (error) {
    writer?.discard();
    throw error;
  }
}

/** Bucket after bucket; the branches go down to 8 bits at least, the fence to the bits of the layout. */
function sortAll(records: number, { hasher, spill }: Tools, writer: IndexWriter | null) {
  const bits = prefixBitsOf(records);
  const deep = Math.max(8, bits);
  const branches: Branch[] = [];
  const fence = new Uint32Array(2 ** bits + 1);
  let place = 0;
  for (let first = 0; first < 256; first += 1) {
    if (spill.count(first) > BUCKET_RECORDS) throw new WeighmarkError('internal', 'a bucket of records is too full');
    const { hashes, positions } = spill.bucket(first);
    const sorted = sortBucket(hashes, positions);
    pushAll(branches, branchesOf(sorted.hashes, deep, hasher));
    countPrefixes(sorted.hashes, bits, fence);
    writer?.bucket(sorted);
    place += positions.length;
  }
  for (let at = 1; at < fence.length; at += 1) fence[at] = (fence[at] as number) + (fence[at - 1] as number);
  if (place !== records) throw new WeighmarkError('internal', 'records were lost while they were sorted');
  return { branches, fence };
}

/** How many hashes have each prefix, one place on, so that sums are where prefixes begin. */
function countPrefixes(hashes: Uint8Array, bits: number, fence: Uint32Array): void {
  for (let at = 0; at < hashes.length; at += 32) {
    const prefix = (((hashes[at] as number) << 8) | (hashes[at + 1] as number)) >> (16 - bits);
    fence[prefix + 1] = (fence[prefix + 1] as number) + 1;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
