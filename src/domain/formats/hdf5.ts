import { LIMITS } from '../base/limits.ts';
import { compareUtf8 } from '../base/paths.ts';
import type { Source } from '../base/source.ts';
import { readDense } from './hdf5-dense.ts';
import { numberAt, openHdf5, readMessages, type H5File, type H5Message } from './hdf5-file.ts';
import { parseLink, readLinks, readLocalHeap, stringAt, type H5Link } from './hdf5-group.ts';
import { hasSharedType, parseDataspace, parseDatatype, readAttribute } from './hdf5-value.ts';
import { dtypeOfName } from './named-dtypes.ts';
import { attempt, beyond, note, quoted } from './problem.ts';
import { elementsOf, startTally, type Tally } from './tensors.ts';
import type { Dtype, Findings, MetadataItem, NamedSource, Problem, Reference, TensorInfo } from './types.ts';

const OBJECTS = 200_000;
const ATTRIBUTES = 2000;
const OPTIMIZER = /^\/?(optimizer_weights|optimizer|_optimizer)\//;

/** A dataset as its messages describe it. */
export interface H5Dataset {
  readonly file: H5File;
  /** As reported, with its place if it lies in one stretch. */
  readonly info: TensorInfo;
  /** Data of its messages; absent where there is none. */
  readonly space: Uint8Array;
  readonly datatype: Uint8Array;
  readonly layout: Uint8Array;
  readonly filters?: Uint8Array;
  /** The current fill value message (0x0005). */
  readonly fill?: Uint8Array;
  /** The old one (0x0004), which libraries read where there is no current one. */
  readonly oldFill?: Uint8Array;
  /** Its type is a committed one, its values lie in other files, or what says how to read them is shared with others. */
  readonly elsewhere: boolean;
}

interface State {
  readonly file: H5File;
  readonly onDataset?: (dataset: H5Dataset) => void;
  readonly problems: Problem[];
  readonly metadata: MetadataItem[];
  readonly references: Reference[];
  readonly tally: Tally;
  readonly seen: Set<number>;
  certain: boolean;
  passedOver: boolean;
}

/**
 * The structure of an HDF5 file: groups, attributes, datasets' dtype, shape and place. Values of datasets are not read;
 * external links, external storage and virtual datasets are named and never followed.
 * @see https://docs.hdfgroup.org/hdf5/develop/_f_m_t3.html
 */
export async function readHdf5({ source }: NamedSource): Promise<Findings> {
  return hdf5Structure(source);
}

/** The same; each dataset is handed on as it is met. */
export async function hdf5Structure(source: Source, onDataset?: (dataset: H5Dataset) => void): Promise<Findings> {
  const file = await openHdf5(source);
  const state: State = {
    file,
    ...(onDataset === undefined ? {} : { onDataset }),
    problems: [],
    metadata: [],
    references: [],
    seen: new Set(),
    certain: true,
    passedOver: false,
    tally: startTally({ known: () => state.certain }),
  };
  note(state.problems, ...placeProblems(file));
  const whole = await attempt(state.problems, () => walk(state));
  state.certain &&= whole;
  const { metadata, problems, references, tally } = state;
  return {
    format: 'hdf5',
    version: `superblock ${file.version}`,
    metadata,
    problems,
    ...tally.finish(),
    ...(references.length === 0 ? {} : { references }),
    ...(state.passedOver ? { passedOver: true } : {}),
  };
}

function placeProblems({ base, statedEnd, source }: H5File): Problem[] {
  const problems: Problem[] = [];
  if (statedEnd > source.size)
    problems.push({ code: 'truncated', message: `the file says it has ${statedEnd} bytes, it has ${source.size}` });
  if (statedEnd < source.size)
    problems.push({
      code: 'trailing',
      message: `${source.size - statedEnd} bytes after the stated end`,
      offset: statedEnd,
    });
  if (base > 0) problems.push({ code: 'prefix', message: `${base} bytes before the superblock`, offset: 0 });
  return problems;
}

/** Every object once, by address: links may run in circles. */
async function walk(state: State): Promise<void> {
  const waiting = [{ address: state.file.root, path: '' }];
  for (let object = waiting.pop(); object !== undefined; object = waiting.pop()) {
    const { address, path } = object;
    if (state.seen.has(address)) continue;
    state.seen.add(address);
    if (state.seen.size > OBJECTS) throw beyond(`more than ${OBJECTS} HDF5 objects`);
    const whole = await attempt(state.problems, async () => {
      const links = await visit(state, address, path);
      for (const link of links.toReversed())
        if (link.kind === 'hard') waiting.push({ address: link.address, path: `${path}/${link.name}`.slice(-4096) });
    });
    state.certain &&= whole;
  }
}

async function visit(state: State, address: number, path: string): Promise<H5Link[]> {
  const messages = await readMessages(state.file, address);
  for (const { data, flags } of messages.filter(({ type }) => type === 0x0c))
    if ((flags & 2) === 0) await addAttribute(state, path, data);
    else state.passedOver = true;
  for (const data of await readDenseAttributes(state.file, messages)) await addAttribute(state, path, data);
  if (messages.some(({ type }) => type === 0x08)) await addDataset(state, path, messages);
  const links = [...(await readLinks(state.file, messages)), ...(await readDenseLinks(state.file, messages))];
  for (const link of links) noteLink(state, path, link);
  return links;
}

async function addAttribute(state: State, path: string, data: Uint8Array): Promise<void> {
  const { file, metadata, problems } = state;
  if (metadata.length >= ATTRIBUTES || hasSharedType(data)) state.passedOver = true;
  if (metadata.length >= ATTRIBUTES) return;
  await attempt(problems, async () => {
    const attribute = await readAttribute(file, data);
    if (attribute === null) return;
    const { name, value, length } = attribute;
    const key = path === '' ? name : `${path.slice(1)}@${name}`;
    metadata.push({ key, value, place: `attr:${path || '/'}@${name}`, ...(length === undefined ? {} : { length }) });
  });
}

/** Attribute info message (0x0015): more attributes than fit the header. */
async function readDenseAttributes(file: H5File, messages: readonly H5Message[]): Promise<Uint8Array[]> {
  const place = densePlace(
    file,
    messages.find(({ type }) => type === 0x15),
    2,
  );
  return place === null ? [] : readDense(file, place, 'attributes');
}

/** Link info message (0x0002): more links than fit the header. */
async function readDenseLinks(file: H5File, messages: readonly H5Message[]): Promise<H5Link[]> {
  const place = densePlace(
    file,
    messages.find(({ type }) => type === 0x02),
    8,
  );
  return place === null
    ? []
    : (await readDense(file, place, 'links'))
        .map((data) => parseLink(file, data))
        .toSorted((a, b) => compareUtf8(a.name, b.name));
}

/** Fractal heap and name index of an info message, behind its optional creation index of `orderBytes`; null if unused. */
function densePlace(
  { offsetBytes }: H5File,
  message: H5Message | undefined,
  orderBytes: number,
): { heap: number; index: number } | null {
  if (message === undefined) return null;
  const at = 2 + ((message.data[1] ?? 0) & 1) * orderBytes;
  const heap = numberAt(message.data, at, offsetBytes);
  return Number.isNaN(heap) ? null : { heap, index: numberAt(message.data, at + offsetBytes, offsetBytes) };
}

function noteLink({ references, problems }: State, path: string, link: H5Link): void {
  if (link.kind !== 'external') return;
  const subject = `${path}/${link.name}`;
  if (references.length < 10_000) references.push({ kind: 'external-link', target: link.file, subject });
  note(problems, {
    code: 'external-reference',
    message: `a link to ${quoted(link.target)} in the file ${quoted(link.file)}`,
    subject,
  });
}

async function addDataset(state: State, path: string, messages: readonly H5Message[]): Promise<void> {
  const { file, tally } = state;
  const find = (type: number): H5Message | undefined => messages.find((message) => message.type === type);
  const [space, datatype, layout, storage] = [find(0x01), find(0x03), find(0x08), find(0x07)];
  if (space === undefined || datatype === undefined || layout === undefined) return;
  if (storage !== undefined) await noteExternalStorage(state, path, storage.data);
  const shared = (datatype.flags & 2) !== 0;
  const shape = parseDataspace(file, space.data) ?? [0];
  const stored = shared ? { dtype: 'COMMITTED', sizeBytes: Number.NaN } : parseDatatype(datatype.data);
  const { dtype, sizeBytes } = { ...stored, ...statedDtype(state, path, stored) };
  if (shared) state.certain = false;
  const uncounted = OPTIMIZER.test(path) ? { uncounted: 'optimizer' as const } : {};
  const place =
    find(0x0b) === undefined && storage === undefined
      ? placeOf(state, path, { layout, bytes: elementsOf(shape) * sizeBytes })
      : {};
  const info = { name: path.slice(1), dtype, shape, ...place, ...uncounted };
  tally.add(info);
  const [filters, fill, oldFill] = [find(0x0b), find(0x05), find(0x04)];
  const sharing = [space, layout, filters, fill, oldFill].some((message) => ((message?.flags ?? 0) & 2) !== 0);
  state.onDataset?.({
    file,
    info,
    space: space.data,
    datatype: datatype.data,
    layout: layout.data,
    ...(filters === undefined ? {} : { filters: filters.data }),
    ...(fill === undefined ? {} : { fill: fill.data }),
    ...(oldFill === undefined ? {} : { oldFill: oldFill.data }),
    elsewhere: shared || storage !== undefined || sharing,
  });
}

/** Keras keeps types that HDF5 has not as opaque bytes, and says in the attribute `dtype` what they are. */
function statedDtype({ metadata }: State, path: string, { dtype, sizeBytes }: Stored): { dtype?: Dtype } {
  if (dtype !== 'OPAQUE') return {};
  const value = metadata.findLast(({ place }) => place === `attr:${path}@dtype`)?.value;
  const named = typeof value === 'string' ? dtypeOfName(value) : undefined;
  if (named === undefined || sizeBytes !== (named === 'BF16' ? 2 : 1)) return {};
  return { dtype: named };
}

type Stored = { readonly dtype: Dtype; readonly sizeBytes: number };

/** Data layout message (0x0008): where contiguous or compact elements lie. Virtual datasets take theirs from other files. */
function placeOf(
  { file, problems }: State,
  path: string,
  { layout, bytes }: { layout: H5Message; bytes: number },
): Partial<TensorInfo> {
  const { data, start } = layout;
  const version = data[0] ?? 0;
  const kind = data[version < 3 ? 2 : 1];
  if (kind === 3)
    note(problems, {
      code: 'external-reference',
      message: 'a virtual dataset: its values lie in other datasets or files',
      subject: path,
    });
  if (kind === 0 && version >= 3) return { offset: start + 4, length: bytes };
  if (kind !== 1 || !Number.isSafeInteger(bytes)) return {};
  const address = numberAt(data, version < 3 ? 8 : 2, file.offsetBytes) + file.base;
  if (Number.isNaN(address)) return {};
  if (address + bytes > file.source.size)
    note(problems, {
      code: 'out-of-bounds',
      message: 'its values lie outside the file',
      offset: address,
      subject: path,
    });
  return { offset: address, length: bytes };
}

/** External data files message (0x0007): names in a local heap. */
async function noteExternalStorage(state: State, path: string, data: Uint8Array): Promise<void> {
  const { file, references, problems } = state;
  const { offsetBytes, lengthBytes } = file;
  const used = numberAt(data, 6, 2);
  const heap = await readLocalHeap(file, numberAt(data, 8, offsetBytes));
  for (let index = 0; index < used; index++) {
    const target = stringAt(heap, numberAt(data, 8 + offsetBytes + index * 3 * lengthBytes, lengthBytes));
    if (references.length < LIMITS.tensorsListed) references.push({ kind: 'external-data', target, subject: path });
    note(problems, {
      code: 'external-reference',
      message: `its values lie in the file ${quoted(target)}`,
      subject: path,
    });
  }
}
