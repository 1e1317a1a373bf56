import type { Source } from '../base/source.ts';
import { numpyDtype, readNpyHeader, type NpyHeader } from '../formats/numpy.ts';
import type { NamedSource } from '../formats/types.ts';
import { memberSource } from '../formats/zip-member.ts';
import type { ZipEntry } from '../formats/zip-entry.ts';
import { readZip } from '../formats/zip.ts';
import { canonicalForm, elementBytes } from './dtypes.ts';
import { denseStrides, gather, isDense, swapped } from './strided.ts';
import type { FileWeights, Undecided, WeightTensor } from './types.ts';

/** One `.npy`: in column-major (Fortran) order and of either byte order, it is the same tensor. */
export async function npyWeights({ path, source }: NamedSource): Promise<FileWeights> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const made = arrayOf(name, await readNpyHeader(source), { sizeBytes: source.size, base: 0, open: (file) => file });
  return typeof made === 'string'
    ? { tensors: [], undecided: [{ tensor: name, why: made }] }
    : { tensors: [made], undecided: [] };
}

/** The arrays of an `.npz`, deflated or not. @throws WeighmarkError `format-invalid`, `limit-exceeded`. */
export async function npzWeights({ source }: NamedSource): Promise<FileWeights> {
  const tensors: WeightTensor[] = [];
  const undecided: Undecided[] = [];
  for (const entry of (await readZip(source)).entries) {
    const name = entry.name.replace(/\.npy$/, '');
    const made = arrayOf(name, await readNpyHeader(memberSource(source, entry)), holderOf(entry));
    if (typeof made === 'string') undecided.push({ tensor: name, why: made });
    else tensors.push(made);
  }
  return { tensors, undecided };
}

/** The bytes of one `.npy`, wherever they are. */
interface Holder {
  readonly sizeBytes: number;
  /** Its first byte in the file, where it lies there as it is. */
  readonly base?: number;
  readonly open: (file: Source) => Source;
}

function holderOf(entry: ZipEntry): Holder {
  return {
    sizeBytes: entry.size,
    ...(entry.method === 0 ? { base: entry.dataStart } : {}),
    open: (file) => memberSource(file, entry),
  };
}

function arrayOf(name: string, header: NpyHeader, holder: Holder): WeightTensor | string {
  const { dtype } = numpyDtype(header.descr);
  const form = canonicalForm('npy', dtype, header.shape);
  const width = elementBytes(dtype);
  if (form === null || Number.isNaN(width)) return `no canonical form of ${header.descr.slice(0, 40)} is known`;
  if (header.dataStart + form.sizeBytes !== holder.sizeBytes) return 'its shape is not that of its bytes';
  const strides = denseStrides(header.shape, header.fortran);
  const turned = header.descr.startsWith('>') && width > 1;
  const view = { shape: header.shape, strides, width, offset: header.dataStart };
  const base = isDense(view) && !turned ? holder.base : undefined;
  const swapWidth = dtype.startsWith('C') ? width / 2 : width;
  const open = (file: Source): AsyncIterable<Uint8Array> => {
    const plain = gather(holder.open(file), view);
    return turned ? swapped(plain, swapWidth) : plain;
  };
  const elements: WeightTensor['elements'] =
    base === undefined ? { kind: 'made', open } : { kind: 'stretch', offset: base + header.dataStart };
  return { name, shape: header.shape, ...form, elements };
}
