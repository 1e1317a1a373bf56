import assert from 'node:assert/strict';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { resolve } from 'node:path';
import { bytesSource, readFormat, type FormatReport } from '../../../src/domain/formats/index.ts';
import type { Source } from '../../../src/domain/base/source.ts';

export const VECTORS = resolve(process.env['WEIGHMARK_VECTORS'] ?? '../shared/vectors', 'scan');

/** Why tests on the shared vectors are skipped, or false; in CI they must be there. */
export function vectorsMissing(): string | false {
  if (existsSync(VECTORS)) return false;
  assert.notEqual(process.env['CI'], 'true', `the test vectors are missing: ${VECTORS}`);
  return `no test vectors at ${VECTORS}`;
}

/** A file as a source, and what was read of it. */
export function openSource(path: string): Source & { readonly bytesRead: () => number; close(): void } {
  const file = openSync(path, 'r');
  const { size } = fstatSync(file);
  let total = 0;
  return {
    size,
    bytesRead: () => total,
    close: () => closeSync(file),
    read: async (offset, length) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      total += readSync(file, bytes, 0, bytes.length, offset);
      return bytes;
    },
  };
}

export async function reportOfFile(path: string): Promise<FormatReport> {
  return reportOf(readFileSync(path), path);
}

export async function reportOf(bytes: Uint8Array, path: string): Promise<FormatReport> {
  return readFormat({ path, source: bytesSource(bytes) });
}

/** A source of `size` bytes that holds `head` and then zeros: files too large to make. */
export function hollowSource(size: number, head: Uint8Array): Source {
  return {
    size,
    read: async (offset, length) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      if (offset < head.length) bytes.set(head.subarray(offset, offset + bytes.length));
      return bytes;
    },
  };
}

export function codesOf(report: Pick<FormatReport, 'problems'>): string[] {
  return [...new Set(report.problems.map(({ code }) => code))].toSorted((a, b) => (a < b ? -1 : 1));
}

export function metadataOf(report: FormatReport, key: string): unknown {
  return report.metadata.find((item) => item.key === key)?.value;
}

/** A safetensors file: header text as given, then data. */
export function safetensors(header: string, data = new Uint8Array(0)): Uint8Array {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

export function u32le(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

export function u64le(value: bigint | number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

/** A GGUF text: length and bytes. */
export function ggufText(text: string): Buffer {
  return Buffer.concat([u64le(Buffer.byteLength(text)), Buffer.from(text)]);
}

/** The start of a GGUF file: magic, version, tensor and key counts. */
export function ggufHead(tensors: bigint | number, keys: bigint | number, version = 3): Buffer {
  return Buffer.concat([Buffer.from('GGUF'), u32le(version), u64le(tensors), u64le(keys)]);
}

/** A length-delimited protobuf field. */
export function field(number: number, payload: Uint8Array | string): Buffer {
  const bytes = Buffer.from(payload as string);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

export function varintField(number: number, value: number): Buffer {
  return Buffer.concat([varint(number << 3), varint(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

/** A safetensors header that names so many tensors of one F32 each. */
export function manyTensors(count: number): string {
  const entries = Array.from(
    { length: count },
    (_, index) => `"layer.${index}.weight":{"dtype":"F32","shape":[1],"data_offsets":[${index * 4},${index * 4 + 4}]}`,
  );
  return `{${entries.join(',')}}`;
}
