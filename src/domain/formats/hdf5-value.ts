import { numberAt, readAt, type H5File } from './hdf5-file.ts';
import { textOf } from './hdf5-group.ts';
import { beyond, invalid } from './problem.ts';
import type { Dtype, MetadataValue } from './types.ts';
import { u16, u32 } from './zip-fields.ts';

const KEPT_ELEMENTS = 64;
const TEXT_BYTES = 16 << 20;
const COLLECTION_BYTES = 64 << 20;

export interface H5Type {
  readonly dtype: Dtype;
  readonly sizeBytes: number;
  readonly kind: 'integer' | 'float' | 'string' | 'vlen-string' | 'other';
  readonly signed: boolean;
}

/** Datatype message (0x0003). */
export function parseDatatype(data: Uint8Array): H5Type {
  const kind = (data[0] ?? 0) & 15;
  const bits = data[1] ?? 0;
  const sizeBytes = u32(data, 4);
  const other = (dtype: Dtype): H5Type => ({ dtype, sizeBytes, kind: 'other', signed: false });
  if (kind === 0)
    return {
      dtype: `${(bits & 8) !== 0 ? 'I' : 'U'}${sizeBytes * 8}`,
      sizeBytes,
      kind: 'integer',
      signed: (bits & 8) !== 0,
    };
  if (kind === 1)
    return {
      dtype: sizeBytes === 2 && data[13] === 8 ? 'BF16' : `F${sizeBytes * 8}`,
      sizeBytes,
      kind: 'float',
      signed: true,
    };
  if (kind === 3) return { dtype: 'STRING', sizeBytes, kind: 'string', signed: false };
  if (kind === 9 && (bits & 15) === 1) return { dtype: 'STRING', sizeBytes, kind: 'vlen-string', signed: false };
  if (kind === 8) return other(textOf(data).includes('TRUE') ? 'BOOL' : 'ENUM');
  return other(
    ['', '', 'TIME', '', 'BITFIELD', 'OPAQUE', 'COMPOUND', 'REFERENCE', '', 'VLEN', 'ARRAY'][kind] || `HDF5_${kind}`,
  );
}

/** Dataspace message (0x0001): dimensions, row-major; null for a null dataspace. */
export function parseDataspace({ lengthBytes }: H5File, data: Uint8Array): number[] | null {
  const [version, rank] = [data[0] ?? 0, data[1] ?? 0];
  if (version === 2 && data[3] === 2) return null;
  const at = version === 2 ? 4 : 8;
  return Array.from({ length: rank }, (_, index) => numberAt(data, at + index * lengthBytes, lengthBytes));
}

/** Dimensions the dataspace may grow to; NaN for one without a limit. Its current ones where it has none of its own. */
export function mostDimensions(file: H5File, data: Uint8Array): readonly number[] {
  const rank = data[1] ?? 0;
  const shape = parseDataspace(file, data) ?? [];
  if (((data[2] ?? 0) & 1) === 0) return shape;
  const at = (data[0] === 2 ? 4 : 8) + rank * file.lengthBytes;
  return shape.map((_, index) => numberAt(data, at + index * file.lengthBytes, file.lengthBytes));
}

/** Bits of exponent and mantissa of IEEE 754 floats and bfloat16, by their bytes; both add up but for the sign. */
const FLOATS: Readonly<Record<number, readonly string[]>> = { 2: ['10 5', '7 8'], 4: ['23 8'], 8: ['52 11'] };

/**
 * How the bytes of an element lie: in which order, and whether they are the plain number its type says. Booleans are
 * h5py's: an enumeration of FALSE 0 and TRUE 1 in a byte.
 */
export function plainness(data: Uint8Array): { readonly plain: boolean; readonly bigEndian: boolean } {
  const [kind, bits, sizeBytes] = [(data[0] ?? 0) & 15, data[1] ?? 0, u32(data, 4)];
  const bigEndian = (bits & 1) !== 0;
  const whole = u16(data, 8) === 0 && u16(data, 10) === sizeBytes * 8;
  if (kind === 0) return { plain: whole, bigEndian };
  if (kind === 5) return { plain: true, bigEndian: false };
  if (kind === 8) return { plain: isBoolean(data), bigEndian: false };
  const [exponentAt = 0, exponent, mantissaAt, mantissa = 0] = data.subarray(12, 16);
  const standard = mantissaAt === 0 && exponentAt === mantissa && (bits & 0x40) === 0;
  const known = FLOATS[sizeBytes]?.includes(`${mantissa} ${exponent}`) === true;
  return { plain: kind === 1 && whole && standard && known, bigEndian };
}

/** Two members of one byte: after the type below, the names (padded to 8 bytes before version 3), then the values 0 and 1. */
function isBoolean(data: Uint8Array): boolean {
  const members = (data[1] ?? 0) | ((data[2] ?? 0) << 8);
  const padded = (data[0] ?? 0) >> 4 < 3;
  const names = padded ? 'FALSE\0\0\0TRUE\0\0\0\0' : 'FALSE\0TRUE\0';
  const at = 8 + 12;
  const small = members === 2 && u32(data, 4) === 1 && ((data[8] ?? 0) & 15) === 0 && u32(data, 12) === 1;
  const end = at + names.length;
  return small && textOf(data.subarray(at, end)) === names && data[end] === 0 && data[end + 1] === 1;
}

export interface H5Attribute {
  readonly name: string;
  readonly value: MetadataValue;
  readonly length?: number;
}

/** Attribute message (0x000C), versions 1 to 3; null for a value of a type that is no text or number. */
export async function readAttribute(file: H5File, data: Uint8Array): Promise<H5Attribute | null> {
  const version = data[0] ?? 0;
  const [nameSize, typeSize, spaceSize] = [u16(data, 2), u16(data, 4), u16(data, 6)];
  const pad = (size: number): number => (version === 1 ? Math.ceil(size / 8) * 8 : size);
  const nameAt = version === 3 ? 9 : 8;
  const typeAt = nameAt + pad(nameSize);
  const spaceAt = typeAt + pad(typeSize);
  const valueAt = spaceAt + pad(spaceSize);
  const name = textOf(data.subarray(nameAt, nameAt + nameSize)).replace(/\0.*$/s, '');
  if (hasSharedType(data)) return null;
  const type = parseDatatype(data.subarray(typeAt, spaceAt));
  const shape = parseDataspace(file, data.subarray(spaceAt, valueAt));
  if (shape === null || type.kind === 'other') return null;
  const count = shape.reduce((product, size) => product * size, 1);
  const value: MetadataValue[] = [];
  for (let index = 0; index < Math.min(count, KEPT_ELEMENTS); index++) {
    value.push(
      await readElement(
        file,
        type,
        data.subarray(valueAt + index * type.sizeBytes, valueAt + (index + 1) * type.sizeBytes),
      ),
    );
  }
  const kept = shape.length === 0 ? (value[0] ?? null) : value;
  return { name, value: kept, ...(count > KEPT_ELEMENTS ? { length: count } : {}) };
}

/** Its type is a committed one, elsewhere in the file: its value is not read. */
export function hasSharedType(data: Uint8Array): boolean {
  return data[0] !== 1 && ((data[1] ?? 0) & 1) !== 0;
}

async function readElement(file: H5File, type: H5Type, bytes: Uint8Array): Promise<MetadataValue> {
  if (type.kind === 'string') return textOf(bytes).replace(/\0+$/, '');
  if (type.kind === 'vlen-string') return readHeapText(file, bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (type.kind === 'float')
    return bytes.length === 8 ? view.getFloat64(0, true) : bytes.length === 4 ? view.getFloat32(0, true) : null;
  if (bytes.length > 6)
    return bytes.length === 8 ? Number(type.signed ? view.getBigInt64(0, true) : view.getBigUint64(0, true)) : null;
  const value = numberAt(bytes, 0, bytes.length);
  return type.signed && bytes.length > 0 && value >= 2 ** (bytes.length * 8 - 1)
    ? value - 2 ** (bytes.length * 8)
    : value;
}

/** A variable-length string: length, address of a global heap collection, index in it. */
async function readHeapText(file: H5File, reference: Uint8Array): Promise<string> {
  const length = numberAt(reference, 0, 4);
  const address = numberAt(reference, 4, file.offsetBytes);
  const index = numberAt(reference, 4 + file.offsetBytes, 4);
  if (length === 0 || address === 0) return '';
  if (length > TEXT_BYTES) throw beyond(`an HDF5 text of ${length} bytes`);
  const object = await findHeapObject(file, address, index);
  return textOf(await readAt(file, object.address, Math.min(length, object.size))).replace(/\0+$/, '');
}

/** An object of a global heap collection, by its index. */
export async function findHeapObject(
  file: H5File,
  address: number,
  index: number,
): Promise<{ address: number; size: number }> {
  const { lengthBytes } = file;
  const head = await readAt(file, address, 8 + lengthBytes);
  const size = numberAt(head, 8, lengthBytes);
  if (textOf(head.subarray(0, 4)) !== 'GCOL') throw invalid(`no HDF5 global heap at ${address}`);
  if (!(size <= COLLECTION_BYTES)) throw beyond(`an HDF5 global heap of ${size} bytes`);
  for (let at = 8 + lengthBytes; at + 8 + lengthBytes <= size;) {
    const object = await readAt(file, address + at, 8 + lengthBytes);
    const [number, length] = [u16(object, 0), numberAt(object, 8, lengthBytes)];
    if (number === index) return { address: address + at + 8 + lengthBytes, size: length };
    if (number === 0 || !Number.isSafeInteger(length)) break;
    at += 8 + lengthBytes + Math.ceil(length / 8) * 8;
  }
  throw invalid('an HDF5 text points to nothing');
}
