import type { Source } from '../base/source.ts';
import { integers, openFlatBuffer, scalar, subTable, tables, text, vector, type FlatTable } from './flatbuffer.ts';
import { attempt, beyond, invalid, note } from './problem.ts';
import { elementsOf, startTally } from './tensors.ts';
import type { Dtype, Findings, NamedSource, Operator, Port, Problem, TensorInfo } from './types.ts';
import { u32, u64 } from './zip-fields.ts';

/** `executorch_flatbuffer.ScalarType` (1.5.1), with the bytes of an element. */
const TYPES: Readonly<Record<number, readonly [Dtype, number]>> = {
  0: ['U8', 1],
  1: ['I8', 1],
  2: ['I16', 2],
  3: ['I32', 4],
  4: ['I64', 8],
  5: ['F16', 2],
  6: ['F32', 4],
  7: ['F64', 8],
  11: ['BOOL', 1],
  12: ['QI8', 1],
  13: ['QU8', 1],
  14: ['QI32', 4],
  15: ['BF16', 2],
  23: ['F8_E5M2', 1],
  24: ['F8_E4M3', 1],
  25: ['F8_E5M2FNUZ', 1],
  26: ['F8_E4M3FNUZ', 1],
  27: ['U16', 2],
  28: ['U32', 4],
  29: ['U64', 8],
};
/** Number of `Tensor` in the union of values. */
const TENSOR = 5;
const EXTERNAL = 1;

/** A constant with the order in which its dimensions lie, outermost first. */
export interface EdgeTensor {
  readonly info: TensorInfo;
  readonly order: readonly number[];
}

export interface EdgeModel {
  readonly findings: Findings;
  readonly tensors: readonly EdgeTensor[];
  /** Backends that keep weights in forms of their own, and constants that lie in other files. */
  readonly elsewhere: readonly string[];
}

interface Segment {
  readonly start: number;
  readonly end: number;
}

/** Where the FlatBuffers part ends, which begins with the file, and where segments are counted from. */
interface Layout {
  readonly end: number;
  readonly base: number;
}

/** A header stands between the file's identifier and its tables, in files that have segments. */
async function layoutOf(source: Source, magic: 'eh00' | 'FH01'): Promise<Layout> {
  const head = Buffer.from(await source.read(0, 56));
  if (head.toString('latin1', 8, 12) !== magic) return { end: source.size, base: source.size };
  const at = magic === 'FH01' ? 24 : 16;
  const end = (magic === 'FH01' ? u64(head, 16) : 0) + u64(head, at);
  if (u32(head, 12) < 24 || end > source.size) throw invalid('ends early: the header of an ExecuTorch file');
  return { end, base: u64(head, at + 8) || source.size };
}

async function segmentsOf(
  table: FlatTable,
  field: number,
  { base, size }: { base: number; size: number },
): Promise<Segment[]> {
  const segments: Segment[] = [];
  for await (const segment of tables(table, field)) {
    const start = base + (await scalar(segment, 0, 8));
    const end = start + (await scalar(segment, 1, 8));
    if (end > size) throw invalid(`ends early: a segment of an ExecuTorch file at byte ${start}`);
    segments.push({ start, end });
  }
  return segments;
}

/**
 * An ExecuTorch program: constants, operators, methods, and the backends it is handed to, which keep weights in forms of
 * their own. @see https://github.com/pytorch/executorch/blob/main/schema/program.fbs
 */
export async function readExecutorch({ source }: NamedSource): Promise<Findings> {
  return (await executorchModel(source)).findings;
}

/** The data that a program keeps apart: tensors by name. @see extension/flat_tensor/serialize/flat_tensor.fbs */
export async function readExecutorchData({ source }: NamedSource): Promise<Findings> {
  return (await executorchData(source)).findings;
}

interface Program {
  readonly source: Source;
  readonly problems: Problem[];
  readonly places: readonly Segment[];
  readonly tensors: Map<string, EdgeTensor>;
  readonly elsewhere: Set<string>;
  readonly operators: Map<string, number>;
  readonly methods: string[];
}

export async function executorchModel(source: Source): Promise<EdgeModel> {
  const problems: Problem[] = [];
  const program = {
    source,
    problems,
    tensors: new Map<string, EdgeTensor>(),
    elsewhere: new Set<string>(),
    operators: new Map<string, number>(),
    methods: [],
  };
  let ports: Pick<Findings, 'inputs' | 'outputs'> = {};
  const whole = await attempt(problems, async () => {
    const layout = await layoutOf(source, 'eh00');
    const root = await openFlatBuffer(source, 0, layout.end);
    const segments = await segmentsOf(root, 4, { base: layout.base, size: source.size });
    const reading: Program = { ...program, places: await constantsOf(root, segments) };
    for await (const plan of tables(root, 1)) {
      const found = await readPlan(reading, plan);
      ports = ports.inputs === undefined ? found : ports;
    }
  });
  const { tensors, elsewhere, operators, methods } = program;
  return edgeModel(
    'executorch',
    { tensors: [...tensors.values()], elsewhere: [...elsewhere], problems, whole },
    {
      metadata: [{ key: 'methods', value: methods, place: 'pte:execution_plan' }],
      operators: [...operators].map(([name, count]): Operator => ({ name, count, custom: !name.startsWith('aten::') })),
      ...ports,
    },
  );
}

interface Met {
  readonly tensors: readonly EdgeTensor[];
  readonly elsewhere: readonly string[];
  readonly problems: Problem[];
  readonly whole: boolean;
}

function edgeModel(
  format: 'executorch' | 'executorch-data',
  { tensors, elsewhere, problems, whole }: Met,
  facts: Omit<Findings, 'format'>,
): EdgeModel {
  const tally = startTally({ known: () => whole && elsewhere.length === 0 });
  for (const { info } of tensors) tally.add(info);
  return { findings: { format, problems, ...facts, ...tally.finish() }, tensors, elsewhere };
}

/** Where each constant begins, and what it cannot go beyond: a buffer of its own, or a stretch of the segment of constants. */
async function constantsOf(root: FlatTable, segments: readonly Segment[]): Promise<Segment[]> {
  const shared = await subTable(root, 5);
  const offsets = shared === null ? [] : await longs(shared, 1);
  const segment = shared === null ? undefined : segments[await scalar(shared, 0, 4)];
  if (offsets.length > 0 && segment !== undefined)
    return offsets.map((offset) => ({ start: segment.start + offset, end: segment.end }));
  const places: Segment[] = [];
  for await (const buffer of tables(root, 2)) {
    const data = await vector(buffer, 0, 1);
    places.push({ start: data?.start ?? 0, end: (data?.start ?? 0) + (data?.count ?? 0) });
  }
  return places;
}

const NUMBERS = 1_000_000;

async function longs(table: FlatTable, field: number): Promise<number[]> {
  const found = await vector(table, field, 8);
  if (found === null) return [];
  if (found.count > NUMBERS) throw beyond(`a vector of ${found.count} numbers`);
  const bytes = await table.buffer.source.read(found.start, found.count * 8);
  return Array.from({ length: found.count }, (_, index) => u64(bytes, index * 8));
}

async function readPlan(program: Program, plan: FlatTable): Promise<{ inputs: Port[]; outputs: Port[] }> {
  const { methods, operators, elsewhere } = program;
  if (methods.length < 1000) methods.push((await text(plan, 0)) ?? '');
  const [inputs, outputs] = [await integers(plan, 3, 1000), await integers(plan, 4, 1000)];
  const wanted = new Set([...inputs, ...outputs]);
  const ports = new Map<number, Port>();
  let index = 0;
  for await (const value of tables(plan, 2)) {
    const tensor = (await scalar(value, 0, 1)) === TENSOR ? await subTable(value, 1) : null;
    const port = tensor === null ? null : await readTensor(program, tensor);
    if (port !== null && wanted.has(index)) ports.set(index, port);
    index += 1;
  }
  for await (const operator of tables(plan, 6)) {
    const [name, overload] = [await text(operator, 0), await text(operator, 1)];
    const full = `${name ?? ''}${overload === null || overload === '' ? '' : `.${overload}`}`;
    operators.set(full, (operators.get(full) ?? 0) + 1);
  }
  for await (const delegate of tables(plan, 7)) {
    const backend = `the backend ${(await text(delegate, 0)) ?? ''}`;
    if (elsewhere.size < 1000) elsewhere.add(backend);
  }
  const listed = (indices: readonly number[]): Port[] => indices.flatMap((item) => ports.get(item) ?? []);
  return { inputs: listed(inputs), outputs: listed(outputs) };
}

/** A tensor of the program: a constant has a number above 0, or lies in another file under its name. */
async function readTensor(program: Program, tensor: FlatTable): Promise<Port> {
  const described = await describe(tensor, { type: 0, sizes: 2, order: 3 });
  const number = (await scalar(tensor, 5, 4)) >>> 0;
  const about = await subTable(tensor, 9);
  const named = about === null ? null : await text(about, 1);
  const outside = about !== null && (await scalar(about, 2, 1)) === EXTERNAL;
  const name = named ?? `@${number}`;
  const { dtype, shape } = described;
  if (outside) {
    if (program.elsewhere.size < 1000) program.elsewhere.add(`another file (${name.slice(0, 200)})`);
    program.tensors.set(name, { info: { name, dtype, shape }, order: described.order });
  } else if (number > 0 && !program.tensors.has(name)) addConstant(program, { name, number }, described);
  return { name, dtype, shape };
}

interface Described {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly order: readonly number[];
  readonly bytes: number;
}

function addConstant(
  { places, tensors, problems }: Program,
  { name, number }: { name: string; number: number },
  { dtype, shape, order, bytes }: Described,
): void {
  const place = places[number];
  if (place === undefined || !(place.start + bytes <= place.end))
    return note(problems, { code: 'out-of-bounds', message: 'its constant lies nowhere', subject: name });
  tensors.set(name, { info: { name, dtype, shape, offset: place.start, length: bytes }, order });
}

async function describe(tensor: FlatTable, at: { type: number; sizes: number; order: number }): Promise<Described> {
  const type = await scalar(tensor, at.type, 1);
  const [dtype, width] = TYPES[type] ?? [`EXECUTORCH_${type}`, Number.NaN];
  const shape = await integers(tensor, at.sizes);
  const found = await vector(tensor, at.order, 1);
  const order =
    found === null || found.count > 64 ? [] : [...(await tensor.buffer.source.read(found.start, found.count))];
  return { dtype, shape, order, bytes: elementsOf(shape) * width };
}

export async function executorchData(source: Source): Promise<EdgeModel> {
  const problems: Problem[] = [];
  const tensors: EdgeTensor[] = [];
  const elsewhere: string[] = [];
  const whole = await attempt(problems, async () => {
    const layout = await layoutOf(source, 'FH01');
    const root = await openFlatBuffer(source, 0, layout.end);
    const segments = await segmentsOf(root, 1, { base: layout.base, size: source.size });
    for await (const entry of tables(root, 2)) {
      const name = (await text(entry, 0)) ?? '';
      const segment = segments[(await scalar(entry, 1, 4)) >>> 0];
      const stated = await subTable(entry, 2);
      if (segment === undefined) throw invalid('an ExecuTorch tensor in a segment that is not there');
      if (stated === null) {
        if (elsewhere.length < 1000) elsewhere.push(`data of a backend (${name.slice(0, 200)})`);
        continue;
      }
      const { dtype, shape, order, bytes } = await describe(stated, { type: 0, sizes: 1, order: 2 });
      if (bytes > segment.end - segment.start)
        note(problems, { code: 'out-of-bounds', message: 'its segment is too short', subject: name });
      else tensors.push({ info: { name, dtype, shape, offset: segment.start, length: bytes }, order });
    }
  });
  return edgeModel('executorch-data', { tensors, elsewhere, problems, whole }, { metadata: [] });
}
