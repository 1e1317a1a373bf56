import { LIMITS } from '../base/limits.ts';
import { isUnsafePath } from './archive-path.ts';
import { calleeName, globalName, isNode, lookup, type PickleValue } from './pickle/index.ts';
import { integersOf, OPTIMIZER } from './pickle-tensors.ts';
import { note } from './problem.ts';
import { startTally, type Tally } from './tensors.ts';
import { TORCH_DTYPES, valuesOf } from './torch-dtypes.ts';
import type { Findings, MetadataItem, Problem, Reference } from './types.ts';

const METADATA = 'torch.distributed.checkpoint.metadata.';

/** Whether a pickle is the `.metadata` of a distributed checkpoint. */
export function isDcpMetadata(value: PickleValue | undefined): boolean {
  return calleeName(value) === `${METADATA}Metadata`;
}

/**
 * `.metadata`: every tensor of the checkpoint with its whole shape, and in which file which of its pieces lies.
 * @see https://github.com/pytorch/pytorch/blob/main/torch/distributed/checkpoint/metadata.py
 */
export function readDcpMetadata(root: PickleValue): Findings {
  const problems: Problem[] = [];
  const state = stateOf(root);
  const { references, placeOf } = readStorage(lookup(state, 'storage_data'), problems);
  let certain = true;
  const tally = startTally({ known: () => certain });
  const entries = lookup(state, 'state_dict_metadata');
  if (!isNode(entries) || entries.kind !== 'dict' || entries.omitted > 0) certain = false;
  let objects = 0;
  for (const [key, value] of isNode(entries) && entries.kind === 'dict' ? entries.entries : []) {
    const name = typeof key === 'string' ? key.slice(0, 4096) : '?';
    if (calleeName(value) === `${METADATA}TensorStorageMetadata`) addTensor({ name, value, placeOf, tally });
    else objects += 1;
  }
  const metadata: MetadataItem[] = [{ key: 'objects', value: objects, place: 'pickle:state_dict_metadata' }];
  const finished = tally.finish();
  return { format: 'torch-dcp-index', kind: 'config', metadata, problems, references, ...finished };
}

/** The fields of a dataclass: its state, or a pair of nothing and slots. */
function stateOf(value: PickleValue | undefined): PickleValue | undefined {
  if (!isNode(value) || value.kind !== 'object') return undefined;
  const { state } = value;
  return isNode(state) && state.kind === 'tuple' ? state.items.find((item) => isNode(item)) : state;
}

/** A tensor of the checkpoint and the pieces it was saved in, each an archive of its own in a stretch of a file. */
export interface DcpTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[] | null;
  readonly pieces: readonly DcpPiece[];
}

export interface DcpPiece {
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
  /** Null: the index does not say where it lies, or it was transformed (compressed) on the way. */
  readonly place: { readonly target: string; readonly start: number; readonly length: number } | null;
}

/** The checkpoint's tensors; null where its index was too large to be kept whole. */
export function dcpTensors(root: PickleValue | undefined): readonly DcpTensor[] | null {
  const state = stateOf(root);
  const [entries, storage] = [lookup(state, 'state_dict_metadata'), lookup(state, 'storage_data')];
  if (!isNode(entries) || entries.kind !== 'dict' || entries.omitted > 0) return null;
  if (!isNode(storage) || storage.kind !== 'dict' || storage.omitted > 0) return null;
  const places = new Map<string, DcpPiece['place']>();
  for (const [key, info] of storage.entries) {
    const index = stateOf(key);
    const place = placeKey(lookup(index, 'fqn'), integersOf(lookup(index, 'offset')) ?? []);
    places.set(place, places.has(place) ? null : stretchOf(info));
  }
  return entries.entries.flatMap(([key, value]) =>
    calleeName(value) === `${METADATA}TensorStorageMetadata` ? [tensorOf(key, stateOf(value), places)] : [],
  );
}

function tensorOf(
  key: PickleValue,
  state: PickleValue | undefined,
  places: ReadonlyMap<string, DcpPiece['place']>,
): DcpTensor {
  const chunks = lookup(state, 'chunks');
  const named = globalName(dtypeOf(lookup(state, 'properties'))) ?? 'unknown';
  const pieces = isNode(chunks) && chunks.kind === 'list' ? chunks.items : [];
  return {
    name: typeof key === 'string' ? key : '\ud800',
    dtype: TORCH_DTYPES[named] ?? named.slice(0, 100),
    shape: integersOf(lookup(state, 'size')),
    pieces: pieces.map((piece) => {
      const [offsets = [], sizes = []] = ['offsets', 'sizes'].map(
        (field) => integersOf(lookup(stateOf(piece), field)) ?? [],
      );
      return { offsets, sizes, place: places.get(placeKey(key, offsets)) ?? null };
    }),
  };
}

function placeKey(name: PickleValue | undefined, offsets: readonly number[]): string {
  return `${offsets.join()} ${typeof name === 'string' ? name : ''}`;
}

function stretchOf(info: PickleValue): DcpPiece['place'] {
  const state = stateOf(info);
  const [target, start, length] = ['relative_path', 'offset', 'length'].map((key) => lookup(state, key));
  if (typeof target !== 'string' || typeof start !== 'number' || typeof length !== 'number') return null;
  return (lookup(state, 'transform_descriptors') ?? null) === null ? { target, start, length } : null;
}

interface Entry {
  readonly name: string;
  readonly value: PickleValue;
  readonly placeOf: ReadonlyMap<string, string | null>;
  readonly tally: Tally;
}

function addTensor({ name, value, placeOf, tally }: Entry): void {
  const state = stateOf(value);
  const shape = integersOf(lookup(state, 'size')) ?? [-1];
  const named = globalName(dtypeOf(lookup(state, 'properties'))) ?? 'unknown';
  const location = placeOf.get(name);
  tally.add({
    name,
    ...valuesOf(TORCH_DTYPES[named] ?? named.slice(0, 100), shape),
    ...(typeof location === 'string' ? { location } : {}),
    ...(name.split('.').some((part) => OPTIMIZER.test(part)) ? { uncounted: 'optimizer' as const } : {}),
  });
}

/** `TensorProperties` pickles as a tuple that begins with the dtype; older ones as fields. */
function dtypeOf(properties: PickleValue | undefined): PickleValue | undefined {
  const state = isNode(properties) && properties.kind === 'object' ? properties.state : undefined;
  return isNode(state) && state.kind === 'tuple' ? state.items[0] : lookup(state, 'dtype');
}

/** `{MetadataIndex(fqn, …): _StorageInfo(relative_path, offset, length)}`. */
function readStorage(
  value: PickleValue | undefined,
  problems: Problem[],
): { references: Reference[]; placeOf: Map<string, string | null> } {
  const needs = new Map<string, number>();
  const placeOf = new Map<string, string | null>();
  for (const [key, info] of isNode(value) && value.kind === 'dict' ? value.entries : []) {
    const [target, end] = storageOf(info);
    if (target === null) continue;
    const name = lookup(stateOf(key), 'fqn');
    if (typeof name === 'string') placeOf.set(name, placeOf.has(name) && placeOf.get(name) !== target ? null : target);
    needs.set(target, Math.max(needs.get(target) ?? 0, end));
  }
  for (const target of needs.keys())
    if (isUnsafePath(target))
      note(problems, { code: 'unsafe-path', message: 'a shard outside the folder', subject: target });
  const references = [...needs]
    .slice(0, LIMITS.tensorsListed)
    .map(([target, sizeBytes]): Reference => ({ kind: 'shard', target, sizeBytes }));
  return { references, placeOf };
}

function storageOf(value: PickleValue): readonly [target: string | null, end: number] {
  const state = stateOf(value);
  const [path, offset, length] = ['relative_path', 'offset', 'length'].map((key) => lookup(state, key));
  if (typeof path !== 'string') return [null, 0];
  const end = typeof offset === 'number' && typeof length === 'number' ? offset + length : 0;
  return [path, Number.isSafeInteger(end) ? end : 0];
}
