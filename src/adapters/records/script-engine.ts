import { WeighmarkError } from '../../domain/base/errors.ts';
import { BUCKET_RECORDS, storedNodes, trieHeap } from '../../domain/records/build.ts';
import { MAX_RECORDS, OFFSET_STEP, prefixBitsOf } from '../../domain/records/index-layout.ts';
import { keyedHashing, keyId, openHashing } from '../../domain/records/keys.ts';
import { isCuttable } from '../../domain/records/plan.ts';
import { OrderedTree } from '../../domain/records/ordered.ts';
import { formatRoots, type Part, type Roots } from '../../domain/records/roots.ts';
import { kindsOf, type Columns } from '../../domain/records/struct.ts';
import type { Branch } from '../../domain/records/trie.ts';
import { unsupported } from '../../domain/records/problem.ts';
import type { Indexed, IndexJob, IndexWatch, RecordFile } from '../../domain/ports/records.ts';
import { batchesOf } from './batches.ts';
import type { IndexPlace } from './cache.ts';
import { IndexWriter } from './index-writer.ts';
import { linesOf } from './lines.ts';
import { bytesOf } from './source.ts';
import { Spill } from './spill.ts';
import type { FoundLines, WasmKernel } from './wasm-kernel.ts';
import { pushAll } from '../../domain/base/lists.ts';

/** Indexes a dataset in JavaScript, with the hashing in WebAssembly: the same roots and the same file as the addon's. */
export async function indexByScript(job: ScriptJob, watch: IndexWatch, kernel: WasmKernel): Promise<Indexed> {
  const spill = new Spill();
  try {
    const scanned = await scan(job, watch, { kernel, spill });
    return await finish(job, scanned, { kernel, spill });
  } finally {
    spill.close();
  }
}

export interface ScriptJob extends IndexJob {
  readonly cache: IndexPlace;
}

interface Tools {
  readonly kernel: WasmKernel;
  readonly spill: Spill;
}

interface Scanned {
  readonly columns: Columns;
  readonly parts: readonly Part[];
  readonly offsets: readonly number[];
  readonly tree: OrderedTree;
}

async function scan(job: IndexJob, { progress, signal }: IndexWatch, { kernel, spill }: Tools): Promise<Scanned> {
  const columns: Columns = new Map();
  const [parts, offsets, tree]: [Part[], number[], OrderedTree] = [[], [], new OrderedTree(kernel)];
  const work = progress.start(
    'records',
    job.files.reduce((sum, file) => sum + bytesOf(file), 0),
  );
  const found = foundIn(job, kernel, { columns, onBytes: (bytes) => work.advance(bytes) });
  for (const file of job.files) {
    const before = tree.count;
    const base = isCuttable(job.reading) ? (file.slice?.start ?? 0) : 0;
    for await (const { hashes, offset } of found.each(file)) {
      signal.throwIfAborted();
      noteOffsets(offset, { first: tree.count, count: hashes.length / 32, base }, offsets);
      tree.add(hashes);
      spill.add(hashes);
      if (tree.count > MAX_RECORDS) throw unsupported(`more than ${MAX_RECORDS} records`);
    }
    parts.push({ path: file.path, records: tree.count - before });
  }
  found.end();
  work.end();
  return { columns, parts, offsets, tree };
}

interface Noted {
  readonly columns: Columns;
  readonly onBytes: (bytes: number) => void;
}

/** Lines are read by the kernel, everything else is encoded here. */
function foundIn(job: IndexJob, kernel: WasmKernel, { columns, onBytes }: Noted) {
  const { reading, secret } = job;
  if (reading.format === 'text' || reading.format === 'jsonl') {
    const json = reading.profile === 'text' ? 'json as text' : 'json';
    const reader = kernel.readLines(reading.format === 'text' ? 'text' : json, secret);
    return {
      each: (file: RecordFile) => linesOf(file, job, { reader, onBytes }),
      end: () => reader.columns().forEach((bits, name) => columns.set(name, bits)),
    };
  }
  const hashing = secret === null ? openHashing : keyedHashing(secret);
  async function* each(file: RecordFile): AsyncGenerator<FoundLines> {
    for await (const batch of batchesOf(file, { reading, columns, onBytes }))
      yield {
        hashes: hashing.hash(batch.view(), Uint32Array.from(batch.ends), kernel),
        offset: (at) => batch.offsets[at] ?? 0,
      };
  }
  return { each, end: () => undefined };
}

interface Stretch {
  /** Position of its first record. */
  readonly first: number;
  readonly count: number;
  /** Where in its file the bytes begin that are read. */
  readonly base: number;
}

function noteOffsets(offset: (at: number) => number, { first, count, base }: Stretch, into: number[]): void {
  for (let at = (OFFSET_STEP - (first % OFFSET_STEP)) % OFFSET_STEP; at < count; at += OFFSET_STEP)
    into.push(offset(at) - base);
}

async function finish(job: ScriptJob, scanned: Scanned, { kernel, spill }: Tools): Promise<Indexed> {
  const { tree, columns, parts, offsets } = scanned;
  const records = tree.count;
  const { root: ordered, stored } = tree.finish();
  const writer = job.keep ? new IndexWriter(job.cache.folder(), records) : null;
  try {
    const { branches, fence } = sortAll(records, { kernel, spill }, writer);
    const { heap, root: set } = trieHeap(branches, kernel);
    const roots: Roots = {
      reading: job.reading,
      hashing: job.secret === null ? 'open' : 'keyed',
      key: keyId(job.secret),
      records,
      distinct: set.distinct,
      ordered: hex(ordered),
      set: hex(set.hash),
      columns: kindsOf(columns),
      parts,
    };
    const index = writer === null ? null : job.cache.locationOf(roots);
    const nodes = storedNodes(stored, records, kernel);
    const { origin } = job.cache;
    if (index !== null) await writer?.finish(index, { nodes, fence, heap, offsets, roots: formatRoots(roots), origin });
    return { roots, index };
  } catch (error) {
    writer?.discard();
    throw error;
  }
}

/** Bucket after bucket; the branches go down to 8 bits at least, the fence to the bits of the layout. */
function sortAll(records: number, { kernel, spill }: Tools, writer: IndexWriter | null) {
  const bits = prefixBitsOf(records);
  const deep = Math.max(8, bits);
  const branches: Branch[] = [];
  const fence = new Uint32Array(2 ** bits + 1);
  let place = 0;
  for (let first = 0; first < 256; first += 1) {
    if (spill.count(first) > BUCKET_RECORDS) throw new WeighmarkError('internal', 'a bucket of records is too full');
    const { hashes, positions } = spill.bucket(first);
    const part = kernel.branches({ hashes, weights: null, skip: 8, depth: deep });
    pushAll(branches, part.branches);
    countPrefixes(hashes, bits, fence);
    writer?.bucket({ hashes, positions }, part.order);
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
