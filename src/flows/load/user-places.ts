import { knownPlaces, pythonRoots, type KnownPlace } from '../../domain/metadata/known-stores.ts';
import type { Files } from '../../domain/ports/files.ts';

/** Caches and stores of a user, and what Python packages bring: by the environment and by what folders are there. */
export async function userPlaces(
  env: Readonly<Record<string, string | undefined>>,
  where: { readonly home: string; readonly cwd: string },
  files: Pick<Files, 'kindOf' | 'items'>,
): Promise<readonly KnownPlace[]> {
  const packages: KnownPlace[] = [];
  for (const root of pythonRoots(env, where)) {
    if ((await files.kindOf(root)) !== 'directory') continue;
    for (const { name } of await files.items(root))
      if (name.startsWith('python'))
        for (const folder of ['site-packages', 'dist-packages'])
          packages.push({ store: 'python-package', location: `${root}/${name}/${folder}` });
  }
  return [...knownPlaces(env, where), ...packages];
}
