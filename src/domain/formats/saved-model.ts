import type { Source } from '../base/source.ts';
import { attempt } from './problem.ts';
import { isMetaGraph } from './protobuf-probe.ts';
import { fieldReader, fieldText, signed, type Field, type FieldReader } from './protobuf.ts';
import { elementsOf } from './tensors.ts';
import type { Dtype, Findings, MetadataItem, NamedSource, Operator, Port, Problem, Reference } from './types.ts';

/** tensorflow.DataType. */
const DTYPES: readonly (Dtype | undefined)[] = [
  undefined,
  'F32',
  'F64',
  'I32',
  'U8',
  'I16',
  'I8',
  'STRING',
  'C64',
  'I64',
  'BOOL',
  'QI8',
  'QU8',
  'QI32',
  'BF16',
  'QI16',
  'QU16',
  'U16',
  'C128',
  'F16',
  'RESOURCE',
  'VARIANT',
  'U32',
  'U64',
  'F8_E5M2',
  'F8_E4M3',
];
/** DataType of TensorFlow as our dtype; references count as what they refer to. */
export function tensorflowDtype(value: number): Dtype {
  return DTYPES[value % 100] ?? `TF_${value}`;
}

const OPERATORS = 10_000;

interface State {
  readonly source: Source;
  readonly fields: FieldReader;
  readonly metadata: MetadataItem[];
  readonly problems: Problem[];
  readonly references: Reference[];
  readonly operators: Map<string, number>;
  readonly unattributed: Record<string, number>;
  readonly inputs: Port[];
  readonly outputs: Port[];
}

/**
 * A TensorFlow SavedModel: operators of the graph and of its function library, signatures. Variables lie in other files,
 * so parameters are unknown. @see tensorflow/core/protobuf/saved_model.proto, meta_graph.proto
 */
export async function readSavedModel({ source }: NamedSource): Promise<Findings> {
  return read(source, 'saved-model', async (state) => {
    for await (const field of state.fields())
      if (field.number === 2 && field.wire === 2) await walkMetaGraph(state, field);
  });
}

/** A bare GraphDef, such as a frozen graph, whose Const nodes hold the weights; or a checkpoint's MetaGraphDef. */
export async function readTensorflowGraph({ source }: NamedSource): Promise<Findings> {
  const meta = await isMetaGraph(source);
  return read(source, 'tf-graph', (state) => (meta ? walkMetaGraph(state) : walkGraph(state)));
}

async function read(
  source: Source,
  format: 'saved-model' | 'tf-graph',
  walk: (state: State) => Promise<void>,
): Promise<Findings> {
  const state: State = {
    source,
    fields: fieldReader(source),
    metadata: [],
    problems: [],
    references: [],
    operators: new Map(),
    inputs: [],
    outputs: [],
    unattributed: Object.create(null) as Record<string, number>,
  };
  await attempt(state.problems, () => walk(state));
  const { metadata, problems, unattributed, inputs, outputs } = state;
  const operators = [...state.operators].map(([name, count]): Operator => ({ name, count, custom: false }));
  const version = metadata.find(({ key }) => key === 'tensorflow_version')?.value;
  return {
    format,
    metadata,
    problems,
    operators,
    ...(state.references.length === 0 ? {} : { references: state.references }),
    ...(inputs.length + outputs.length === 0 ? {} : { inputs, outputs }),
    ...(Object.keys(unattributed).length === 0 ? {} : { unattributed: { ...unattributed } }),
    ...(typeof version === 'string' ? { version } : {}),
  };
}

/** MetaGraphDef: meta_info_def (1), graph_def (2), signature_def (5), asset_file_def (6) with its filename (2). */
async function walkMetaGraph(state: State, within?: Field): Promise<void> {
  for await (const field of state.fields(within)) {
    if (field.wire !== 2) continue;
    if (field.number === 1) await readInfo(state, field);
    if (field.number === 2) await walkGraph(state, field);
    if (field.number === 5) await readSignature(state, field);
    if (field.number === 6) await readAsset(state, field);
  }
}

/** Loaders look for it below the model's `assets` folder. */
async function readAsset({ source, fields, references }: State, within: Field): Promise<void> {
  for await (const field of fields(within)) {
    if (field.number === 2 && field.wire === 2 && references.length < 1000)
      references.push({ kind: 'external-data', target: await fieldText(source, field, 4096), subject: 'an asset' });
  }
}

const INFO: Readonly<Record<number, string>> = {
  1: 'meta_graph_version',
  4: 'tags',
  5: 'tensorflow_version',
  6: 'tensorflow_git_version',
};

async function readInfo({ source, fields, metadata }: State, within: Field): Promise<void> {
  for await (const field of fields(within)) {
    const key = INFO[field.number];
    if (key === undefined || field.wire !== 2 || metadata.length > 1000) continue;
    metadata.push({ key, value: await fieldText(source, field, 4096), place: `meta_info_def:${key}` });
  }
}

/** GraphDef: node (1), library (2) with functions (1) that hold nodes (3). */
async function walkGraph(state: State, within?: Field): Promise<void> {
  for await (const field of state.fields(within)) {
    if (field.wire !== 2) continue;
    if (field.number === 1) await readNode(state, field);
    if (field.number === 2) await walkLibrary(state, field);
  }
}

async function walkLibrary(state: State, within: Field): Promise<void> {
  for await (const definition of state.fields(within)) {
    if (definition.number !== 1 || definition.wire !== 2) continue;
    for await (const field of state.fields(definition))
      if (field.number === 3 && field.wire === 2) await readNode(state, field);
  }
}

/** NodeDef: op (2), attr (5). */
async function readNode(state: State, within: Field): Promise<void> {
  let operator = '';
  for await (const field of state.fields(within)) {
    if (field.number === 2 && field.wire === 2) operator = await fieldText(state.source, field, 1024);
    if (field.number === 5 && field.wire === 2 && operator === 'Const') await readConstant(state, field);
  }
  const known = state.operators.get(operator);
  if (known !== undefined || state.operators.size < OPERATORS) state.operators.set(operator, (known ?? 0) + 1);
}

/** The `value` attribute of a Const node: AttrValue.tensor (8) with dtype (1) and tensor_shape (2). */
async function readConstant(state: State, entry: Field): Promise<void> {
  for await (const value of state.fields(entry)) {
    if (value.number !== 2 || value.wire !== 2) continue;
    for await (const tensor of state.fields(value))
      if (tensor.number === 8 && tensor.wire === 2) await addConstant(state, tensor);
  }
}

async function addConstant(state: State, within: Field): Promise<void> {
  const { dtype, shape } = await readTyped(state, within, { type: 1, shape: 2 });
  const size = elementsOf(shape ?? []);
  if (dtype !== undefined && !Number.isNaN(size)) state.unattributed[dtype] = (state.unattributed[dtype] ?? 0) + size;
}

/** Element type and dimensions of a TensorProto or a TensorInfo, whose field numbers differ. */
async function readTyped(
  state: State,
  within: Field,
  numbers: { type: number; shape: number },
): Promise<{ dtype?: Dtype; shape?: number[] }> {
  const found: { dtype?: Dtype; shape?: number[] } = {};
  for await (const field of state.fields(within)) {
    if (field.number === numbers.type && field.wire === 0) found.dtype = tensorflowDtype(Number(field.value));
    if (field.number === numbers.shape && field.wire === 2) found.shape = await readShape(state, field);
  }
  return found;
}

/** TensorShapeProto: dim (2) with size (1); -1 is unknown. */
async function readShape(state: State, within: Field): Promise<number[]> {
  const shape: number[] = [];
  for await (const field of state.fields(within)) {
    if (field.number !== 2 || field.wire !== 2 || shape.length >= 64) continue;
    let size = 0;
    for await (const part of state.fields(field)) if (part.number === 1 && part.wire === 0) size = signed(part.value);
    shape.push(size);
  }
  return shape;
}

/** A map entry of signature_def: the name (1) and a SignatureDef (2) with inputs (1) and outputs (2). */
async function readSignature(state: State, entry: Field): Promise<void> {
  let name = '';
  for await (const field of state.fields(entry)) {
    if (field.number === 1 && field.wire === 2) name = await fieldText(state.source, field, 1024);
    if (field.number !== 2 || field.wire !== 2 || name !== 'serving_default') continue;
    for await (const port of state.fields(field)) if (port.wire === 2 && port.number <= 2) await readPort(state, port);
  }
}

async function readPort(state: State, entry: Field): Promise<void> {
  let name = '';
  let typed: { dtype?: Dtype; shape?: number[] } = {};
  for await (const field of state.fields(entry)) {
    if (field.number === 1 && field.wire === 2) name = await fieldText(state.source, field, 1024);
    if (field.number === 2 && field.wire === 2) typed = await readTyped(state, field, { type: 2, shape: 3 });
  }
  const ports = entry.number === 1 ? state.inputs : state.outputs;
  if (ports.length < 1000) ports.push({ name, ...typed });
}
