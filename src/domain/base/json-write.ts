import { Buffer } from 'node:buffer';

export interface WriteJsonOptions {
  /** Spaces a level; 0: compact. */
  readonly indent: number;
  /** Of JSON text, not of values. */
  readonly escape?: (json: string) => string;
  /** Follows the value. */
  readonly end?: string;
}

/**
 * The UTF-8 of `JSON.stringify(value, null, indent)`, made of pieces: of a text of megabytes only its bytes are ever in
 * memory. Made twice, so that no more bytes are asked for than are needed.
 */
export function jsonBytes(value: unknown, { indent, escape = (json) => json, end = '' }: WriteJsonOptions): Uint8Array {
  let size = 0;
  inChunks(value, indent, (json) => (size += Buffer.byteLength(escape(json))));
  const bytes = Buffer.alloc(size + Buffer.byteLength(end));
  let at = 0;
  inChunks(value, indent, (json) => (at += bytes.write(escape(json), at)));
  bytes.write(end, at);
  return bytes;
}

/** Some pieces at a time, as many as a call is worth. */
function inChunks(value: unknown, indent: number, put: Put): void {
  let waiting = '';
  eachPiece(value, indent, (json) => {
    waiting += json;
    if (waiting.length < CHUNK) return;
    put(waiting);
    waiting = '';
  });
  put(waiting);
}

const CHUNK = 1 << 14;

type Put = (json: string) => void;

/** Whole values as far as they are small; the items of long lists one by one. */
function eachPiece(value: unknown, indent: number, put: Put): void {
  const space = ' '.repeat(indent);
  const write = (part: unknown, pad: string, level: number): void => {
    if (level === 0 || !isWide(part, level)) return put(padded(JSON.stringify(part, null, indent), pad));
    const inner = indent === 0 ? '' : `${pad}${space}`;
    const isList = Array.isArray(part);
    const members = isList
      ? part.map((item: unknown) => ['', item ?? null] as const)
      : Object.entries(part as object).filter(([, member]) => member !== undefined);
    members.forEach(([name, member], index) => {
      const key = isList ? '' : `${JSON.stringify(name)}:${indent === 0 ? '' : ' '}`;
      put(`${index > 0 ? ',' : isList ? '[' : '{'}${inner}${key}`);
      write(member, inner, isList ? 0 : level - 1);
    });
    put(`${indent === 0 ? '' : pad}${isList ? ']' : '}'}`);
  };
  write(value, indent === 0 ? '' : '\n', LEVELS);
}

/** A line break in JSON is never inside a string. */
function padded(json: string, pad: string): string {
  return pad.length > 1 ? json.replaceAll('\n', pad) : json;
}

/** How deep long lists are looked for. */
const LEVELS = 5;
const LONG_LIST = 64;

function isWide(value: unknown, level: number): boolean {
  if (typeof value !== 'object' || value === null || level === 0) return false;
  if (Array.isArray(value)) return value.length >= LONG_LIST;
  return Object.values(value).some((member) => isWide(member, level - 1));
}
