import type { Source } from '../base/source.ts';
import { Cursor } from './cursor.ts';
import { collect } from './inflate.ts';
import { isNode, readPickle, type Pickle } from './pickle/index.ts';
import { pickleMetadata, pickleProblems } from './pickle-file.ts';
import { contentOf, keyOf, type PickledContent, type PickledTensor } from './pickle-tensors.ts';
import { attempt, note } from './problem.ts';
import { elementsOf, startTally } from './tensors.ts';
import { storageBytes } from './torch-dtypes.ts';
import type { Findings, MetadataItem, NamedSource, Problem, TensorInfo } from './types.ts';
import { memberSource, openMember } from './zip-member.ts';
import type { ZipArchive } from './zip.ts';
import type { ZipEntry } from './zip-entry.ts';
import { pushAll } from '../base/lists.ts';

const SMALL_TEXT = 4096;

/** Folder that holds `data.pkl`, or null if this zip is no PyTorch file. */
export function torchPrefix(archive: ZipArchive): string | null {
  const data = archive.entries.find(({ name }) => /^([^/]+\/)?data\.pkl$/.test(name));
  return data === undefined ? null : data.name.slice(0, -'data.pkl'.length);
}

/**
 * A PyTorch zip (`torch.save` or TorchScript): tensors from the pickle's structure, which is read, not
 * loaded; their bytes are members of their own.
 * @see https://github.com/pytorch/pytorch/blob/main/torch/serialization.py
 */
export async function readTorchZip({ source }: NamedSource, archive: ZipArchive, prefix: string): Promise<Findings> {
  const problems: Problem[] = [...archive.problems];
  const members = new Map(archive.entries.map((entry) => [entry.name, entry]));
  const script = archive.entries.some(
    ({ name }) => name === `${prefix}constants.pkl` || name.startsWith(`${prefix}code/`),
  );
  const metadata: MetadataItem[] = await readVersions(source, members, prefix);
  let complete = true;
  const tally = startTally({ known: () => complete });
  for (const [name, folder] of script
    ? ([
        ['data.pkl', 'data/'],
        ['constants.pkl', 'constants/'],
      ] as const)
    : ([['data.pkl', 'data/']] as const)) {
    const member = members.get(prefix + name);
    if (member === undefined) continue;
    const whole = await attempt(problems, async () => {
      const pickle = await readPickle(memberSource(source, member));
      note(problems, ...pickleProblems(pickle, member.name));
      const content = contentOf(pickle.value);
      complete &&= pickle.complete && content.complete;
      if (name === 'data.pkl') pushAll(metadata, [...pickleMetadata(pickle), ...(script ? [] : content.metadata)]);
      for (const tensor of content.tensors)
        tally.add(placed(tensor, members.get(`${prefix}${folder}${tensor.storage?.key ?? ''}`), problems));
    });
    complete &&= whole;
  }
  return { format: script ? 'torchscript' : 'torch-zip', metadata, problems, ...tally.finish() };
}

async function readVersions(source: Source, members: Map<string, ZipEntry>, prefix: string): Promise<MetadataItem[]> {
  const items: MetadataItem[] = [];
  for (const name of ['version', '.format_version', 'byteorder']) {
    const member = members.get(prefix + name);
    if (member === undefined || member.size > SMALL_TEXT) continue;
    await attempt([], async () => {
      const text = Buffer.from(await collect(openMember(source, member, { maxBytes: SMALL_TEXT }), SMALL_TEXT))
        .toString('utf8')
        .trim();
      items.push({ key: name, value: text, place: `zip:${member.name}` });
    });
  }
  return items;
}

function placed(
  { info, storage, storageOffset, contiguous }: PickledTensor,
  member: ZipEntry | undefined,
  problems: Problem[],
): TensorInfo {
  if (storage === undefined) return info;
  const bytes = storageBytes(storage.dtype);
  const length = elementsOf(info.shape) * storageBytes(info.dtype);
  const start = storageOffset * bytes;
  if (member === undefined) {
    note(problems, {
      code: 'out-of-bounds',
      message: `its storage ${storage.key} is not in the archive`,
      subject: info.name,
    });
    return info;
  }
  if (start + length > member.size)
    note(problems, {
      code: 'out-of-bounds',
      message: `it needs ${start + length} bytes of a storage of ${member.size}`,
      subject: info.name,
    });
  const place =
    member.method === 0 && contiguous && Number.isSafeInteger(start + length)
      ? { offset: member.dataStart + start, length }
      : {};
  return { ...info, ...place, location: member.name };
}

/**
 * The format before PyTorch 1.6: magic number, protocol, system facts, the object and the storage keys as five pickles,
 * then each storage as a count and its elements.
 */
export async function readTorchLegacy({ source }: NamedSource): Promise<Findings> {
  const { pickles, content, places, problems, complete } = await legacyStorages(source);
  const object = pickles[3];
  const tally = startTally({ known: () => complete });
  for (const tensor of content.tensors) tally.add(placedRaw(tensor, places));
  if (!complete)
    note(problems, {
      code: 'truncated',
      message: `${pickles.length} of the five pickles of a legacy PyTorch file can be read`,
    });
  return {
    format: 'torch-legacy',
    metadata: [...(object === undefined ? [] : pickleMetadata(object)), ...content.metadata],
    problems,
    ...tally.finish(),
  };
}

/** Where a storage of a legacy file lies, in bytes. */
interface Place {
  readonly offset: number;
  readonly sizeBytes: number;
}

/** A legacy file's pickles, what they describe, and where each storage lies. */
export async function legacyStorages(
  source: Source,
): Promise<{
  readonly pickles: readonly Pickle[];
  readonly content: PickledContent;
  readonly places: ReadonlyMap<string, Place>;
  readonly problems: Problem[];
  readonly complete: boolean;
}> {
  const pickles = await readStreams(source);
  const problems: Problem[] = pickles.flatMap((pickle) => pickleProblems(pickle));
  const content = contentOf(pickles[3]?.value);
  const places = await placeStorages(source, pickles[4], content, problems);
  const complete = pickles.length === 5 && pickles.every((pickle) => pickle.complete) && content.complete;
  return { pickles, content, places, problems, complete };
}

async function readStreams(source: Source): Promise<Pickle[]> {
  const pickles: Pickle[] = [];
  for (let start = 0; pickles.length < 5 && start < source.size;) {
    const pickle = await readPickle(source, { start });
    pickles.push(pickle);
    if (!pickle.complete) break;
    start = pickle.end;
  }
  return pickles;
}

async function placeStorages(
  source: Source,
  keys: Pickle | undefined,
  { tensors }: PickledContent,
  problems: Problem[],
): Promise<Map<string, Place>> {
  const places = new Map<string, Place>();
  if (keys?.complete !== true || !isNode(keys.value) || keys.value.kind !== 'list') return places;
  const names = keys.value.items;
  const dtypes = new Map(
    tensors.flatMap(({ storage }) => (storage === undefined ? [] : [[storage.key, storage.dtype] as const])),
  );
  const cursor = new Cursor(source, keys.end);
  await attempt(problems, async () => {
    for (const item of names) {
      const bytes = storageBytes(dtypes.get(keyOf(item)) ?? 'unknown');
      const count = Number(await cursor.u64le());
      if (Number.isNaN(bytes)) return;
      places.set(keyOf(item), { offset: cursor.offset, sizeBytes: count * bytes });
      cursor.skip(count * bytes);
    }
    if (cursor.remaining > 0)
      note(problems, {
        code: 'trailing',
        message: `${cursor.remaining} bytes after the last storage`,
        offset: cursor.offset,
      });
  });
  return places;
}

function placedRaw(
  { info, storage, storageOffset, contiguous }: PickledTensor,
  places: ReadonlyMap<string, Place>,
): TensorInfo {
  const start = storage === undefined ? undefined : places.get(storage.key)?.offset;
  const length = elementsOf(info.shape) * storageBytes(info.dtype);
  if (storage === undefined || start === undefined || !contiguous || !Number.isSafeInteger(length)) return info;
  return { ...info, offset: start + storageOffset * storageBytes(storage.dtype), length };
}
