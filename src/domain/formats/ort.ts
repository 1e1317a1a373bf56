import { openFlatBuffer, scalar, subTable, tables, text, vector, type FlatTable } from './flatbuffer.ts';
import { dtypeOfOnnx } from './onnx-tensor.ts';
import { attempt } from './problem.ts';
import { startTally, type Tally } from './tensors.ts';
import type { Findings, MetadataItem, NamedSource, Operator, Problem } from './types.ts';
import { u64 } from './zip-fields.ts';

const TEXTS = [
  [2, 'producer_name'],
  [3, 'producer_version'],
  [4, 'domain'],
  [6, 'doc_string'],
] as const;
const DIMENSIONS = 64;

/**
 * A model in ONNX Runtime's own format: initializers with their bytes, operators by name.
 * @see https://github.com/microsoft/onnxruntime/blob/main/onnxruntime/core/flatbuffers/schema/ort.fbs
 */
export async function readOrt({ source }: NamedSource): Promise<Findings> {
  const problems: Problem[] = [];
  const metadata: MetadataItem[] = [];
  const operators = new Map<string, number>();
  let certain = true;
  const tally = startTally({ known: () => certain && problems.length === 0, unsignedWeights: true });
  let version: string | null = null;
  await attempt(problems, async () => {
    const session = await openFlatBuffer(source);
    version = await text(session, 0);
    const model = await subTable(session, 1);
    const graph = model === null ? null : await subTable(model, 7);
    for (const [index, key] of TEXTS) {
      const value = model === null ? null : await text(model, index);
      if (value !== null && value !== '')
        metadata.push({ key, value: value.slice(0, 4096), place: `ort:model.${key}` });
    }
    if (graph === null) return;
    for await (const tensor of tables(graph, 0)) await addTensor(tensor, tally);
    for await (const node of tables(graph, 2)) {
      const [domain, name] = [await text(node, 2), await text(node, 5)];
      if (name === 'Constant' || name === 'If' || name === 'Loop' || name === 'Scan') certain = false;
      const full = `${domain === null || domain === '' ? 'ai.onnx' : domain}::${name ?? ''}`;
      if (operators.has(full) || operators.size < 10_000) operators.set(full, (operators.get(full) ?? 0) + 1);
    }
  });
  return {
    format: 'ort',
    metadata,
    problems,
    operators: [...operators].map(([name, count]): Operator => ({ name, count, custom: !name.startsWith('ai.onnx') })),
    ...tally.finish(),
    ...(version === null ? {} : { version }),
  };
}

async function addTensor(tensor: FlatTable, tally: Tally): Promise<void> {
  const [name, dtype] = [await text(tensor, 0), dtypeOfOnnx(BigInt(await scalar(tensor, 3, 4)))];
  const raw = await vector(tensor, 4, 1);
  const outside = tensor.field(6) === null ? -1 : await scalar(tensor, 6, 8);
  const place = raw !== null && outside === -1 ? { offset: raw.start, length: raw.count } : {};
  tally.add({ name: name ?? '', dtype, shape: await dimensions(tensor), ...place });
}

async function dimensions(tensor: FlatTable): Promise<number[]> {
  const found = await vector(tensor, 2, 8);
  if (found === null) return [];
  if (found.count > DIMENSIONS) return [-1];
  const bytes = await tensor.buffer.source.read(found.start, found.count * 8);
  return Array.from({ length: found.count }, (_, index) => u64(bytes, index * 8));
}
