import { windowSource, type Source } from '../../base/source.ts';
import type { Findings, Problem } from '../../formats/types.ts';
import type { Spot } from '../session.ts';
import { judgeKerasText } from './keras-text.ts';
import { judgeBy } from './structure.ts';

/** Links and data outside the file, Keras configurations, and arrays that are pickles. */
export const judgeHdf5 = judgeBy({
  search: judgeKerasText,
  ruleOf: ({ code }) => (code === 'external-reference' ? 'WM-HDF5-001' : undefined),
  isHonest,
  findings: judgeDatasets,
  ruleOfReference: ({ kind }) => (kind === 'external-link' || kind === 'external-data' ? 'WM-HDF5-001' : undefined),
});

/** Line ends behind the end, as PyTables writes them, and the user block of MATLAB 7.3. */
async function isHonest({ code, offset = 0 }: Problem, source: Source): Promise<boolean> {
  if (code === 'trailing' && source.size - offset <= 64)
    return /^[\s\0]*$/.test(Buffer.from(await source.read(offset, source.size - offset)).toString('latin1'));
  return code === 'prefix' && Buffer.from(await source.read(0, 10)).toString('latin1') === 'MATLAB 7.3';
}

/** Byte arrays of HDF5 that are pickles: PyTables and pandas unpickle them. */
async function judgeDatasets(spot: Spot, source: Source, { tensors }: Findings): Promise<void> {
  const bytes = (tensors?.items ?? []).filter(
    ({ dtype, offset }) => offset !== undefined && /^([UI]8|OPAQUE|STRING|VLEN)$/.test(dtype),
  );
  for (const { offset = 0, length = 0 } of bytes.slice(0, 10_000)) {
    await spot.session.examine(
      { ...spot, depth: spot.depth + 1 },
      { path: '', source: windowSource(source, offset, length) },
      { rawData: true },
    );
  }
}
