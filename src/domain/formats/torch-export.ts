import { isJsonObject, parseStrictJson, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { windowSource } from '../base/source.ts';
import { collect } from './inflate.ts';
import { attempt, note } from './problem.ts';
import { elementsOf, startTally, type Tally } from './tensors.ts';
import { SCALAR_TYPES, storageBytes, valuesOf } from './torch-dtypes.ts';
import { readTorchZip, torchPrefix } from './torch.ts';
import type { Findings, MetadataItem, NamedSource, Operator, Problem, TensorInfo } from './types.ts';
import type { ZipEntry } from './zip-entry.ts';
import { openMember } from './zip-member.ts';
import { readZip, type ZipArchive } from './zip.ts';

const TEXT_BYTES = 4096;
/** Records that say what an archive of `torch.export` is, in the layout of 2.8 and later, and in that before. */
const MARKS = /^(?:([^/]+\/)archive_format|((?:[^/]+\/)?)serialized_exported_program\.json)$/;

/** The folder an exported program lies in. */
function exportPrefix(archive: ZipArchive): string {
  for (const { name } of archive.entries) {
    const match = MARKS.exec(name);
    if (match !== null) return match[1] ?? match[2] ?? '';
  }
  return '';
}

interface State {
  readonly source: NamedSource['source'];
  readonly members: ReadonlyMap<string, ZipEntry>;
  readonly prefix: string;
  readonly problems: Problem[];
  readonly tally: Tally;
  certain: boolean;
}

/**
 * An exported program (`.pt2`): weights named by JSON records, each tensor's elements a stored member of its own.
 * @see https://github.com/pytorch/pytorch/blob/main/torch/export/pt2_archive/constants.py
 */
export async function readTorchExport({ source }: NamedSource, archive: ZipArchive): Promise<Findings> {
  const prefix = exportPrefix(archive);
  const state: State = {
    source,
    prefix,
    members: new Map(archive.entries.map((entry) => [entry.name, entry])),
    problems: [...archive.problems],
    tally: startTally({ known: () => state.certain }),
    certain: true,
  };
  const metadata = await readTexts(state);
  for (const { name } of archive.entries) {
    if (/\/data\/weights\/[^/]*_weights_config\.json$/.test(name)) await readWeights(state, name);
    if (name.endsWith('serialized_state_dict.pt')) await readStateDict(state, name);
  }
  const version = metadata.find(({ key }) => key.endsWith('version'))?.value;
  return {
    format: 'torch-export',
    metadata,
    problems: state.problems,
    operators: await readOperators(state),
    ...state.tally.finish(),
    ...(typeof version === 'string' ? { version } : {}),
  };
}

async function readTexts({ source, members, prefix }: State): Promise<MetadataItem[]> {
  const items: MetadataItem[] = [];
  for (const name of ['archive_version', 'archive_format', 'version', 'byteorder']) {
    const member = members.get(prefix + name);
    if (member === undefined || member.size > TEXT_BYTES) continue;
    await attempt([], async () => {
      const bytes = await collect(openMember(source, member, { maxBytes: TEXT_BYTES }), TEXT_BYTES);
      items.push({ key: name, value: Buffer.from(bytes).toString('utf8').trim(), place: `zip:${member.name}` });
    });
  }
  return items;
}

async function readJson({ source, members, problems }: State, name: string): Promise<Json | undefined> {
  const entry = members.get(name);
  let value: Json | undefined;
  if (entry !== undefined)
    await attempt(problems, async () => {
      const bytes = await collect(openMember(source, entry, { maxBytes: LIMITS.documentBytes }), LIMITS.documentBytes);
      value = parseStrictJson(bytes, { refuseCaseDuplicates: false, refuseUnsafeIntegers: false, subject: name });
    });
  return value;
}

async function readWeights(state: State, name: string): Promise<void> {
  const value = await readJson(state, name);
  const config = isJsonObject(value) ? value['config'] : undefined;
  if (!isJsonObject(config)) {
    state.certain = false;
    return note(state.problems, { code: 'bad-value', message: 'lists no weights', subject: name });
  }
  const folder = name.slice(0, name.lastIndexOf('/') + 1);
  for (const [tensor, record] of Object.entries(config)) addWeight(state, { tensor, record, folder });
}

/** A tensor pickled whole (a subclass), or of unknown sizes, makes the count unknown. */
function addWeight(state: State, { tensor, record, folder }: { tensor: string; record: Json; folder: string }): void {
  const meta = isJsonObject(record) ? record['tensor_meta'] : undefined;
  const path = isJsonObject(record) && typeof record['path_name'] === 'string' ? record['path_name'] : '';
  if (!isJsonObject(record) || !isJsonObject(meta) || record['use_pickle'] === true) {
    state.certain = false;
    return state.tally.add({ name: tensor, dtype: 'unknown', shape: [-1], location: folder + path });
  }
  const stated = typeof meta['dtype'] === 'number' ? meta['dtype'] : 0;
  const info = { name: tensor, ...valuesOf(SCALAR_TYPES[stated] ?? `TORCH_${stated}`, integersOf(meta['sizes'])) };
  state.tally.add(placed(state, info, { member: folder + path, meta }));
}

/** `[{as_int: 5}, …]`; a size that is a symbol is -1. */
function integersOf(value: Json | undefined): number[] {
  if (!Array.isArray(value)) return [-1];
  return (value as readonly Json[]).slice(0, 64).map((size) => {
    const number = isJsonObject(size) ? size['as_int'] : undefined;
    return typeof number === 'number' ? number : -1;
  });
}

function placed(
  { members, problems }: State,
  info: TensorInfo,
  { member: name, meta }: { member: string; meta: { readonly [key: string]: Json } },
): TensorInfo {
  const member = members.get(name);
  if (member === undefined) {
    note(problems, {
      code: 'out-of-bounds',
      message: `its elements ${name} are not in the archive`,
      subject: info.name,
    });
    return info;
  }
  const [offset = 0] = integersOf([meta['storage_offset'] ?? null]);
  const start = Math.max(0, offset) * storageBytes(info.dtype);
  const length = elementsOf(info.shape) * storageBytes(info.dtype);
  if (start + length > member.size)
    note(problems, {
      code: 'out-of-bounds',
      message: `it needs ${start + length} bytes of ${member.size}`,
      subject: info.name,
    });
  const whole = member.method === 0 && start + length <= member.size && length === member.size - start;
  return { ...info, ...(whole ? { offset: member.dataStart + start, length } : {}), location: name };
}

/** Before 2.8 the weights are a `torch.save` file inside. */
async function readStateDict(state: State, name: string): Promise<void> {
  const { source, members, problems } = state;
  const entry = members.get(name);
  if (entry?.method !== 0) return void (state.certain = false);
  const whole = await attempt(problems, async () => {
    const inner = windowSource(source, entry.dataStart, entry.compressedSize);
    const archive = await readZip(inner);
    const prefix = torchPrefix(archive);
    const found = prefix === null ? null : await readTorchZip({ path: name, source: inner }, archive, prefix);
    note(problems, ...(found?.problems ?? []));
    if (found?.tensors === undefined || found.tensors.truncated) state.certain = false;
    for (const tensor of found?.tensors?.items ?? []) state.tally.add(within(tensor, entry));
  });
  state.certain &&= whole;
}

function within({ location: _member, ...tensor }: TensorInfo, entry: ZipEntry): TensorInfo {
  const place = tensor.offset === undefined ? {} : { offset: entry.dataStart + tensor.offset };
  return { ...tensor, ...place, location: entry.name };
}

/** `torch.ops.aten.linear.default`, by how often; operators of other namespaces need a library of their own. */
async function readOperators(state: State): Promise<Operator[]> {
  const counts = new Map<string, number>();
  for (const name of state.members.keys()) {
    if (!/(^|\/)(models\/[^/]+\.json|serialized_exported_program\.json)$/.test(name)) continue;
    const value = await readJson({ ...state, problems: [] }, name);
    const module = isJsonObject(value) ? value['graph_module'] : undefined;
    const graph = isJsonObject(module) ? module['graph'] : undefined;
    const nodes = isJsonObject(graph) && Array.isArray(graph['nodes']) ? (graph['nodes'] as readonly Json[]) : [];
    for (const node of nodes) {
      const target = isJsonObject(node) && typeof node['target'] === 'string' ? node['target'].slice(0, 200) : '';
      if (target !== '') counts.set(target, (counts.get(target) ?? 0) + 1);
    }
  }
  return [...counts].map(([name, count]) => ({
    name,
    count,
    custom:
      name.startsWith('torch.ops.') && !/^torch\.ops\.(aten|prims|higher_order|quantized_decomposed)\./.test(name),
  }));
}
