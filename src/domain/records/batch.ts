import { Buffer } from 'node:buffer';

/**
 * Tags of the canonical encoding (`weighmark-records/1`, docs/datasets.md): each value is a tag, then what follows from
 * it. No encoding is the beginning of another.
 */
export const TAG = {
  null: 0x00,
  false: 0x01,
  true: 0x02,
  number: 0x03,
  text: 0x04,
  bytes: 0x05,
  date: 0x06,
  time: 0x07,
  timestamp: 0x08,
  instant: 0x09,
  duration: 0x0a,
  list: 0x0b,
  struct: 0x0c,
  map: 0x0d,
  uuid: 0x0e,
} as const;

export type Kind = keyof typeof KIND_TAGS;

/** What a column can hold, by the tags that say so. */
export const KIND_TAGS = {
  boolean: [TAG.false, TAG.true],
  number: [TAG.number],
  text: [TAG.text],
  bytes: [TAG.bytes],
  date: [TAG.date],
  time: [TAG.time],
  timestamp: [TAG.timestamp],
  instant: [TAG.instant],
  duration: [TAG.duration],
  list: [TAG.list],
  struct: [TAG.struct],
  map: [TAG.map],
  uuid: [TAG.uuid],
} as const;

/** A growing run of bytes. */
export class Bytes {
  at = 0;
  data: Uint8Array;

  constructor(capacity = 1 << 12) {
    this.data = new Uint8Array(capacity);
  }

  /** Room for `more` bytes at `at`. */
  reserve(more: number): void {
    if (this.at + more <= this.data.length) return;
    const larger = new Uint8Array(Math.max(this.data.length * 2, this.at + more));
    larger.set(this.data.subarray(0, this.at));
    this.data = larger;
  }

  byte(value: number): void {
    this.reserve(1);
    this.data[this.at++] = value;
  }

  put(from: Uint8Array, start = 0, end = from.length): void {
    const count = end - start;
    this.reserve(count);
    if (count > 48) this.data.set(from.subarray(start, end), this.at);
    else for (let index = 0; index < count; index += 1) this.data[this.at + index] = from[start + index] as number;
    this.at += count;
  }

  /** LEB128, unsigned. */
  length(value: number): void {
    this.reserve(8);
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.data[this.at++] = (rest % 128) | 128;
    this.data[this.at++] = rest;
  }

  /** Tag, length and bytes of a scalar. */
  scalar(tag: number, from: Uint8Array, start = 0, end = from.length): void {
    this.byte(tag);
    this.length(end - start);
    this.put(from, start, end);
  }

  ascii(tag: number, text: string): void {
    this.scalar(tag, Buffer.from(text, 'latin1'));
  }

  view(from = 0): Uint8Array {
    return this.data.subarray(from, this.at);
  }
}

/** Encoded records of one stretch of a file, one after the other. */
export class Batch extends Bytes {
  /** Where each record ends in `data`. */
  readonly ends: number[] = [];
  /** Where each begins in its file, in bytes; rows of a columnar file have none. */
  readonly offsets: number[] = [];

  constructor(capacity = 1 << 20) {
    super(capacity);
  }

  /** The record that began after the last one is whole. */
  close(offset: number): void {
    this.ends.push(this.at);
    this.offsets.push(offset);
  }

  clear(): void {
    this.at = 0;
    this.ends.length = 0;
    this.offsets.length = 0;
  }
}
