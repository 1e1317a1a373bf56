import type { Source } from '../base/source.ts';
import { fieldIntegers, fieldText, signed, type Field, type FieldReader } from './protobuf.ts';
import type { Dtype, Port, TensorInfo } from './types.ts';

/** TensorProto.DataType. */
const DTYPES: readonly (Dtype | undefined)[] = [
  undefined,
  'F32',
  'U8',
  'I8',
  'U16',
  'I16',
  'I32',
  'I64',
  'STRING',
  'BOOL',
  'F16',
  'F64',
  'U32',
  'U64',
  'C64',
  'C128',
  'BF16',
  'F8_E4M3',
  'F8_E4M3FNUZ',
  'F8_E5M2',
  'F8_E5M2FNUZ',
  'U4',
  'I4',
  'F4',
  'F8_E8M0',
  'U2',
  'I2',
  'F6_E2M3',
  'F6_E3M2',
];
const DIMENSIONS = 64;

interface Message {
  readonly source: Source;
  readonly fields: FieldReader;
}

export interface OnnxTensor {
  readonly info: TensorInfo;
  /** File beside the model that holds the elements, as written. */
  readonly external?: string;
  /** Absolute offset of the TensorProto. */
  readonly start: number;
}

/** A TensorProto without its elements. */
export async function readOnnxTensor(message: Message, within: Field): Promise<OnnxTensor> {
  const shape: number[] = [];
  const external = new Map<string, string>();
  let [name, dtype] = ['', 'undefined'];
  let raw: Field | undefined;
  for await (const field of message.fields(within)) {
    if (field.number === 1)
      for await (const size of fieldIntegers(message.source, field, DIMENSIONS)) shape.push(signed(size));
    else if (field.number === 2) dtype = dtypeOfOnnx(field.value);
    else if (field.number === 8 && field.wire === 2) name = await fieldText(message.source, field, 4096);
    else if (field.number === 9 && field.wire === 2) raw = field;
    else if (field.number === 13 && field.wire === 2 && external.size < 16)
      external.set(...(await readPair(message, field)));
  }
  const location = external.get('location');
  const info = { name, dtype, shape, ...placeOf(raw, external, location) };
  return location === undefined ? { info, start: within.start } : { info, external: location, start: within.start };
}

function placeOf(
  raw: Field | undefined,
  external: Map<string, string>,
  location: string | undefined,
): Partial<TensorInfo> {
  if (location === undefined) return raw === undefined ? {} : { offset: raw.start, length: raw.end - raw.start };
  const [offset, length] = [Number(external.get('offset') ?? 0), Number(external.get('length') ?? Number.NaN)];
  return {
    location,
    ...(Number.isSafeInteger(offset) ? { offset } : {}),
    ...(Number.isSafeInteger(length) ? { length } : {}),
  };
}

async function readPair(message: Message, within: Field): Promise<[string, string]> {
  let [key, value] = ['', ''];
  for await (const field of message.fields(within)) {
    if (field.number === 1 && field.wire === 2) key = await fieldText(message.source, field, 256);
    if (field.number === 2 && field.wire === 2) value = await fieldText(message.source, field, 4096);
  }
  return [key, value];
}

/** TensorProto.DataType as our dtype; one that is not known keeps its number. */
export function dtypeOfOnnx(value: bigint): Dtype {
  return (value < 64n ? DTYPES[Number(value)] : undefined) ?? `ONNX_${value}`;
}

/** ValueInfoProto: a graph's input or output with its element type and dimensions, named ones as text. */
export async function readOnnxPort(message: Message, within: Field): Promise<Port> {
  let name = '';
  let type: Partial<Port> = {};
  for await (const field of message.fields(within)) {
    if (field.number === 1 && field.wire === 2) name = await fieldText(message.source, field, 4096);
    if (field.number === 2 && field.wire === 2) type = await readType(message, field);
  }
  return { name, ...type };
}

/** TypeProto: tensor_type (1) or sparse_tensor_type (8); sequences, maps and optionals have no one shape. */
async function readType(message: Message, within: Field): Promise<Partial<Port>> {
  for await (const field of message.fields(within)) {
    if ((field.number !== 1 && field.number !== 8) || field.wire !== 2) continue;
    const port: { dtype?: Dtype; shape?: (number | string)[] } = {};
    for await (const part of message.fields(field)) {
      if (part.number === 1 && part.wire === 0) port.dtype = dtypeOfOnnx(part.value);
      if (part.number === 2 && part.wire === 2) port.shape = await readShape(message, part);
    }
    return port;
  }
  return {};
}

async function readShape(message: Message, within: Field): Promise<(number | string)[]> {
  const shape: (number | string)[] = [];
  for await (const field of message.fields(within)) {
    if (field.number !== 1 || field.wire !== 2 || shape.length >= DIMENSIONS) continue;
    let size: number | string = '?';
    for await (const part of message.fields(field)) {
      if (part.number === 1 && part.wire === 0) size = signed(part.value);
      if (part.number === 2 && part.wire === 2) size = await fieldText(message.source, part, 256);
    }
    shape.push(size);
  }
  return shape;
}
