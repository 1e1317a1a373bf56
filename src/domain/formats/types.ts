import type { Source } from '../base/source.ts';

/** Stable names of what a file can be; never renamed once released. */
export type FormatId =
  // weights
  | 'safetensors'
  | 'gguf'
  | 'onnx'
  | 'torch-zip'
  | 'torchscript'
  | 'torch-legacy'
  | 'torch-export'
  | 'torch-dcp'
  | 'pickle'
  | 'joblib'
  | 'npy'
  | 'npz'
  | 'keras-v3'
  | 'hdf5'
  | 'tflite'
  | 'saved-model'
  | 'tf-graph'
  | 'coreml'
  | 'coreml-weights'
  | 'ort'
  | 'executorch'
  | 'executorch-data'
  | 'litert-lm'
  | 'mediapipe-task'
  | 'openvino'
  | 'ctranslate2'
  | 'fasttext'
  | 'word2vec'
  | 'xgboost'
  | 'lightgbm'
  | 'catboost'
  | 'skops'
  | 'paddle-params'
  | 'tf-checkpoint'
  | 'zarr'
  | 'ocdbt'
  | 'tensorrt-engine'
  | 'llamafile'
  | 'nemo'
  | 'tesseract'
  | 'msgpack'
  | 'raw-weights'
  // manifests of weights kept elsewhere
  | 'safetensors-index'
  | 'torch-dcp-index'
  | 'keras-index'
  | 'weights-manifest'
  | 'orbax'
  | 'paddle'
  | 'spacy'
  // datasets
  | 'csv'
  | 'tsv'
  | 'jsonl'
  | 'parquet'
  | 'arrow'
  | 'arrow-stream'
  | 'image'
  | 'audio'
  | 'video'
  | 'sqlite'
  | 'matlab'
  | 'stata'
  | 'spss'
  | 'netcdf'
  // archives and wrappers
  | 'zip'
  | 'tar'
  | 'gzip'
  | 'bzip2'
  | 'xz'
  | 'lzma'
  | 'zlib'
  | 'zstd'
  | 'lz4'
  | '7z'
  // archives and packed data that no reader here opens
  | 'rar'
  | 'cab'
  | 'ar'
  | 'iso'
  | 'compress'
  | 'lzip'
  | 'brotli'
  // text
  | 'json'
  | 'yaml'
  | 'markdown'
  | 'html'
  | 'xml'
  | 'text'
  | 'notebook'
  | 'python'
  | 'script'
  | 'jinja'
  // others
  | 'r-data'
  | 'sentencepiece'
  | 'executable'
  | 'marshal'
  | 'pdf'
  | 'lfs-pointer'
  | 'empty'
  | 'unknown';

/** What a file is for. A JSON file is config, tokenizer or dataset by its name and its top-level keys. */
export type FileKind = 'weights' | 'dataset' | 'config' | 'tokenizer' | 'document' | 'code' | 'archive' | 'other';

/**
 * One element type vocabulary for all formats: safetensors' names (`F32`, `BF16`, `I64`, `U8`, `BOOL`, `F8_E4M3`, `C64`),
 * GGML's block types (`Q4_K`, `IQ2_XS`), `STRING`; another format's own name in its own spelling where none of these fits.
 */
export type Dtype = string;

export interface TensorInfo {
  readonly name: string;
  readonly dtype: Dtype;
  /** Row-major (outermost first) in every format; a dimension without a fixed size is -1. */
  readonly shape: readonly number[];
  /** Absolute place of the elements in this file, in bytes; absent where they lie elsewhere or are compressed. */
  readonly offset?: number;
  /** Bytes the elements take. */
  readonly length?: number;
  /**
   * What holds the elements: a member of this file (then `offset` is still this file's), or a file beside it (then `offset`
   * is that one's). `placeOf` tells which.
   */
  readonly location?: string;
  /** Why it is not counted as parameters, though its dtype would be: optimizer state, a branch of the graph. */
  readonly uncounted?: 'optimizer' | 'sub-graph' | 'shared';
}

export interface TensorTable {
  /** Tensors in the file; `items` may hold fewer (`truncated`). */
  readonly count: number;
  readonly items: readonly TensorInfo[];
  readonly truncated: boolean;
  /** Elements of every tensor, by dtype. */
  readonly elementsByDtype: Readonly<Record<Dtype, number>>;
  /** Elements that are parameters, by dtype: floating point and quantised, never integer buffers such as position ids. */
  readonly parametersByDtype: Readonly<Record<Dtype, number>>;
}

/** A key/value pair the file itself carries. */
export interface MetadataItem {
  readonly key: string;
  /** Arrays are cut to their first 64 elements, long texts to a limit; `length` is there when something was cut. */
  readonly value: MetadataValue;
  /** Where it was read, for citations: `header:__metadata__.format`, `gguf:general.file_type`, `attr:/model_config`. */
  readonly place: string;
  /** True element count of an array or byte length of a string that was cut. */
  readonly length?: number;
}

export type MetadataValue = string | number | bigint | boolean | null | readonly MetadataValue[];

/** Something the reader saw that a well-formed file would not have. Facts only: severity is the scanner's. */
export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  /** Absolute offset in the file, in bytes. */
  readonly offset?: number;
  /** The tensor, key or member it is about; untrusted text. */
  readonly subject?: string;
}

export type ProblemCode =
  | 'malformed' // the reader had to stop: the file is not what its magic says, or is broken
  | 'truncated' // the file ends before its own structure does
  | 'limit' // a bound of LIMITS was reached: what lies beyond was not examined
  | 'overlap' // two things claim the same bytes
  | 'gap' // bytes that nothing claims, inside
  | 'trailing' // bytes that nothing claims, after the end
  | 'prefix' // bytes before the start
  | 'duplicate-key'
  | 'overflow' // a size or offset that does not fit, or whose product does not
  | 'out-of-bounds' // points outside the file
  | 'size-mismatch' // stated size differs from the real or computed one
  | 'name-mismatch' // two records of one thing give different names
  | 'header-mismatch' // two records of one thing differ otherwise (method, flags, sizes, checksum)
  | 'checksum-mismatch'
  | 'hidden-member' // in the archive's bytes but not in its directory
  | 'several-directories' // more than one end-of-archive record
  | 'unsafe-path' // absolute, parent-walking, drive, control characters
  | 'link' // symbolic or hard link, device, fifo
  | 'encrypted'
  | 'unsupported' // a feature of the format this reader cannot follow
  | 'external-reference' // the file names another file, host or service
  | 'bad-value';

export interface Column {
  readonly name: string;
  /** The format's own type name, where it has one. */
  readonly type?: string;
}

/** A graph's input or output. */
export interface Port {
  readonly name: string;
  readonly dtype?: Dtype;
  /** Named dimensions are kept as text. */
  readonly shape?: readonly (number | string)[];
}

/** A file this one points to. Never opened by a reader. */
export interface Reference {
  readonly kind: 'shard' | 'external-data' | 'external-link' | 'weights';
  /** As written in the file: may be hostile. */
  readonly target: string;
  readonly subject?: string;
  /** Bytes the target has at least, where the file says so. */
  readonly sizeBytes?: number;
  /** Tensors the target holds, where the file says so. */
  readonly tensors?: readonly string[];
}

/** One operator or layer type of a graph, with how often it is used. */
export interface Operator {
  /** `ai.onnx::Conv`, `CONV_2D`, `custom:FlexErf`. */
  readonly name: string;
  readonly count: number;
  readonly custom: boolean;
}

export interface FormatReport {
  readonly path: string;
  readonly format: FormatId;
  readonly kind: FileKind;
  /** The format's own version as the file states it: `3` for GGUF, `IR 8`, `1.0` for npy. */
  readonly version?: string;
  /** Every format whose content matches, `format` included; more than one means a polyglot or a wrapper. */
  readonly matches: readonly FormatId[];
  /** What the name promises, when it promises something. */
  readonly named?: FormatId;
  readonly tensors?: TensorTable;
  /** Sum of `parametersByDtype`; absent when the file does not tell (packed integers, weights in code or elsewhere). */
  readonly parameters?: number;
  /** Elements in Constant nodes, sub-graphs and functions, by dtype: some are weights, so `parameters` is absent. */
  readonly unattributed?: Readonly<Record<Dtype, number>>;
  /** The quantisation scheme the file states, in its usual name: `Q4_K_M`. */
  readonly quantization?: { readonly name: string; readonly place: string };
  /** What a compressed file holds. */
  readonly inner?: FormatId;
  /** The order of the bytes of numbers and elements, where it is not the usual little-endian. */
  readonly byteOrder?: 'big';
  /** Bytes from the start that hold the structure; the rest is tensor data. */
  readonly headerLength?: number;
  /** In the file's order; first of duplicates first. */
  readonly metadata: readonly MetadataItem[];
  readonly inputs?: readonly Port[];
  readonly outputs?: readonly Port[];
  readonly operators?: readonly Operator[];
  readonly references?: readonly Reference[];
  /** Of a dataset file. */
  readonly rows?: number;
  readonly columns?: readonly Column[];
  /** Members of an archive that are worth naming, at most 1,000. */
  readonly members?: readonly { readonly name: string; readonly sizeBytes: number }[];
  readonly problems: readonly Problem[];
  /** False when anything was left unexamined (`malformed`, `truncated`, `limit`, `unsupported` among the problems). */
  readonly complete: boolean;
}

export interface NamedSource {
  /** Path inside the artifact; its last part and extension are hints, never proof. */
  readonly path: string;
  readonly source: Source;
}

export interface ReadOptions {
  /** Count the rows of text datasets by reading them whole; default true. */
  readonly countRows?: boolean;
  readonly signal?: AbortSignal;
}

/** What one format's reader finds out; `readFormat` adds path, kind, matches and completeness. */
export interface Findings extends Partial<Omit<FormatReport, 'path' | 'matches' | 'named' | 'complete'>> {
  readonly format: FormatId;
  /** Attributes were passed over whose values a loader may see: of a shared type, or beyond a limit. */
  readonly passedOver?: boolean;
}

export type Reader = (file: NamedSource, options: ReadOptions) => Promise<Findings>;
