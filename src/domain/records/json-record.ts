import { Buffer } from 'node:buffer';
import { Bytes, TAG } from './batch.ts';
import { canonicalNumber } from './number.ts';
import { badRow, RECORD_DEPTH } from './problem.ts';
import { Struct, type Columns } from './struct.ts';

const [QUOTE, BACKSLASH, MINUS, DOT, ZERO] = [0x22, 0x5c, 0x2d, 0x2e, 0x30];

/**
 * JSON text → canonical encoding (RFC 8259, strictly): no key twice, no lone surrogate, nothing but decimal numbers.
 * The bytes must be valid UTF-8 already. One reader for many records: it remembers the last record's shape.
 */
export class JsonRecords {
  private bytes: Uint8Array = new Uint8Array(0);
  private at = 0;
  private end = 0;
  private base = 0;
  private depth = 0;
  private readonly structs: Struct[] = [];
  private readonly asText: boolean;
  private readonly columns: Columns;

  constructor(asText: boolean, columns: Columns) {
    this.asText = asText;
    this.columns = columns;
  }

  /**
   * Encodes the one object in [start, end). @param base offset of `bytes` in its file.
   * @throws WeighmarkError `record-invalid` with the byte.
   */
  record(bytes: Uint8Array, [start, end]: readonly [number, number], base: number, out: Bytes): void {
    [this.bytes, this.at, this.end, this.base, this.depth] = [bytes, start, end, base, 0];
    this.space();
    if (this.peek() !== 0x7b) this.fail('a record is a JSON object');
    this.object(out);
    this.space();
    if (this.at !== this.end) this.fail('something follows the record');
  }

  private fail(why: string): never {
    throw badRow(why, { byte: this.base + this.at });
  }

  private peek(): number {
    return this.at < this.end ? (this.bytes[this.at] as number) : 0;
  }

  private space(): void {
    for (let byte = this.peek(); byte === 0x20 || byte === 0x09 || byte === 0x0d || byte === 0x0a; byte = this.peek())
      this.at += 1;
  }

  private value(out: Bytes): void {
    const byte = this.peek();
    if (byte === QUOTE) this.text(out);
    else if (byte === 0x7b) this.object(out);
    else if (byte === 0x5b) this.list(out);
    else if (byte === 0x74) this.word('true', TAG.true, out);
    else if (byte === 0x66) this.word('false', TAG.false, out);
    else if (byte === 0x6e) this.word('null', TAG.null, out);
    else this.number(out);
  }

  private word(word: string, tag: number, out: Bytes): void {
    for (let index = 0; index < word.length; index += 1)
      if (this.bytes[this.at + index] !== word.charCodeAt(index) || this.at + index >= this.end)
        this.fail('not a JSON value');
    this.at += word.length;
    if (this.asText && tag !== TAG.null) out.ascii(TAG.text, word);
    else out.byte(tag);
  }

  private text(out: Bytes): void {
    out.byte(TAG.text);
    this.string(out);
  }

  /** Length and bytes of the string that begins here. */
  private string(out: Bytes): void {
    const start = this.at + 1;
    const { bytes, end } = this;
    let at = start;
    for (; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) return this.escaped(start, out);
      if (byte < 0x20) {
        this.at = at;
        this.fail('a control character in a string');
      }
    }
    if (at >= end) this.fail('a string does not end');
    out.length(at - start);
    out.put(bytes, start, at);
    this.at = at + 1;
  }

  private escaped(start: number, out: Bytes): void {
    let at = start;
    while (at < this.end && this.bytes[at] !== QUOTE) at += this.bytes[at] === BACKSLASH ? 2 : 1;
    if (at >= this.end) this.fail('a string does not end');
    const text = this.unescape(Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start - 1, at + 2 - start));
    out.length(text.length);
    out.put(text);
    this.at = at + 1;
  }

  /** @param quoted with its quotes. */
  private unescape(quoted: Buffer): Buffer {
    let text = '';
    try {
      text = JSON.parse(quoted.toString('utf8')) as string;
    } catch {
      this.fail('a string with a bad escape or a control character');
    }
    if (!text.isWellFormed()) this.fail('half of a surrogate pair');
    return Buffer.from(text);
  }

  private number(out: Bytes): void {
    const start = this.at;
    const { bytes, end } = this;
    let at = bytes[start] === MINUS ? start + 1 : start;
    const first = at;
    while (at < end && isDigit(bytes[at])) at += 1;
    const whole = at - first;
    if (at < end && (bytes[at] === DOT || ((bytes[at] as number) | 0x20) === 0x65)) return this.decimal(start, out);
    if (whole === 0) this.fail('not a JSON value');
    if (whole > 1 && bytes[first] === ZERO) this.fail('not a JSON number');
    if (whole > 21 || (bytes[first] === ZERO && first > start)) return this.decimal(start, out);
    out.scalar(this.asText ? TAG.text : TAG.number, bytes, start, at);
    this.at = at;
  }

  private decimal(start: number, out: Bytes): void {
    let at = start;
    while (at < this.end && isNumberByte(this.bytes[at] as number)) at += 1;
    const token = Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, at - start).toString('latin1');
    const text = canonicalNumber(token);
    if (text === null) this.fail('not a JSON number, or an exponent beyond a million');
    out.ascii(this.asText ? TAG.text : TAG.number, text);
    this.at = at;
  }

  private enter(): void {
    this.depth += 1;
    this.at += 1;
    if (this.depth > RECORD_DEPTH) this.fail(`nested deeper than ${RECORD_DEPTH}`);
  }

  private list(out: Bytes): void {
    this.enter();
    const items = new Bytes(256);
    let count = 0;
    this.space();
    if (this.peek() === 0x5d) this.at += 1;
    else
      for (let more = true; more; count += 1) {
        this.space();
        this.value(items);
        more = this.goesOn(0x5d);
      }
    out.byte(TAG.list);
    out.length(count);
    out.put(items.data, 0, items.at);
    this.depth -= 1;
  }

  private object(out: Bytes): void {
    const top = this.depth === 0;
    const struct = (this.structs[this.depth] ??= new Struct());
    this.enter();
    struct.begin();
    this.space();
    if (this.peek() === 0x7d) this.at += 1;
    else
      for (let more = true; more;) {
        this.field(struct);
        more = this.goesOn(0x7d);
      }
    if (!struct.finish(out, top ? this.columns : null)) this.fail('a key stands twice');
    this.depth -= 1;
  }

  private field(struct: Struct): void {
    this.space();
    if (this.peek() !== QUOTE) this.fail('a key is missing');
    const name = struct.name();
    this.string(name);
    this.space();
    if (this.peek() !== 0x3a) this.fail('a colon is missing');
    this.at += 1;
    this.space();
    this.value(struct.value());
  }

  /** Past the comma (true) or the closing bracket (false). */
  private goesOn(close: number): boolean {
    this.space();
    const byte = this.peek();
    if (byte !== 0x2c && byte !== close) this.fail('a comma or a bracket is missing');
    this.at += 1;
    return byte === 0x2c;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Digits, `+`, `-`, `.`, `e`, `E`. */
function isNumberByte(byte: number): boolean {
  return isDigit(byte) || byte === 0x2b || byte === MINUS || byte === DOT || (byte | 0x20) === 0x65;
}
