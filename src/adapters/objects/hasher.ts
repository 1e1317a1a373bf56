import { WeighmarkError } from '../../domain/base/errors.ts';
import { inParallel } from '../../domain/base/parallel.ts';
import type { HashAlgorithm } from '../../domain/digest/algorithm.ts';
import type { Hasher, HashJob, HashOptions, HashResult } from '../../domain/ports/hasher.ts';
import { inOrder, PinnedObject, readSpan, type Slots } from './pinned.ts';
import { changed, type ByteSpan, type ObjectStore } from './store.ts';

export interface HashingObjects {
  readonly store: ObjectStore;
  readonly slots: Slots;
  readonly real: Hasher;
  pinned(location: string): Promise<PinnedObject>;
}

/** Objects read at a time; of large ones the ranges share `Slots`. */
const AT_ONCE = 16;

/** Digests of objects, in the order of jobs. Nothing of them is on a disk, so no outboard is written. */
export async function hashObjects(
  jobs: readonly HashJob[],
  options: HashOptions,
  objects: HashingObjects,
): Promise<readonly HashResult[]> {
  options.onTotal?.(jobs.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0));
  const results: HashResult[] = [];
  await inParallel([...jobs.entries()], AT_ONCE, async ([at, job]) => {
    try {
      results[at] = await hashOne(job, options, objects);
    } catch (error) {
      if (!tell(error, at, options)) throw error;
      results[at] = { sizeBytes: 0, digests: {} };
    }
  });
  return results;
}

function tell(error: unknown, at: number, { onFailure }: HashOptions): boolean {
  if (onFailure === undefined || !(error instanceof WeighmarkError) || error.code === 'interrupted') return false;
  onFailure(at, error);
  return true;
}

async function hashOne(job: HashJob, options: HashOptions, objects: HashingObjects): Promise<HashResult> {
  options.signal?.throwIfAborted();
  const object = job.stamp instanceof PinnedObject ? job.stamp : await objects.pinned(job.location);
  const { part } = job;
  if ((part?.fileBytes ?? job.sizeBytes ?? object.size) !== object.size) throw changed(object.place);
  const start = part?.start ?? 0;
  const span = { start, end: start + (job.sizeBytes ?? object.size) };
  if (part?.subtree === true) return subtreeOf(object, span, objects, options);
  if (object.size <= (options.contentUpToBytes ?? -1)) return withContent(object, options, objects);
  return objects.real.hashStream(
    told(inOrder(objects.store, object, objects.slots, span), options),
    options.algorithms,
  );
}

async function withContent(object: PinnedObject, options: HashOptions, objects: HashingObjects): Promise<HashResult> {
  const { algorithms, onProgress } = options;
  const content = await readSpan(objects.store, object, { start: 0, end: object.size });
  onProgress?.(content.length);
  return { ...(await objects.real.hashStream(once(content), algorithms)), content };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* told(
  chunks: AsyncIterable<Uint8Array>,
  { signal, onProgress }: HashOptions,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    onProgress?.(chunk.length);
    yield chunk;
  }
}

/** The chaining value of an aligned part; SHA-256 has none. */
async function subtreeOf(
  object: PinnedObject,
  span: ByteSpan,
  { store, slots, real }: HashingObjects,
  options: HashOptions,
): Promise<HashResult> {
  if (options.algorithms.some((each: HashAlgorithm) => each !== 'blake3'))
    throw new WeighmarkError('internal', 'only BLAKE3 has parts');
  await slots.take();
  try {
    const bytes = await readSpan(store, object, span);
    const blake3 = Buffer.from(real.tree.subtree(bytes, span.start)).toString('hex');
    return { sizeBytes: bytes.length, digests: { blake3 } };
  } finally {
    slots.give();
  }
}
