const BLOCK = 128;
/** Initial vector, low halves first. @see RFC 7693, 2.6 */
const IV = Uint32Array.of(
  0xf3bcc908,
  0x6a09e667,
  0x84caa73b,
  0xbb67ae85,
  0xfe94f82b,
  0x3c6ef372,
  0x5f1d36f1,
  0xa54ff53a,
  0xade682d1,
  0x510e527f,
  0x2b3e6c1f,
  0x9b05688c,
  0xfb41bd6b,
  0x1f83d9ab,
  0x137e2179,
  0x5be0cd19,
);
/** The message schedule, a hex digit a word. @see RFC 7693, 2.7 */
const SIGMA = [
  '0123456789abcdef',
  'ea489fd61c02b753',
  'b8c052fdae367194',
  '7931dcbe265a40f8',
  '905724afe1bc683d',
  '2c6a0b834d75fe19',
  'c51fed4a0763928b',
  'db7ec13950f4862a',
  '6fe9b308c2d714a5',
  'a2847615fb9e3cd0',
].map((row) => Uint8Array.from(row, (digit) => 2 * Number.parseInt(digit, 16)));
/** The words each of the eight steps of a round mixes: four columns, four diagonals. */
const STEPS = ['048c', '159d', '26ae', '37bf', '05af', '16bc', '278d', '349e'].map((row) =>
  Uint8Array.from(row, (digit) => 2 * Number.parseInt(digit, 16)),
);

const NONE = new Uint8Array(16);

/** BLAKE2b with 32 bytes of digest (`b2sum -l 256`), which Node's own library does not give. 64-bit words as two halves. */
export class Blake2b256 {
  readonly #state = Uint32Array.from(IV);
  readonly #words = new Uint32Array(32);
  readonly #mixed = new Uint32Array(32);
  readonly #block = new Uint8Array(BLOCK);
  #filled = 0;
  #length = 0;

  constructor() {
    this.#state[0] = (this.#state[0] ?? 0) ^ 0x0101_0020;
  }

  update(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      if (this.#filled === BLOCK) this.#compress(false);
      const taken = Math.min(BLOCK - this.#filled, bytes.length - at);
      this.#block.set(bytes.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      this.#length += taken;
      at += taken;
    }
  }

  /** Lower-case hex; nothing may be added afterwards. */
  hex(): string {
    this.#block.fill(0, this.#filled);
    this.#compress(true);
    const bytes = Buffer.alloc(32);
    for (let index = 0; index < 8; index++) bytes.writeUInt32LE(this.#state[index] ?? 0, index * 4);
    return bytes.toString('hex');
  }

  #compress(last: boolean): void {
    const [state, mixed, words] = [this.#state, this.#mixed, this.#words];
    const view = new DataView(this.#block.buffer);
    for (let index = 0; index < 32; index++) words[index] = view.getUint32(index * 4, true);
    mixed.set(state);
    mixed.set(IV, 16);
    mixed[24] = (mixed[24] ?? 0) ^ (this.#length >>> 0);
    mixed[25] = (mixed[25] ?? 0) ^ Math.floor(this.#length / 2 ** 32);
    if (last) for (const index of [28, 29]) mixed[index] = ~(mixed[index] ?? 0);
    for (let round = 0; round < 12; round++) {
      const schedule = SIGMA[round % 10] ?? NONE;
      for (let step = 0; step < 8; step++)
        mix(mixed, STEPS[step] ?? NONE, words, [schedule[2 * step] ?? 0, schedule[2 * step + 1] ?? 0]);
    }
    for (let index = 0; index < 16; index++)
      state[index] = (state[index] ?? 0) ^ (mixed[index] ?? 0) ^ (mixed[index + 16] ?? 0);
    this.#filled = 0;
  }
}

/** The function G of RFC 7693, 3.1, on the words at `places`. */
function mix(v: Uint32Array, places: Uint8Array, words: Uint32Array, [x, y]: readonly [number, number]): void {
  const [a = 0, b = 0, c = 0, d = 0] = places;
  add(v, a, v, b);
  add(v, a, words, x);
  turn(v, d, a, 32);
  add(v, c, v, d);
  turn(v, b, c, 24);
  add(v, a, v, b);
  add(v, a, words, y);
  turn(v, d, a, 16);
  add(v, c, v, d);
  turn(v, b, c, 63);
}

function add(to: Uint32Array, at: number, from: Uint32Array, other: number): void {
  const low = (to[at] ?? 0) + (from[other] ?? 0);
  to[at + 1] = (to[at + 1] ?? 0) + (from[other + 1] ?? 0) + (low > 0xffff_ffff ? 1 : 0);
  to[at] = low;
}

/** `v[at] = (v[at] ^ v[other]) >>> bits`, around. */
function turn(v: Uint32Array, at: number, other: number, bits: number): void {
  const low = (v[at] ?? 0) ^ (v[other] ?? 0);
  const high = (v[at + 1] ?? 0) ^ (v[other + 1] ?? 0);
  const [first, second, by] = bits >= 32 ? [high, low, bits - 32] : [low, high, bits];
  v[at] = by === 0 ? first : (first >>> by) | (second << (32 - by));
  v[at + 1] = by === 0 ? second : (second >>> by) | (first << (32 - by));
}
