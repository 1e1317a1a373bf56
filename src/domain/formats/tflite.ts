import {
  integers,
  openFlatBuffer,
  scalar,
  subTable,
  tables,
  text,
  vector,
  type FlatTable,
  type FlatVector,
} from './flatbuffer.ts';
import { note } from './problem.ts';
import { startTally, type Tally } from './tensors.ts';
import { builtinName, CUSTOM_OPERATOR, TFLITE_DTYPES } from './tflite-operators.ts';
import type { Dtype, Findings, MetadataItem, NamedSource, Operator, Port, Problem } from './types.ts';

const KEPT_PORTS = 1000;

interface State {
  readonly tally: Tally;
  readonly problems: Problem[];
  readonly operators: Map<string, { count: number; custom: boolean }>;
  readonly codes: readonly { name: string; custom: boolean }[];
  /** Each buffer's elements in the file; null where it is empty. */
  readonly buffers: readonly (FlatVector | null)[];
}

/**
 * A TensorFlow Lite model: operators (custom and Flex ones too), constant tensors with their quantisation, ports.
 * @see tensorflow/compiler/mlir/lite/schema/schema.fbs
 */
export async function readTflite({ source }: NamedSource): Promise<Findings> {
  const model = await openFlatBuffer(source);
  const state: State = {
    tally: startTally(),
    problems: [],
    operators: new Map(),
    codes: await readCodes(model),
    buffers: await readBuffers(model, source.size),
  };
  let ports: Pick<Findings, 'inputs' | 'outputs'> = {};
  for await (const graph of tables(model, 2)) {
    const found = await readGraph(state, graph);
    ports = ports.inputs === undefined ? found : ports;
  }
  const operators = [...state.operators].map(([name, use]): Operator => ({ name, ...use }));
  const [version, metadata] = [String(await scalar(model, 0, 4)), await readMetadata(model)];
  return {
    format: 'tflite',
    version,
    metadata,
    problems: state.problems,
    operators,
    ...ports,
    ...state.tally.finish(),
  };
}

async function readCodes(model: FlatTable): Promise<{ name: string; custom: boolean }[]> {
  const codes: { name: string; custom: boolean }[] = [];
  for await (const code of tables(model, 1)) {
    const number = Math.max(await scalar(code, 0, 1), await scalar(code, 3, 4));
    const custom = await text(code, 1);
    codes.push(
      number === CUSTOM_OPERATOR || custom !== null
        ? { name: `custom:${custom ?? ''}`, custom: true }
        : { name: builtinName(number), custom: false },
    );
  }
  return codes;
}

/** Buffers hold their bytes, or (above 2 GB) an offset and size in the file. */
async function readBuffers(model: FlatTable, size: number): Promise<(FlatVector | null)[]> {
  const buffers: (FlatVector | null)[] = [];
  for await (const buffer of tables(model, 4)) {
    const data = await vector(buffer, 0, 1);
    const [start, count] = [await scalar(buffer, 1, 8), await scalar(buffer, 2, 8)];
    const outside = start > 1 && count > 0 && start + count <= size ? { start, count } : null;
    buffers.push(data !== null && data.count > 0 ? data : outside);
  }
  return buffers;
}

async function readGraph(state: State, graph: FlatTable): Promise<{ inputs: Port[]; outputs: Port[] }> {
  const [inputs, outputs] = [await integers(graph, 1, KEPT_PORTS), await integers(graph, 2, KEPT_PORTS)];
  const wanted = new Set([...inputs, ...outputs]);
  const ports = new Map<number, Port>();
  let index = 0;
  for await (const tensor of tables(graph, 0)) {
    const port = await readTensor(state, tensor);
    if (wanted.has(index)) ports.set(index, port);
    index += 1;
  }
  for await (const operator of tables(graph, 3)) countOperator(state, await scalar(operator, 0, 4));
  const listed = (indices: readonly number[]): Port[] => indices.flatMap((item) => ports.get(item) ?? []);
  return { inputs: listed(inputs), outputs: listed(outputs) };
}

function countOperator({ operators, codes, problems }: State, index: number): void {
  const code = codes[index];
  if (code === undefined)
    return note(problems, { code: 'out-of-bounds', message: `an operator of a kind (${index}) that is not listed` });
  const known = operators.get(code.name);
  if (known === undefined) operators.set(code.name, { count: 1, custom: code.custom });
  else known.count += 1;
}

async function readTensor(state: State, tensor: FlatTable): Promise<Port> {
  const name = (await text(tensor, 3)) ?? '';
  const shape = await integers(tensor, 0);
  const signature = await integers(tensor, 7);
  const dtype = await dtypeOf(tensor);
  const data = state.buffers[await scalar(tensor, 2, 4)] ?? null;
  if (data !== null) state.tally.add({ name, dtype, shape, offset: data.start, length: data.count });
  return { name, dtype, shape: signature.length === shape.length ? signature : shape };
}

/** Scales of a quantised constant, one or one for each place of an axis, and where they lie. */
export interface TfliteScales {
  readonly axis: number;
  readonly scales: FlatVector;
  readonly zeros: FlatVector | null;
}

/** Of all constants, by name and place (`tfliteKey`); what has a quantisation of its own kind (blocks) is left out. */
export async function tfliteScales({ source }: NamedSource): Promise<ReadonlyMap<string, TfliteScales>> {
  const model = await openFlatBuffer(source);
  const buffers = await readBuffers(model, source.size);
  const found = new Map<string, TfliteScales>();
  for await (const graph of tables(model, 2))
    for await (const tensor of tables(graph, 0)) {
      const data = buffers[await scalar(tensor, 2, 4)];
      const own = data === null || data === undefined ? null : await scalesOf(tensor);
      if (own !== null) found.set(tfliteKey((await text(tensor, 3)) ?? '', data?.start), own);
    }
  return found;
}

export function tfliteKey(name: string, offset: number | undefined): string {
  return `${offset} ${name}`;
}

async function scalesOf(tensor: FlatTable): Promise<TfliteScales | null> {
  const quantization = await subTable(tensor, 4);
  const scales = quantization === null ? null : await vector(quantization, 2, 4);
  if (quantization === null || scales === null || (await scalar(quantization, 4, 1)) !== 0) return null;
  return { axis: await scalar(quantization, 6, 4), scales, zeros: await vector(quantization, 3, 8) };
}

/** Integers with a scale are quantised floats: `QI8`. */
async function dtypeOf(tensor: FlatTable): Promise<Dtype> {
  const type = await scalar(tensor, 1, 1);
  const dtype = TFLITE_DTYPES[type] ?? `TFLITE_${type}`;
  const quantization = await subTable(tensor, 4);
  const scales = quantization === null ? null : await vector(quantization, 2, 4);
  return scales !== null && scales.count > 0 && /^[IU]\d/.test(dtype) ? `Q${dtype}` : dtype;
}

async function readMetadata(model: FlatTable): Promise<MetadataItem[]> {
  const items: MetadataItem[] = [];
  const description = await text(model, 3, 1 << 20);
  if (description !== null && description !== '')
    items.push({ key: 'description', value: description, place: 'tflite:description' });
  for await (const entry of tables(model, 6)) {
    const name = await text(entry, 0);
    if (name !== null && items.length < 1000)
      items.push({ key: 'metadata', value: name, place: `tflite:metadata[${items.length}]` });
  }
  return items;
}
