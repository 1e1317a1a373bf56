import { LIMITS } from '../base/limits.ts';
import { bytesSource, type Source } from '../base/source.ts';
import { startBudget, type Budget } from './budget.ts';
import { attempt, beyond, invalid, note } from './problem.ts';
import { fieldReader, signed } from './protobuf.ts';
import { startTally } from './tensors.ts';
import { tensorflowDtype } from './saved-model.ts';
import type { Findings, NamedSource, Problem, TensorInfo } from './types.ts';

const FOOTER = 48;
const BLOCK_BYTES = 64 << 20;
const UNCOUNTED =
  /(^|\/)(\.OPTIMIZER_SLOT|optimizer|_optimizer|save_counter|Adam(_\d+)?|Momentum|ExponentialMovingAverage)(\/|$)/;

interface Handle {
  readonly offset: number;
  readonly size: number;
}

/**
 * The `.index` of a TensorFlow checkpoint: each tensor's type, shape and place in the `.data-…` files beside it.
 * @see https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto
 */
export async function readTfCheckpoint({ path, source }: NamedSource): Promise<Findings> {
  const problems: Problem[] = [];
  const tensors: (TensorInfo & { readonly shard: number })[] = [];
  const budget = startBudget(LIMITS.structureBytes, 'checkpoint tables');
  let shards = 1;
  await attempt(problems, async () => {
    const footer = await source.read(source.size - FOOTER, FOOTER);
    const [meta, at] = handleAt(footer, 0);
    void meta;
    const [index] = handleAt(footer, at);
    for (const { value } of await readBlock(source, index, budget)) {
      for (const entry of await readBlock(source, handleAt(value, 0)[0], budget)) {
        if (tensors.length >= LIMITS.tensorsPerFile) throw beyond(`more than ${LIMITS.tensorsPerFile} tensors`);
        if (entry.key.length === 0) shards = await shardsOf(entry.value, problems);
        else tensors.push(await tensorOf(entry));
      }
    }
  });
  const tally = startTally({ known: () => problems.length === 0 });
  const needs = new Map<string, number>();
  for (const { shard, ...tensor } of tensors) {
    const location = shardName(path, shard, shards);
    needs.set(location, Math.max(needs.get(location) ?? 0, (tensor.offset ?? 0) + (tensor.length ?? 0)));
    tally.add({ ...tensor, location });
  }
  const references = [...needs].map(([target, sizeBytes]) => ({ kind: 'weights' as const, target, sizeBytes }));
  return { format: 'tf-checkpoint', problems, references, ...tally.finish() };
}

function shardName(path: string, shard: number, shards: number): string {
  const digits = (value: number): string => String(value).padStart(5, '0');
  return `${path.slice(path.lastIndexOf('/') + 1).replace(/\.index$/, '')}.data-${digits(shard)}-of-${digits(shards)}`;
}

/** A varint, and where it ends. */
function varintAt(bytes: Uint8Array, at: number): [value: number, end: number] {
  let value = 0;
  for (let index = 0; index < 8; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) break;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return [value, at + index + 1];
  }
  throw invalid('a table with a broken number');
}

function handleAt(bytes: Uint8Array, at: number): [handle: Handle, end: number] {
  const [offset, next] = varintAt(bytes, at);
  const [size, end] = varintAt(bytes, next);
  return [{ offset, size }, end];
}

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A block's entries; each key repeats the start of the one before. Compressed blocks are not read. */
async function readBlock(source: Source, { offset, size }: Handle, budget: Budget): Promise<Entry[]> {
  if (size > BLOCK_BYTES) throw beyond(`a block of ${size} bytes`);
  budget.spend(size);
  if (offset + size + 5 > source.size) throw invalid(`ends early: a block of ${size} bytes at byte ${offset}`);
  const bytes = await source.read(offset, size + 1);
  if (bytes[size] !== 0) throw beyond(`a compressed block at byte ${offset}`);
  const restarts = size < 4 ? 0 : Buffer.from(bytes).readUInt32LE(size - 4);
  const end = size - 4 - restarts * 4;
  const entries: Entry[] = [];
  let key: Uint8Array = new Uint8Array(0);
  for (let at = 0; at < end;) {
    const [shared, one] = varintAt(bytes, at);
    const [own, two] = varintAt(bytes, one);
    const [length, start] = varintAt(bytes, two);
    if (shared > key.length || start + own + length > end) throw invalid(`ends early: an entry at byte ${offset + at}`);
    budget.spend(shared + own);
    key = Buffer.concat([key.subarray(0, shared), bytes.subarray(start, start + own)]);
    entries.push({ key, value: bytes.subarray(start + own, start + own + length) });
    at = start + own + length;
  }
  return entries;
}

/** BundleHeaderProto: how many data files there are (1), and in which order their bytes lie (2). */
async function shardsOf(value: Uint8Array, problems: Problem[]): Promise<number> {
  let shards = 1;
  for await (const field of fieldReader(bytesSource(value))()) {
    if (field.number === 1) shards = Number(field.value);
    if (field.number === 2 && field.value !== 0n)
      note(problems, { code: 'unsupported', message: 'its elements are big-endian' });
  }
  return shards;
}

/** BundleEntryProto: type (1), shape (2), shard (3), offset (4), size (5); slices (7) lie in entries of their own. */
async function tensorOf({ key, value }: Entry): Promise<TensorInfo & { readonly shard: number }> {
  const fields = fieldReader(bytesSource(value));
  const name = Buffer.from(key).toString('utf8').slice(0, 4096);
  const numbers: Record<number, number> = {};
  let sliced = false;
  const shape: number[] = [];
  for await (const field of fields()) {
    if (field.wire === 0) numbers[field.number] = signed(field.value);
    if (field.number === 7) sliced = true;
    if (field.number !== 2 || field.wire !== 2) continue;
    for await (const dimension of fields(field)) {
      if (dimension.number !== 2 || dimension.wire !== 2 || shape.length >= 64) continue;
      let size = 0;
      for await (const part of fields(dimension)) if (part.number === 1 && part.wire === 0) size = signed(part.value);
      shape.push(size);
    }
  }
  const uncounted = UNCOUNTED.test(name) ? { uncounted: 'optimizer' as const } : {};
  const dtype = tensorflowDtype(numbers[1] ?? 0);
  const place = sliced ? {} : { offset: numbers[4] ?? 0, length: numbers[5] ?? 0 };
  return { name, dtype, shape, ...place, shard: numbers[3] ?? 0, ...uncounted };
}
