import { invalid } from '../problem.ts';

/** Decodes LibLZF (h5py's `lzf`): runs of literals, and copies of what came before. @throws WeighmarkError `format-invalid`. */
export function decodeLzf(input: Uint8Array, maxBytes: number): Uint8Array {
  const out = new Uint8Array(maxBytes);
  let [at, length] = [0, 0];
  while (at < input.length) {
    const control = input[at++] ?? 0;
    if (control < 32) {
      const count = control + 1;
      if (length + count > maxBytes || at + count > input.length) throw invalid('a broken LZF stream');
      out.set(input.subarray(at, at + count), length);
      [at, length] = [at + count, length + count];
      continue;
    }
    const count = (control >> 5) + 2 + (control >> 5 === 7 ? (input[at++] ?? 0) : 0);
    const distance = (control & 31) * 256 + (input[at++] ?? 0) + 1;
    if (length + count > maxBytes || distance > length || at > input.length) throw invalid('a broken LZF stream');
    for (const end = length + count; length < end; length++) out[length] = out[length - distance] ?? 0;
  }
  return out.subarray(0, length);
}
