import { readFileSync } from 'node:fs';
import type { Blake3Tree } from '../../domain/digest/blake3-tree.ts';

/** Bytes read and hashed at a time: fits the second-level cache beside the kernel's own state. */
export const BUFFER_BYTES = 256 << 10;
const GROUP_BYTES = 16 << 10;
const CV_BYTES = 32;

/** One BLAKE3 hasher over one input buffer. Not re-entrant: finish one subtree before beginning the next. */
export interface Kernel extends Blake3Tree {
  /** Where input goes before `update` or `groups`. */
  readonly input: Uint8Array;
  /** Begins an aligned subtree that starts `offset` bytes into the whole. */
  begin(offset: number): void;
  update(length: number): void;
  finish(isRoot: boolean): Uint8Array;
  /** Chaining values, one after the other, of the 16 KiB groups of the input's first `length` bytes. */
  groups(offset: number, length: number): Uint8Array;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  input(): number;
  output(): number;
  begin(offset: bigint): void;
  update(length: number): void;
  finish(isRoot: number): void;
  groups(offset: bigint, length: number): void;
  merge(isRoot: number): void;
}

/** The part of the global that is used here; TypeScript declares it only for browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

let compiled: object | undefined;

/** A kernel of its own; instances share the compiled module and nothing else. */
export function createKernel(): Kernel {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./kernel/blake3.wasm', import.meta.url)));
  const wasm = new WebAssembly.Instance(compiled).exports as Exports;
  const input = new Uint8Array(wasm.memory.buffer, wasm.input(), BUFFER_BYTES);
  const output = new Uint8Array(wasm.memory.buffer, wasm.output(), (BUFFER_BYTES / GROUP_BYTES) * CV_BYTES);
  const finish = (isRoot: boolean) => (wasm.finish(isRoot ? 1 : 0), output.slice(0, CV_BYTES));
  const absorb = (bytes: Uint8Array, offset: number) => {
    wasm.begin(BigInt(offset));
    for (let at = 0; at < bytes.length; at += BUFFER_BYTES) {
      const piece = bytes.subarray(at, at + BUFFER_BYTES);
      input.set(piece);
      wasm.update(piece.length);
    }
  };
  return {
    input,
    begin: (offset) => wasm.begin(BigInt(offset)),
    update: (length) => wasm.update(length),
    finish,
    groups: (offset, length) => {
      wasm.groups(BigInt(offset), length);
      return output.slice(0, Math.ceil(length / GROUP_BYTES) * CV_BYTES);
    },
    digest: (bytes) => (absorb(bytes, 0), finish(true)),
    subtree: (bytes, offset) => (absorb(bytes, offset), finish(false)),
    parent: (left, right, isRoot) => {
      input.set(left);
      input.set(right, CV_BYTES);
      wasm.merge(isRoot ? 1 : 0);
      return output.slice(0, CV_BYTES);
    },
  };
}
