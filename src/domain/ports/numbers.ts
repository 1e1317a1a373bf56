/** Element types that parents of conversions and quantisations have. */
export type FloatType = 'F32' | 'F16' | 'BF16';

/** One way a child's elements may have been made of a parent's. */
export interface Recipe {
  /** GGML's number of the child's type: 0 is F32, 1 F16, 30 BF16, 8 Q8_0, 12 Q4_K … */
  readonly kind: number;
  /** Of the parent's elements. */
  readonly dtype: FloatType;
  /** What they were cast to on the way; absent: nothing. */
  readonly via?: 'F16' | 'BF16';
  /** Products and sums rounded once, as builds for machines with a fused multiply-add do. */
  readonly fused?: boolean;
}

/** The same elements of both: whole blocks of the child's type, at most `WeightNumbers.elements`. */
export interface Elements {
  readonly child: Uint8Array;
  readonly parent: Uint8Array;
}

/** The same of a whole tensor, each side as it lies in an open file. */
export interface PlacedElements {
  readonly child: Stretch;
  readonly parent: Stretch;
  readonly elements: number;
  /** Elements that are answered together: whole blocks, with importance whole rows. */
  readonly part: number;
  readonly signal?: AbortSignal;
}

export interface Stretch {
  readonly descriptor: number;
  readonly offset: number;
}

export interface Differing {
  /** Blocks (of plain types: elements) that are not as recomputed. A NaN equals any NaN. */
  readonly blocks: number;
  /** Of the first. */
  readonly first: number;
}

export interface Nearness {
  /** Codes that are not the nearest for the stored scale, beyond what the scale's own rounding explains. */
  readonly beyond: number;
  /** Of these, such as no honest quantiser of the type writes. */
  readonly far: number;
  /** Element where the first of `beyond` is. */
  readonly first: number;
  /** Elements whose scale is zero and whose codes are not: bytes that carry no value. */
  readonly free: number;
  /** Greatest distance of a value from its code, in steps. */
  readonly worst: number;
  /** Sums of squares: of child less parent, and of the parent. */
  readonly error: number;
  readonly square: number;
}

/** Whole rows of a child and its parent, and the factors of a low-rank adapter that was merged into it. */
export interface LowRankMerge {
  readonly child: Uint8Array;
  readonly parent: Uint8Array;
  readonly dtype: FloatType;
  readonly base: FloatType;
  /** What the parent was cast to before, and the product before it was added; absent: nothing. */
  readonly via?: 'F16' | 'BF16';
  readonly product?: 'F16' | 'BF16';
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
  readonly scale: number;
  /** `rank` numbers a row, and `rank` rows of `columns` numbers. */
  readonly left: Float32Array;
  readonly right: Float32Array;
}

/** The same elements of a child and of the models that were merged into it. */
export interface ModelMerge {
  readonly method: 'linear' | 'task_arithmetic' | 'ties' | 'slerp';
  readonly child: Uint8Array;
  readonly dtype: FloatType;
  /** What everything was cast to before, and each result; absent: F32. */
  readonly compute?: 'F16' | 'BF16';
  readonly normalize: boolean;
  readonly lambda: number;
  readonly base: Float32Array;
  /** With a weight each, and for `ties` the magnitude of change from which on it was kept. */
  readonly models: readonly Float32Array[];
  readonly weights: readonly number[];
  readonly thresholds: readonly number[];
}

/** Codes beside their scales, and one way they may have been computed. */
export interface AffineCodes {
  /** A byte each, and as many elements of the parent. */
  readonly codes: Uint8Array;
  readonly parent: Uint8Array;
  readonly dtype: FloatType;
  readonly kind: 'signed' | 'unsigned' | 'eighth';
  readonly way: {
    readonly via?: 'F16' | 'BF16';
    readonly reciprocal: boolean;
    readonly inside: boolean;
    readonly away?: boolean;
    readonly fused?: boolean;
    /** By `most` over a group's greatest magnitude: `low` and `high` are known. */
    readonly extremes?: boolean;
    readonly least: number;
    readonly most: number;
  };
  /** Which scale a code has: it lies in row `i / columns`, and `rows` of them by `run` columns share one. */
  readonly tiles: { readonly columns: number; readonly rows: number; readonly run: number };
  /** Of the first code. */
  readonly offset: number;
  readonly scales: Float32Array;
  readonly zeros: Float32Array;
  /** Extremes of each group's values, which grow by what is found. */
  readonly low: Float32Array;
  readonly high: Float32Array;
}

export interface Affined {
  /** Codes that are not as computed, and the first of them. */
  readonly differing: number;
  readonly first: number;
  /** Of these, not as near as the nearest, and the first; and beyond what computing in 16 bits explains. */
  readonly beyond: number;
  readonly firstBeyond: number;
  readonly far: number;
}

export interface Merged {
  /** Elements that no order of the sums gives, and the first of them. */
  readonly beyond: number;
  readonly first: number;
  /** Elements that some order gives, but none of those that were tried. */
  readonly open: number;
}

/** What quantisers and casts make of weights, recomputed; the same results whatever kernel. */
export interface WeightNumbers {
  readonly kernel: 'wasm' | 'native';
  /** Elements of one question at most; a multiple of every block. */
  readonly elements: number;
  /** Questions worth asking at a time. */
  readonly atOnce: number;
  /** @param importance one weight a column (of an importance matrix): then whole rows are given. */
  recompute(recipe: Recipe, elements: Elements, importance?: Float32Array): Promise<Differing>;
  /** Null for types whose codes are no numbers. */
  nearest(recipe: Recipe, elements: Elements): Promise<Nearness | null>;
  /**
   * The same of whole tensors, which threads of the kernel's own read. Null where they could not: whoever reads them finds out why.
   * Absent: this kernel cannot.
   */
  readonly placed?: {
    recompute(recipe: Recipe, placed: PlacedElements, importance?: Float32Array): Promise<Differing | null>;
    nearest(recipe: Recipe, placed: PlacedElements): Promise<Nearness | null>;
  };
  /** Elements in another type: one rounding, to nearest, ties to even. */
  convert(from: FloatType, to: FloatType, bytes: Uint8Array): Uint8Array;
  /** What whole blocks of one of GGML's types stand for; null for a type that is not known. */
  dequantize(kind: number, bytes: Uint8Array, elements: number): Float32Array | null;
  /** At most `elements` codes, and half of `factors` scales. */
  affine(codes: AffineCodes): Affined;
  /** Numbers of each factor of an adapter at most. */
  readonly factors: number;
  lowRank(merge: LowRankMerge): Merged;
  /** At most eight models, and `elements` of all together. */
  mergeModels(merge: ModelMerge): Merged;
}
