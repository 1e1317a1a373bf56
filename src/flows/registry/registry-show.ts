import { idsOf, parseIndex, type ManifestFile } from '../../domain/digest/manifest.ts';
import { readManifest } from '../../domain/digest/foreign.ts';
import { ociDigest } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { LogEntry } from '../../domain/tlog/leaf.ts';
import type { Registry, RegistryEntry } from '../../domain/ports/registry.ts';
import type { ArtifactFile } from '../bom/create.ts';
import { aboutOf } from './attach.ts';
import { artifactIn } from './known.ts';
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
  /** All ids of the same content: what names one of them means it. */
  readonly ids: readonly string[];
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
  const files = await filesOf(registry, name, id);
  const ids = [...new Set([id, ...idsOf(files)])];
  const claims = bundles.map((bundle) => {
    const about = aboutOf(bundle);
    return {
      bundle: ociDigest(bundle),
      predicateType: about.predicateType,
      own: about.manifest === null || ids.includes(about.manifest),
    };
  });
  return {
    name,
    id,
    ids,
    tags: entry?.tags ?? [],
    files,
    claims,
    log: registry.log.origin === '' ? [] : (await registry.log.find({ name })).filter(isAbout(ids)),
  };
}

function isAbout(ids: readonly string[]): (entry: LogEntry) => boolean {
  return ({ leaf }) => ids.includes(leaf.manifest);
}

/** Files of an artifact in a registry, in path order. @throws WeighmarkError `format-invalid` for other artifacts. */
export async function filesOf(registry: Registry, name: string, id: string): Promise<readonly ManifestFile[]> {
  const bytes = await registry.getManifest(name, id);
  const parts = parseIndex(bytes);
  if (parts === null) return readManifest(bytes);
  const files: ManifestFile[] = [];
  for (const part of parts) pushAll(files, readManifest(await registry.getManifest(name, part)));
  return files;
}

/** The same, each to be opened where it lies. */
export async function storedFiles(registry: Registry, name: string, id: string): Promise<readonly ArtifactFile[]> {
  return (await filesOf(registry, name, id)).map(({ path, sizeBytes, sha256 }) => ({
    path,
    sizeBytes,
    digests: { sha256 },
    open: () => registry.openBlob(name, `sha256:${sha256}`, sizeBytes),
  }));
}

/** Of an artifact that was pushed by another of its ids. */
async function byOtherId(
  digest: string,
  listed: readonly RegistryEntry[],
  registry: Registry,
): Promise<RegistryEntry | null> {
  for (const entry of listed)
    if ((await artifactIn(registry, entry.name, entry.id))?.ids?.includes(digest) === true) return entry;
  return null;
}

/** A bare digest is looked for under every name. @throws WeighmarkError `not-found`. */
export async function placeOfDigest(
  digest: string,
  registry: Registry,
): Promise<{ readonly name: string; readonly reference: string }> {
  const listed = await registry.list();
  const found =
    listed.find((entry: RegistryEntry) => entry.id === digest) ?? (await byOtherId(digest, listed, registry));
  if (found !== null) return { name: found.name, reference: found.id };
  throw new WeighmarkError('not-found', `the registry has no artifact ${digest}`, {
    subject: digest,
    hint: 'see what there is with `weighmark list`',
  });
}
