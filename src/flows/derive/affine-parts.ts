import type { CodeKind } from '../../domain/derive/affine.ts';
import { elementsOf } from '../../domain/formats/tensors.ts';
import { transposed, reshaped, type View } from '../../domain/derive/view.ts';
import type { OpenTensor } from './side.ts';

/** A weight whose codes and scales are tensors of their own, as torchao, compressed-tensors and ONNX Runtime keep it. */
export interface AffineWeight {
  /** The parent's name of it. */
  readonly name: string;
  readonly kind: CodeKind;
  readonly codes: OpenTensor;
  /** Of codes below a byte, or that lie in words. */
  readonly bits?: Bits;
  /**
   * How they are packed, the first one in the lowest bits: `words` of 32 bits, with codes kept above zero; `bytes`; or `columns`: each
   * column of the parent in blocks one after the other, the last one filled up (ONNX's MatMulNBits).
   */
  readonly packing?: 'words' | 'bytes' | 'columns';
  /** The range is the same on both sides of zero (TFLite). */
  readonly symmetric?: true;
  /** They lie in the order of the parent's transpose. */
  readonly turned?: true;
  readonly scale: OpenTensor;
  readonly zero?: OpenTensor;
  readonly shape?: OpenTensor;
}

export type Bits = 2 | 4 | 8;
type ByName = ReadonlyMap<string, OpenTensor>;

/** Names of the parts; `columns` where they are a MatMulNBits' of so many bits. */
interface Parts {
  readonly codes: string;
  readonly scale: string;
  readonly zero: string;
  readonly shape?: string;
  readonly packing?: 'words' | 'columns';
  readonly bits?: Bits;
  /** A scale a row may be one a row of the transpose. */
  readonly turns?: true;
}

const KINDS: Readonly<Record<string, CodeKind>> = { I8: 'signed', U8: 'unsigned', F8_E4M3: 'eighth' };
/** Below a byte. */
const SMALL: Readonly<Record<string, { readonly kind: CodeKind; readonly bits: Bits }>> = {
  I4: { kind: 'signed', bits: 4 },
  U4: { kind: 'unsigned', bits: 4 },
  I2: { kind: 'signed', bits: 2 },
  U2: { kind: 'unsigned', bits: 2 },
};

/** How each library names the parts of the weight that the parent calls `name`. */
const NAMINGS: readonly ((name: string) => Parts)[] = [
  (name) => {
    const [, module = '', leaf = name] = /^(.*\.)?([^.]+)$/.exec(name) ?? [];
    const part = (which: string): string => `${module}_${leaf}_${which}`;
    return { codes: part('qdata'), scale: part('scale'), zero: part('zero_point') };
  },
  (name) => ({
    codes: `${name}_packed`,
    scale: `${name}_scale`,
    zero: `${name}_zero_point`,
    shape: `${name}_shape`,
    packing: 'words',
  }),
  (name) => ({ codes: name, scale: `${name}_scale`, zero: `${name}_zero_point` }),
  (name) => ({ codes: name, scale: `${name}_scale_inv`, zero: `${name}_zero_point` }),
  (name) => ({ codes: `${name}_quantized`, scale: `${name}_scale`, zero: `${name}_zero_point` }),
  ...([2, 4, 8] as const).flatMap((bits) => [
    (name: string): Parts => ({
      codes: `${name}_Q${bits}`,
      scale: `${name}_scales`,
      zero: `${name}_zero_points`,
      packing: 'columns',
      bits,
    }),
    (name: string): Parts => ({
      codes: `${name}_DQ_Q${bits}`,
      scale: `${name}_DQ_scales`,
      zero: `${name}_DQ_zero_points`,
      turns: true,
    }),
    ...[16, 32, 64, 128, 256].map((size) => (name: string): Parts => ({
      codes: `${name}_Q${bits}G${size}`,
      scale: `${name}_scale`,
      zero: `${name}_zp`,
      packing: 'columns',
      bits,
    })),
  ]),
];

/** By the parent's names. */
export function affineWeights(
  tensors: readonly OpenTensor[],
  parents: ReadonlyMap<string, View>,
): ReadonlyMap<string, AffineWeight> {
  const byName: ByName = new Map(tensors.map((each) => [each.tensor.name, each]));
  const found = new Map(tensors.flatMap((each) => placedWeight(each, parents)));
  for (const [name, { shape }] of parents) {
    if (found.has(name)) continue;
    const weight = NAMINGS.map((naming) => weightOf(name, naming(name), { byName, shape })).find(
      (each) => each !== null,
    );
    if (weight !== null && weight !== undefined) found.set(name, weight);
  }
  return found;
}

const FLOATS: ReadonlySet<string> = new Set(['F32', 'F16', 'BF16']);

/** A constant of TFLite as codes and scales, each a stretch of its file. */
function placedWeight(
  own: OpenTensor,
  parents: ReadonlyMap<string, View>,
): readonly (readonly [string, AffineWeight])[] {
  const { name, shape, quantized } = own.tensor;
  const parent = parents.get(name);
  const small = SMALL[quantized?.dtype ?? ''] ?? (quantized?.dtype === 'I8' ? { kind: 'signed', bits: 8 } : undefined);
  if (quantized === undefined || small === undefined || parent === undefined || !FLOATS.has(parent.dtype)) return [];
  if (parent.shape.join() !== shape.join()) return [];
  const part = (dtype: string, of: readonly number[], offset: number, sizeBytes: number): OpenTensor => ({
    ...own,
    tensor: { name, dtype, shape: of, sizeBytes, elements: { kind: 'stretch', offset } },
  });
  const { codes, axis, count, scales, zeros } = quantized;
  const places = count === 1 ? [] : shape.map((size, at) => (at === axis ? size : 1));
  const bytes = Math.ceil((elementsOf(shape) * small.bits) / 8);
  const weight: AffineWeight = {
    name,
    ...small,
    packing: 'bytes',
    symmetric: true,
    codes: part(quantized.dtype, shape, codes, bytes),
    scale: part('F32', places, scales, count * 4),
    ...(zeros === null ? {} : { zero: part('I64', places, zeros, count * 8) }),
  };
  return [[name, weight]];
}

function weightOf(
  name: string,
  parts: Parts,
  { byName, shape: own }: { byName: ByName; shape: readonly number[] },
): AffineWeight | null {
  const part = (which: string | undefined): OpenTensor | undefined =>
    which === undefined ? undefined : byName.get(which);
  const [codes, scale, zero, shape] = [part(parts.codes), part(parts.scale), part(parts.zero), part(parts.shape)];
  if (codes === undefined || scale === undefined) return null;
  const besides = { ...(zero === undefined ? {} : { zero }), ...(shape === undefined ? {} : { shape }) };
  const packed = packingOf(codes, own, { ...parts, scales: scale.tensor.shape });
  return packed === null ? null : { name, codes, scale, ...packed, ...besides };
}

/** Null where the codes have no form that is known, for a weight of this shape. */
function packingOf(
  { tensor: { dtype, shape } }: OpenTensor,
  own: readonly number[],
  { packing, bits, turns, scales }: Parts & { readonly scales: readonly number[] },
): Pick<AffineWeight, 'kind' | 'bits' | 'packing' | 'turned'> | null {
  if (packing === 'words') {
    const each = (own.at(-1) ?? 0) / (shape.at(-1) ?? 1);
    const wide = each === 8 ? 4 : each === 4 ? 8 : null;
    return dtype === 'I32' && wide !== null ? { kind: 'signed', bits: wide, packing } : null;
  }
  const small = SMALL[dtype];
  const same = shape.join() === own.join();
  if (small !== undefined && turns === true && shape.join() === own.toReversed().join() && scales.at(-1) === 1)
    return { ...small, packing: 'bytes', turned: true };
  if (small !== undefined) return same ? { ...small, packing: 'bytes' } : null;
  if (packing === 'columns' && bits !== undefined)
    return dtype === 'U8' && isByColumns(shape, own, bits) ? { kind: 'unsigned', bits, packing, turned: true } : null;
  const kind = KINDS[dtype];
  return kind === undefined || !same ? null : { kind };
}

/** N × blocks × bytes of a block, for a weight of K × N (before which ones may stand). */
function isByColumns(
  [columns, blocks = 0, bytes = 0, ...more]: readonly number[],
  own: readonly number[],
  bits: Bits,
): boolean {
  const [inputs = 0, outputs = 0] = own.slice(-2);
  const block = (bytes * 8) / bits;
  return (
    more.length === 0 &&
    columns === outputs &&
    block > 0 &&
    blocks === Math.ceil(inputs / block) &&
    own.slice(0, -2).every((size) => size === 1)
  );
}

/** The parent's elements in the order of the codes. */
export function orientedTo({ turned }: AffineWeight, parent: View): View {
  return turned === true ? transposed(reshaped(parent, parent.shape.slice(-2))) : parent;
}

/** The tensors that a weight is made of. */
export function partsOf({ codes, scale, zero, shape }: AffineWeight): readonly string[] {
  return [codes, scale, zero, shape].flatMap((each) => (each === undefined ? [] : [each.tensor.name]));
}
