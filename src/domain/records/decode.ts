import { Buffer } from 'node:buffer';
import { TAG } from './batch.ts';
import { compareBytes } from './struct.ts';

/** The fields of a record, each with its encoding. @param encoding of a struct, whole and well-formed. */
export function fieldsOf(encoding: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const reader = new EncodedReader(encoding);
  reader.tag();
  const fields = new Map<string, Uint8Array>();
  for (let count = reader.length(); count > 0; count -= 1) {
    const name = Buffer.from(reader.bytes(reader.length())).toString();
    const start = reader.at;
    reader.skip();
    fields.set(name, encoding.subarray(start, reader.at));
  }
  return fields;
}

/** Names of the columns in which two records differ, sorted. */
export function differingFields(a: Uint8Array, b: Uint8Array): readonly string[] {
  const [before, after] = [fieldsOf(a), fieldsOf(b)];
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  const nothing = new Uint8Array(0);
  return names.filter((name) => compareBytes(before.get(name) ?? nothing, after.get(name) ?? nothing) !== 0);
}

/** An encoded value as JSON; what JSON has no word for as text: numbers beyond binary64, dates, bytes in Base64 or hex. */
export function toJson(encoding: Uint8Array | undefined, bytes: 'base64' | 'hex' = 'base64'): unknown {
  return encoding === undefined ? null : new EncodedReader(encoding, bytes).value();
}

/** Goes through an encoding, value after value. */
export class EncodedReader {
  at = 0;
  private readonly data: Uint8Array;
  private readonly encoding: 'base64' | 'hex';

  constructor(data: Uint8Array, encoding: 'base64' | 'hex' = 'base64') {
    this.data = data;
    this.encoding = encoding;
  }

  tag(): number {
    return this.data[this.at++] ?? 0;
  }

  length(): number {
    let [value, scale] = [0, 1];
    for (let byte = 128; byte >= 128; scale *= 128) {
      byte = this.data[this.at++] ?? 0;
      value += (byte & 127) * scale;
    }
    return value;
  }

  bytes(count: number): Uint8Array {
    this.at += count;
    return this.data.subarray(this.at - count, this.at);
  }

  text(): string {
    return Buffer.from(this.bytes(this.length())).toString();
  }

  skip(): void {
    const tag = this.tag();
    if (tag === TAG.null || tag === TAG.false || tag === TAG.true) return;
    const count = this.length();
    if (tag !== TAG.list && tag !== TAG.struct && tag !== TAG.map) this.at += count;
    else for (let item = 0; item < count; item += 1) this.skipItem(tag);
  }

  private skipItem(tag: number): void {
    if (tag === TAG.struct) this.at += this.length();
    else if (tag === TAG.map) this.skip();
    this.skip();
  }

  value(): unknown {
    const tag = this.tag();
    if (tag === TAG.null) return null;
    if (tag === TAG.false || tag === TAG.true) return tag === TAG.true;
    if (tag === TAG.number) return numberOf(this.text());
    if (tag === TAG.bytes) return Buffer.from(this.bytes(this.length())).toString(this.encoding);
    if (tag === TAG.list) return Array.from({ length: this.length() }, () => this.value());
    if (tag === TAG.map) return Array.from({ length: this.length() }, () => [this.value(), this.value()]);
    if (tag === TAG.struct)
      return Object.fromEntries(Array.from({ length: this.length() }, () => [this.text(), this.value()]));
    return this.text();
  }
}

function numberOf(text: string): unknown {
  const value = Number(text);
  return Number.isFinite(value) && (Number.isSafeInteger(value) || !/^-?\d+$/.test(text)) ? value : text;
}
