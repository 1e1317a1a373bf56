import { windowSource } from '../../base/source.ts';
import { readLiteRtLm } from '../../formats/litert-lm.ts';
import type { NamedSource } from '../../formats/types.ts';
import { inside, type Spot } from '../session.ts';
import type { JudgeOptions } from './judge.ts';
import { judgeStructure } from './structure.ts';

/** The header, and then every section as the file it is. */
export async function judgeLiteRtLm(spot: Spot, file: NamedSource, how: JudgeOptions): Promise<boolean> {
  const { members = [] } = await readLiteRtLm(file);
  for (const { name, sizeBytes } of members) {
    const start = Number(name.slice(name.lastIndexOf('@') + 1));
    await spot.session.examine(inside(spot, name), { path: '', source: windowSource(file.source, start, sizeBytes) });
  }
  return judgeStructure(spot, file, how);
}
