import type { NamedSource } from '../../formats/types.ts';
import { judgeTar } from '../containers/tar.ts';
import { inside, type Spot } from '../session.ts';

/** Each member is a file of its own. */
export async function judgeTarFile(spot: Spot, { source }: NamedSource): Promise<boolean> {
  const members = await judgeTar(spot, source);
  for (const { name, source: content } of members ?? [])
    await spot.session.examine(inside(spot, name), { path: name, source: content });
  return members !== null;
}
