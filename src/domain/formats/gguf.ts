import { LIMITS } from '../base/limits.ts';
import { startBudget, type Budget } from './budget.ts';
import { Cursor, safeNumber } from './cursor.ts';
import { GGML_TYPES, GGUF_FILE_TYPES } from './ggml.ts';
import { attempt, beyond, invalid, note } from './problem.ts';
import { elementsOf, startTally, tilingProblems, type Extent } from './tensors.ts';
import type { Findings, MetadataItem, MetadataValue, NamedSource, Problem, TensorInfo } from './types.ts';

const KEPT_ELEMENTS = 64;
const TEXT_BYTES = 1 << 20;
const NAME_BYTES = 1 << 16;
const ARRAY_DEPTH = 4;

/** Bytes of one value by GGUF type number; strings (8) and arrays (9) have none. */
const WIDTHS: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

interface State {
  readonly cursor: Cursor;
  readonly texts: Budget;
  readonly problems: Problem[];
  readonly metadata: MetadataItem[];
}

/**
 * The header of a GGUF file, version 2 or 3, of either byte order (the version tells): metadata in order with duplicates, and every tensor's own
 * encoding. Counts are checked against the bytes there are before anything is read.
 * @see https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`.
 */
export async function readGguf({ source }: NamedSource): Promise<Findings> {
  const big = [2, 3].includes((await source.read(7, 1))[0] ?? 0);
  const state: State = {
    cursor: new Cursor(source, 0, source.size, big ? 'big' : 'little'),
    texts: startBudget(LIMITS.structureBytes, 'names and texts'),
    problems: [],
    metadata: [],
  };
  state.cursor.skip(4);
  const version = await state.cursor.u32le();
  if (version !== 2 && version !== 3) {
    return {
      format: 'gguf',
      problems: [{ code: 'unsupported', message: `GGUF version ${version}: neither 2 nor 3`, offset: 4 }],
    };
  }
  const tensorCount = await readCount(state.cursor, 'tensors', 24, LIMITS.tensorsPerFile);
  const keyCount = await readCount(state.cursor, 'keys', 13, LIMITS.ggufKeys);
  const { metadata, problems } = state;
  let tensors: Awaited<ReturnType<typeof readTensors>> = {};
  await attempt(problems, async () => {
    await readMetadata(state, keyCount);
    tensors = await readTensors(state, tensorCount);
  });
  return {
    format: 'gguf',
    version: String(version),
    ...(big ? { byteOrder: 'big' as const } : {}),
    metadata,
    problems,
    ...quantizationOf(state),
    ...tensors,
  };
}

async function readCount(cursor: Cursor, what: string, smallest: number, limit: number): Promise<number> {
  const count = await cursor.u64le();
  if (count > BigInt(Math.floor(cursor.remaining / smallest)))
    throw invalid(`ends early: ${count} ${what} are stated, ${cursor.remaining} bytes follow`);
  if (count > BigInt(limit)) throw beyond(`${count} ${what} are more than the limit of ${limit}`);
  return Number(count);
}

async function readMetadata(state: State, count: number): Promise<void> {
  const { cursor, problems, metadata } = state;
  const seen = new Set<string>();
  for (let index = 0; index < count; index++) {
    const offset = cursor.offset;
    const key = await readText(cursor, NAME_BYTES);
    if (seen.has(key))
      note(problems, {
        code: 'duplicate-key',
        message: 'stands twice; readers differ on which one counts',
        offset,
        subject: key,
      });
    seen.add(key);
    if (key === '') note(problems, { code: 'bad-value', message: 'a key without a name: loaders refuse it', offset });
    const type = await cursor.u32le();
    if (key === 'general.alignment' && type !== 4)
      note(problems, {
        code: 'bad-value',
        message: `has the type ${type}, loaders want 4 (u32)`,
        offset,
        subject: key,
      });
    const before = problems.length;
    const { value, length } = await readValue(state, type, 0);
    if (problems.length > before) Object.assign(problems.at(-1) ?? {}, { subject: key });
    metadata.push({ key, value, place: `gguf:${key}`, ...(length === undefined ? {} : { length }) });
  }
}

interface Read {
  readonly value: MetadataValue;
  readonly length?: number;
}

async function readValue(state: State, type: number, depth: number): Promise<Read> {
  const { cursor } = state;
  if (type === 8) return readString(state);
  if (type === 9) return readArray(state, depth + 1);
  return { value: await readScalar(cursor, type) };
}

async function readScalar(cursor: Cursor, type: number): Promise<MetadataValue> {
  switch (type) {
    case 0:
      return cursor.u8();
    case 1:
      return cursor.i8();
    case 2:
      return cursor.u16le();
    case 3:
      return cursor.i16le();
    case 4:
      return cursor.u32le();
    case 5:
      return cursor.i32le();
    case 6:
      return cursor.f32le();
    case 7:
      return (await cursor.u8()) !== 0;
    case 10:
      return narrow(await cursor.u64le());
    case 11:
      return narrow(await cursor.i64le());
    case 12:
      return cursor.f64le();
    default:
      throw invalid(`no GGUF value type ${type} at byte ${cursor.offset - 4}`);
  }
}

async function readString({ cursor, problems, texts }: State): Promise<Read> {
  const length = safeNumber(await cursor.u64le(), 'a string length');
  const offset = cursor.offset;
  texts.spend(Math.min(length, TEXT_BYTES));
  if (length <= TEXT_BYTES) return { value: await cursor.text(length) };
  const value = Buffer.from(await cursor.peek(TEXT_BYTES)).toString('utf8');
  cursor.skip(length);
  note(problems, { code: 'limit', message: `a text of ${length} bytes was read to its first ${TEXT_BYTES}`, offset });
  return { value, length };
}

/** The first elements of an array; the others are stepped over, not kept. */
async function readArray(state: State, depth: number): Promise<Read> {
  const { cursor } = state;
  if (depth > ARRAY_DEPTH) throw beyond(`arrays nested deeper than ${ARRAY_DEPTH} at byte ${cursor.offset}`);
  const type = await cursor.u32le();
  const width = WIDTHS[type];
  if (width === undefined && type !== 8 && type !== 9)
    throw invalid(`no GGUF value type ${type} at byte ${cursor.offset - 4}`);
  const length = await readCount(cursor, 'array elements', width ?? (type === 8 ? 8 : 12), Number.MAX_SAFE_INTEGER);
  const value: MetadataValue[] = [];
  for (let index = 0; index < Math.min(length, KEPT_ELEMENTS); index++)
    value.push((await readValue(state, type, depth)).value);
  const rest = length - value.length;
  if (width !== undefined) cursor.skip(rest * width);
  else if (type === 8) await skipStrings(cursor, rest);
  else for (let index = 0; index < rest; index++) await readValue(state, type, depth);
  return rest > 0 ? { value, length } : { value };
}

async function skipStrings(cursor: Cursor, count: number): Promise<void> {
  for (let index = 0; index < count; index++) cursor.skip(safeNumber(await cursor.u64le(), 'a string length'));
}

async function readText(cursor: Cursor, limit: number): Promise<string> {
  return cursor.text(safeNumber(await cursor.u64le(), 'a string length'), limit);
}

function narrow(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function quantizationOf({ metadata }: State): Pick<Findings, 'quantization'> {
  const type = metadata.find(({ key }) => key === 'general.file_type')?.value;
  const name = typeof type === 'number' ? GGUF_FILE_TYPES[type] : undefined;
  return name === undefined ? {} : { quantization: { name, place: 'gguf:general.file_type' } };
}

function alignmentOf({ metadata, problems }: State): number {
  const stated = metadata.find(({ key }) => key === 'general.alignment')?.value ?? 32;
  if (typeof stated === 'number' && stated > 0 && stated <= 1 << 20 && Number.isInteger(Math.log2(stated)))
    return stated;
  note(problems, {
    code: 'bad-value',
    message: `the alignment ${String(stated).slice(0, 40)} is not a power of two`,
    subject: 'general.alignment',
  });
  return 32;
}

interface Entry {
  readonly name: string;
  readonly type: number;
  readonly shape: number[];
  readonly relative: number;
}

async function readTensors(
  state: State,
  count: number,
): Promise<Pick<Findings, 'tensors' | 'parameters' | 'headerLength'>> {
  const { cursor, problems } = state;
  const entries: Entry[] = [];
  const seen = new Set<string>();
  for (let index = 0; index < count; index++) {
    const offset = cursor.offset;
    const entry = await readEntry(cursor);
    if (seen.has(entry.name))
      note(problems, { code: 'duplicate-key', message: 'two tensors have this name', offset, subject: entry.name });
    seen.add(entry.name);
    entries.push(entry);
  }
  const alignment = alignmentOf(state);
  const dataStart = Math.ceil(cursor.offset / alignment) * alignment;
  const { table, extents } = place(entries, dataStart, problems);
  const tiling =
    extents.length === 0 && count > 0
      ? []
      : tilingProblems(extents, { from: dataStart, to: cursor.end, slack: alignment - 1 });
  note(problems, ...tiling.filter((problem) => !isPadding(problem, cursor.end, alignment)));
  return { ...table, headerLength: Math.min(dataStart, cursor.end) };
}

async function readEntry(cursor: Cursor): Promise<Entry> {
  const name = await readText(cursor, NAME_BYTES);
  const dimensions = await cursor.u32le();
  if (dimensions > 8) throw invalid(`a tensor of ${dimensions} dimensions at byte ${cursor.offset - 4}`);
  const shape: number[] = [];
  for (let index = 0; index < dimensions; index++) shape.unshift(Number(await cursor.u64le()));
  const type = await cursor.u32le();
  return { name, type, shape, relative: Number(await cursor.u64le()) };
}

function place(
  entries: readonly Entry[],
  dataStart: number,
  problems: Problem[],
): { table: ReturnType<ReturnType<typeof startTally>['finish']>; extents: Extent[] } {
  const tally = startTally();
  const extents: Extent[] = [];
  for (const entry of entries) {
    const tensor = tensorOf(entry, dataStart, problems);
    tally.add(tensor);
    if (tensor.offset !== undefined && tensor.length !== undefined)
      extents.push({ start: tensor.offset, end: tensor.offset + tensor.length, subject: tensor.name });
  }
  return { table: tally.finish(), extents };
}

function tensorOf({ name, type, shape, relative }: Entry, dataStart: number, problems: Problem[]): TensorInfo {
  const encoding = GGML_TYPES[type];
  if (encoding === undefined) {
    note(problems, { code: 'bad-value', message: `no GGML type ${type}`, subject: name });
    return { name, dtype: `GGML_${type}`, shape };
  }
  const length = (elementsOf(shape) / encoding.block) * encoding.bytes;
  if (!Number.isSafeInteger(length) || !Number.isSafeInteger(dataStart + relative + length)) {
    note(problems, {
      code: 'overflow',
      message: 'its dimensions or offset are impossible, or no whole number of blocks',
      subject: name,
    });
    return { name, dtype: encoding.name, shape };
  }
  return { name, dtype: encoding.name, shape, offset: dataStart + relative, length };
}

/** The last tensor may be padded to the alignment, too. */
function isPadding({ code, offset = 0 }: Problem, end: number, alignment: number): boolean {
  return code === 'trailing' && end - offset < alignment;
}
