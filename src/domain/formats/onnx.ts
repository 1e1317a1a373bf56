import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { isUnsafePath } from './archive-path.ts';
import { startBudget, type Budget } from './budget.ts';
import { readOnnxPort, readOnnxTensor, type OnnxTensor } from './onnx-tensor.ts';
import { attempt, beyond, note, quoted } from './problem.ts';
import { fieldReader, fieldText, signed, type Field, type FieldReader } from './protobuf.ts';
import { elementsOf, isParameterDtype, startTally, type Tally } from './tensors.ts';
import type { Findings, MetadataItem, NamedSource, Operator, Port, Problem, Reference } from './types.ts';

const ATTRIBUTES = 4096;
const TEXT_BYTES = 1 << 20;
/** Constants up to this size are scalars, scales and small shapes, never a layer's weights. */
const SMALL = 16;

/** Operators whose weights hold several parameters in one byte. */
const PACKING = new Set(['MatMulNBits', 'MatMulBnb4', 'GatherBlockQuantized', 'QMoE']);

interface State {
  readonly source: Source;
  readonly fields: FieldReader;
  readonly problems: Problem[];
  readonly metadata: MetadataItem[];
  readonly references: Map<string, Reference>;
  readonly texts: Budget;
  readonly operators: Map<string, { count: number; custom: boolean }>;
  readonly unattributed: Record<string, number>;
  /** Operators the model defines itself. */
  readonly functions: Set<string>;
  readonly names: Set<string>;
  readonly inputs: Port[];
  readonly outputs: Port[];
  readonly tally: Tally;
  certain: boolean;
}

/**
 * An ONNX model by a streaming walk over its protobuf wire format: tensor data is stepped over, external files are named
 * and never opened. Weights in Constant nodes, sub-graphs and functions make `parameters` unknown.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export async function readOnnx({ source }: NamedSource): Promise<Findings> {
  const state = startState(source);
  const whole = await attempt(state.problems, () => walkModel(state));
  state.certain &&= whole;
  const { metadata, problems, references, operators, unattributed, inputs, outputs, names, tally } = state;
  const ir = metadata.find(({ key }) => key === 'ir_version')?.value;
  return {
    format: 'onnx',
    metadata,
    problems,
    outputs,
    ...tally.finish(),
    inputs: inputs.filter(({ name }) => !names.has(name)),
    operators: [...operators].map(([name, { count, custom }]): Operator => ({
      name,
      count,
      custom: custom && !state.functions.has(name),
    })),
    ...(ir === undefined ? {} : { version: `IR ${String(ir)}` }),
    ...(references.size === 0 ? {} : { references: [...references.values()] }),
    ...(Object.keys(unattributed).length === 0 ? {} : { unattributed: { ...unattributed } }),
  };
}

function startState(source: Source): State {
  const state: State = {
    source,
    problems: [],
    metadata: [],
    references: new Map(),
    texts: startBudget(LIMITS.structureBytes, 'metadata'),
    operators: new Map(),
    unattributed: Object.create(null) as Record<string, number>,
    names: new Set(),
    functions: new Set(),
    inputs: [],
    outputs: [],
    tally: startTally({ known: () => state.certain, unsignedWeights: true }),
    fields: fieldReader(source),
    certain: true,
  };
  return state;
}

const MODEL_TEXT: Readonly<Record<number, string>> = {
  2: 'producer_name',
  3: 'producer_version',
  4: 'domain',
  6: 'doc_string',
};
const MODEL_NUMBER: Readonly<Record<number, string>> = { 1: 'ir_version', 5: 'model_version' };

async function walkModel(state: State): Promise<void> {
  for await (const field of state.fields()) {
    const [text, number] = [MODEL_TEXT[field.number], MODEL_NUMBER[field.number]];
    if (text !== undefined && field.wire === 2) addFact(state, text, await fieldText(state.source, field, TEXT_BYTES));
    else if (number !== undefined && field.wire === 0) addFact(state, number, signed(field.value));
    else if (field.number === 7) await walkGraph(state, field, 0);
    else if (field.number === 8) await readOpset(state, field);
    else if (field.number === 14) await readProperty(state, field, 'metadata_props');
    else if (field.number === 20)
      for await (const graph of state.fields(field)) if (graph.number <= 2) await walkGraph(state, graph, 1);
    if (field.number === 25) await walkFunction(state, field);
  }
}

function addFact({ metadata, texts }: State, key: string, value: string | number): void {
  texts.spend(key.length + String(value).length);
  if (value !== '' && metadata.length < LIMITS.ggufKeys) metadata.push({ key, value, place: `onnx:${key}` });
}

async function readOpset(state: State, within: Field): Promise<void> {
  let [domain, version] = ['', 0];
  for await (const field of state.fields(within)) {
    if (field.number === 1 && field.wire === 2) domain = await fieldText(state.source, field, 1024);
    if (field.number === 2) version = signed(field.value);
  }
  addFact(state, `opset_import.${domain === '' ? 'ai.onnx' : domain}`, version);
}

async function readProperty(state: State, within: Field, prefix: string): Promise<void> {
  let [key, value] = ['', ''];
  for await (const field of state.fields(within)) {
    if (field.number === 1 && field.wire === 2) key = await fieldText(state.source, field, 1024);
    if (field.number === 2 && field.wire === 2) value = await fieldText(state.source, field, TEXT_BYTES);
  }
  addFact(state, `${prefix}.${key}`, value);
}

/** GraphProto. Depth 0 is the model's own graph; deeper ones are branches and loop bodies. */
async function walkGraph(state: State, graph: Field, depth: number): Promise<void> {
  if (depth > LIMITS.formatDepth) throw beyond(`graphs nested deeper than ${LIMITS.formatDepth}`);
  for await (const field of state.fields(graph)) {
    if (field.wire !== 2) continue;
    if (field.number === 1) await walkNode(state, field, depth);
    else if (field.number === 2 && depth === 0)
      addFact(state, 'graph.name', await fieldText(state.source, field, 1024));
    else if (field.number === 5) addInitializer(state, await readOnnxTensor(state, field), depth);
    else if (field.number === 15) await readSparse(state, field, depth);
    else if (field.number === 11 && depth === 0) addPort(state, state.inputs, await readOnnxPort(state, field));
    else if (field.number === 12 && depth === 0) addPort(state, state.outputs, await readOnnxPort(state, field));
  }
}

function addPort({ problems }: State, ports: Port[], port: Port): void {
  if (ports.length < 10_000) ports.push(port);
  else if (ports.length === 10_000) note(problems, { code: 'limit', message: 'more than 10000 inputs or outputs' });
}

async function readSparse(state: State, within: Field, depth: number): Promise<void> {
  for await (const field of state.fields(within))
    if (field.number === 1 && field.wire === 2) addInitializer(state, await readOnnxTensor(state, field), depth);
}

function addInitializer(state: State, tensor: OnnxTensor, depth: number): void {
  noteExternal(state, tensor);
  const { info } = tensor;
  if (depth === 0) {
    if (state.names.has(info.name))
      note(state.problems, {
        code: 'duplicate-key',
        message: 'two initializers have this name',
        offset: tensor.start,
        subject: info.name,
      });
    state.names.add(info.name);
    state.tally.add(info);
  } else {
    state.tally.add({ ...info, uncounted: 'sub-graph' });
    addUnattributed(state, tensor);
  }
  if (state.names.size > LIMITS.tensorsPerFile) throw beyond(`more than ${LIMITS.tensorsPerFile} initializers`);
}

function addUnattributed(state: State, { info }: OnnxTensor): void {
  const size = elementsOf(info.shape);
  if (Number.isNaN(size)) return;
  state.unattributed[info.dtype] = (state.unattributed[info.dtype] ?? 0) + size;
  const weightLike = isParameterDtype(info.dtype) || (info.shape.length >= 2 && /^[IU][48]$/.test(info.dtype));
  if (weightLike && size > SMALL) state.certain = false;
}

function noteExternal({ references, problems }: State, { info, external, start }: OnnxTensor): void {
  if (external === undefined) return;
  const known = references.get(external);
  const reached = Math.max(known?.sizeBytes ?? 0, (info.offset ?? 0) + (info.length ?? 0));
  if (known !== undefined || references.size < 10_000)
    references.set(external, {
      kind: 'external-data',
      target: external,
      subject: known?.subject ?? info.name,
      ...(reached > 0 ? { sizeBytes: reached } : {}),
    });
  if (isUnsafePath(external))
    note(problems, {
      code: 'unsafe-path',
      message: `its data is said to lie at ${quoted(external)}`,
      offset: start,
      subject: info.name,
    });
}

/** NodeProto: its operator, and the tensors and graphs in its attributes. */
async function walkNode(state: State, node: Field, depth: number): Promise<void> {
  let [operator, domain] = ['', ''];
  const attributes: Field[] = [];
  for await (const field of state.fields(node)) {
    if (field.wire !== 2) continue;
    if (field.number === 4) operator = await fieldText(state.source, field, 1024);
    if (field.number === 7) domain = await fieldText(state.source, field, 1024);
    if (field.number === 5 && attributes.push(field) > ATTRIBUTES)
      throw beyond(`a node with more than ${ATTRIBUTES} attributes`);
  }
  countOperator(state, domain, operator);
  if (PACKING.has(operator)) state.certain = false;
  for (const attribute of attributes) await walkAttribute(state, attribute, depth);
}

function countOperator({ operators }: State, domain: string, operator: string): void {
  const standard = domain === '' || domain === 'ai.onnx' || domain.startsWith('ai.onnx.');
  const name = `${domain === '' ? 'ai.onnx' : domain}::${operator}`;
  const known = operators.get(name);
  if (known !== undefined) known.count += 1;
  else if (operators.size < 10_000) operators.set(name, { count: 1, custom: !standard });
}

/** AttributeProto: t (5), g (6), tensors (10), graphs (11), sparse_tensor (22), sparse_tensors (23). */
async function walkAttribute(state: State, attribute: Field, depth: number): Promise<void> {
  for await (const field of state.fields(attribute)) {
    if (field.wire !== 2) continue;
    if (field.number === 5 || field.number === 10) await addConstant(state, field);
    if (field.number === 6 || field.number === 11) await walkGraph(state, field, depth + 1);
    if (field.number === 7 && field.end - field.start > SMALL * 4) state.certain = false;
    if (field.number === 22 || field.number === 23) await addSparseConstant(state, field);
  }
}

async function addSparseConstant(state: State, within: Field): Promise<void> {
  for await (const field of state.fields(within))
    if (field.number === 1 && field.wire === 2) await addConstant(state, field);
}

async function addConstant(state: State, field: Field): Promise<void> {
  const tensor = await readOnnxTensor(state, field);
  noteExternal(state, tensor);
  addUnattributed(state, tensor);
}

/** FunctionProto: nodes (7), opsets (9). */
async function walkFunction(state: State, within: Field): Promise<void> {
  let [name, domain] = ['', ''];
  for await (const field of state.fields(within)) {
    if (field.wire !== 2) continue;
    if (field.number === 1) name = await fieldText(state.source, field, 1024);
    if (field.number === 10) domain = await fieldText(state.source, field, 1024);
    if (field.number === 7) await walkNode(state, field, 1);
  }
  if (state.functions.size < 10_000) state.functions.add(`${domain}::${name}`);
}
