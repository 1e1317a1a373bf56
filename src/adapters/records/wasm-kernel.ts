import { readFileSync } from 'node:fs';
import type { HashKey } from '../../domain/records/blake3.ts';
import type { Branch, SetHasher, SetPart } from '../../domain/records/trie.ts';

/** Of one call: more would leave the cache. */
const [ARENA_BYTES, MESSAGES] = [1 << 20, 1 << 15];

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  input(bytes: number): number;
  numbers(count: number): number;
  hashes(): number;
  hash(count: number, flag: number): void;
  read_lines(how: number, keyed: number): void;
  lines(bytes: number, base: number): number;
  offsets(): number;
  columns(): number;
  columns_at(): number;
  branches(count: number, weighted: number, skip: number, depth: number): void;
}

/** The part of the global that is used here; TypeScript declares it only for browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** What a reader of lines found in one stretch. */
export interface FoundLines {
  readonly hashes: Uint8Array;
  /** Where record `at` begins in its file. */
  offset(at: number): number;
}

export interface LineReader {
  /** Whole lines, the first of which begins at `base` in its file. null: a record is refused. */
  read(bytes: readonly Uint8Array[], base: number): FoundLines | null;
  /** Names of columns with the bits of their tags, of all lines so far. */
  columns(): ReadonlyMap<string, number>;
}

export interface WasmKernel extends SetHasher {
  /** Each in a memory of its own: several files may be read at once. @param secret null: records are hashed in the open. */
  readLines(how: 'text' | 'json' | 'json as text', secret: Uint8Array | null): LineReader;
}

/** `kernel/src/wasm.rs`: the native kernel's own source, four hashes at a time. */
export function createWasmKernel(): WasmKernel {
  const bytes = readFileSync(new URL('./kernel/records.wasm', import.meta.url));
  const module = new WebAssembly.Module(bytes);
  const instance = (): Exports => new WebAssembly.Instance(module).exports as Exports;
  const wasm = instance();
  return {
    hash: (key, arena, ends) => hashInPieces(wasm, { key, arena, ends }),
    branches: (part) => branchesOf(wasm, part),
    readLines: (how, secret) => lineReader(instance(), how, secret),
  };
}

/** Addresses are asked for in each call: memory may have grown since the last one. */
function bytesAt(wasm: Exports, address: number, length: number): Uint8Array {
  return new Uint8Array(wasm.memory.buffer, address, length);
}

function wordsAt(wasm: Exports, address: number, length: number): Uint32Array {
  return new Uint32Array(wasm.memory.buffer, address, length);
}

interface Messages {
  readonly key: HashKey;
  readonly arena: Uint8Array;
  readonly ends: Uint32Array;
}

/** As many messages as fit into one call, or one that alone does not. */
function hashInPieces(wasm: Exports, { key, arena, ends }: Messages): Uint8Array {
  const out = new Uint8Array(32 * ends.length);
  for (let from = 0; from < ends.length;) {
    const start = from === 0 ? 0 : (ends[from - 1] as number);
    const to = pieceEnd(ends, from, start);
    const piece = arena.subarray(start, ends[to - 1]);
    const input = wasm.input(piece.length);
    bytesAt(wasm, input, piece.length).set(piece);
    const numbers = wasm.numbers(to - from);
    const own = wordsAt(wasm, numbers, to - from);
    for (let at = from; at < to; at += 1) own[at - from] = (ends[at] as number) - start;
    wordsAt(wasm, wasm.hashes(), 8).set(key.words);
    wasm.hash(to - from, key.flag);
    out.set(bytesAt(wasm, wasm.hashes(), 32 * (to - from)), 32 * from);
    from = to;
  }
  return out;
}

function pieceEnd(ends: Uint32Array, from: number, start: number): number {
  const limit = Math.min(ends.length, from + MESSAGES);
  if ((ends[limit - 1] as number) - start <= ARENA_BYTES) return limit;
  let to = from + 1;
  while (to < limit && (ends[to] as number) - start <= ARENA_BYTES) to += 1;
  return to;
}

function branchesOf(wasm: Exports, { hashes, weights, skip, depth }: SetPart): ReturnType<SetHasher['branches']> {
  const [count, width] = [hashes.length / 32, 2 ** (depth - skip)];
  const input = wasm.input(hashes.length);
  bytesAt(wasm, input, hashes.length).set(hashes);
  const given = wasm.numbers(count + width);
  if (weights !== null) wordsAt(wasm, given, count).set(weights);
  wasm.branches(count, weights === null ? 0 : 1, skip, depth);
  const numbers = wordsAt(wasm, wasm.numbers(count + width), count + width);
  const values = bytesAt(wasm, wasm.hashes(), 32 * width);
  const branches = Array.from({ length: width }, (_, at): Branch => {
    return { hash: values.slice(32 * at, 32 * at + 32), distinct: numbers[count + at] as number };
  });
  return { order: numbers.slice(0, count), branches };
}

const HOW = { text: 0, json: 1, 'json as text': 2 };

function lineReader(wasm: Exports, how: keyof typeof HOW, secret: Uint8Array | null): LineReader {
  if (secret !== null) bytesAt(wasm, wasm.hashes(), 32).set(secret);
  wasm.read_lines(HOW[how], secret === null ? 0 : 1);
  return {
    read: (pieces, base) => {
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
      let at = wasm.input(length);
      for (const piece of pieces) {
        bytesAt(wasm, at, piece.length).set(piece);
        at += piece.length;
      }
      const count = wasm.lines(length, base);
      if (count < 0) return null;
      const halves = wordsAt(wasm, wasm.offsets(), 2 * count).slice();
      return {
        hashes: bytesAt(wasm, wasm.hashes(), 32 * count).slice(),
        offset: (record) => (halves[2 * record + 1] as number) * 2 ** 32 + (halves[2 * record] as number),
      };
    },
    columns: () => {
      const length = wasm.columns();
      return columnsOf(Buffer.from(bytesAt(wasm, wasm.columns_at(), length)));
    },
  };
}

function columnsOf(bytes: Buffer): ReadonlyMap<string, number> {
  const columns = new Map<string, number>();
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++] as number;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const end = number() + at;
    const name = bytes.toString('utf8', at, end);
    at = end;
    columns.set(name, number());
  }
  return columns;
}
