/** Distances below this are in the token's own 13 bits; further ones follow in two bytes of their own. */
const NEAR = 8191;
const SHORTEST = 3;

/**
 * Decodes one stream of BloscLZ into the whole of `out`; false where it is broken or of another length.
 * @see https://github.com/Blosc/c-blosc/blob/main/blosc/blosclz.c
 */
export function decodeBlosclz(input: Uint8Array, out: Uint8Array): boolean {
  let [at, length] = [0, 0];
  // The first token is always of literals: its upper bits mean nothing.
  for (let token = (input[at++] ?? 0) & 31; ; token = input[at++] ?? 0) {
    if (token < 32) {
      const literals = token + 1;
      if (at + literals > input.length || length + literals > out.length) return false;
      out.set(input.subarray(at, at + literals), length);
      [at, length] = [at + literals, length + literals];
    } else {
      let count = token >> 5;
      if (count === 7) for (let more = 255; more === 255 && at < input.length;) count += more = input[at++] ?? 0;
      count += SHORTEST - 1;
      let distance = ((token & 31) << 8) + (input[at++] ?? 0);
      if (distance === NEAR) distance += ((input[at++] ?? 0) << 8) + (input[at++] ?? 0);
      distance += 1;
      if (at > input.length || distance > length || length + count > out.length) return false;
      for (let index = 0; index < count; index++, length++) out[length] = out[length - distance] ?? 0;
    }
    if (at >= input.length) return length === out.length;
  }
}
