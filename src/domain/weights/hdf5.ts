import { LIMITS } from '../base/limits.ts';
import { windowSource, type Source } from '../base/source.ts';
import { parseChunking, readChunkIndex, type H5Chunking, type H5Grid } from '../formats/hdf5-chunks.ts';
import type { H5File } from '../formats/hdf5-file.ts';
import { parseFilters, unfiltered, unreadFilter, type H5Filter } from '../formats/hdf5-filters.ts';
import { mostDimensions, plainness } from '../formats/hdf5-value.ts';
import { hdf5Structure, type H5Dataset } from '../formats/hdf5.ts';
import { chunksOf } from '../formats/inflate.ts';
import { beyond, invalid } from '../formats/problem.ts';
import { elementsOf } from '../formats/tensors.ts';
import type { NamedSource } from '../formats/types.ts';
import { memberSource } from '../formats/zip-member.ts';
import { readZip } from '../formats/zip.ts';
import { canonicalForm, elementBytes } from './dtypes.ts';
import { chunkedBytes, chunkedElements } from './pieces.ts';
import { swapped } from './strided.ts';
import type { FileWeights, Undecided, WeightTensor } from './types.ts';
import { u32 } from '../formats/zip-fields.ts';

/** The bytes of an HDF5 file, wherever they are. */
interface Holder {
  /** Its first byte in the file, where it lies there as it is. */
  readonly base?: number;
  readonly open: (file: Source) => Source;
}

/** The datasets of an HDF5 file: contiguous, compact or in chunks, of either byte order. */
export async function hdf5Weights({ source }: NamedSource): Promise<FileWeights> {
  return datasetsOf(source, { base: 0, open: (file) => file });
}

/** The same of the weights in a `.keras` file. */
export async function kerasWeights({ source }: NamedSource): Promise<FileWeights> {
  const entry = (await readZip(source)).entries.find(({ name }) => name === 'model.weights.h5');
  if (entry === undefined) return { tensors: [], undecided: [{ why: 'there is no model.weights.h5 in it' }] };
  const open = (file: Source): Source => memberSource(file, entry);
  return datasetsOf(open(source), { open, ...(entry.method === 0 ? { base: entry.dataStart } : {}) });
}

async function datasetsOf(source: Source, holder: Holder): Promise<FileWeights> {
  const tensors: WeightTensor[] = [];
  const undecided: Undecided[] = [];
  const datasets: H5Dataset[] = [];
  await hdf5Structure(source, (dataset) => datasets.push(dataset));
  let chunked = 0;
  for (const dataset of datasets) {
    const made = tensorOf(dataset, holder);
    if (typeof made === 'string') undecided.push({ tensor: dataset.info.name, why: made });
    else tensors.push(made.tensor);
    chunked += typeof made === 'string' ? 0 : made.chunkedBytes;
  }
  // A file of a megabyte may say that it holds chunks of terabytes, none of them written.
  if (chunked > LIMITS.archiveRatio * Math.max(source.size, 1 << 20))
    return { tensors: [], undecided: [{ why: `its chunks are said to hold ${chunked} bytes` }] };
  return { tensors, undecided };
}

interface Made {
  readonly tensor: WeightTensor;
  readonly chunkedBytes: number;
}

/** The tensor, or why it is not known. */
function tensorOf(dataset: H5Dataset, holder: Holder): Made | string {
  const { info, datatype, elsewhere } = dataset;
  const form = canonicalForm('hdf5', info.dtype, info.shape);
  const width = elementBytes(info.dtype);
  const { plain, bigEndian } = plainness(datatype);
  if (elsewhere) return 'its type or its values lie elsewhere';
  if (form === null || Number.isNaN(width)) return `no canonical form of ${info.dtype.slice(0, 40)} is known`;
  if (!plain || u32(datatype, 4) !== width) return `its ${info.dtype} is none that loaders agree on`;
  const turned = bigEndian && width > 1;
  const about = { name: info.name, shape: info.shape, ...form };
  if (form.sizeBytes === 0) return { tensor: { ...about, elements: { kind: 'stretch', offset: 0 } }, chunkedBytes: 0 };
  const { offset, length } = info;
  if (offset === undefined) return chunkedTensor(dataset, holder, { about, width, turned });
  if (length !== form.sizeBytes) return 'its shape is not that of its bytes';
  if (offset + length > dataset.file.source.size) return 'it reaches beyond the file';
  const elements = placed({ holder, offset, turned }, { sizeBytes: length, width });
  return { tensor: { ...about, elements }, chunkedBytes: 0 };
}

function placed(
  { holder, offset, turned }: { holder: Holder; offset: number; turned: boolean },
  { sizeBytes, width }: { sizeBytes: number; width: number },
): WeightTensor['elements'] {
  if (holder.base !== undefined && !turned) return { kind: 'stretch', offset: holder.base + offset };
  const open = (file: Source): AsyncIterable<Uint8Array> =>
    chunksOf(windowSource(holder.open(file), offset, sizeBytes));
  return { kind: 'made', open: turned ? (file) => swapped(open(file), width) : open };
}

/** A chunk that is held in memory whole. */
const CHUNK_BYTES = 64 << 20;

function chunkedTensor(
  dataset: H5Dataset,
  holder: Holder,
  { about, width, turned }: { about: Omit<WeightTensor, 'elements'>; width: number; turned: boolean },
): Made | string {
  const { file, space, layout, filters: pipeline } = dataset;
  const { shape } = about;
  const chunking = parseChunking(file, layout, shape.length);
  const filters = pipeline === undefined ? [] : parseFilters(pipeline);
  const fill = fillOf(dataset, width);
  if (chunking === null) return 'its values were not written, or lie elsewhere';
  const unread = unreadFilter(filters);
  if (unread !== null) return unread;
  const chunkBytes = elementsOf(chunking.chunk) * width;
  if (!(chunkBytes > 0 && chunkBytes <= CHUNK_BYTES))
    return `its chunks have ${chunkBytes} bytes, ${CHUNK_BYTES} are read`;
  const grid = { chunking, shape, most: mostDimensions(file, space), chunkBytes, filtered: filters.length > 0 };
  const open = (source: Source): AsyncIterable<Uint8Array> => {
    const plain = chunksIn({ ...file, source: holder.open(source) }, { ...grid, filters, fill, width });
    return turned ? swapped(plain, width) : plain;
  };
  return {
    tensor: { ...about, elements: { kind: 'made', open } },
    chunkedBytes: chunkedBytes({ shape, chunk: chunking.chunk, width }),
  };
}

interface Opening extends Omit<H5Grid, 'file'> {
  readonly filters: readonly H5Filter[];
  /** Null: nobody says what unwritten elements are. */
  readonly fill: Uint8Array | null;
  readonly width: number;
}

async function* chunksIn(file: H5File, opening: Opening): AsyncGenerator<Uint8Array, void> {
  const { chunking, shape, chunkBytes, filters, fill, width } = opening;
  const index = await readChunkIndex({ ...opening, file });
  const load = async (place: readonly number[]): Promise<Uint8Array | null> => {
    const chunk = index.get(place.join());
    if (chunk === undefined && fill === null)
      throw invalid('a chunk of it was not written, and nobody says what it would hold');
    if (chunk === undefined) return null;
    const start = chunk.address + file.base;
    if (start + chunk.bytes > file.source.size) throw invalid('ends early: an HDF5 chunk lies outside the file');
    if (chunk.bytes > 2 * CHUNK_BYTES) throw beyond(`an HDF5 chunk of ${chunk.bytes} bytes`);
    const bytes = await file.source.read(start, chunk.bytes);
    return unfiltered(overEdge(opening, place) ? [] : filters, { bytes, mask: chunk.mask, sizeBytes: chunkBytes });
  };
  yield* chunkedElements({ shape, width, chunk: chunking.chunk, fill: fill ?? new Uint8Array(width), load });
}

/** Writers may leave the filters out for chunks that reach over the array's edge. */
function overEdge(
  { chunking, shape }: { chunking: H5Chunking; shape: readonly number[] },
  place: readonly number[],
): boolean {
  return chunking.plainEdges && place.some((at, axis) => (at + 1) * (chunking.chunk[axis] ?? 1) > (shape[axis] ?? 0));
}

/** When a library writes fill values: with `never` it leaves what was not written as it finds its memory. */
const NEVER = 1;

/**
 * What elements of chunks that were not written are, by the fill value message (0x0005, versions 1 to 3) or the old one (0x0004):
 * zeros unless a value is there; null if it is said to be undefined, or never to be written.
 */
function fillOf({ fill: data, oldFill }: H5Dataset, width: number): Uint8Array | null {
  if (data === undefined) return oldFill === undefined ? new Uint8Array(width) : valueAt(oldFill, 0, width);
  const [version, flags] = [data[0] ?? 0, data[1] ?? 0];
  const modern = version === 3;
  const [undefinedBit, definedBit, written] = [flags & 0x10, flags & 0x20, modern ? (flags >> 2) & 3 : data[2]];
  if (written === NEVER || version > 3 || (modern && undefinedBit !== 0)) return null;
  const defined = modern ? definedBit !== 0 : version === 1 || data[3] === 1;
  return defined ? valueAt(data, modern ? 2 : 4, width) : new Uint8Array(width);
}

/** A size, and so many bytes of a value: none for zeros, a negative one for no value at all. */
function valueAt(data: Uint8Array, at: number, width: number): Uint8Array | null {
  const size = u32(data, at) | 0;
  if (size === 0) return new Uint8Array(width);
  return size === width && at + 4 + width <= data.length ? data.slice(at + 4, at + 4 + width) : null;
}
