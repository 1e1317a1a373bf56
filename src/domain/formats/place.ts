import type { FormatId, TensorInfo } from './types.ts';

/** Formats whose tensors' `location` is a member of the file itself; in all others it is another file. */
const ARCHIVES: ReadonlySet<FormatId> = new Set([
  'torch-zip',
  'torchscript',
  'torch-export',
  'torch-dcp',
  'npz',
  'skops',
  'keras-v3',
  'mediapipe-task',
  'llamafile',
  'nemo',
]);

export interface TensorPlace {
  /** File beside this one that holds the elements; absent where this one does. */
  readonly file?: string;
  readonly start: number;
  readonly end: number;
}

/** Where a tensor's elements lie in one stretch, in this file or another; null if they do not, or nobody says where. */
export function placeOf(format: FormatId, { offset, length, location }: TensorInfo): TensorPlace | null {
  if (offset === undefined || length === undefined || !Number.isSafeInteger(offset + length)) return null;
  const file = location === undefined || ARCHIVES.has(format) ? {} : { file: location };
  return { ...file, start: offset, end: offset + length };
}
