import { isUtf8 } from 'node:buffer';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type AsyncBuffer,
  type FileMetaData,
  type SchemaTree,
} from 'hyparquet';
import { Batch, Bytes, TAG } from '../../domain/records/batch.ts';
import { ofDouble, ofFloat } from '../../domain/records/number.ts';
import { RECORD_DEPTH, unsupported } from '../../domain/records/problem.ts';
import { Struct, seeColumn } from '../../domain/records/struct.ts';
import { dateOfDays, timeOfNanos, timestampOfNanos } from '../../domain/records/time.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { RecordFile } from '../../domain/ports/records.ts';
import { ARROW_DURATION, ARROW_INTERVAL, arrowFields, type ArrowField } from './arrow-schema.ts';
import { openFile, sameStamp } from '../files/open.ts';
import { changed, type BatchOptions } from './source.ts';

const ROWS = 4096;

/** A value whose text and tag are settled. */
class Scalar {
  readonly tag: number;
  readonly bytes: Uint8Array;

  constructor(tag: number, text: string | Uint8Array) {
    this.tag = tag;
    this.bytes = typeof text === 'string' ? Buffer.from(text) : text;
  }
}

const PARSERS = {
  timestampFromMilliseconds: (value: bigint) => value * 1_000_000n,
  timestampFromMicroseconds: (value: bigint) => value * 1000n,
  timestampFromNanoseconds: (value: bigint) => value,
  dateFromDays: (days: number) => new Scalar(TAG.date, dateOfDays(days)),
  stringFromBytes: (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : text(bytes)),
};

const INFLATE = { GZIP: gunzipSync, ZSTD: zstdDecompressSync, BROTLI: brotliDecompressSync };
const COMPRESSORS = Object.fromEntries(
  Object.entries(INFLATE).map(([name, inflate]) => [
    name,
    (bytes: Uint8Array, length: number) => new Uint8Array(inflate(bytes, { maxOutputLength: Math.max(1, length) })),
  ]),
);

/** Where the data of each row group begin; 0 for one without columns. @throws WeighmarkError `records-unsupported`. */
export async function rowGroupStarts(file: RecordFile): Promise<readonly number[]> {
  const { opened, metadata } = await openParquet(file);
  await opened.close();
  return startsOf(metadata);
}

function startsOf({ row_groups: groups }: FileMetaData): readonly number[] {
  return groups.map(({ columns }) => {
    const starts = columns.map(({ meta_data: column }) => Number(column?.data_page_offset ?? 0));
    return starts.length === 0 ? 0 : starts.reduce((least, start) => Math.min(least, start));
  });
}

/** Rows [start, end) of a file that lie in the row groups of its slice: as the addon's `blocks.rs` has it. */
function rowsOf({ slice, sizeBytes }: RecordFile, metadata: FileMetaData): readonly [number, number] {
  const starts = startsOf(metadata);
  const firsts = [0];
  for (const { num_rows: rows } of metadata.row_groups) firsts.push((firsts.at(-1) ?? 0) + Number(rows));
  const all = firsts.at(-1) ?? 0;
  if (slice === undefined) return [0, all];
  if (starts.some((start, at) => start < (starts[at - 1] ?? 0))) return slice.start === 0 ? [0, all] : [0, 0];
  const edge = (byte: number): number => {
    const group = starts.findIndex((start) => start >= byte);
    return byte === 0 ? 0 : byte >= sizeBytes || group < 0 ? all : (firsts[group] ?? all);
  };
  return [edge(slice.start), edge(slice.end)];
}

async function openParquet(file: RecordFile) {
  const opened = await openFile(file.location, { followLink: true });
  if (!sameStamp(opened.stamp, file.stamp)) throw changed(file.path);
  const source: AsyncBuffer = {
    byteLength: opened.size,
    // A buffer of its own: what was read may lie in a pool.
    slice: async (start, end = opened.size) => Uint8Array.from(await opened.read(start, end - start)).buffer,
  };
  const metadata = await decoding(file, () => parquetMetadataAsync(source, { geoparquet: false }));
  return { opened, source, metadata };
}

/** Rows of a Parquet file in JavaScript: the common types; the addon reads all that version 1 knows. */
export async function* parquetBatches(file: RecordFile, options: BatchOptions): AsyncGenerator<Batch> {
  const { opened, source, metadata } = await openParquet(file);
  const { children } = parquetSchema(metadata);
  for (const child of children) checkNode(child, 0);
  checkArrow(metadata);
  const row = rowEncoder(children, options);
  const batch = new Batch();
  const [first, rows] = rowsOf(file, metadata);
  for (let start = Math.max(first, options.row ?? 0); start < rows; start += ROWS) {
    for (const each of await readRows(file, { source, metadata, start, end: Math.min(rows, start + ROWS) })) {
      row(each, batch);
      batch.close(0);
    }
    options.onBytes?.(Math.floor((opened.size * ROWS) / Number(metadata.num_rows)));
    yield batch;
    batch.clear();
  }
  await opened.close();
}

interface RowRange {
  readonly source: AsyncBuffer;
  readonly metadata: FileMetaData;
  readonly start: number;
  readonly end: number;
}

type Row = Readonly<Record<string, unknown>>;

function readRows(file: RecordFile, { source, metadata, start, end }: RowRange): Promise<Row[]> {
  const options = { file: source, metadata, rowStart: start, rowEnd: end, utf8: false, geoparquet: false };
  return decoding(file, () => parquetReadObjects({ ...options, parsers: PARSERS, compressors: COMPRESSORS }));
}

/** What the library cannot decode is undecided, whatever it throws. */
async function decoding<T>(file: RecordFile, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof WeighmarkError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw unsupported(`${file.path}: it does not decode without the records addon (npm run build:records): ${why}`);
  }
}

function rowEncoder(children: readonly SchemaTree[], { columns, reading }: BatchOptions) {
  for (const { element } of children) seeColumn(columns, element.name, TAG.null);
  const fields = structEncoder(children, reading.profile === 'text');
  return (row: Row, batch: Batch): void => fields(row, batch, columns);
}

type Encode = (value: unknown, out: Bytes) => void;

function structEncoder(children: readonly SchemaTree[], asText: boolean) {
  const struct = new Struct();
  const names = children.map(({ element }) => Buffer.from(element.name));
  const encoders = children.map((child) => encoderOf(child, asText));
  return (value: Row, out: Bytes, columns: BatchOptions['columns'] | null): void => {
    struct.begin();
    children.forEach(({ element }, at) => {
      const name = struct.name();
      name.length((names[at] as Buffer).length);
      name.put(names[at] as Buffer);
      encoders[at]?.(value[element.name], struct.value());
    });
    if (!struct.finish(out, columns)) throw unsupported('two columns have the same name');
  };
}

function encoderOf(node: SchemaTree, asText: boolean): Encode {
  const encode = isList(node)
    ? listEncoder(itemOf(node), asText)
    : node.children.length > 0
      ? objectEncoder(node, asText)
      : leafEncoder(node, asText);
  return (value, out) => (value === null || value === undefined ? out.byte(TAG.null) : encode(value, out));
}

function objectEncoder({ children }: SchemaTree, asText: boolean): Encode {
  const encode = structEncoder(children, asText);
  return (value, out) => encode(value as Row, out, null);
}

function listEncoder(item: SchemaTree, asText: boolean): Encode {
  const encode = encoderOf(item, asText);
  return (value, out) => {
    const items = value as readonly unknown[];
    out.byte(TAG.list);
    out.length(items.length);
    for (const each of items) encode(each, out);
  };
}

function leafEncoder({ element }: SchemaTree, asText: boolean): Encode {
  const scalarOf = scalarReader(element);
  return (value, out) => {
    if (typeof value === 'boolean' && !asText) return out.byte(value ? TAG.true : TAG.false);
    const { tag, bytes } = value instanceof Scalar ? value : scalarOf(value);
    if (!asText) out.scalar(tag, bytes);
    else out.scalar(TAG.text, tag === TAG.bytes ? Buffer.from(Buffer.from(bytes).toString('hex')) : bytes);
  };
}

function scalarReader({ type, converted_type: converted, logical_type: logical }: SchemaTree['element']) {
  const number = (value: string): Scalar => new Scalar(TAG.number, value);
  if (type === 'BOOLEAN') return (value: unknown) => new Scalar(TAG.true, String(value));
  if (type === 'FLOAT') return (value: unknown) => number(ofFloat(value as number));
  if (type === 'DOUBLE') return (value: unknown) => number(ofDouble(value as number));
  if (logical?.type === 'TIMESTAMP' || converted?.startsWith('TIMESTAMP') === true) {
    const zone = logical?.type === 'TIMESTAMP' ? logical.isAdjustedToUTC : true;
    return (value: unknown) => new Scalar(zone ? TAG.instant : TAG.timestamp, timestampOfNanos(value as bigint, zone));
  }
  if (logical?.type === 'TIME' || converted?.startsWith('TIME_') === true) {
    const unit = logical?.type === 'TIME' ? logical.unit : converted === 'TIME_MILLIS' ? 'MILLIS' : 'MICROS';
    const nanos = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n }[unit];
    return (value: unknown) => new Scalar(TAG.time, timeOfNanos(BigInt(value as number | bigint) * nanos));
  }
  if (type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY')
    return (value: unknown) => new Scalar(TAG.bytes, value as Uint8Array);
  return (value: unknown) => number(String(value));
}

function text(bytes: Uint8Array): Scalar {
  if (!isUtf8(bytes)) throw unsupported('a text that is not UTF-8');
  return new Scalar(TAG.text, bytes);
}

/** Extension types that are what they are stored as. */
const PLAIN_EXTENSIONS: readonly (string | null)[] = [null, 'arrow.uuid', 'arrow.json'];

/** Types that Parquet has no word for stand in the schema that Arrow's writers add; the addon reads or refuses them by it. */
function checkArrow({ key_value_metadata: pairs = [] }: FileMetaData): void {
  const schema = pairs.find(({ key }) => key === 'ARROW:schema')?.value;
  const found = schema === undefined ? undefined : fieldsOf(schema).find(isForeign);
  if (found === undefined) return;
  throw needsAddon(found.name);
}

function fieldsOf(schema: string): readonly ArrowField[] {
  try {
    return arrowFields(schema);
  } catch (error) {
    if (error instanceof RangeError) throw unsupported('its Arrow schema does not decode');
    throw error;
  }
}

function isForeign({ type, bits, extension }: ArrowField): boolean {
  return type === ARROW_DURATION || type === ARROW_INTERVAL || bits > 64 || !PLAIN_EXTENSIONS.includes(extension);
}

function needsAddon(column: string): WeighmarkError {
  return unsupported(`column ${column} is of a type that needs the records addon (npm run build:records)`);
}

const LEAVES = new Set([
  undefined,
  'UTF8',
  'DATE',
  'TIME_MILLIS',
  'TIME_MICROS',
  'TIMESTAMP_MILLIS',
  'TIMESTAMP_MICROS',
]);
const LOGICAL = new Set([undefined, 'STRING', 'DATE', 'TIME', 'TIMESTAMP', 'INTEGER', 'LIST']);

/** @throws WeighmarkError `records-unsupported` for what this reader would not read exactly as the addon does. */
function checkNode(node: SchemaTree, depth: number): void {
  const { element, children } = node;
  const refuse = (): never => {
    throw needsAddon(element.name);
  };
  if (depth > RECORD_DEPTH || !LOGICAL.has(element.logical_type?.type)) refuse();
  if (isList(node)) return checkNode(itemOf(node), depth + 1);
  const isInteger = /^U?INT_/.test(element.converted_type ?? '');
  if (element.repetition_type === 'REPEATED' || element.type === 'INT96') refuse();
  if (!isInteger && !LEAVES.has(element.converted_type)) refuse();
  for (const child of children) checkNode(child, depth + 1);
}

function isList({ element }: SchemaTree): boolean {
  return element.converted_type === 'LIST' || element.logical_type?.type === 'LIST';
}

/** Of three levels, as every writer of today has it. */
function itemOf({ element, children }: SchemaTree): SchemaTree {
  const [repeated] = children;
  const [item] = repeated?.children ?? [];
  if (
    children.length === 1 &&
    repeated?.element.repetition_type === 'REPEATED' &&
    repeated.children.length === 1 &&
    item !== undefined
  )
    return item;
  throw unsupported(`column ${element.name} is a list in an old layout, which needs the records addon`);
}
