import { Buffer } from 'node:buffer';
import { madeOnce } from '../base/made-once.ts';

/** A key of BLAKE3: eight words in place of the initial values, and the flag that says what they are. */
export interface HashKey {
  readonly words: Uint32Array;
  readonly flag: number;
}

/** Digests of many short messages. The plain one is the reference; adapters bring faster ones. */
export interface BulkHasher {
  /** 32 bytes a message; message i ends at `ends[i]` in `arena` and begins where the one before it ends. */
  hash(key: HashKey, arena: Uint8Array, ends: Uint32Array): Uint8Array;
}

const IV = new Uint32Array([
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
const [CHUNK_START, CHUNK_END, PARENT, ROOT] = [1, 2, 4, 8];
const [KEYED, CONTEXT, MATERIAL] = [16, 32, 64];
const [BLOCK, CHUNK] = [64, 1024];
const ORDER = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
const SCHEDULE = new Uint8Array(7 * 16);
for (let at = 0; at < SCHEDULE.length; at += 1)
  SCHEDULE[at] = at < 16 ? at : (SCHEDULE[at - 16 - (at % 16) + (ORDER[at % 16] as number)] as number);

/** BLAKE3 of a file, as `b3sum` prints it. */
export const PLAIN: HashKey = { words: IV, flag: 0 };

/** `derive_key(context, …)`: the key that hashes for this one purpose alone (BLAKE3 paper, 2.3). */
export function contextKey(context: string): HashKey {
  const words = madeOnce(() => wordsOf(digest({ words: IV, flag: CONTEXT }, Buffer.from(context))));
  return {
    get words() {
      return words();
    },
    flag: MATERIAL,
  };
}

/** `keyed_hash` under 32 secret bytes. */
export function secretKey(bytes: Uint8Array): HashKey {
  return { words: wordsOf(bytes), flag: KEYED };
}

/**
 * BLAKE3 of one message, 32 bytes: the reference that everything faster is held to.
 * @see https://github.com/BLAKE3-team/BLAKE3-specs/blob/master/blake3.pdf
 */
export function digest(key: HashKey, message: Uint8Array): Uint8Array {
  const stack: Uint32Array[] = [];
  const chunks = Math.max(1, Math.ceil(message.length / CHUNK));
  for (let index = 0; index < chunks - 1; index += 1) {
    let value = chunkValue(key, message, index, 0);
    for (let count = index + 1; count % 2 === 0; count /= 2) value = parent(key, stack.pop() as Uint32Array, value, 0);
    stack.push(value);
  }
  let value = chunkValue(key, message, chunks - 1, stack.length === 0 ? ROOT : 0);
  while (stack.length > 0) value = parent(key, stack.pop() as Uint32Array, value, stack.length === 0 ? ROOT : 0);
  return bytesOf(value);
}

export const plainHasher: BulkHasher = {
  hash(key, arena, ends) {
    const out = new Uint8Array(32 * ends.length);
    let start = 0;
    ends.forEach((end, index) => {
      out.set(digest(key, arena.subarray(start, end)), 32 * index);
      start = end;
    });
    return out;
  },
};

function chunkValue(key: HashKey, message: Uint8Array, index: number, root: number): Uint32Array {
  const chunk = message.subarray(index * CHUNK, index * CHUNK + CHUNK);
  const blocks = Math.max(1, Math.ceil(chunk.length / BLOCK));
  let value = key.words;
  for (let block = 0; block < blocks; block += 1) {
    const bytes = chunk.subarray(block * BLOCK, block * BLOCK + BLOCK);
    const last = block === blocks - 1;
    const flags = key.flag | (block === 0 ? CHUNK_START : 0) | (last ? CHUNK_END | root : 0);
    value = compress(value, wordsOf(bytes, 16), { counter: index, length: bytes.length, flags });
  }
  return value;
}

function parent(key: HashKey, left: Uint32Array, right: Uint32Array, root: number): Uint32Array {
  const words = new Uint32Array(16);
  words.set(left);
  words.set(right, 8);
  return compress(key.words, words, { counter: 0, length: BLOCK, flags: key.flag | PARENT | root });
}

interface Tweak {
  readonly counter: number;
  readonly length: number;
  readonly flags: number;
}

function compress(chaining: Uint32Array, block: Uint32Array, { counter, length, flags }: Tweak): Uint32Array {
  const v = new Uint32Array(16);
  v.set(chaining);
  v.set(IV.subarray(0, 4), 8);
  v.set([counter >>> 0, Math.floor(counter / 2 ** 32), length, flags], 12);
  for (let round = 0; round < 7; round += 1) {
    for (let step = 0; step < 8; step += 1) {
      const at = round * 16 + step * 2;
      const x = block[SCHEDULE[at] as number] as number;
      mix(v, step, x, block[SCHEDULE[at + 1] as number] as number);
    }
  }
  return v.subarray(0, 8).map((word, index) => word ^ (v[index + 8] as number));
}

/** The four columns, then the four diagonals. */
function mix(v: Uint32Array, step: number, x: number, y: number): void {
  const a = step % 4;
  const turn = step < 4 ? 0 : 1;
  const [b, c, d] = [4 + ((a + turn) % 4), 8 + ((a + 2 * turn) % 4), 12 + ((a + 3 * turn) % 4)];
  half(v, [a, b, c, d], x, 16);
  half(v, [a, b, c, d], y, 8);
}

function half(v: Uint32Array, [a, b, c, d]: readonly [number, number, number, number], word: number, turn: number) {
  v[a] = (v[a] as number) + (v[b] as number) + word;
  v[d] = rotate((v[d] as number) ^ v[a], turn);
  v[c] = (v[c] as number) + v[d];
  v[b] = rotate((v[b] as number) ^ v[c], turn === 16 ? 12 : 7);
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** Little-endian words: eight of a key, sixteen of a block, which may be short. */
function wordsOf(bytes: Uint8Array, count = 8): Uint32Array {
  const words = new Uint32Array(count);
  bytes.forEach((byte, at) => (words[at >> 2] = (words[at >> 2] as number) | (byte << (8 * (at & 3)))));
  return words;
}

function bytesOf(words: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(32);
  words.forEach((word, at) => new DataView(bytes.buffer).setUint32(4 * at, word, true));
  return bytes;
}
