import { LIMITS } from '../base/limits.ts';
import { startBudget } from './budget.ts';
import { Cursor, safeNumber } from './cursor.ts';
import { beyond, invalid } from './problem.ts';
import { skipThrift, thriftFields, thriftInteger, thriftList, thriftText } from './thrift.ts';
import type { Column, Findings, MetadataItem, NamedSource } from './types.ts';
import { u32 } from './zip-fields.ts';
import { pushAll } from '../base/lists.ts';

const TYPES = ['boolean', 'int32', 'int64', 'int96', 'float', 'double', 'byte_array', 'fixed_len_byte_array'];
const COLUMNS = 10_000;
const TEXT_BYTES = 16 << 20;

interface Element {
  readonly name: string;
  readonly type?: string;
  readonly children: number;
}

/**
 * A Parquet file by its footer: rows, columns, key-value metadata, writer. Row groups are stepped over.
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift `FileMetaData`
 */
export async function readParquet({ source }: NamedSource): Promise<Findings> {
  const tail = await source.read(Math.max(0, source.size - 8), 8);
  const length = u32(tail, 0);
  if (source.size < 12 || Buffer.from(tail.subarray(4)).toString('latin1') !== 'PAR1' || length > source.size - 12)
    throw invalid('ends early: no Parquet footer');
  const cursor = new Cursor(source, source.size - 8 - length, source.size - 8);
  const found: { rows?: number; columns: Column[]; metadata: MetadataItem[]; version?: string } = {
    columns: [],
    metadata: [],
  };
  for await (const { id, type } of thriftFields(cursor)) {
    if (id === 1 && type === 'int') found.version = String(await thriftInteger(cursor));
    else if (id === 2 && type === 'list') found.columns = columnsOf(await readSchema(cursor));
    else if (id === 3 && type === 'int') found.rows = safeNumber(await thriftInteger(cursor), 'a row count');
    else if (id === 5 && type === 'list') pushAll(found.metadata, await readPairs(cursor));
    else if (id === 6 && type === 'binary')
      found.metadata.push({ key: 'created_by', value: await thriftText(cursor, 1 << 16), place: 'footer:created_by' });
    else await skipThrift(cursor, type);
  }
  if (found.rows === undefined) throw invalid('a Parquet footer without a row count');
  return { format: 'parquet', ...found };
}

/** The schema is a tree written in pre-order; its first element is the root. */
async function readSchema(cursor: Cursor): Promise<Element[]> {
  const { count } = await thriftList(cursor);
  if (count > COLUMNS) throw beyond(`a schema of ${count} elements`);
  const elements: Element[] = [];
  for (let index = 0; index < count; index++) elements.push(await readElement(cursor));
  return elements;
}

async function readElement(cursor: Cursor): Promise<Element> {
  const element: { name: string; type?: string; children: number } = { name: '', children: 0 };
  for await (const { id, type } of thriftFields(cursor)) {
    if (id === 1 && type === 'int') element.type = TYPES[Number(await thriftInteger(cursor))] ?? 'unknown';
    else if (id === 4 && type === 'binary') element.name = await thriftText(cursor, 1 << 16);
    else if (id === 5 && type === 'int') element.children = Number(await thriftInteger(cursor));
    else await skipThrift(cursor, type);
  }
  return element;
}

/** Leaf columns by their dotted path. */
function columnsOf(elements: readonly Element[]): Column[] {
  const columns: Column[] = [];
  const open: { name: string; left: number }[] = [];
  for (const { name, type, children } of elements.slice(1)) {
    while (open.length > 0 && open.at(-1)?.left === 0) open.pop();
    const parent = open.at(-1);
    if (parent !== undefined) parent.left -= 1;
    if (children > 0) open.push({ name, left: children });
    else
      columns.push({
        name: [...open.slice(0, 16).map((group) => group.name), name].join('.'),
        ...(type === undefined ? {} : { type }),
      });
  }
  return columns;
}

async function readPairs(cursor: Cursor): Promise<MetadataItem[]> {
  const { count } = await thriftList(cursor);
  const items: MetadataItem[] = [];
  const texts = startBudget(LIMITS.memberBytes, 'metadata');
  for (let index = 0; index < count; index++) {
    let [key, value] = ['', ''];
    for await (const { id, type } of thriftFields(cursor)) {
      if (id === 1 && type === 'binary') key = await thriftText(cursor, 1 << 16);
      else if (id === 2 && type === 'binary') value = await thriftText(cursor, TEXT_BYTES);
      else await skipThrift(cursor, type);
    }
    texts.spend(key.length + value.length);
    if (items.length < 1000) items.push({ key, value, place: `footer:key_value_metadata.${key}` });
  }
  return items;
}
