import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { startBudget } from './budget.ts';
import { Cursor } from './cursor.ts';
import { openFlatBuffer, scalar, subTable, tables, text, vector, type FlatTable } from './flatbuffer.ts';
import { beyond, invalid } from './problem.ts';
import type { Column, Findings, MetadataItem, NamedSource } from './types.ts';
import { u32, u64 } from './zip-fields.ts';

const TYPES = [
  'none',
  'null',
  'int',
  'float',
  'binary',
  'utf8',
  'bool',
  'decimal',
  'date',
  'time',
  'timestamp',
  'interval',
  'list',
  'struct',
  'union',
  'fixed_size_binary',
  'fixed_size_list',
  'map',
  'duration',
  'large_binary',
  'large_utf8',
  'large_list',
  'run_end_encoded',
  'binary_view',
  'utf8_view',
  'list_view',
  'large_list_view',
];
const FLOATS = ['float16', 'float32', 'float64'];
const SCHEMA = 1;
const RECORD_BATCH = 3;

/** An Arrow IPC file (Feather 2): schema and record batches by the footer. @see https://arrow.apache.org/docs/format/Columnar.html */
export async function readArrow({ source }: NamedSource): Promise<Findings> {
  const tail = await source.read(Math.max(0, source.size - 10), 10);
  const length = u32(tail, 0);
  if (source.size < 22 || Buffer.from(tail.subarray(4)).toString('latin1') !== 'ARROW1' || length > source.size - 18)
    throw invalid('ends early: no Arrow footer');
  const end = source.size - 10;
  const footer = await openFlatBuffer(source, end - length, end);
  const schema = await subTable(footer, 1);
  if (schema === null) throw invalid('an Arrow footer without a schema');
  return { format: 'arrow', ...(await describe(schema)), rows: await countRows(source, footer) };
}

async function countRows(source: Source, footer: FlatTable): Promise<number> {
  const blocks = await vector(footer, 3, 24);
  let rows = 0;
  for (let index = 0; index < Math.min(blocks?.count ?? 0, LIMITS.tensorsPerFile); index++) {
    const block = await source.read((blocks?.start ?? 0) + index * 24, 24);
    rows += (await readMessage(new Cursor(source, u64(block, 0))))?.rows ?? 0;
  }
  return rows;
}

/** A stream of Arrow messages without a footer: schema, then batches, until a zero length. */
export async function readArrowStream({ source }: NamedSource): Promise<Findings> {
  const cursor = new Cursor(source);
  let found: Pick<Findings, 'columns' | 'metadata'> | undefined;
  let rows = 0;
  for (let index = 0; index < LIMITS.tensorsPerFile; index++) {
    const message = await readMessage(cursor);
    if (message === null) break;
    if (message.schema !== undefined) found = await describe(message.schema);
    rows += message.rows;
    cursor.skip(message.bodyLength);
  }
  if (found === undefined) throw invalid('no Arrow schema');
  return { format: 'arrow-stream', ...found, rows };
}

interface Message {
  readonly rows: number;
  readonly bodyLength: number;
  readonly schema?: FlatTable;
}

/** One encapsulated message: continuation marker, length, FlatBuffers; leaves the cursor at its body. Null at the end. */
async function readMessage(cursor: Cursor): Promise<Message | null> {
  if (cursor.remaining < 8) return null;
  const marker = await cursor.u32le();
  const length = marker === 0xffff_ffff ? await cursor.u32le() : marker;
  if (length === 0) return null;
  const start = cursor.offset;
  cursor.skip(length);
  const message = await openFlatBuffer(cursor.source, start, start + length);
  const [type, header, bodyLength] = [
    await scalar(message, 1, 1),
    await subTable(message, 2),
    await scalar(message, 3, 8),
  ];
  if (header === null) throw invalid(`an Arrow message without a header at byte ${start}`);
  if (type === SCHEMA) return { rows: 0, bodyLength, schema: header };
  return { rows: type === RECORD_BATCH ? await scalar(header, 0, 8) : 0, bodyLength };
}

async function describe(schema: FlatTable): Promise<{ columns: Column[]; metadata: MetadataItem[] }> {
  const columns: Column[] = [];
  for await (const field of tables(schema, 1)) {
    if (columns.length >= 10_000) throw beyond('more than 10000 columns');
    columns.push({ name: (await text(field, 0)) ?? '', type: await typeOf(field) });
  }
  const metadata: MetadataItem[] = [];
  const texts = startBudget(LIMITS.memberBytes, 'metadata');
  for await (const pair of tables(schema, 2)) {
    const key = (await text(pair, 0)) ?? '';
    const value = (await text(pair, 1, LIMITS.documentBytes)) ?? '';
    texts.spend(key.length + value.length);
    if (metadata.length < 1000) metadata.push({ key, value, place: `arrow:schema.${key}` });
  }
  return { columns, metadata };
}

async function typeOf(field: FlatTable): Promise<string> {
  const type = TYPES[await scalar(field, 2, 1)] ?? 'unknown';
  const detail = await subTable(field, 3);
  if (detail === null) return type;
  if (type === 'int') return `${(await scalar(detail, 1, 1)) === 0 ? 'uint' : 'int'}${await scalar(detail, 0, 4)}`;
  if (type === 'float') return FLOATS[await scalar(detail, 0, 2)] ?? type;
  return type;
}
