import { parseIndex, parseManifest, type ManifestFile } from '../../domain/digest/manifest.ts';
import { ociDigest } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { LogEntry } from '../../domain/tlog/leaf.ts';
import type { Registry, RegistryEntry } from '../../domain/ports/registry.ts';
import { aboutOf } from './attach.ts';
import type { Place } from '../../domain/registry/reference.ts';
import { pushAll } from '../../domain/base/lists.ts';

export interface ShownClaim {
  readonly bundle: string;
  /** As the bundle says, unverified; null if it cannot be read. */
  readonly predicateType: string | null;
  /** Whether the claim is about this artifact, or an ancestor's that travels with it. */
  readonly own: boolean;
}

export interface ShowOutcome {
  readonly name: string;
  readonly id: string;
  readonly tags: readonly string[];
  readonly files: readonly ManifestFile[];
  readonly claims: readonly ShownClaim[];
  readonly log: readonly LogEntry[];
}

/** What a registry holds under a name: listed, not verified; the log entries are proven. */
export async function show(place: Pick<Place, 'name' | 'reference'>, registry: Registry): Promise<ShowOutcome> {
  const { name } = place;
  const id = await registry.resolve(name, place.reference);
  const bundles = await registry.claims(name, id);
  const entry = (await registry.list()).find((each) => each.name === name && each.id === id);
  const claims = bundles.map((bundle) => {
    const about = aboutOf(bundle);
    return {
      bundle: ociDigest(bundle),
      predicateType: about.predicateType,
      own: about.manifest === null || about.manifest === id,
    };
  });
  return {
    name,
    id,
    tags: entry?.tags ?? [],
    files: await filesOf(registry, name, id),
    claims,
    log: registry.log.origin === '' ? [] : await registry.log.find({ name, manifest: id }),
  };
}

/** Files of an artifact in a registry, in path order. @throws WeighmarkError `format-invalid` for other artifacts. */
export async function filesOf(registry: Registry, name: string, id: string): Promise<readonly ManifestFile[]> {
  const bytes = await registry.getManifest(name, id);
  const parts = parseIndex(bytes);
  if (parts === null) return parseManifest(bytes);
  const files: ManifestFile[] = [];
  for (const part of parts) pushAll(files, parseManifest(await registry.getManifest(name, part)));
  return files;
}

/** A bare digest is looked for under every name. @throws WeighmarkError `not-found`. */
export async function placeOfDigest(
  digest: string,
  registry: Registry,
): Promise<{ readonly name: string; readonly reference: string }> {
  const found = (await registry.list()).find((entry: RegistryEntry) => entry.id === digest);
  if (found !== undefined) return { name: found.name, reference: digest };
  throw new WeighmarkError('not-found', `the registry has no artifact ${digest}`, {
    subject: digest,
    hint: 'see what there is with `weighmark list`',
  });
}
