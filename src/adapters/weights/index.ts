import { availableParallelism } from 'node:os';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type {
  Differing,
  FloatType,
  Nearness,
  PlacedElements,
  Recipe,
  WeightNumbers,
} from '../../domain/ports/numbers.ts';
import { loadAddon, type Addon } from '../hasher/native.ts';
import { createModule, MOST_ELEMENTS, MOST_FACTORS, type Module } from './module.ts';

/** What quantisers make of weights: by the addon's threads where there is one, else by WebAssembly on this thread. */
export function createNumbers(options: { kernel?: 'wasm' | 'native' } = {}): WeightNumbers {
  const addon = options.kernel === 'wasm' ? null : loadAddon();
  let made: Module | undefined;
  const module = (): Module => (made ??= createModule());
  return addon === null ? byModule(module) : byAddon(addon, module);
}

export const DTYPES: Readonly<Record<FloatType, number>> = { F32: 0, F16: 1, BF16: 2 };
const VIAS = { none: 0, F16: 1, BF16: 2 } as const;

export function numbersOf({ kind, dtype, via, fused }: Recipe): readonly [number, number, number, number] {
  return [kind, DTYPES[dtype], VIAS[via ?? 'none'], fused === true ? 1 : 0];
}

function byModule(module: () => Module): WeightNumbers {
  return {
    kernel: 'wasm',
    elements: MOST_ELEMENTS,
    atOnce: 1,
    recompute: async (recipe, elements, importance) =>
      differingOf(module().compare(numbersOf(recipe), elements, importance)),
    nearest: async (recipe, elements) => nearnessOf(module().near(numbersOf(recipe), elements)),
    convert: (from, to, bytes) => module().convert(from, to, bytes),
    dequantize: (kind, bytes, elements) => module().dequantize(kind, bytes, elements),
    factors: MOST_FACTORS,
    lowRank: (merge) => module().lowRank(merge),
    affine: (codes) => module().affine(codes),
    mergeModels: (question) => module().mergeModels(question),
  };
}

const RECOMPUTE = 0;
const NEAREST = 1;
const NOTHING = Buffer.alloc(0);

function answerOf(bytes: Buffer): Float64Array {
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** The buffers are held until the answer is there, as the addon demands. */
function byAddon(addon: Addon, module: () => Module): WeightNumbers {
  const ask = async (
    question: readonly number[],
    { child, parent }: { child: Uint8Array; parent: Uint8Array },
    importance?: Float32Array,
  ): Promise<Float64Array> => {
    const columns = importance === undefined ? NOTHING : bytesOf(importance);
    const answer = await addon.ask(Buffer.from(question), child, parent, columns);
    return child.length > 0 || parent.length > 0 ? answerOf(answer) : new Float64Array(8);
  };
  return {
    kernel: 'native',
    elements: MOST_ELEMENTS,
    atOnce: Math.max(2, Math.min(4, availableParallelism())),
    recompute: async (recipe, elements, importance) =>
      differingOf(await ask([RECOMPUTE, ...numbersOf(recipe)], elements, importance)),
    nearest: async (recipe, elements) => nearnessOf(await ask([NEAREST, ...numbersOf(recipe)], elements)),
    ...(addon.place === undefined ? {} : { placed: placedBy(addon, addon.place) }),
    convert: (from, to, bytes) => module().convert(from, to, bytes),
    dequantize: (kind, bytes, elements) => module().dequantize(kind, bytes, elements),
    factors: MOST_FACTORS,
    lowRank: (merge) => module().lowRank(merge),
    affine: (codes) => module().affine(codes),
    mergeModels: (question) => module().mergeModels(question),
  };
}

type Placed = NonNullable<WeightNumbers['placed']>;

function placedBy(addon: Addon, place: NonNullable<Addon['place']>): Placed {
  const ask = async (what: number, recipe: Recipe, placed: PlacedElements, importance?: Float32Array) => {
    const run = addon.create();
    const abort = (): void => addon.abort(run);
    placed.signal?.addEventListener('abort', abort);
    try {
      const answer = await place(run, placedQuestion([what, ...numbersOf(recipe)], placed, importance));
      placed.signal?.throwIfAborted();
      return answer.length === 0 ? null : answerOf(answer);
    } finally {
      placed.signal?.removeEventListener('abort', abort);
    }
  };
  return {
    recompute: async (recipe, placed, importance) => {
      const answer = await ask(RECOMPUTE, recipe, placed, importance);
      return answer === null ? null : differingOf(answer);
    },
    nearest: async (recipe, placed) => {
      const answer = await ask(NEAREST, recipe, placed);
      return answer === null ? null : nearnessOf(answer);
    },
  };
}

/** What is asked, of which elements, by how many threads; the importance of each column. */
function placedQuestion(
  question: readonly number[],
  { child, parent, elements, part }: PlacedElements,
  importance?: Float32Array,
): Buffer {
  const head = Buffer.alloc(QUESTION_BYTES + NUMBERS * 8);
  head.set(question);
  const numbers = [
    elements,
    part,
    availableParallelism(),
    ...[child, parent].flatMap((side) => [side.descriptor, side.offset]),
  ];
  numbers.forEach((number, index) => head.writeBigUInt64LE(BigInt(number), QUESTION_BYTES + index * 8));
  return Buffer.concat([head, ...(importance === undefined ? [] : [bytesOf(importance)])]);
}

const QUESTION_BYTES = 8;
const NUMBERS = 7;

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** @throws WeighmarkError `internal` for a question the kernel refused: blocks cut through, a type it does not know. */
function differingOf(numbers: Float64Array): Differing {
  const [blocks = Number.NaN, first = 0] = numbers;
  if (Number.isNaN(blocks)) throw new WeighmarkError('internal', 'the kernel refused a question about weights');
  return { blocks, first };
}

function nearnessOf(numbers: Float64Array): Nearness | null {
  const [beyond = 0, far = 0, first = 0, free = 0, worst = 0, error = 0, square = 0] = numbers;
  return Number.isNaN(beyond) ? null : { beyond, far, first, free, worst, error, square };
}
