import { readGguf } from './gguf.ts';
import { readOnnx } from './onnx.ts';
import { readSafetensors } from './safetensors.ts';
import type { FormatId, Reader } from './types.ts';

/** The reader of each format that has structure worth reading; the others are only recognised. */
export const READERS: Readonly<Partial<Record<FormatId, Reader>>> = {
  safetensors: readSafetensors,
  gguf: readGguf,
  onnx: readOnnx,
};
