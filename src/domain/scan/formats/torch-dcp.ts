import { windowSource } from '../../base/source.ts';
import { splitArchives } from '../../formats/torch-dcp.ts';
import type { NamedSource } from '../../formats/types.ts';
import { inside, type Spot } from '../session.ts';
import { judgeZipFile } from './zip-file.ts';

/** A `.distcp` file is a row of complete zip files: each is judged as one, and bytes that belong to none are not there. */
export async function judgeDistcp(spot: Spot, file: NamedSource): Promise<boolean> {
  const stretches = await splitArchives(file.source);
  if (stretches === null) return judgeZipFile(spot, file);
  for (const { start, end } of stretches)
    await judgeZipFile(stretches.length === 1 ? spot : inside(spot, `(zip at ${start})`), {
      path: file.path,
      source: windowSource(file.source, start, end - start),
    });
  return true;
}
