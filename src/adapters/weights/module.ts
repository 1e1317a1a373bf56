import { readFileSync } from 'node:fs';
import type {
  AffineCodes,
  Affined,
  Elements,
  FloatType,
  LowRankMerge,
  Merged,
  ModelMerge,
} from '../../domain/ports/numbers.ts';

/** Elements of one question at most: `kernel/src/wasm.rs` has room for as many. */
export const MOST_ELEMENTS = 1 << 18;
export const MOST_FACTORS = 1 << 21;
const ANSWERS = 8;
const WIDTHS: Readonly<Record<FloatType, number>> = { F32: 4, F16: 2, BF16: 2 };
const CODES = { signed: 0, unsigned: 1, eighth: 2 } as const;
const METHODS = { linear: 0, task_arithmetic: 1, ties: 2, slerp: 3 } as const;
const VIAS = { none: 0, F16: 1, BF16: 2 } as const;
const NUMBERS: Readonly<Record<FloatType, number>> = { F32: 0, F16: 1, BF16: 2 };

/** The WebAssembly module. Numbers are kind, dtype, via, fused; answers are NaN where it refused. */
export interface Module {
  compare(numbers: readonly number[], elements: Elements, importance?: Float32Array): Float64Array;
  near(numbers: readonly number[], elements: Elements): Float64Array;
  convert(from: FloatType, to: FloatType, bytes: Uint8Array): Uint8Array;
  dequantize(kind: number, bytes: Uint8Array, elements: number): Float32Array | null;
  lowRank(merge: LowRankMerge): Merged;
  affine(codes: AffineCodes): Affined;
  mergeModels(question: ModelMerge): Merged;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  child(): number;
  parent(): number;
  importance(): number;
  result(): number;
  compare(
    kind: number,
    from: number,
    via: number,
    fused: number,
    child: number,
    parent: number,
    columns: number,
  ): number;
  near(kind: number, from: number, via: number, child: number, parent: number): number;
  convert(from: number, to: number, elements: number): void;
  dequantize(kind: number, elements: number): number;
  judge_affine(
    types: number,
    least: number,
    most: number,
    count: number,
    columns: number,
    rows: number,
    run: number,
    offset: number,
    groups: number,
  ): void;
  left(): number;
  right(): number;
  merge_models(types: number, count: number, models: number, lambda: number): void;
  merge_low_rank(types: number, rows: number, columns: number, rank: number, scale: number): void;
}

/** The part of the global that is used here; TypeScript declares it only for browsers. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

export function createModule(): Module {
  const bytes = readFileSync(new URL('./kernel/weights.wasm', import.meta.url));
  const wasm = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Exports;
  const { buffer } = wasm.memory;
  const child = new Uint8Array(buffer, wasm.child(), MOST_ELEMENTS * 4);
  const parent = new Uint8Array(buffer, wasm.parent(), MOST_ELEMENTS * 4);
  const columns = new Float32Array(buffer, wasm.importance(), MOST_ELEMENTS);
  const left = new Float32Array(buffer, wasm.left(), MOST_FACTORS);
  const right = new Float32Array(buffer, wasm.right(), MOST_FACTORS);
  const result = new Float64Array(buffer, wasm.result(), ANSWERS);
  const lay = (elements: Elements): void => {
    child.set(elements.child);
    parent.set(elements.parent);
  };
  const answer = (understood: number): Float64Array =>
    understood === 0 ? new Float64Array(ANSWERS).fill(Number.NaN) : result.slice();
  return {
    compare: ([kind = 0, from = 0, via = 0, fused = 0], elements, importance) => {
      lay(elements);
      columns.set(importance ?? []);
      const lengths = [elements.child.length, elements.parent.length, importance?.length ?? 0] as const;
      return answer(wasm.compare(kind, from, via, fused, ...lengths));
    },
    near: ([kind = 0, from = 0, via = 0], elements) => {
      lay(elements);
      return answer(wasm.near(kind, from, via, elements.child.length, elements.parent.length));
    },
    convert: (from, to, source) => {
      const count = source.length / WIDTHS[from];
      const out = new Uint8Array(count * WIDTHS[to]);
      for (let at = 0; at < count; at += MOST_ELEMENTS) {
        const part = Math.min(MOST_ELEMENTS, count - at);
        parent.set(source.subarray(at * WIDTHS[from], (at + part) * WIDTHS[from]));
        wasm.convert(NUMBERS[from], NUMBERS[to], part);
        out.set(child.subarray(0, part * WIDTHS[to]), at * WIDTHS[to]);
      }
      return out;
    },
    dequantize: (kind, bytes, elements) => {
      const out = new Float32Array(elements);
      const width = bytes.length / elements;
      for (let at = 0; at < elements; at += MOST_ELEMENTS) {
        const part = Math.min(MOST_ELEMENTS, elements - at);
        parent.set(bytes.subarray(at * width, (at + part) * width));
        if (wasm.dequantize(kind, part) === 0) return null;
        out.set(columns.subarray(0, part), at);
      }
      return out;
    },
    lowRank: (merge) => {
      const { dtype, base, via, product, rows, columns, rank, scale } = merge;
      lay(merge);
      left.set(merge.left);
      right.set(merge.right);
      const types = [NUMBERS[dtype], NUMBERS[base], VIAS[via ?? 'none'], VIAS[product ?? 'none']];
      wasm.merge_low_rank(Buffer.from(types).readUInt32LE(), rows, columns, rank, scale);
      const [beyond = 0, first = 0, open = 0] = result;
      return { beyond, first, open };
    },
    affine: ({ codes, parent: values, dtype, kind, way, tiles, offset, scales, zeros, low, high }) => {
      child.set(codes);
      parent.set(values);
      const groups = scales.length;
      [scales, zeros].forEach((numbers, index) => left.set(numbers, index * groups));
      [low, high].forEach((numbers, index) => right.set(numbers, index * groups));
      const flags = [way.reciprocal, way.inside, way.away === true, way.fused === true, way.extremes === true];
      const how = flags.reduce((sum: number, flag, at) => sum + (flag ? 4 << at : 0), CODES[kind]);
      const types = Buffer.from([NUMBERS[dtype], VIAS[way.via ?? 'none'], how, 0]).readUInt32LE();
      const rows = Math.min(tiles.rows, 0x7fff_ffff);
      wasm.judge_affine(types, way.least, way.most, codes.length, tiles.columns, rows, tiles.run, offset, groups);
      [low, high].forEach((numbers, index) => numbers.set(right.subarray(index * groups, (index + 1) * groups)));
      const [differing = 0, first = 0, beyond = 0, far = 0, firstBeyond = 0] = result;
      return { differing, first, beyond, far, firstBeyond };
    },
    mergeModels: ({ method, dtype, compute, normalize, lambda, base, models, weights, thresholds, child: own }) => {
      child.set(own);
      right.set(base);
      models.forEach((values, index) => left.set(values, index * base.length));
      columns.set(weights);
      columns.set(thresholds, models.length);
      const types = [METHODS[method], NUMBERS[dtype], VIAS[compute ?? 'none'], normalize ? 1 : 0];
      wasm.merge_models(Buffer.from(types).readUInt32LE(), base.length, models.length, lambda);
      const [beyond = 0, first = 0, open = 0] = result;
      return { beyond, first, open };
    },
  };
}
