import { Buffer } from 'node:buffer';
import { Bytes, KIND_TAGS, TAG, type Kind } from './batch.ts';

/** Columns of a dataset as far as records showed them: name → a bit for each tag seen. */
export type Columns = Map<string, number>;

/** Names of more columns than this are not kept: such a dataset has no schema. */
export const MAX_COLUMNS = 10_000;

/** Unsigned bytes, the shorter first; as names and hashes are sorted. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

export function seeColumn(columns: Columns, name: string, tag: number): void {
  if (columns.size > MAX_COLUMNS) return;
  columns.set(name, (columns.get(name) ?? 0) | (tag === TAG.null ? 0 : 1 << tag));
}

/** Kinds of each column, sorted; null where there are too many columns to speak of a schema. */
export function kindsOf(columns: Columns): Readonly<Record<string, readonly Kind[]>> | null {
  if (columns.size > MAX_COLUMNS) return null;
  const names = [...columns.keys()].toSorted();
  return Object.fromEntries(names.map((name) => [name, kindsOfBits(columns.get(name) ?? 0)]));
}

function kindsOfBits(bits: number): readonly Kind[] {
  return (Object.keys(KIND_TAGS) as Kind[]).filter((kind) => KIND_TAGS[kind].some((tag) => (bits & (1 << tag)) !== 0));
}

/**
 * Fields of one struct as they come, then in canonical order: by the bytes of their names, null ones left out. The order
 * is worked out once for each run of records with the same names.
 */
export class Struct {
  private readonly names = new Bytes();
  private readonly values = new Bytes();
  /** Ends of names and values, two a field. */
  private readonly ends: number[] = [];
  private shape: Uint8Array = new Uint8Array(0);
  private shapeEnds: readonly number[] = [];
  private order: readonly number[] = [];
  private texts: readonly string[] = [];
  private kinds: number[] = [];

  begin(): void {
    this.names.at = 0;
    this.values.at = 0;
    this.ends.length = 0;
  }

  /** Where the next field's name goes: its length, then its bytes. */
  name(): Bytes {
    if (this.ends.length > 0) this.ends.push(this.values.at);
    return this.names;
  }

  /** Where its value goes, after the name. */
  value(): Bytes {
    this.ends.push(this.names.at);
    return this.values;
  }

  /** Writes the struct. False: a name stands twice. @param columns told of the kinds of values, if any. */
  finish(out: Bytes, columns: Columns | null): boolean {
    if (this.ends.length > 0) this.ends.push(this.values.at);
    if (!this.isKnownShape() && !this.learn()) return false;
    const { order, ends, values, names } = this;
    let count = 0;
    for (const field of order) if (values.data[this.valueStart(field)] !== TAG.null) count += 1;
    out.byte(TAG.struct);
    out.length(count);
    for (const field of order) {
      const start = this.valueStart(field);
      const tag = values.data[start] as number;
      if (columns !== null) this.see(field, tag, columns);
      if (tag === TAG.null) continue;
      out.put(names.data, this.nameStart(field), ends[2 * field]);
      out.put(values.data, start, ends[2 * field + 1]);
    }
    return true;
  }

  private nameStart(field: number): number {
    return field === 0 ? 0 : (this.ends[2 * field - 2] as number);
  }

  private valueStart(field: number): number {
    return field === 0 ? 0 : (this.ends[2 * field - 1] as number);
  }

  private see(field: number, tag: number, columns: Columns): void {
    const bit = tag === TAG.null ? 0 : 1 << tag;
    const known = this.kinds[field] as number;
    if (known >= 0 && (known & bit) === bit) return;
    this.kinds[field] = Math.max(known, 0) | bit;
    seeColumn(columns, this.texts[field] as string, tag);
  }

  private isKnownShape(): boolean {
    const { shapeEnds, ends, names, shape } = this;
    if (shapeEnds.length * 2 !== ends.length || shape.length !== names.at) return false;
    for (let field = 0; field < shapeEnds.length; field += 1) if (shapeEnds[field] !== ends[2 * field]) return false;
    for (let at = 0; at < shape.length; at += 1) if (shape[at] !== names.data[at]) return false;
    return true;
  }

  private learn(): boolean {
    const { names } = this;
    const fields = Array.from({ length: this.ends.length / 2 }, (_, field) =>
      bare(names.data.subarray(this.nameStart(field), this.ends[2 * field])),
    );
    const order = fields.map((_, field) => field);
    order.sort((a, b) => compareBytes(fields[a] as Uint8Array, fields[b] as Uint8Array));
    for (let at = 1; at < order.length; at += 1)
      if (compareBytes(fields[order[at - 1] as number] as Uint8Array, fields[order[at] as number] as Uint8Array) === 0)
        return false;
    this.order = order;
    this.shape = names.view().slice();
    this.shapeEnds = fields.map((_, field) => this.ends[2 * field] as number);
    this.texts = fields.map((field) => Buffer.from(field).toString('utf8'));
    this.kinds = fields.map(() => -1);
    return true;
  }
}

/** A name without its length. */
function bare(name: Uint8Array): Uint8Array {
  let at = 0;
  while ((name[at] as number) >= 128) at += 1;
  return name.subarray(at + 1);
}
