import { WeighmarkError } from '../base/errors.ts';

/**
 * Refuses an anchor whose real path lies inside an artifact or a registry: whoever wrote those must not say whom to trust
 * (security rule 1).
 * @param inside paths of the artifacts and registries at hand; those that do not exist hold nothing.
 * @throws WeighmarkError `anchor-inside`.
 */
export async function refuseInside(
  files: { realPath(location: string): Promise<string> },
  anchor: string,
  inside: readonly string[],
): Promise<void> {
  const realAnchor = await files.realPath(anchor).catch(() => anchor);
  for (const folder of inside) {
    const realFolder = await files.realPath(folder).catch(() => folder);
    if (realAnchor !== realFolder && !isBelow(realAnchor, realFolder)) continue;
    throw new WeighmarkError(
      'anchor-inside',
      `${anchor} lies inside ${folder}: what comes with an artifact is never trusted`,
      { subject: anchor, hint: 'get it from its owner by another way, and keep it elsewhere' },
    );
  }
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(/[\\/]$/.test(folder) ? folder : `${folder}/`) || path.startsWith(`${folder}\\`);
}
