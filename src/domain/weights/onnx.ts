import { Buffer } from 'node:buffer';
import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { Cursor } from '../formats/cursor.ts';
import { readOnnxTensor } from '../formats/onnx-tensor.ts';
import { beyond, invalid } from '../formats/problem.ts';
import { fieldReader, type Field, type FieldReader } from '../formats/protobuf.ts';
import type { NamedSource } from '../formats/types.ts';
import { isUnsafePath } from '../formats/archive-path.ts';
import { canonicalForm } from './dtypes.ts';
import type { FileWeights, Undecided, WeightTensor } from './types.ts';

/** Fields of TensorProto that hold elements as typed numbers: float, int32, int64, double, uint64. */
const TYPED = new Set([4, 5, 7, 10, 11]);

interface Reading {
  readonly file: NamedSource;
  readonly fields: FieldReader;
  readonly tensors: WeightTensor[];
  readonly undecided: Undecided[];
}

/**
 * The initializers of an ONNX graph: raw, as typed fields, or in a file beside the model. Constants in nodes and
 * sub-graphs have no name of their own and are not part.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`.
 */
export async function onnxWeights(file: NamedSource): Promise<FileWeights> {
  const reading: Reading = { file, fields: fieldReader(file.source), tensors: [], undecided: [] };
  for await (const graph of reading.fields())
    if (graph.number === 7 && graph.wire === 2)
      for await (const field of reading.fields(graph)) {
        if (field.number === 5 && field.wire === 2) await addInitializer(reading, field);
        if (field.number === 15) reading.undecided.push({ why: 'it holds sparse initializers' });
      }
  return reading;
}

async function addInitializer(reading: Reading, field: Field): Promise<void> {
  if (reading.tensors.length >= LIMITS.tensorsPerFile) throw beyond(`more than ${LIMITS.tensorsPerFile} initializers`);
  const { source } = reading.file;
  const { info, external } = await readOnnxTensor({ source, fields: reading.fields }, field);
  const form = canonicalForm('onnx', info.dtype, info.shape);
  const bad = (why: string): void => void reading.undecided.push({ tensor: info.name, why });
  if (form === null) return bad(`no canonical form of ${info.dtype} is known`);
  const tensor = { name: info.name, shape: info.shape, ...form };
  if (external !== undefined) {
    if (isUnsafePath(external)) return bad('its data is said to lie outside the artifact');
    if (info.length !== undefined && info.length !== form.sizeBytes) return bad('its shape is not that of its bytes');
    return void reading.tensors.push({
      ...tensor,
      elements: externalStretch(reading.file.path, external, info.offset),
    });
  }
  if (info.offset !== undefined) {
    if (info.length !== form.sizeBytes) return bad('its shape is not that of its bytes');
    return void reading.tensors.push({ ...tensor, elements: { kind: 'stretch', offset: info.offset } });
  }
  reading.tensors.push({ ...tensor, elements: { kind: 'made', open: (bytes) => typedElements(bytes, field, form) } });
}

function externalStretch(path: string, location: string, offset = 0): WeightTensor['elements'] {
  return { kind: 'stretch', file: path.slice(0, path.lastIndexOf('/') + 1) + location, offset };
}

/** Typed numbers as canonical elements. @throws WeighmarkError `format-invalid` if they are not as many as the shape says. */
async function* typedElements(
  source: Source,
  within: Field,
  form: { readonly dtype: string; readonly sizeBytes: number },
): AsyncGenerator<Uint8Array, void> {
  let done = 0;
  for await (const field of fieldReader(source)(within)) {
    if (!TYPED.has(field.number)) continue;
    for await (const chunk of numbersOf(source, field, form.dtype)) {
      done += chunk.length;
      if (done > form.sizeBytes) throw invalid('a tensor holds more numbers than its shape says');
      yield chunk;
    }
  }
  if (done < form.sizeBytes) throw invalid('a tensor holds fewer numbers than its shape says');
}

const CHUNK = 1 << 16;

async function* numbersOf(source: Source, field: Field, dtype: string): AsyncGenerator<Uint8Array, void> {
  if (field.number === 4 || field.number === 10) return yield* fixedNumbers(source, field);
  const width = { F16: 2, BF16: 2, I16: 2, U16: 2, I32: 4, U32: 4, I64: 8, U64: 8 }[dtype] ?? 1;
  if (field.wire !== 2) return yield littleEndian(field.value, width);
  const cursor = new Cursor(source, field.start, field.end);
  while (cursor.remaining > 0) {
    const parts: Uint8Array[] = [];
    while (cursor.remaining > 0 && parts.length < CHUNK) parts.push(littleEndian(await cursor.varint(), width));
    yield Buffer.concat(parts);
  }
}

/** Packed floats and doubles are little-endian already; those that are not packed stand one a field. */
async function* fixedNumbers(source: Source, field: Field): AsyncGenerator<Uint8Array, void> {
  if (field.wire !== 2) return yield littleEndian(field.value, field.wire === 5 ? 4 : 8);
  for (let at = field.start; at < field.end; at += 1 << 20)
    yield await source.read(at, Math.min(1 << 20, field.end - at));
}

function littleEndian(value: bigint, width: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes.subarray(0, width);
}
