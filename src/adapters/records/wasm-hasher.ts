import { readFileSync } from 'node:fs';
import { digest, type BulkHasher, type HashKey } from '../../domain/records/blake3.ts';

const ARENA_BYTES = 1 << 20;
const MESSAGES = 1 << 15;

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  arena(): number;
  ends(): number;
  hashes(): number;
  hash(count: number, flag: number): void;
}

/** The part of the global that is used here; TypeScript declares it only for browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/** Four messages at a time, by `kernel/src/wasm.rs`. */
export function createWasmHasher(): BulkHasher {
  const bytes = readFileSync(new URL('./kernel/records.wasm', import.meta.url));
  const wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Exports;
  const [arenaAt, endsAt, hashesAt] = [wasm.arena(), wasm.ends(), wasm.hashes()];
  /** One call: memory may have grown since the last one. */
  const call = (key: HashKey, arena: Uint8Array, ends: Uint32Array): Uint8Array => {
    const { buffer } = wasm.memory;
    new Uint8Array(buffer, arenaAt, ARENA_BYTES).set(arena);
    new Uint32Array(buffer, endsAt, MESSAGES).set(ends);
    new Uint32Array(buffer, hashesAt, 8).set(key.words);
    wasm.hash(ends.length, key.flag);
    return new Uint8Array(wasm.memory.buffer, hashesAt, 32 * ends.length);
  };
  return { hash: (key, arena, ends) => inPieces(call, { key, arena, ends }) };
}

type Call = (key: HashKey, arena: Uint8Array, ends: Uint32Array) => Uint8Array;

interface Messages {
  readonly key: HashKey;
  readonly arena: Uint8Array;
  readonly ends: Uint32Array;
}

/** As many messages as fit into one call; one that alone does not is hashed here. */
function inPieces(call: Call, { key, arena, ends }: Messages): Uint8Array {
  const out = new Uint8Array(32 * ends.length);
  for (let from = 0; from < ends.length;) {
    const start = from === 0 ? 0 : (ends[from - 1] as number);
    const to = pieceEnd(ends, from, start);
    if (to === from) {
      out.set(digest(key, arena.subarray(start, ends[from])), 32 * from);
      from += 1;
      continue;
    }
    const piece = arena.subarray(start, ends[to - 1]);
    const own = start === 0 ? ends.subarray(from, to) : ends.subarray(from, to).map((end) => end - start);
    out.set(call(key, piece, own), 32 * from);
    from = to;
  }
  return out;
}

function pieceEnd(ends: Uint32Array, from: number, start: number): number {
  const limit = Math.min(ends.length, from + MESSAGES);
  if (limit > from && (ends[limit - 1] as number) - start <= ARENA_BYTES) return limit;
  let to = from;
  while (to < limit && (ends[to] as number) - start <= ARENA_BYTES) to += 1;
  return to;
}
