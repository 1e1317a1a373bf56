/** What was found of codes whose scale stands beside them. */
export interface Packed {
  /** Codes that are not the nearest to the parent's value, and the first element of them. */
  readonly beyond: number;
  readonly first: number;
  /** Codes that are as near as the nearest, but not those that were computed. */
  readonly open: number;
  /** Scales that are not those of the parent's values, and such that no quantiser of this kind picks. */
  readonly scales: number;
  readonly odd: number;
}

export const NOTHING: Packed = { beyond: 0, first: 0, open: 0, scales: 0, odd: 0 };

export function together(a: Packed, b: Packed): Packed {
  return {
    beyond: a.beyond + b.beyond,
    first: a.beyond > 0 ? a.first : b.first,
    open: a.open + b.open,
    scales: a.scales + b.scales,
    odd: a.odd + b.odd,
  };
}

const f32 = Math.fround;

/** bitsandbytes 0.50.2: the sixteen values of NF4 (QLoRA, Dettmers et al. 2023, appendix E) and FP4. */
export const TABLES: Readonly<Record<string, readonly number[]>> = {
  nf4: [
    -1, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1,
  ],
  fp4: [
    0, 0.0052083334885537624, 0.6666666865348816, 1, 0.3333333432674408, 0.5, 0.1666666716337204, 0.25, 0,
    -0.0052083334885537624, -0.6666666865348816, -1, -0.3333333432674408, -0.5, -0.1666666716337204, -0.25,
  ],
};

/** What two libraries may differ by where a value lies between two codes. */
const GAP = 1e-6;

/** How far an entry is from the nearest one of a table: 0 for the nearest itself. */
function gapOf(table: readonly number[], value: number, code: number): number {
  let least = Infinity;
  for (const entry of table) least = Math.min(least, Math.abs(value - entry));
  return Math.abs(value - (table[code] ?? Infinity)) - least;
}

/**
 * Blocks of 4-bit codes, the high one of a byte first, whose scale is the greatest magnitude of the block.
 * @param values the parent's, whole blocks; `scales` as stored, or null where they are codes themselves.
 */
export function fourBits(
  table: readonly number[],
  block: number,
  {
    values,
    codes,
    scales,
    start,
  }: { values: Float32Array; codes: Uint8Array; scales: Float32Array | null; start: number },
): Packed & { readonly greatest: Float32Array } {
  let found = NOTHING;
  const greatest = new Float32Array(Math.ceil(values.length / block));
  for (let at = 0; at < values.length; at += block) {
    const part = values.subarray(at, at + block);
    const most = part.reduce((so, value) => Math.max(so, Math.abs(value)), 0);
    greatest[at / block] = most;
    if (scales !== null && scales[at / block] !== most)
      found = { ...found, scales: found.scales + 1, odd: found.odd + 1 };
    // The codes of a block of zeros carry no value.
    for (let index = 0; index < (most > 0 ? part.length : 0); index++) {
      const byte = codes[(at + index) >> 1] ?? 0;
      const gap = gapOf(table, (part[index] ?? 0) / most, (at + index) % 2 === 0 ? byte >> 4 : byte & 15);
      if (gap <= 0) continue;
      found = together(
        found,
        gap <= GAP ? { ...NOTHING, open: 1 } : { ...NOTHING, beyond: 1, first: start + at + index },
      );
    }
  }
  return { ...found, greatest };
}

/**
 * The 256 values of bitsandbytes' dynamic 8-bit type.
 * @see bitsandbytes 0.50.2, functional.py `create_dynamic_map`; Dettmers, 8-Bit Approximations for Parallelism, 2015
 */
export function dynamicMap(): readonly number[] {
  const values = [0, 1];
  for (let power = 0; power < 7; power++) {
    const count = 2 ** power;
    for (let at = 0; at < count; at++) {
      const value = 10 ** (power - 6) * (0.1 + (0.9 * (at + 0.5)) / count);
      values.push(value, -value);
    }
  }
  return values.toSorted((a, b) => a - b);
}

const NESTED = 256;

/** Scales that are kept as codes of that type themselves: each the nearest, around their mean. */
export function nestedScales(
  greatest: Float32Array,
  { codes, absmax, offset }: { codes: Uint8Array; absmax: Float32Array; offset: number },
): Packed {
  const table = dynamicMap();
  const mean = greatest.reduce((sum, each) => sum + each, 0) / Math.max(1, greatest.length);
  let [scales, odd] = [0, Math.abs(mean - offset) > 1e-5 * Math.abs(mean) ? 1 : 0];
  for (let at = 0; at < greatest.length; at += NESTED) {
    const part = greatest.subarray(at, at + NESTED);
    const most = part.reduce((so, each) => Math.max(so, Math.abs(each - offset)), 0);
    const stored = absmax[at / NESTED] ?? Number.NaN;
    if (!(Math.abs(stored - most) <= 1e-5 * most + 1e-30)) odd++;
    part.forEach((each, index) => {
      if (most > 0 && gapOf(table, (each - offset) / most, codes[at + index] ?? 0) > 1e-5) odd++;
    });
  }
  scales += odd;
  return { ...NOTHING, scales, odd };
}

/**
 * bitsandbytes' 8-bit codes under one scale, which is the greatest magnitude: values are multiplied by 127 over it. It is judged
 * by `eightBitScale` once all of them were seen.
 */
export function eightBits(
  scale: number,
  { values, codes, start }: { values: Float32Array; codes: Int8Array; start: number },
): Packed {
  const factor = f32(127 / scale);
  let [beyond, first, open] = [0, 0, 0];
  for (let at = 0; at < values.length; at++) {
    const value = values[at] ?? 0;
    const held = Math.min(127, Math.max(-127, f32(value * factor)));
    const away = Math.abs(held - (codes[at] ?? 0));
    if (away < 0.5 || (away === 0.5 && evenOf(held) === codes[at])) continue;
    if (away <= 0.5 + 1e-4) open++;
    else if (beyond++ === 0) first = start + at;
  }
  return { ...NOTHING, beyond, first, open };
}

function evenOf(half: number): number {
  const below = Math.floor(half);
  return below % 2 === 0 ? below : below + 1;
}

/** Whether a scale is the one of the greatest magnitude, and whether it may be one at all: none so great that codes are lost. */
export function eightBitScale(scale: number, greatest: number): Pick<Packed, 'scales' | 'odd'> {
  if (greatest === 0) return { scales: 0, odd: 0 };
  const reached = (greatest / scale) * 127;
  const odd = !(reached >= 100 && reached <= 2048);
  return { scales: scale === greatest ? 0 : 1, odd: odd ? 1 : 0 };
}

const PARTS =
  /^(.+?)(?:\.(?:qweight|qzeros|scales|g_idx|weight_packed|weight_shape|weight_scale(?:_inv|_2)?|weight_zero_point|weight_g_idx|weight_global_scale|(?:input|output)(?:_global)?_scale|(?:input|output)_zero_point|[uv]_(?:input|output)\.weight|weight:\w+|weight\.(?:nested_)?(?:absmax|quant_map)|weight\.quant_state\.[\w]+|SCB|weight_format)|_(?:quantized|scale|zero_point))$/;

/**
 * The weight that a tensor of an unknown packing belongs to: GPTQ's `qweight`, compressed-tensors' `weight_packed`, ONNX Runtime's
 * `_quantized` and so on. Null for what looks like none: what it was packed from is not known, so nothing is said of it.
 */
export function packedInto(name: string, isParent: (name: string) => boolean): string | null {
  const [, stem = ''] = PARTS.exec(name) ?? [];
  return [`${stem}.weight`, stem].find((each) => stem !== '' && isParent(each)) ?? null;
}
