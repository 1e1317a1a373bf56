import { numpyDtype } from './numpy.ts';
import {
  calleeName,
  globalName,
  isNode,
  lookup,
  type PickleDict,
  type PickleNode,
  type PickleObject,
  type PickleValue,
} from './pickle/index.ts';
import { TORCH_DTYPES, valuesOf } from './torch-dtypes.ts';
import type { Dtype, MetadataItem, TensorInfo } from './types.ts';

/** A tensor as a pickle describes it, with the storage it is a view of. */
export interface PickledTensor {
  readonly info: TensorInfo;
  readonly storage?: Storage;
  /** First element in the storage. */
  readonly storageOffset: number;
  readonly contiguous: boolean;
  /** In elements of the storage; null where the pickle gives none. */
  readonly strides?: readonly number[] | null;
  /** Read as its complex conjugate, or with every sign turned (PyTorch's lazy flags). */
  readonly flags?: { readonly conj: boolean; readonly neg: boolean };
}

export interface Storage {
  readonly key: string;
  readonly dtype: Dtype;
  readonly elements: number;
}

export interface PickledContent {
  readonly tensors: readonly PickledTensor[];
  /** Plain values beside the tensors: epoch, hyper-parameters. */
  readonly metadata: readonly MetadataItem[];
  /** False if the walk stopped at a limit. */
  readonly complete: boolean;
}

const VALUES = 2_000_000;
const TENSORS = 250_000;
const DEPTH = 32;
const NAME_LENGTH = 256;
const PLAIN_DEPTH = 3;
const PLAIN_ITEMS = 500;

/** Names an nn.Module pickled whole adds between its own. */
const PLUMBING = new Set(['_parameters', '_buffers', '_modules', '__dict__']);
export const OPTIMIZER = /^(optimizers?(_states?)?|optim|opt_state|optimizer_state_dict|lr_scheduler)$/i;
/** Plain values of no interest: optimizer state, and the versions every state_dict keeps of its modules. */
const NOISE = new RegExp(`^_metadata$|${OPTIMIZER.source}`, 'i');

interface Walk {
  /** The root is an optimizer's state: its moments are no parameters. */
  readonly optimizer: boolean;
  readonly tensors: PickledTensor[];
  readonly metadata: MetadataItem[];
  readonly seen: Set<object>;
  readonly views: Set<string>;
  visited: number;
}

/** Tensors and plain values in what a pickle would build; shared and cyclic values are visited once. */
export function contentOf(root: PickleValue | undefined): PickledContent {
  const walk: Walk = {
    optimizer: isOptimizerState(root),
    tensors: [],
    metadata: [],
    seen: new Set(),
    views: new Set(),
    visited: 0,
  };
  const waiting: { value: PickleValue; path: readonly string[] }[] =
    root === undefined ? [] : [{ value: root, path: [] }];
  let next = waiting.pop();
  for (; next !== undefined && walk.visited < VALUES && walk.tensors.length < TENSORS; next = waiting.pop()) {
    walk.visited += 1;
    const children = visit(walk, next.value, next.path);
    if (next.path.length < DEPTH) for (const child of children.toReversed()) waiting.push(child);
  }
  return { tensors: walk.tensors, metadata: walk.metadata, complete: next === undefined };
}

/** What `Optimizer.state_dict()` gives: `{state, param_groups}`. */
function isOptimizerState(root: PickleValue | undefined): boolean {
  return lookup(root, 'state') !== undefined && lookup(root, 'param_groups') !== undefined;
}

type Child = { value: PickleValue; path: readonly string[] };

function visit(walk: Walk, value: PickleValue, path: readonly string[]): Child[] {
  if (!isNode(value)) {
    notePlain(walk, value, path);
    return [];
  }
  const tensor = tensorOf(value, path, walk.optimizer);
  if (tensor !== null) {
    walk.tensors.push(markShared(walk, tensor));
    return [];
  }
  if (walk.seen.has(value)) return [];
  walk.seen.add(value);
  return childrenOf(value, path);
}

function childrenOf(value: PickleNode, path: readonly string[]): Child[] {
  const children: Child[] =
    'items' in value ? value.items.map((item, index) => ({ value: item, path: [...path, String(index)] })) : [];
  if ('entries' in value) for (const child of entriesOf(value, path)) children.push(child);
  if (value.kind !== 'object') return children;
  const state = value.state === undefined ? [] : [{ value: value.state, path }];
  return [...value.args.map((item) => ({ value: item, path })), ...children, ...state];
}

function entriesOf(value: PickleDict | PickleObject, path: readonly string[]): Child[] {
  return value.entries.map(([key, item]) => {
    const name = typeof key === 'string' || typeof key === 'number' ? String(key).slice(0, NAME_LENGTH) : '?';
    return { value: item, path: PLUMBING.has(name) ? path : [...path, name] };
  });
}

function notePlain(
  { metadata }: Walk,
  value: string | number | bigint | boolean | null,
  path: readonly string[],
): void {
  if (
    path.length === 0 ||
    path.length > PLAIN_DEPTH ||
    metadata.length >= PLAIN_ITEMS ||
    path.some((part) => NOISE.test(part))
  )
    return;
  const key = path.join('.');
  const text = typeof value === 'string' ? value.slice(0, 4096) : value;
  metadata.push({ key, value: text, place: `pickle:${key}` });
}

/** Two names for the same elements of one storage (tied weights): the second is not counted again. */
function markShared({ views }: Walk, tensor: PickledTensor): PickledTensor {
  if (tensor.storage === undefined) return tensor;
  const view = `${tensor.storage.key}\n${tensor.storageOffset}\n${tensor.info.shape.join()}`;
  if (views.has(view) && tensor.info.uncounted === undefined)
    return { ...tensor, info: { ...tensor.info, uncounted: 'shared' } };
  views.add(view);
  return tensor;
}

function tensorOf(value: PickleValue, path: readonly string[], optimizer: boolean): PickledTensor | null {
  if (!isNode(value) || value.kind !== 'object') return null;
  const callee = calleeName(value) ?? '';
  const name = path.join('.').slice(0, 4096);
  const found = callee.startsWith('torch.') ? torchTensor(callee, value.args) : numpyArray(callee, value);
  if (found === null) return null;
  const uncounted = optimizer || path.some((part) => OPTIMIZER.test(part)) ? { uncounted: 'optimizer' as const } : {};
  return { ...found, info: { ...found.info, ...uncounted, name } };
}

const REBUILT = /^torch\._utils\._rebuild_(tensor(_v2|_v3)?|qtensor)$/;

/** A tensor made by calling `callee` with `args`; wrappers (Parameter, subclasses) are looked through. */
function torchTensor(callee: string, args: readonly PickleValue[]): PickledTensor | null {
  const [first, second, third, fourth] = args;
  if (callee === 'torch._utils._rebuild_parameter' || callee === 'torch._utils._rebuild_parameter_with_state') {
    return isNode(first) && first.kind === 'object' ? torchTensor(calleeName(first) ?? '', first.args) : null;
  }
  if (callee === 'torch._tensor._rebuild_from_type_v2') {
    const inner = globalName(first) ?? '';
    return isNode(third) && third.kind === 'tuple' && inner !== callee ? torchTensor(inner, third.items) : null;
  }
  if (callee === 'torch._utils._rebuild_meta_tensor_no_storage') return metaTensor(args);
  if (!REBUILT.test(callee)) return null;
  const untyped = storageOf(first);
  const shape = integersOf(third);
  if (untyped === null || shape === null) return null;
  const named = callee.endsWith('_v3') ? globalName(args[6]) : null;
  const dtype = named === null ? untyped.dtype : (TORCH_DTYPES[named] ?? named.slice(0, 100));
  const storage = untyped.dtype === 'unknown' ? { ...untyped, dtype } : untyped;
  const info = { name: '', ...valuesOf(dtype, shape) };
  const flags = args[callee.endsWith('_v3') ? 7 : 6];
  return {
    info,
    strides: integersOf(fourth),
    flags: { conj: lookup(flags, 'conj') === true, neg: lookup(flags, 'neg') === true },
    storage,
    storageOffset: typeof second === 'number' ? second : 0,
    contiguous: isContiguous(shape, integersOf(fourth)),
  };
}

/** `(dtype, size, stride, requires_grad)`: a tensor of the meta device, which has no elements anywhere. */
function metaTensor(args: readonly PickleValue[]): PickledTensor | null {
  const [dtype, shape] = [globalName(args[0]), integersOf(args[1])];
  if (dtype === null || shape === null) return null;
  return {
    info: { name: '', ...valuesOf(TORCH_DTYPES[dtype] ?? dtype.slice(0, 100), shape) },
    storageOffset: 0,
    contiguous: false,
  };
}

/** `('storage', <type>, key, device, elements)`, the persistent id PyTorch gives a storage. */
function storageOf(value: PickleValue | undefined): Storage | null {
  if (!isNode(value)) return null;
  const id = value.kind === 'persistent' ? value.id : null;
  if (!isNode(id) || id?.kind !== 'tuple' || id.items[0] !== 'storage') return null;
  const [, type, key, , elements] = id.items;
  return {
    key: keyOf(key),
    dtype: TORCH_DTYPES[globalName(type) ?? ''] ?? 'unknown',
    elements: typeof elements === 'number' ? elements : Number.NaN,
  };
}

/** A storage's name: text since PyTorch 0.4, a number before. */
export function keyOf(value: PickleValue | undefined): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function isContiguous(shape: readonly number[], strides: readonly number[] | null): boolean {
  let expected = 1;
  for (let index = shape.length - 1; index >= 0; index--) {
    if (shape[index] !== 1 && strides?.[index] !== expected) return false;
    expected *= shape[index] ?? 1;
  }
  return strides !== null;
}

function numpyArray(callee: string, value: PickleObject): PickledTensor | null {
  if (callee === 'joblib.numpy_pickle.NumpyArrayWrapper' || callee === 'joblib.numpy_pickle.NDArrayWrapper') {
    return arrayOf(lookup(value.state, 'shape'), lookup(value.state, 'dtype'));
  }
  if (/^numpy\.(_core|core)\.numeric\._frombuffer$/.test(callee)) return arrayOf(value.args[2], value.args[1]);
  if (
    !/^numpy\.(_core|core)\.multiarray\._reconstruct$/.test(callee) ||
    !isNode(value.state) ||
    value.state.kind !== 'tuple'
  )
    return null;
  return arrayOf(value.state.items[1], value.state.items[2]);
}

function arrayOf(shape: PickleValue | undefined, dtype: PickleValue | undefined): PickledTensor | null {
  const sizes = integersOf(shape);
  const name = isNode(dtype) && dtype.kind === 'object' ? dtype.args[0] : undefined;
  if (sizes === null || typeof name !== 'string') return null;
  return { info: { name: '', dtype: numpyDtype(name).dtype, shape: sizes }, storageOffset: 0, contiguous: true };
}

export function integersOf(value: PickleValue | undefined): number[] | null {
  if (isNode(value) && value.kind === 'object' && calleeName(value) === 'torch.Size') return integersOf(value.args[0]);
  if (!isNode(value) || (value.kind !== 'tuple' && value.kind !== 'list')) return null;
  const numbers = value.items.filter((item) => typeof item === 'number');
  return numbers.length === value.items.length && numbers.length <= 64 && value.omitted === 0 ? numbers : null;
}
