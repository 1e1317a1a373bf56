import type { ComparePorts } from './compare.ts';
import type { Floats } from './views.ts';

/** Two models' tensor, read a part at a time. */
export interface Two {
  readonly a: Floats;
  readonly b: Floats;
  readonly elements: number;
  /** What both are cast to before. */
  readonly compute: string;
  readonly ports: ComparePorts;
}

async function* parts({ a, b, elements, compute, ports }: Two): AsyncGenerator<readonly [Float32Array, Float32Array]> {
  const step = ports.numbers.elements;
  for (let at = 0; at < elements; at += step) {
    const count = Math.min(step, elements - at);
    yield [cast(await a.read(at, count), compute, ports), cast(await b.read(at, count), compute, ports)];
    ports.signal?.throwIfAborted();
  }
}

function cast(values: Float32Array, compute: string, { numbers }: ComparePorts): Float32Array {
  if (compute !== 'F16' && compute !== 'BF16') return values;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const wide = numbers.convert(compute, 'F32', numbers.convert('F32', compute, bytes));
  return new Float32Array(wide.buffer, wide.byteOffset, values.length);
}

/**
 * The two factors of spherical interpolation, from the angle between the whole tensors.
 * @see mergekit 0.1.5, merge_methods/slerp.py
 */
export async function sphereOf(two: Two, t: number): Promise<readonly [number, number]> {
  let [both, own, other] = [0, 0, 0];
  for await (const [a, b] of parts(two))
    for (let at = 0; at < a.length; at++) {
      const [x, y] = [a[at] ?? 0, b[at] ?? 0];
      both += x * y;
      own += x * x;
      other += y * y;
    }
  const length = (square: number): number => (Math.sqrt(square) > 1e-8 ? Math.sqrt(square) : 1);
  const cosine = Math.min(1, Math.max(-1, both / length(own) / length(other)));
  if (Math.abs(cosine) > 0.9995) return [1 - t, t];
  const angle = Math.acos(cosine);
  return [Math.sin((1 - t) * angle) / Math.sin(angle), Math.sin(t * angle) / Math.sin(angle)];
}

const HALF = 1 << 16;

/**
 * The magnitude of the smallest of the changes b − a that are kept, where so great a part of them is: by two counts of their
 * bits, upper half and lower, so that memory does not grow with the tensor.
 * @see mergekit 0.1.5, sparsify.py `magnitude`
 */
export async function thresholdOf(two: Two, density: number): Promise<number> {
  if (density >= 1) return 0;
  if (density <= 0 || two.elements === 0) return Infinity;
  const kept = Math.max(1, Math.floor(density * two.elements));
  const upper = new Float64Array(HALF);
  for await (const bits of changes(two)) for (const each of bits) upper[each >>> 16] = (upper[each >>> 16] ?? 0) + 1;
  const high = fromAbove(upper, kept);
  const lower = new Float64Array(HALF);
  for await (const bits of changes(two))
    for (const each of bits) if (each >>> 16 === high.at) lower[each & 0xffff] = (lower[each & 0xffff] ?? 0) + 1;
  const low = fromAbove(lower, kept - high.above);
  return new Float32Array(Uint32Array.of(high.at * HALF + low.at).buffer)[0] ?? 0;
}

/** Magnitudes of the changes, as the bits of F32: in the order of the numbers. */
async function* changes(two: Two): AsyncGenerator<Uint32Array> {
  for await (const [a, b] of parts(two)) {
    const change = cast(
      b.map((value, at) => value - (a[at] ?? 0)),
      two.compute,
      two.ports,
    );
    const bits = new Uint32Array(change.buffer, change.byteOffset, change.length);
    yield bits.map((each) => each & 0x7fff_ffff);
  }
}

/** The bin in which the `wanted`-th from above is, and how many are above it. */
function fromAbove(counts: Float64Array, wanted: number): { readonly at: number; readonly above: number } {
  let above = 0;
  for (let at = counts.length - 1; at > 0; at--) {
    const here = counts[at] ?? 0;
    if (above + here >= wanted) return { at, above };
    above += here;
  }
  return { at: 0, above };
}
