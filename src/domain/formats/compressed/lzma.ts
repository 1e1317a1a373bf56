/**
 * LZMA and LZMA2 decoding, and the .xz and .lzma containers around them (joblib writes both). Output is cut, not
 * refused, at `maxBytes`: what was decoded is judged, the rest is said to be unexamined.
 * @see https://tukaani.org/xz/xz-file-format.txt, the LZMA specification by Igor Pavlov
 */
export interface Decoded {
  readonly bytes: Uint8Array;
  /** False if the output was cut at the limit, or the stream is broken. */
  readonly complete: boolean;
}

interface Output {
  bytes: Uint8Array;
  length: number;
  readonly limit: number;
}

class Stop extends Error {}

interface RangeDecoder {
  readonly input: Uint8Array;
  at: number;
  range: number;
  code: number;
}

interface Model {
  readonly lc: number;
  readonly lp: number;
  readonly pb: number;
  readonly literal: Uint16Array;
  readonly match: Uint16Array;
  readonly rep: Uint16Array;
  readonly rep0: Uint16Array;
  readonly rep1: Uint16Array;
  readonly rep2: Uint16Array;
  readonly rep0Long: Uint16Array;
  readonly slots: Uint16Array;
  readonly special: Uint16Array;
  readonly align: Uint16Array;
  readonly lengths: Uint16Array;
  readonly repLengths: Uint16Array;
  state: number;
  reps: [number, number, number, number];
}

/**
 * Decodes .xz streams of LZMA2 blocks (other filters are refused) and .lzma streams ("LZMA alone"), one after another in any
 * order, as Python's `lzma.open` reads them on.
 */
export function decodeLzma(input: Uint8Array, maxBytes: number): Decoded {
  const out = newOutput(maxBytes);
  return guarded(out, () => {
    for (let at = 0, first = true; at + 12 <= input.length; first = false) {
      if (input[at] === 0xfd) at = xzStream(input, at, out);
      else if (first || isAlone(input, at)) at = aloneStream(input, at, out);
      else return;
    }
  });
}

/** Properties, a dictionary of any size, and a length that is unknown or below 256 GiB. */
function isAlone(input: Uint8Array, at: number): boolean {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (at + 18 > input.length || (input[at] ?? 255) >= 225) return false;
  const size = view.getBigUint64(at + 5, true);
  return size === 0xffff_ffff_ffff_ffffn || size < 1n << 38n;
}

function aloneStream(input: Uint8Array, at: number, out: Output): number {
  const size = new DataView(input.buffer, input.byteOffset, input.byteLength).getBigUint64(at + 5, true);
  const until = size === 0xffff_ffff_ffff_ffffn ? Number.POSITIVE_INFINITY : out.length + Number(size);
  const range = newRange(input, at + 13);
  decodeChunk(range, newModel(input[at] ?? 0), out, { until, base: out.length });
  return range.at;
}

function guarded(out: Output, run: () => void): Decoded {
  let complete = true;
  try {
    run();
  } catch (error) {
    if (!(error instanceof Stop) && !(error instanceof RangeError)) throw error;
    complete = false;
  }
  return { bytes: out.bytes.subarray(0, out.length), complete };
}

function newOutput(limit: number): Output {
  return { bytes: new Uint8Array(Math.min(limit, 1 << 16)), length: 0, limit };
}

function xzStream(input: Uint8Array, start: number, out: Output): number {
  let at = start + 12;
  while (at < input.length && input[at] !== 0) at = xzBlock(input, at, { start, out });
  return xzEnd(input, at, start);
}

const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64];

function xzBlock(input: Uint8Array, at: number, { start, out }: { start: number; out: Output }): number {
  const headerLength = ((input[at] ?? 0) + 1) * 4;
  const flags = input[at + 1] ?? 0;
  let cursor = at + 2;
  for (let sizes = ((flags >> 6) & 1) + ((flags >> 7) & 1); sizes > 0; sizes--) cursor = skipVarint(input, cursor);
  if ((flags & 3) !== 0 || input[cursor] !== 0x21) throw new Stop('a filter other than LZMA2');
  const dataStart = at + headerLength;
  const dataEnd = lzma2(input, dataStart, out);
  const padded = dataEnd + ((4 - ((dataEnd - dataStart) % 4)) % 4);
  return padded + (CHECK_BYTES[(input[start + 7] ?? 0) & 15] ?? 0);
}

/** After the index: footer and stream padding. */
function xzEnd(input: Uint8Array, index: number, start: number): number {
  for (let at = index; at + 1 < input.length; at++) {
    if (input[at] === 0x59 && input[at + 1] === 0x5a && (at + 2 - start) % 4 === 0) return skipZeros(input, at + 2);
  }
  return input.length;
}

function skipZeros(input: Uint8Array, start: number): number {
  let at = start;
  while (input[at] === 0) at++;
  return at;
}

function skipVarint(input: Uint8Array, start: number): number {
  let at = start;
  while (((input[at] ?? 0) & 0x80) !== 0 && at - start < 9) at++;
  return at + 1;
}

function lzma2(input: Uint8Array, start: number, out: Output): number {
  let at = start;
  let model: Model | null = null;
  const base = out.length;
  while (at < input.length) {
    const control = input[at] ?? 0;
    if (control === 0) return at + 1;
    const size = (((control & 0x1f) << 16) | ((input[at + 1] ?? 0) << 8) | (input[at + 2] ?? 0)) + 1;
    if (control < 0x80) {
      if (control > 2) throw new Stop('a bad LZMA2 chunk');
      const length = (((input[at + 1] ?? 0) << 8) | (input[at + 2] ?? 0)) + 1;
      for (let index = 0; index < length; index++) put(out, input[at + 3 + index] ?? 0);
      at += 3 + length;
      continue;
    }
    const packed = (((input[at + 3] ?? 0) << 8) | (input[at + 4] ?? 0)) + 1;
    const reset = (control >> 5) & 3;
    const headed = reset >= 2;
    if (headed) model = newModel(input[at + 5] ?? 0);
    else if (model === null) throw new Stop('LZMA2 without properties');
    else if (reset === 1) model = newModel((model.pb * 5 + model.lp) * 9 + model.lc);
    const data = at + (headed ? 6 : 5);
    decodeChunk(newRange(input, data), model, out, { until: out.length + size, base });
    at = data + packed;
  }
  throw new Stop('LZMA2 ends early');
}

function newRange(input: Uint8Array, at: number): RangeDecoder {
  const code =
    (((input[at + 1] ?? 0) << 24) |
      ((input[at + 2] ?? 0) << 16) |
      ((input[at + 3] ?? 0) << 8) |
      (input[at + 4] ?? 0)) >>>
    0;
  return { input, at: at + 5, range: 0xffff_ffff, code };
}

function newModel(properties: number): Model {
  if (properties >= 225) throw new Stop('impossible LZMA properties');
  const [lc, lp, pb] = [properties % 9, Math.floor(properties / 9) % 5, Math.floor(properties / 45)];
  const probabilities = (count: number): Uint16Array => new Uint16Array(count).fill(1024);
  return {
    lc,
    lp,
    pb,
    literal: probabilities(0x300 << (lc + lp)),
    match: probabilities(192),
    rep: probabilities(12),
    rep0: probabilities(12),
    rep1: probabilities(12),
    rep2: probabilities(12),
    rep0Long: probabilities(192),
    slots: probabilities(256),
    special: probabilities(128),
    align: probabilities(16),
    lengths: probabilities(514),
    repLengths: probabilities(514),
    state: 0,
    reps: [0, 0, 0, 0],
  };
}

function bit(range: RangeDecoder, table: Uint16Array, index: number): number {
  const probability = table[index] ?? 1024;
  const bound = (range.range >>> 11) * probability;
  const one = range.code >= bound;
  if (one) {
    range.range -= bound;
    range.code -= bound;
    table[index] = probability - (probability >> 5);
  } else {
    range.range = bound;
    table[index] = probability + ((2048 - probability) >> 5);
  }
  normalize(range);
  return one ? 1 : 0;
}

function normalize(range: RangeDecoder): void {
  if (range.range >= 0x100_0000) return;
  if (range.at >= range.input.length) throw new Stop('the LZMA stream ends early');
  range.range = (range.range << 8) >>> 0;
  range.code = ((range.code << 8) | (range.input[range.at++] ?? 0)) >>> 0;
}

function direct(range: RangeDecoder, count: number): number {
  let value = 0;
  for (let index = 0; index < count; index++) {
    range.range >>>= 1;
    const one = range.code >= range.range;
    if (one) range.code -= range.range;
    value = value * 2 + (one ? 1 : 0);
    normalize(range);
  }
  return value;
}

function tree(range: RangeDecoder, table: Uint16Array, place: { offset: number; bits: number }): number {
  let symbol = 1;
  for (let index = 0; index < place.bits; index++) symbol = (symbol << 1) | bit(range, table, place.offset + symbol);
  return symbol - (1 << place.bits);
}

function reverseTree(range: RangeDecoder, table: Uint16Array, place: { offset: number; bits: number }): number {
  let [symbol, value] = [1, 0];
  for (let index = 0; index < place.bits; index++) {
    const one = bit(range, table, place.offset + symbol);
    symbol = (symbol << 1) | one;
    value |= one << index;
  }
  return value;
}

function put(out: Output, byte: number): void {
  if (out.length >= out.limit) throw new Stop('the output limit');
  if (out.length >= out.bytes.length) {
    const grown = new Uint8Array(Math.min(out.limit, out.bytes.length * 2));
    grown.set(out.bytes);
    out.bytes = grown;
  }
  out.bytes[out.length++] = byte;
}

function decodeChunk(range: RangeDecoder, model: Model, out: Output, bounds: { until: number; base: number }): void {
  while (out.length < bounds.until) {
    const position = (out.length - bounds.base) & ((1 << model.pb) - 1);
    if (bit(range, model.match, (model.state << 4) + position) === 0) literal(range, model, out, bounds.base);
    else if (!copyMatch(range, model, out, { position, ...bounds })) return;
  }
}

function literal(range: RangeDecoder, model: Model, out: Output, base: number): void {
  const previous = out.length > base ? (out.bytes[out.length - 1] ?? 0) : 0;
  const context = (((out.length - base) & ((1 << model.lp) - 1)) << model.lc) + (previous >> (8 - model.lc));
  const offset = 0x300 * context;
  let symbol = 1;
  if (model.state >= 7) {
    let matched = out.bytes[out.length - model.reps[0] - 1] ?? 0;
    while (symbol < 0x100) {
      const expected = (matched >> 7) & 1;
      matched <<= 1;
      const one = bit(range, model.literal, offset + ((1 + expected) << 8) + symbol);
      symbol = (symbol << 1) | one;
      if (one !== expected) break;
    }
  }
  while (symbol < 0x100) symbol = (symbol << 1) | bit(range, model.literal, offset + symbol);
  put(out, symbol & 0xff);
  model.state = model.state < 4 ? 0 : model.state < 10 ? model.state - 3 : model.state - 6;
}

/** False at the end marker. */
function copyMatch(
  range: RangeDecoder,
  model: Model,
  out: Output,
  place: { position: number; until: number; base: number },
): boolean {
  const { state } = model;
  let length: number;
  if (bit(range, model.rep, state) === 0) {
    length = matchLength(range, model.lengths, place.position);
    model.state = state < 7 ? 7 : 10;
    model.reps = [matchDistance(range, model, length), model.reps[0], model.reps[1], model.reps[2]];
    if (model.reps[0] === 0xffff_ffff) return false;
  } else {
    if (chooseRep(range, model, place.position)) length = 1;
    else {
      length = matchLength(range, model.repLengths, place.position);
      model.state = state < 7 ? 8 : 11;
    }
  }
  const from = out.length - model.reps[0] - 1;
  if (from < place.base) throw new Stop('a match before the start');
  for (let index = 0; index < length && out.length < place.until; index++) put(out, out.bytes[from + index] ?? 0);
  return true;
}

/** Moves the repeated distance to the front; true for a single byte. */
function chooseRep(range: RangeDecoder, model: Model, position: number): boolean {
  const { state, reps } = model;
  if (bit(range, model.rep0, state) === 0) {
    if (bit(range, model.rep0Long, (state << 4) + position) === 1) return false;
    model.state = state < 7 ? 9 : 11;
    return true;
  }
  if (bit(range, model.rep1, state) === 0) model.reps = [reps[1], reps[0], reps[2], reps[3]];
  else if (bit(range, model.rep2, state) === 0) model.reps = [reps[2], reps[0], reps[1], reps[3]];
  else model.reps = [reps[3], reps[0], reps[1], reps[2]];
  return false;
}

/** Layout of a length coder: two choice bits, 16 low trees, 16 middle trees of 8, one high tree of 256. */
function matchLength(range: RangeDecoder, table: Uint16Array, position: number): number {
  if (bit(range, table, 0) === 0) return 2 + tree(range, table, { offset: 2 + position * 8, bits: 3 });
  if (bit(range, table, 1) === 0) return 10 + tree(range, table, { offset: 130 + position * 8, bits: 3 });
  return 18 + tree(range, table, { offset: 258, bits: 8 });
}

function matchDistance(range: RangeDecoder, model: Model, length: number): number {
  const slot = tree(range, model.slots, { offset: Math.min(length - 2, 3) * 64, bits: 6 });
  if (slot < 4) return slot;
  const bits = (slot >> 1) - 1;
  const start = (2 | (slot & 1)) * 2 ** bits;
  if (slot < 14) return start + reverseTree(range, model.special, { offset: start - slot, bits });
  return start + direct(range, bits - 4) * 16 + reverseTree(range, model.align, { offset: 0, bits: 4 });
}
