import type { BomFile, MetadataProblem } from './types.ts';
import type { Problem } from '../formats/types.ts';

/** One of several pieces of a split file: that it ends early is as it should be. */
const PIECE = /[.-](?:part|split)?[-_]?\d{1,5}(?:-?of-?\d{1,5})?$/i;

const WEIGHT_NAMES = /\.(?:safetensors|gguf|ggml|onnx|pth?|ckpt|h5|hdf5|keras|tflite|npz|npy)$/i;

/**
 * Weights and archives that could not be examined to the end: what a BOM says of them is not all there is. Broken
 * documents and data are told as their files' properties only.
 */
export function unreadFiles(files: readonly BomFile[]): readonly MetadataProblem[] {
  return files.flatMap(({ path, report }) => {
    if (report === undefined || report.complete) return [];
    if (report.kind !== 'weights' && report.kind !== 'archive' && !WEIGHT_NAMES.test(path)) return [];
    const problem = report.problems.find(
      ({ code }) => code === 'malformed' || code === 'limit' || (code === 'truncated' && !PIECE.test(path)),
    );
    return problem === undefined ? [] : [{ path, code: codeOf(problem), message: `${path}: ${problem.message}` }];
  });
}

function codeOf({ code }: Problem): MetadataProblem['code'] {
  return code === 'limit' ? 'limit-exceeded' : 'format-invalid';
}
