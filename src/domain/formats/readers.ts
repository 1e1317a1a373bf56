import { readGguf } from './gguf.ts';
import { readHdf5 } from './hdf5.ts';
import { readNpy } from './numpy.ts';
import { readOnnx } from './onnx.ts';
import { readPickleFile } from './pickle-file.ts';
import { readSafetensors } from './safetensors.ts';
import { readTarFile } from './tar.ts';
import { readTorchLegacy } from './torch.ts';
import type { FormatId, Reader } from './types.ts';
import { readZipFile } from './zip-file.ts';

/** The reader of each format that has structure worth reading; the others are only recognised. */
export const READERS: Readonly<Partial<Record<FormatId, Reader>>> = {
  safetensors: readSafetensors,
  gguf: readGguf,
  onnx: readOnnx,
  zip: readZipFile,
  'torch-legacy': readTorchLegacy,
  pickle: readPickleFile,
  npy: readNpy,
  hdf5: readHdf5,
  tar: readTarFile,
};
