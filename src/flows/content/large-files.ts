import { WeighmarkError } from '../../domain/base/errors.ts';
import { isObjectLocation } from '../../domain/base/object-place.ts';
import { readGitIndex } from '../../domain/metadata/git-index.ts';
import {
  annexObject,
  lfsObject,
  objectFact,
  trackedObjects,
  type LargeObject,
} from '../../domain/metadata/large-files.ts';
import type { Fact } from '../../domain/metadata/types.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';

const INDEX_BYTES = 256 << 20;
const MOST_FOLDERS = 64;

type Recorded = ReturnType<typeof trackedObjects>;

/**
 * What Git LFS and git-annex recorded of files that are checked out, as git's index and the names of their objects say; no
 * program runs. Outside of such a checkout nothing is said. A repository is read once, however many artifacts lie in it.
 */
export function largeFileReader({
  files,
}: {
  readonly files: Files;
}): (tree: Pick<Tree, 'root' | 'kind'>) => Promise<readonly Fact[]> {
  const known = new Map<string, Promise<Recorded>>();
  return async ({ root, kind }) => {
    if (isObjectLocation(root)) return [];
    const place = await files.realPath(root);
    const top = await workTreeOf(kind === 'file' ? parentOf(place) : place, files);
    if (top === null) return [];
    const recorded = known.get(top) ?? recordedBelow(top, files);
    known.set(top, recorded);
    const inside = place === top ? '' : place.slice(top === '/' ? 1 : top.length + 1);
    return factsInside(await recorded, inside, kind);
  };
}

async function recordedBelow(top: string, files: Files): Promise<Recorded> {
  const objects = [...(await lfsObjects(top, files)), ...(await annexObjects(top, files))];
  if (objects.length === 0) return [];
  const index = await files.readIfThere(`${top}/.git/index`, INDEX_BYTES);
  return trackedObjects(readGitIndex(index ?? new Uint8Array()), objects);
}

/** @param inside where the artifact lies below the top of the work tree */
function factsInside(recorded: Recorded, inside: string, kind: Tree['kind']): readonly Fact[] {
  const folder = inside === '' ? '' : `${inside}/`;
  return recorded.flatMap(({ path, object }) => {
    if (kind === 'file') return path === inside ? [objectFact(path.slice(path.lastIndexOf('/') + 1), object)] : [];
    return path.startsWith(folder) ? [objectFact(path.slice(folder.length), object)] : [];
  });
}

async function workTreeOf(folder: string, files: Files): Promise<string | null> {
  let at = folder;
  for (let left = MOST_FOLDERS; left > 0; left -= 1) {
    if ((await files.kindOf(`${at}/.git`)) === 'directory') return at;
    if (at === parentOf(at)) return null;
    at = parentOf(at);
  }
  return null;
}

async function lfsObjects(top: string, files: Files): Promise<readonly LargeObject[]> {
  const found = await entriesOf(`${top}/.git/lfs/objects`, files);
  return found.flatMap(({ name, sizeBytes }) => lfsObject(name, sizeBytes) ?? []);
}

async function annexObjects(top: string, files: Files): Promise<readonly LargeObject[]> {
  const found = await entriesOf(`${top}/.git/annex/objects`, files);
  return found.flatMap(({ name }) => annexObject(name) ?? []);
}

/** Links are passed over. A store that cannot be listed says nothing. */
async function entriesOf(
  folder: string,
  files: Files,
): Promise<readonly { readonly name: string; readonly sizeBytes: number }[]> {
  if ((await files.kindOf(folder)) !== 'directory') return [];
  try {
    const { entries } = await files.walk(folder, { linksAt: new Set() });
    return entries.map(({ path, sizeBytes }) => ({ name: path.slice(path.lastIndexOf('/') + 1), sizeBytes }));
  } catch (error) {
    if (error instanceof WeighmarkError) return [];
    throw error;
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), path === '/' ? 1 : 0)) || '/';
}
