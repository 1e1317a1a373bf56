import { windowSource, type Source } from '../base/source.ts';
import { isUnsafePath } from '../formats/archive-path.ts';
import { readPickle } from '../formats/pickle/index.ts';
import { collect } from '../formats/inflate.ts';
import { invalid } from '../formats/problem.ts';
import { elementsOf } from '../formats/tensors.ts';
import { dcpTensors, type DcpPiece, type DcpTensor } from '../formats/torch-dcp-index.ts';
import { canonicalForm, elementBytes } from './dtypes.ts';
import { assembled, type Piece } from './pieces.ts';
import { torchZipWeights } from './torch.ts';
import type { Beside, FileWeights, Undecided, WeightsSource, WeightTensor } from './types.ts';

/** Where the elements of a piece are. */
interface Place {
  readonly file: string;
  /** Of the first one, where they lie as they are. */
  readonly offset?: number;
  /** Bytes of its own elements. */
  read(from: number, length: number): Promise<Uint8Array>;
}

/**
 * The tensors of a distributed checkpoint, put together from the pieces that its `.metadata` names.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`.
 */
export async function dcpWeights({ path, source, beside }: WeightsSource): Promise<FileWeights> {
  const pickle = await readPickle(source);
  const tensors = pickle.complete ? dcpTensors(pickle.value) : null;
  if (tensors === null) return { tensors: [], undecided: [{ why: 'its index could not be read to the end' }] };
  const folder = path.slice(0, path.lastIndexOf('/') + 1);
  const found = await locate(tensors, { folder, beside });
  const made: WeightTensor[] = [];
  const undecided: Undecided[] = [];
  for (const tensor of tensors) {
    const weight = weightOf(tensor, found);
    if (typeof weight === 'string') undecided.push({ tensor: tensor.name, why: weight });
    else made.push(weight);
  }
  return { tensors: made, undecided };
}

type Located = ReadonlyMap<DcpPiece, Place | string>;

/** Where each piece lies in its file, or why nobody knows: every file is opened once. */
async function locate(
  tensors: readonly DcpTensor[],
  { folder, beside }: { folder: string; beside: Beside },
): Promise<Located> {
  const found = new Map<DcpPiece, Place | string>();
  const byFile = Map.groupBy(
    tensors.flatMap(({ dtype, pieces }) => pieces.map((piece) => ({ dtype, piece }))),
    ({ piece }) => piece.place?.target,
  );
  for (const [target, pieces] of byFile) {
    const known = target !== undefined && !isUnsafePath(target);
    const file = folder + (target ?? '');
    const read = await (known ? beside : nowhere)(file, async (source) => {
      for (const { piece, dtype } of pieces) {
        const { start = 0, length = 0 } = piece.place ?? {};
        const held = windowSource(source, start, length);
        found.set(piece, await placeOf({ path: file, source: held, beside }, { dtype, piece, start }));
      }
      return true;
    });
    if (read === null)
      for (const { piece } of pieces)
        found.set(
          piece,
          known ? `its piece in ${target} is not there` : 'a piece of it is nowhere, or was transformed',
        );
  }
  return found;
}

async function nowhere(): Promise<null> {
  return null;
}

/** A strided piece, held whole: it is saved as the view it was. */
const STRIDED_BYTES = 64 << 20;

/** The one tensor in a piece's archive must be what the index says. */
async function placeOf(
  { path, source, beside }: WeightsSource,
  { dtype, piece, start }: { dtype: string; piece: DcpPiece; start: number },
): Promise<Place | string> {
  const { tensors, undecided } = await torchZipWeights({ path, source });
  const [only, ...others] = tensors;
  const [first] = undecided;
  if (first !== undefined) return first.why;
  if (only === undefined || others.length > 0) return 'a piece of it is not one tensor';
  if (only.dtype !== dtype || only.shape.join() !== piece.sizes.join())
    return 'a piece of it is another than the index says';
  const { elements, sizeBytes } = only;
  if (elements.kind === 'stretch') {
    const offset = start + elements.offset;
    const read: Place['read'] = (from, length) => readFrom(beside, path, (file) => file.read(offset + from, length));
    return { file: path, offset, read };
  }
  if (sizeBytes > STRIDED_BYTES) return `a piece of it is a strided view of ${sizeBytes} bytes`;
  const window = (file: Source): Source => windowSource(file, start, source.size);
  const whole = (): Promise<Uint8Array> =>
    readFrom(beside, path, (file) => collect(elements.open(window(file)), sizeBytes));
  return { file: path, read: async (from, length) => (await whole()).subarray(from, from + length) };
}

/** @throws WeighmarkError `format-invalid` if the file is no longer there. */
async function readFrom<T>(beside: Beside, path: string, read: (source: Source) => Promise<T>): Promise<T> {
  const found = await beside(path, read);
  if (found === null) throw invalid(`${path} is not there`);
  return found;
}

/** The tensor, or why it is not known. */
function weightOf({ name, dtype, shape, pieces }: DcpTensor, located: Located): WeightTensor | string {
  const form = shape === null ? null : canonicalForm('torch', dtype, shape);
  const width = elementBytes(dtype);
  if (shape === null || form === null || Number.isNaN(width))
    return `no canonical form of ${dtype.slice(0, 40)} is known`;
  const about = { name, shape, ...form };
  if (form.sizeBytes === 0) return { ...about, elements: { kind: 'made', open: async function* () {} } };
  const why = pieces.map((piece) => located.get(piece)).find((place) => typeof place !== 'object');
  if (why !== undefined || !tiles(shape, pieces)) return why ?? 'its pieces do not make up the whole of it';
  const places = pieces.map((piece) => located.get(piece) as Place);
  const [first] = places;
  if (first?.offset !== undefined && places.length === 1)
    return { ...about, elements: { kind: 'stretch', file: first.file, offset: first.offset } };
  const placed = pieces.map(({ offsets, sizes }, index): Piece => ({
    offsets,
    sizes,
    read: (places[index] as Place).read,
  }));
  const array = { shape, width, grid: pieces[0]?.sizes ?? [] };
  return {
    ...about,
    elements: {
      kind: 'made',
      open: () => assembled({ ...array, within: (low, high) => meeting(placed, { low, high }) }),
    },
  };
}

function* meeting(
  pieces: readonly Piece[],
  box: { low: readonly number[]; high: readonly number[] },
): Generator<Piece, void> {
  for (const piece of pieces)
    if (
      piece.offsets.every(
        (at, axis) => at < (box.high[axis] ?? 0) && at + (piece.sizes[axis] ?? 0) > (box.low[axis] ?? 0),
      )
    )
      yield piece;
}

/** Pieces are the cells of a grid, each there once: that is how tensors are sharded over a mesh. */
function tiles(shape: readonly number[], pieces: readonly DcpPiece[]): boolean {
  const axes = shape.map((size, axis) =>
    [...new Set([...pieces.map(({ offsets }) => offsets[axis] ?? -1), size])].toSorted((a, b) => a - b),
  );
  const cells = axes.reduce((product, cuts) => product * (cuts.length - 1), 1);
  const places = new Set(pieces.map(({ offsets }) => offsets.join()));
  return (
    cells === pieces.length &&
    places.size === cells &&
    axes.every((cuts) => cuts[0] === 0) &&
    pieces.every(
      ({ offsets, sizes }) =>
        offsets.length === shape.length &&
        sizes.length === shape.length &&
        offsets.every((at, axis) => axes[axis]?.[axes[axis].indexOf(at) + 1] === at + (sizes[axis] ?? 0)),
    ) &&
    pieces.reduce((sum, { sizes }) => sum + elementsOf(sizes), 0) === elementsOf(shape)
  );
}
