import { WeighmarkError } from '../base/errors.ts';
import type { Source } from '../base/source.ts';
import { beyond, invalid } from './problem.ts';

const BLOCK = 64 << 10;

/**
 * Buffered forward reading of a `Source`, little-endian unless the name says otherwise. Everything past `end` is
 * `format-invalid` ("ends early"), so a length field can never make it read, or allocate, more than there is.
 */
export class Cursor {
  readonly end: number;
  readonly source: Source;
  #buffer = new Uint8Array(0);
  #view = new DataView(this.#buffer.buffer);
  #bufferStart = 0;
  #offset: number;
  readonly #little: boolean;

  /**
   * Reads `source` from `start` to `end` (default: all of it); offsets are the source's own. In a file of the other byte
   * `order` the methods whose names end in `le` read big-endian.
   */
  constructor(source: Source, start = 0, end = source.size, order: 'little' | 'big' = 'little') {
    this.source = source;
    this.#little = order === 'little';
    this.#offset = start;
    this.end = Math.min(end, source.size);
  }

  /** Absolute offset of the next byte. */
  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return Math.max(0, this.end - this.#offset);
  }

  /** At most `length` next bytes, without moving. */
  async peek(length: number): Promise<Uint8Array> {
    const wanted = Math.min(length, this.remaining);
    const at = await this.#load(wanted);
    return this.#buffer.slice(at, at + wanted);
  }

  /** Exactly the next `length` bytes; `limit` is what the caller is ready to hold in memory. */
  async bytes(length: number, limit = 1 << 20): Promise<Uint8Array> {
    this.#check(length);
    if (length > limit) throw tooLong(length, limit, this.#offset);
    if (length > BLOCK) return this.#direct(length);
    const at = await this.#load(length);
    this.#offset += length;
    return this.#buffer.slice(at, at + length);
  }

  /** UTF-8 text of `length` bytes; bad sequences become U+FFFD. */
  async text(length: number, limit?: number): Promise<string> {
    return Buffer.from(await this.bytes(length, limit)).toString('utf8');
  }

  async u8(): Promise<number> {
    const at = await this.#take(1);
    return this.#view.getUint8(at);
  }

  async i8(): Promise<number> {
    const at = await this.#take(1);
    return this.#view.getInt8(at);
  }

  async u16le(): Promise<number> {
    const at = await this.#take(2);
    return this.#view.getUint16(at, this.#little);
  }

  async i16le(): Promise<number> {
    const at = await this.#take(2);
    return this.#view.getInt16(at, this.#little);
  }

  async u32le(): Promise<number> {
    const at = await this.#take(4);
    return this.#view.getUint32(at, this.#little);
  }

  async i32le(): Promise<number> {
    const at = await this.#take(4);
    return this.#view.getInt32(at, this.#little);
  }

  async u64le(): Promise<bigint> {
    const at = await this.#take(8);
    return this.#view.getBigUint64(at, this.#little);
  }

  async i64le(): Promise<bigint> {
    const at = await this.#take(8);
    return this.#view.getBigInt64(at, this.#little);
  }

  async f32le(): Promise<number> {
    const at = await this.#take(4);
    return this.#view.getFloat32(at, this.#little);
  }

  async f64le(): Promise<number> {
    const at = await this.#take(8);
    return this.#view.getFloat64(at, this.#little);
  }

  async u32be(): Promise<number> {
    const at = await this.#take(4);
    return this.#view.getUint32(at, false);
  }

  /** An unsigned LEB128 varint of at most ten bytes (protobuf), modulo 2^64. */
  async varint(): Promise<bigint> {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = await this.u8();
      low += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = await this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw invalid(`varint longer than ten bytes at byte ${this.#offset}`);
  }

  /** Moves forward without reading; may not pass `end`. */
  skip(length: number): void {
    this.#check(length);
    this.#offset += length;
  }

  /** Moves to an absolute offset within [0, end]. */
  seek(offset: number): void {
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > this.end) throw endsEarly(this.end, offset);
    this.#offset = offset;
  }

  #check(length: number): void {
    if (!Number.isSafeInteger(length) || length < 0 || length > this.remaining)
      throw endsEarly(this.end, this.#offset + length);
  }

  async #take(length: number): Promise<number> {
    const start = this.#offset - this.#bufferStart;
    if (start >= 0 && start + length <= this.#buffer.length && this.#offset + length <= this.end) {
      this.#offset += length;
      return start;
    }
    this.#check(length);
    const at = await this.#load(length);
    this.#offset += length;
    return at;
  }

  /** Index in the buffer of the next byte, with `length` (≤ BLOCK) bytes behind it. */
  async #load(length: number): Promise<number> {
    const start = this.#offset - this.#bufferStart;
    if (start >= 0 && start + length <= this.#buffer.length) return start;
    const bytes = await this.source.read(this.#offset, Math.min(Math.max(BLOCK, length), this.remaining));
    if (bytes.length < length) throw endsEarly(this.#offset + bytes.length, this.#offset + length);
    this.#buffer = new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, this.#buffer.length);
    this.#bufferStart = this.#offset;
    return 0;
  }

  async #direct(length: number): Promise<Uint8Array> {
    const bytes = await this.source.read(this.#offset, length);
    if (bytes.length !== length) throw endsEarly(this.#offset + bytes.length, this.#offset + length);
    this.#offset += length;
    return bytes;
  }
}

/** A number for a u64 that is about to be used as a length or offset. @throws WeighmarkError `format-invalid` above 2^53-1. */
export function safeNumber(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < 0n) throw invalid(`${what} ${value} is impossible`);
  return Number(value);
}

function endsEarly(end: number, wanted: number): WeighmarkError {
  return invalid(`ends early: byte ${wanted} is needed, the last is ${end}`);
}

function tooLong(length: number, limit: number, offset: number): WeighmarkError {
  return beyond(`${length} bytes at byte ${offset} are more than the limit of ${limit}`);
}
