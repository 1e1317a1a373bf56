import type { FileKind, FormatId } from '../../../src/domain/formats/types.ts';

/** A file under `fixtures/formats` that the library of its format wrote, and what is true of it. */
export interface Written {
  readonly path: string;
  /** Library and version that wrote it. */
  readonly writer: string;
  readonly format: FormatId;
  readonly kind: FileKind;
  readonly tensors?: number;
  /** As the library counts them; absent where no file can tell. */
  readonly parameters?: number;
  /** A tensor by name, and its first values: read from the place the reader gives. */
  readonly inPlace?: readonly [name: string, values: readonly number[]];
  /** The one rule the scan rightly reports. */
  readonly finding?: string;
}

const TORCH = 'torch 2.15.0';
const KERAS = 'keras 3.15.1';

export const WRITTEN: readonly Written[] = [
  {
    path: 'torch/dcp/__0_0.distcp',
    writer: TORCH,
    format: 'torch-dcp',
    kind: 'weights',
    tensors: 3,
    inPlace: ['@4415', [1, 1, 1]],
  },
  { path: 'torch/dcp/.metadata', writer: TORCH, format: 'torch-dcp-index', kind: 'config', tensors: 3, parameters: 20 },
  {
    path: 'torch/linear.pt2',
    writer: TORCH,
    format: 'torch-export',
    kind: 'weights',
    tensors: 2,
    parameters: 20,
    inPlace: ['weight', [-0.004322517663240433]],
  },
  { path: 'torch/linear.pt', writer: TORCH, format: 'torch-zip', kind: 'weights', tensors: 2, parameters: 20 },
  { path: 'torch/optimizer.pt', writer: TORCH, format: 'torch-zip', kind: 'weights', tensors: 6 },
  { path: 'torch/float4.pt', writer: TORCH, format: 'torch-zip', kind: 'weights', tensors: 2, parameters: 138 },
  { path: 'torch/quint4x2.pt', writer: TORCH, format: 'torch-zip', kind: 'weights', tensors: 1, parameters: 32 },
  { path: 'torch/complex32.pt', writer: TORCH, format: 'torch-zip', kind: 'weights', tensors: 2, parameters: 10 },
  { path: 'keras/bfloat16.keras', writer: KERAS, format: 'keras-v3', kind: 'weights', tensors: 2, parameters: 144 },
  { path: 'keras/int4.keras', writer: KERAS, format: 'keras-v3', kind: 'weights', tensors: 5 },
  { path: 'keras/float8.keras', writer: KERAS, format: 'keras-v3', kind: 'weights', tensors: 8 },
  { path: 'keras/sharded.weights.json', writer: KERAS, format: 'keras-index', kind: 'config' },
  {
    path: 'keras/sharded_00000.weights.h5',
    writer: KERAS,
    format: 'hdf5',
    kind: 'weights',
    tensors: 1,
    parameters: 128,
  },
];
