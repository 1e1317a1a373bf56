/*
 * What a model is, whatever holds it: the identity of tensors (`weighmark-weights/1`). Here live the rules that make one
 * tensor the same in every container, and the roots over many. No judgement of where weights came from: that is `derive`.
 */
import type { Source } from '../base/source.ts';
import type { NamedSource } from '../formats/types.ts';

/** Where a tensor's canonical elements are: row-major, little-endian, logical elements only. */
export type Elements =
  | {
      /** They lie in one stretch of a file as they are. */
      readonly kind: 'stretch';
      /** Path inside the artifact; absent: the file that was read. */
      readonly file?: string;
      /** Absolute, in bytes. */
      readonly offset: number;
    }
  | {
      /** They are computed from what lies there: strided, byte-swapped, compressed, in pieces, or typed numbers. */
      readonly kind: 'made';
      /** Chunks of any length that together are `sizeBytes` long; reads `source`, the file the tensor was found in. */
      readonly open: (source: Source) => AsyncIterable<Uint8Array>;
    };

/**
 * Reads another file of the artifact by its path, opened for that and closed afterwards; null if there is none. Tensors
 * that lie in several files read them by it.
 */
export type Beside = <T>(path: string, read: (source: Source) => Promise<T>) => Promise<T | null>;

/** A file of weights among the others of its artifact. */
export interface WeightsSource extends NamedSource {
  readonly beside: Beside;
}

/** A tensor as a loader would see it. */
export interface WeightTensor {
  readonly name: string;
  /** One of `DTYPES`, `GGUF_` and a block type, or `TFLITE_` and a quantised one. */
  readonly dtype: string;
  /** Row-major, outermost first; empty for a scalar. */
  readonly shape: readonly number[];
  /** Of the canonical elements. */
  readonly sizeBytes: number;
  readonly elements: Elements;
  /** Of codes whose scales lie apart from them in the same file (TFLite). */
  readonly quantized?: QuantizedPlaces;
}

/** Where the parts of quantised elements lie, in bytes of the file; there are scales for each place of an axis, or one. */
export interface QuantizedPlaces {
  readonly dtype: string;
  readonly codes: number;
  readonly axis: number;
  readonly count: number;
  readonly scales: number;
  /** 64-bit integers. */
  readonly zeros: number | null;
}

/** Something that keeps the identity from being known whole: then nothing is claimed of the file. */
export interface Undecided {
  readonly tensor?: string;
  /** One sentence; may quote the file. */
  readonly why: string;
}

export interface FileWeights {
  readonly tensors: readonly WeightTensor[];
  readonly undecided: readonly Undecided[];
  /** It holds no weights of its own: they are read through another file of the artifact. */
  readonly elsewhere?: true;
}

/** A tensor with its digest, 32 bytes in lower-case hex. */
export interface IdentifiedTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly digest: string;
}

/** Three roots over one set of weights, lower-case hex. */
export interface WeightsRoots {
  /** Over names and tensors: the same weights under the same names. */
  readonly names: string;
  /** Over tensors with repeats: the same weights under any names. */
  readonly multiset: string;
  /** Over tensors without repeats: a tied copy kept or dropped makes no difference. */
  readonly set: string;
}
