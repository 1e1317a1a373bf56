/** Bytes made of others, and of one number: the same seed and corpus give the same bytes. */
export function mutate(corpus: readonly Uint8Array[], dice: (limit: number) => number): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(corpus[dice(corpus.length)] ?? []);
  for (let times = 1 + dice(4); times > 0; times -= 1)
    bytes = (CHANGES[dice(CHANGES.length)] as Change)(bytes, dice, corpus).slice(0, MOST_BYTES);
  return bytes;
}

/** mulberry32. */
export function diceOf(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % Math.max(1, limit);
  };
}

type Change = (bytes: Uint8Array, dice: (limit: number) => number, corpus: readonly Uint8Array[]) => Uint8Array;

const MOST_BYTES = 64 << 10;
const EXTREMES = [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff, 0x22, 0x7b, 0x5b, 0x0a, 0x28];
const WORDS = [
  'null',
  '1e999',
  '-1',
  '9007199254740993',
  '"__proto__":',
  '\\u0000',
  '[[[[[[[[',
  '{"a":{"a":',
  '\n---\n',
  '%',
  '\u{1f600}',
  '(',
  '../',
  '0x',
  'sha256:',
];

function spliced(bytes: Uint8Array, at: number, cut: number, put: Uint8Array): Uint8Array {
  return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + cut)]);
}

const CHANGES: readonly Change[] = [
  (bytes, dice) => overwritten(bytes, dice, dice(256), 1),
  (bytes, dice) => overwritten(bytes, dice, EXTREMES[dice(EXTREMES.length)] ?? 0, 1 + dice(8)),
  (bytes, dice) => flipped(bytes, dice),
  (bytes, dice) => bytes.slice(0, dice(bytes.length + 1)),
  (bytes, dice) => spliced(bytes, dice(bytes.length + 1), 1 + dice(64), Buffer.alloc(0)),
  (bytes, dice) => spliced(bytes, dice(bytes.length + 1), 0, piece(bytes, dice)),
  (bytes, dice) => spliced(bytes, dice(bytes.length + 1), dice(4), Buffer.from(WORDS[dice(WORDS.length)] ?? '')),
  (bytes, dice, corpus) =>
    spliced(bytes, dice(bytes.length + 1), dice(64), piece(corpus[dice(corpus.length)] ?? bytes, dice)),
  (bytes, dice) => numberChanged(bytes, dice),
];

function overwritten(bytes: Uint8Array, dice: (limit: number) => number, value: number, count: number): Uint8Array {
  const at = dice(bytes.length);
  return Uint8Array.from(bytes).fill(value, at, at + count);
}

function flipped(bytes: Uint8Array, dice: (limit: number) => number): Uint8Array {
  if (bytes.length === 0) return bytes;
  const at = dice(bytes.length);
  return bytes.with(at, (bytes[at] ?? 0) ^ (1 << dice(8)));
}

function piece(of: Uint8Array, dice: (limit: number) => number): Uint8Array {
  const at = dice(of.length);
  return of.slice(at, at + 1 + dice(128));
}

/** A number of the width of a length or an offset, nearly what it was or an extreme. */
function numberChanged(bytes: Uint8Array, dice: (limit: number) => number): Uint8Array {
  const width = [1, 2, 4, 8][dice(4)] ?? 1;
  if (bytes.length < width) return bytes;
  const [result, at] = [Buffer.from(bytes), dice(bytes.length - width + 1)];
  const value = dice(2) === 0 ? BigInt(dice(3) - 1) : BigInt(dice(1 << 16));
  const low = BigInt.asUintN(width * 8, value);
  for (let index = 0; index < width; index += 1) result[at + index] = Number((low >> BigInt(8 * index)) & 0xffn);
  return result;
}
