import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, parseStrictJsonObject, type Json } from '../../../domain/json.ts';
import { LIMITS } from '../../../domain/limits.ts';
import type { Collected, TransparencyLog } from '../../../domain/ports.ts';
import { readBlob } from './blobs.ts';
import { modelNames, readLayout } from './layout.ts';

interface Options {
  readonly dryRun: boolean;
  readonly olderThanMs: number;
}

/** Under the lock of the layouts, so that no list changes meanwhile; blobs being written are younger than the limit. */
export async function collectGarbage(store: { readonly models: string; readonly log: TransparencyLog }, options: Options): Promise<Collected> {
  const logged = new Set((await store.log.find({})).flatMap(({ leaf }) => [leaf.manifest, leaf.bundle]));
  const removed: { path: string; sizeBytes: number }[] = [];
  let kept = 0;
  for (const name of await modelNames(store.models)) {
    const layout = join(store.models, ...name.split('/'));
    const needed = await neededBlobs(layout, logged);
    for (const garbage of await unneeded(join(layout, 'blobs', 'sha256'), needed, options)) {
      removed.push({ path: garbage.path.slice(store.models.length + 1), sizeBytes: garbage.sizeBytes });
      if (!options.dryRun) await rm(garbage.path, { force: true });
    }
    kept += needed.size;
  }
  return { removed, kept };
}

/** Everything reachable from the index, and from logged manifests that are here. */
async function neededBlobs(layout: string, logged: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  const queue = [...(await readLayout(layout)).map(({ digest }) => digest), ...logged];
  for (let digest = queue.pop(); digest !== undefined; digest = queue.pop()) {
    if (needed.has(digest)) continue;
    const bytes = await readBlob(layout, digest, LIMITS.manifestBytes).catch(() => null);
    needed.add(digest);
    if (bytes !== null) queue.push(...namedManifests(bytes, needed));
  }
  return needed;
}

/** Notes config and layers as needed, returns the manifests to follow. What is no manifest names nothing. */
function namedManifests(bytes: Uint8Array, needed: Set<string>): readonly string[] {
  try {
    const { config, layers, manifests } = parseStrictJsonObject(bytes, { maxBytes: LIMITS.manifestBytes, refuseCaseDuplicates: false });
    for (const digest of [config, ...listOf(layers)].flatMap(digestOf)) needed.add(digest);
    return listOf(manifests).flatMap(digestOf);
  } catch {
    return [];
  }
}

async function unneeded(folder: string, needed: ReadonlySet<string>, { olderThanMs }: Options): Promise<readonly { path: string; sizeBytes: number }[]> {
  const names = (await readdir(folder)).filter((name) => !needed.has(`sha256:${name}`)).toSorted();
  const found = await Promise.all(names.map(async (name) => ({ path: join(folder, name), stats: await stat(join(folder, name)) })));
  return found.filter(({ stats }) => Date.now() - stats.mtimeMs >= olderThanMs).map(({ path, stats }) => ({ path, sizeBytes: stats.size }));
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function digestOf(value: Json | undefined): readonly string[] {
  const digest = isJsonObject(value) ? value['digest'] : undefined;
  return typeof digest === 'string' ? [digest] : [];
}
