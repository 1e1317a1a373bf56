import type { Source } from '../../base/source.ts';

const CHUNK = 1 << 18;

/** A moving view of a source between two offsets; `bytes[at]` is the next byte to read. */
export interface Window {
  readonly source: Source;
  readonly end: number;
  /** Offset of `bytes[0]` in the source. */
  base: number;
  bytes: Uint8Array;
  at: number;
}

export function openWindow(source: Source, start: number, end: number): Window {
  return { source, end: Math.min(end, source.size), base: start, bytes: new Uint8Array(0), at: 0 };
}

export function position(window: Window): number {
  return window.base + window.at;
}

/** Whether `count` bytes are in view without reading. */
export function inView(window: Window, count: number): boolean {
  return window.at + count <= window.bytes.length;
}

/** Makes `count` bytes visible; false if the source ends before. Never reads a byte twice: a compressed source is forward only. */
export async function ensure(window: Window, count: number): Promise<boolean> {
  if (inView(window, count)) return true;
  const rest = window.bytes.subarray(window.at);
  const start = position(window) + rest.length;
  const length = Math.min(Math.max(count - rest.length, CHUNK), window.end - start);
  const more = length > 0 ? await window.source.read(start, length) : new Uint8Array(0);
  window.base = start - rest.length;
  window.bytes = rest.length === 0 ? more : joined(rest, more);
  window.at = 0;
  return window.bytes.length >= count;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

/** Moves past `count` bytes without reading them; false if that is past the end. */
export function skip(window: Window, count: number): boolean {
  const target = position(window) + count;
  if (target > window.end) return false;
  if (inView(window, count)) window.at += count;
  else Object.assign(window, { base: target, bytes: new Uint8Array(0), at: 0 });
  return true;
}

/** Index of the next LF from `at`, or -1 if there is none within `limit` bytes. */
export async function findLineEnd(window: Window, limit: number): Promise<number> {
  const seen = window.bytes.indexOf(10, window.at);
  if (seen !== -1) return seen - window.at <= limit ? seen : -1;
  await ensure(window, Math.min(limit + 1, window.end - position(window)));
  const found = window.bytes.indexOf(10, window.at);
  return found !== -1 && found - window.at <= limit ? found : -1;
}
