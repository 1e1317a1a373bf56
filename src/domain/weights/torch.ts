import { elementsOf } from '../formats/tensors.ts';
import { readPickle } from '../formats/pickle/index.ts';
import { contentOf, type PickledTensor } from '../formats/pickle-tensors.ts';
import { storageBytes } from '../formats/torch-dtypes.ts';
import { memberSource } from '../formats/zip-member.ts';
import type { ZipEntry } from '../formats/zip-entry.ts';
import { readZip } from '../formats/zip.ts';
import { windowSource, type Source } from '../base/source.ts';
import type { NamedSource } from '../formats/types.ts';
import { legacyStorages, torchPrefix } from '../formats/torch.ts';
import { canonicalForm, elementBytes } from './dtypes.ts';
import { denseStrides, gather, isDense, spanOf, swapped, type View } from './strided.ts';
import type { FileWeights, Undecided, WeightTensor } from './types.ts';

/** Where a storage's bytes are. */
interface Storage {
  readonly sizeBytes: number;
  /** Its first byte in the file, where it lies there as it is. */
  readonly offset?: number;
  /** Of its own bytes alone. */
  readonly open: (file: Source) => Source;
}

interface Reading {
  readonly storages: ReadonlyMap<string, Storage>;
  readonly bigEndian: boolean;
  readonly tensors: WeightTensor[];
  readonly undecided: Undecided[];
}

/**
 * The tensors of a PyTorch zip as `torch.load` would make them: views of their storage, with strides, shared or not.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`.
 */
export async function torchZipWeights({ source }: NamedSource): Promise<FileWeights> {
  const archive = await readZip(source);
  const prefix = torchPrefix(archive) ?? '';
  const members = new Map(archive.entries.map((entry) => [entry.name, entry]));
  const member = members.get(`${prefix}data.pkl`);
  if (member === undefined) return { tensors: [], undecided: [{ why: 'there is no data.pkl' }] };
  const pickle = await readPickle(memberSource(source, member));
  const content = contentOf(pickle.value);
  const reading: Reading = {
    storages: storagesOf(members, `${prefix}data/`),
    bigEndian: await isBigEndian(source, members.get(`${prefix}byteorder`)),
    tensors: [],
    undecided: pickle.complete && content.complete ? [] : [{ why: 'its pickle could not be read to the end' }],
  };
  for (const tensor of content.tensors) add(reading, tensor);
  return reading;
}

function storagesOf(members: ReadonlyMap<string, ZipEntry>, folder: string): ReadonlyMap<string, Storage> {
  const storages = new Map<string, Storage>();
  for (const [name, entry] of members) {
    if (!name.startsWith(folder)) continue;
    storages.set(name.slice(folder.length), {
      sizeBytes: entry.size,
      ...(entry.method === 0 ? { offset: entry.dataStart } : {}),
      open: (file) => memberSource(file, entry),
    });
  }
  return storages;
}

async function isBigEndian(source: Source, member: ZipEntry | undefined): Promise<boolean> {
  if (member === undefined || member.size > 64) return false;
  const bytes = await memberSource(source, member).read(0, member.size);
  return Buffer.from(bytes).toString('latin1').trim() === 'big';
}

/** The same of a file of the format before PyTorch 1.6. */
export async function torchLegacyWeights({ source }: NamedSource): Promise<FileWeights> {
  const { content, places, complete } = await legacyStorages(source);
  const storages = new Map<string, Storage>();
  for (const [key, { offset, sizeBytes }] of places)
    storages.set(key, { offset, sizeBytes, open: (file) => windowSource(file, offset, sizeBytes) });
  const undecided = complete ? [] : [{ why: 'its pickles could not be read to the end' }];
  const reading: Reading = { storages, bigEndian: false, tensors: [], undecided };
  for (const tensor of content.tensors) add(reading, tensor);
  return reading;
}

function add(reading: Reading, tensor: PickledTensor): void {
  const made = weightOf(reading, tensor);
  if (typeof made === 'string') reading.undecided.push({ tensor: tensor.info.name, why: made });
  else reading.tensors.push(made);
}

/** The tensor, or why it is not known. */
function weightOf({ storages, bigEndian }: Reading, tensor: PickledTensor): WeightTensor | string {
  const { info, storage, storageOffset } = tensor;
  const form = canonicalForm('torch', info.dtype, info.shape);
  const width = elementBytes(info.dtype);
  const held = storages.get(storage?.key ?? '');
  if (form === null || Number.isNaN(width)) return `no canonical form of ${info.dtype} is known`;
  if (storage === undefined) return 'its elements lie in the pickle';
  if (held === undefined) return `its storage ${storage.key} is not in the file`;
  if (tensor.flags?.neg === true) return 'it is a lazily negated view';
  const strides = tensor.strides ?? denseStrides(info.shape);
  const view: View = { shape: info.shape, strides, width, offset: storageOffset * storageBytes(storage.dtype) };
  if (strides.some((stride) => stride < 0) || storageOffset < 0 || spanOf(view).end > held.sizeBytes)
    return 'it reaches beyond its storage';
  if (tooSparse(view, held.sizeBytes)) return 'it is a view far larger than what it shows';
  const conj = tensor.flags?.conj === true;
  return { name: info.name, shape: info.shape, ...form, elements: elementsOfView(held, view, { conj, bigEndian }) };
}

/** Work is bound by what lies there: a few bytes can be shown as terabytes (stride 0). */
function tooSparse(view: View, storageBytes: number): boolean {
  return elementsOf(view.shape) * view.width > 64 * Math.max(storageBytes, 1 << 20);
}

function elementsOfView(
  held: Storage,
  view: View,
  { conj, bigEndian }: { conj: boolean; bigEndian: boolean },
): WeightTensor['elements'] {
  if (held.offset !== undefined && isDense(view) && !conj && !bigEndian)
    return { kind: 'stretch', offset: held.offset + view.offset };
  const { width } = view;
  const open = (file: Source): AsyncIterable<Uint8Array> => {
    const plain = gather(held.open(file), view);
    const little = bigEndian ? swapped(plain, conj ? width / 2 : width) : plain;
    return conj ? conjugated(little, width) : little;
  };
  return { kind: 'made', open };
}

/** Complex elements with the sign bit of their imaginary half turned. */
async function* conjugated(chunks: AsyncIterable<Uint8Array>, width: number): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    const out = Uint8Array.from(chunk);
    for (let at = width - 1; at < out.length; at += width) out[at] = (out[at] ?? 0) ^ 0x80;
    yield out;
  }
}
