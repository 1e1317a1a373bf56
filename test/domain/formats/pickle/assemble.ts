import { Buffer } from 'node:buffer';
import type { Source } from '../../../../src/domain/base/source.ts';

/** Bytes as a `Source`, counting what is read. */
export function sourceOf(...parts: (Uint8Array | string)[]): Source & { bytesRead: number } {
  const bytes = bytesOf(...parts);
  return {
    size: bytes.length,
    bytesRead: 0,
    async read(offset, length) {
      this.bytesRead += length;
      return new Uint8Array(bytes.subarray(offset, offset + length));
    },
  };
}

/** Strings are taken as Latin-1, so that opcodes can be written as `\x8c\x02os`. */
export function bytesOf(...parts: (Uint8Array | string)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );
}

/** SHORT_BINUNICODE. */
export function text(value: string): Buffer {
  const utf8 = Buffer.from(value);
  return bytesOf('\x8c', Uint8Array.of(utf8.length), utf8);
}

export const PROTO2 = '\x80\x02';
export const PROTO4 = '\x80\x04';

export function global(module: string, name: string): Buffer {
  return bytesOf(`c${module}\n${name}\n`);
}

export function stackGlobal(module: string, name: string): Buffer {
  return bytesOf(text(module), text(name), '\x93');
}

/** A proto-2 pickle that would call `module.name(argument)`. */
export function callOf(module: string, name: string, argument = 'true'): Buffer {
  return bytesOf(PROTO2, global(module, name), text(argument), '\x85R.');
}
