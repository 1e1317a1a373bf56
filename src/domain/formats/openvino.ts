import { LIMITS } from '../base/limits.ts';
import { readAll } from '../base/source.ts';
import { beyond, note } from './problem.ts';
import { OPENVINO } from './recognised.ts';
import { startTally } from './tensors.ts';
import type { Dtype, Findings, MetadataItem, NamedSource, Operator, Problem } from './types.ts';

const DTYPES: Readonly<Record<string, Dtype>> = { boolean: 'BOOL', bf16: 'BF16', f8e4m3: 'F8_E4M3', f8e5m2: 'F8_E5M2' };
const LAYER = /<layer\s[^>]*?\btype="([^"]{1,200})"/g;
/** A constant's name, and the attributes of its `<data>`. */
const CONSTANT = /<layer\s[^>]*?\bname="([^"]{0,1000})"[^>]*?\btype="Const"[^>]*>\s*<data\s([^>]{0,4000})>/g;

/**
 * OpenVINO's intermediate representation: the graph as XML, its constants in the `.bin` of the same name.
 * The XML is matched, not parsed: entities and declarations in it mean nothing here.
 * @see https://docs.openvino.ai/2026/documentation/openvino-ir-format.html
 */
export async function readOpenVino({ path, source }: NamedSource): Promise<Findings> {
  if (source.size > LIMITS.documentBytes) throw beyond(`XML of ${source.size} bytes`);
  const text = Buffer.from(await readAll(source)).toString('utf8');
  const problems: Problem[] = [];
  const location = `${path.slice(path.lastIndexOf('/') + 1).replace(/\.xml$/i, '')}.bin`;
  const tally = startTally({
    known: () => problems.length === 0 && !/element_type="[ui](1|2|3|4|6|8)"/.test(constants),
  });
  let constants = '';
  let reached = 0;
  for (const [, name = '', attributes = ''] of text.matchAll(CONSTANT)) {
    const constant = constantOf(attributes);
    if (constant === null) note(problems, { code: 'bad-value', message: 'a constant without place', subject: name });
    else {
      constants += `element_type="${constant.type}"`.slice(0, constants.length > 1 << 16 ? 0 : 40);
      reached = Math.max(reached, constant.offset + constant.length);
      const { dtype, shape, offset, length } = constant;
      tally.add({ name, dtype, shape, offset, length, location });
    }
  }
  const [, version = ''] = OPENVINO.exec(text) ?? [];
  const references = reached === 0 ? [] : [{ kind: 'external-data' as const, target: location, sizeBytes: reached }];
  return {
    format: 'openvino',
    version,
    metadata: factsOf(text),
    problems,
    references,
    operators: operatorsOf(text),
    ...tally.finish(),
  };
}

function constantOf(
  attributes: string,
): { type: string; dtype: Dtype; shape: number[]; offset: number; length: number } | null {
  const value = (key: string): string | undefined => new RegExp(`\\b${key}="([^"]{0,2000})"`).exec(attributes)?.[1];
  const [type = '', shape, offset, length] = ['element_type', 'shape', 'offset', 'size'].map(value);
  if (offset === undefined || length === undefined || !/^\d{1,15}$/.test(offset) || !/^\d{1,15}$/.test(length))
    return null;
  const sizes = (shape ?? '')
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  const [, letter = '', bits = ''] = /^([fiu])(\d{1,2})$/.exec(type) ?? [];
  const dtype = DTYPES[type] ?? (letter === '' ? type : `${letter.toUpperCase()}${bits}`);
  return { type, dtype, shape: sizes, offset: Number(offset), length: Number(length) };
}

function factsOf(text: string): MetadataItem[] {
  const [, name] = /<net\s[^>]{0,4000}?\bname="([^"]{0,1000})"/.exec(text) ?? [];
  const items: MetadataItem[] = name === undefined ? [] : [{ key: 'name', value: name, place: 'xml:/net/@name' }];
  for (const [, key = '', value = ''] of text
    .slice(-(1 << 20))
    .matchAll(/<(?:info )?(?:name=")?([\w -]{1,100})"?\s+value="([^"]{1,1000})"/g))
    if (items.length < 1000) items.push({ key, value, place: `xml:/net/rt_info/${key}` });
  return items;
}

function operatorsOf(text: string): Operator[] {
  const counts = new Map<string, number>();
  for (const [, type = ''] of text.matchAll(LAYER))
    if (counts.has(type) || counts.size < 10_000) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([name, count]) => ({ name, count, custom: false }));
}
