import { LIMITS } from '../base/limits.ts';
import { GGML_TYPES } from './ggml.ts';
import type { Dtype, Problem, TensorInfo, TensorTable } from './types.ts';

const GGML_BLOCKS = Object.values(GGML_TYPES).filter(({ block }) => block > 1);
const QUANTISED = new Set([...GGML_BLOCKS.map(({ name }) => name), 'QI8', 'QU8', 'QI4', 'QU4', 'QU2', 'QI32']);
const WIDE_ENOUGH = 2;

/** Floating point (complex and 4- to 8-bit floats too) or a block-quantised type: an element of it is a parameter. */
export function isParameterDtype(dtype: Dtype): boolean {
  return /^(F\d|BF16|B?C\d)/.test(dtype) || QUANTISED.has(dtype);
}

/** Types whose elements are never parameters, whatever they hold: integers, flags, text, references. */
const NO_PARAMETER =
  /^(BOOL|[IU]\d+|Q?[IU]\d+|STRING|OBJECT|ENUM|TIME|REFERENCE|VLEN|RESOURCE|VARIANT|[<>|=]?[MmSUO]\d*(\[\w+\])?)$/;

const KNOWN = new Map<Dtype, boolean>();
const DTYPES_KEPT = 1000;

/** An element type no reader here has a meaning for: it may be a weight, or several of them. Answers are kept, a few. */
function isUnknownDtype({ dtype, uncounted }: TensorInfo): boolean {
  if (uncounted !== undefined) return false;
  const known = KNOWN.get(dtype) ?? (isParameterDtype(dtype) || NO_PARAMETER.test(dtype));
  if (KNOWN.size < DTYPES_KEPT) KNOWN.set(dtype, known);
  return !known;
}

/**
 * Whether a tensor's elements are parameters. Small integers count when they form a matrix (int8 weights); position ids,
 * shapes and zero points do not.
 */
function isParameter({ dtype, shape, uncounted }: TensorInfo, unsigned: boolean): boolean {
  if (uncounted !== undefined) return false;
  const small = dtype === 'I8' || dtype === 'I4' || (unsigned && (dtype === 'U8' || dtype === 'U4'));
  return isParameterDtype(dtype) || (small && shape.length >= WIDE_ENOUGH);
}

/** Integers under a weight's name hold several parameters in one element (GPTQ, AWQ, bitsandbytes): how many, no header tells. */
export function isPacked({ name, dtype, shape }: TensorInfo): boolean {
  return (
    /^(U8|I16|I32|U32|I64)$/.test(dtype) &&
    shape.length >= WIDE_ENOUGH &&
    /(^|[._])(q?weight|weight_packed|blocks|packed)(_\d+)?$/i.test(name)
  );
}

/** Product of the dimensions; NaN if it is not a safe integer or a dimension is unknown. */
export function elementsOf(shape: readonly number[]): number {
  let product = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return Number.NaN;
    product *= size;
    if (product > Number.MAX_SAFE_INTEGER) return shape.includes(0) ? 0 : Number.NaN;
  }
  return product;
}

/** Collects tensors one by one: totals of all, details of the first `LIMITS.tensorsListed`. */
export interface Tally {
  readonly add: (tensor: TensorInfo) => void;
  readonly finish: () => { readonly tensors: TensorTable; readonly parameters?: number };
}

export interface TallyOptions {
  /** False if parameters may lie elsewhere too: then their sum stays out. Asked at the end. */
  readonly known?: () => boolean;
  /** The format keeps quantised weights as plain unsigned bytes, one a parameter (ONNX); elsewhere those are packed. */
  readonly unsignedWeights?: boolean;
}

export function startTally(options: TallyOptions = {}): Tally {
  const items: TensorInfo[] = [];
  const elements: Record<string, number> = Object.create(null) as Record<string, number>;
  const parameters: Record<string, number> = Object.create(null) as Record<string, number>;
  const unsigned = options.unsignedWeights ?? false;
  let count = 0;
  let certain = true;
  const add = (tensor: TensorInfo): void => {
    count += 1;
    if (items.length < LIMITS.tensorsListed) items.push(tensor);
    const size = elementsOf(tensor.shape);
    if (Number.isNaN(size) || (isPacked(tensor) && !(unsigned && tensor.dtype === 'U8'))) certain = false;
    if (size > 0 && isUnknownDtype(tensor)) certain = false;
    if (Number.isNaN(size)) return;
    elements[tensor.dtype] = (elements[tensor.dtype] ?? 0) + size;
    if (isParameter(tensor, unsigned)) parameters[tensor.dtype] = (parameters[tensor.dtype] ?? 0) + size;
  };
  const finish = (): ReturnType<Tally['finish']> => {
    const tensors = {
      count,
      items,
      truncated: items.length < count,
      elementsByDtype: { ...elements },
      parametersByDtype: { ...parameters },
    };
    const sum = Object.values(parameters).reduce((total, size) => total + size, 0);
    const known = certain && sum > 0 && (options.known?.() ?? true) && Number.isSafeInteger(sum);
    return known ? { tensors, parameters: sum } : { tensors };
  };
  return { add, finish };
}

/** The same tensors without places: those of a compressed file's content are not the file's. */
export function withoutPlaces(table: TensorTable, location?: string): TensorTable {
  const items = table.items.map((tensor) => {
    const { name, dtype, shape, uncounted } = tensor;
    return {
      name,
      dtype,
      shape,
      ...(uncounted === undefined ? {} : { uncounted }),
      ...(location === undefined ? {} : { location }),
    };
  });
  return { ...table, items };
}

/** A stretch of a file that something claims, in bytes. */
export interface Extent {
  readonly start: number;
  readonly end: number;
  readonly subject: string;
}

/**
 * How extents tile [from, to): overlaps, gaps of more than `slack` bytes, bytes after the last, ends beyond `to`. At most
 * `limit` problems of each kind.
 */
export function tilingProblems(
  extents: Extent[],
  bounds: { from: number; to: number; slack?: number; limit?: number },
): Problem[] {
  const { from, to, slack = 0, limit = 100 } = bounds;
  const problems: Problem[] = [];
  const counts = new Map<string, number>();
  const report = (problem: Problem): void => {
    const count = (counts.get(problem.code) ?? 0) + 1;
    counts.set(problem.code, count);
    if (count <= limit) problems.push(problem);
  };
  let reached = from;
  for (const { start, end, subject } of extents
    .filter((extent) => extent.end > extent.start)
    .sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (start < reached)
      report({
        code: 'overlap',
        message: `begins ${reached - start} bytes before the end of what precedes it`,
        offset: start,
        subject,
      });
    if (start > reached + slack)
      report({
        code: 'gap',
        message: `${start - reached} bytes before it belong to nothing`,
        offset: reached,
        subject,
      });
    if (end > to)
      report({ code: 'out-of-bounds', message: `ends at byte ${end}, the data at ${to}`, offset: start, subject });
    reached = Math.max(reached, end);
  }
  if (reached < to)
    report({ code: 'trailing', message: `${to - reached} bytes after the last belong to nothing`, offset: reached });
  return problems;
}
