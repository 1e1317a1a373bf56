import type { Source } from '../base/source.ts';
import { parseChunking, readChunkIndex } from './hdf5-chunks.ts';
import { mostDimensions } from './hdf5-value.ts';
import { hdf5Structure, type H5Dataset } from './hdf5.ts';
import { attempt } from './problem.ts';
import { elementsOf } from './tensors.ts';
import type { Problem, TensorInfo } from './types.ts';
import { u32 } from './zip-fields.ts';

/** A part of a file, in bytes. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** Where the chunks of some datasets lie; none at all if an index is not read, or leads out of the file. */
export async function hdf5Chunks(source: Source, wanted: (tensor: TensorInfo) => boolean): Promise<readonly Stretch[]> {
  const datasets: H5Dataset[] = [];
  const problems: Problem[] = [];
  const found: Stretch[] = [];
  const whole = await attempt(problems, async () => {
    await hdf5Structure(source, (dataset) => datasets.push(dataset));
    for (const dataset of datasets)
      if (dataset.info.offset === undefined && !dataset.elsewhere && wanted(dataset.info))
        for (const stretch of await chunksOf(dataset)) found.push(stretch);
  });
  return whole && found.every(({ end }) => end <= source.size) ? found : [];
}

async function chunksOf({ file, info, space, layout, datatype, filters }: H5Dataset): Promise<readonly Stretch[]> {
  const { shape } = info;
  const chunking = parseChunking(file, layout, shape.length);
  if (chunking === null) return [];
  const chunkBytes = elementsOf(chunking.chunk) * u32(datatype, 4);
  const most = mostDimensions(file, space);
  const index = await readChunkIndex({ file, chunking, shape, most, chunkBytes, filtered: filters !== undefined });
  return [...index.values()].map(({ address, bytes }) => ({
    start: address + file.base,
    end: address + file.base + bytes,
  }));
}
