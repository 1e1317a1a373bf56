import type { MatchedArtifact } from '../../domain/claims/subjects.ts';
import { idsOf, parseIndex, type ManifestFile } from '../../domain/digest/manifest.ts';
import { readManifest } from '../../domain/digest/foreign.ts';
import { ociDigest } from '../../domain/digest/hex.ts';
import { revocationTargets } from '../../domain/authority/reach.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { omsRoot } from '../../domain/digest/root.ts';
import type { LogEntries } from '../../domain/tlog/leaf.ts';
import type { Registry, RegistryEntry } from '../../domain/ports/registry.ts';

/** An artifact by its manifest, whose bytes prove what its files are; null if the registry has none that can be read. */
export async function artifactIn(registry: Registry, name: string, id: string): Promise<MatchedArtifact | null> {
  try {
    const top = await provenManifest(registry, name, id);
    const found = MATCHED.get(top);
    if (found?.id === id) return found;
    const artifact = matched(id, await filesUnder(top, async (part) => provenManifest(registry, name, part)));
    if (partsIn(top) === null) MATCHED.set(top, artifact);
    return artifact;
  } catch {
    return null;
  }
}

/** By the bytes of its manifest, where a run holds on to them (`readOnce`): every decision asks for the same. */
const MATCHED = new WeakMap<Uint8Array, MatchedArtifact>();
const PARTS = new WeakMap<Uint8Array, { readonly parts: readonly string[] | null }>();
const FILES = new WeakMap<Uint8Array, readonly ManifestFile[]>();

/**
 * The files of a manifest, or of those that an index names, in order; of the same bytes they are read once.
 * @throws WeighmarkError `format-invalid`, `name-unsafe`, `empty-artifact`, and what `read` throws.
 */
export async function filesUnder(
  top: Uint8Array,
  read: (digest: string) => Promise<Uint8Array>,
): Promise<readonly ManifestFile[]> {
  const parts = partsIn(top);
  if (parts === null) return filesIn(top);
  const pages = await Promise.all(parts.map(read));
  return pages.flatMap(filesIn);
}

function partsIn(top: Uint8Array): readonly string[] | null {
  const { parts } = PARTS.get(top) ?? { parts: parseIndex(top) };
  PARTS.set(top, { parts });
  return parts;
}

function filesIn(manifest: Uint8Array): readonly ManifestFile[] {
  const files = FILES.get(manifest) ?? readManifest(manifest);
  FILES.set(manifest, files);
  return files;
}

/** Those of a list that can be read. One after the other: a registry may hold thousands. */
export async function artifactsIn(
  registry: Registry,
  listed: readonly Pick<RegistryEntry, 'name' | 'id'>[],
): Promise<readonly MatchedArtifact[]> {
  const found: MatchedArtifact[] = [];
  for (const { name, id } of listed) {
    const artifact = await artifactIn(registry, name, id);
    if (artifact !== null) found.push(artifact);
  }
  return found;
}

/** What a decision is about, for the question which revoked artifacts it may mean. */
export interface Meant {
  readonly claims: readonly VerifiedClaim[];
  /** `sha256:<hex>` of all that it rests on. */
  readonly lineage: ReadonlySet<string>;
  /** Those of them that are in the registry. */
  readonly known: readonly Pick<MatchedArtifact, 'id' | 'ids'>[];
}

/**
 * Revoked artifacts by their manifests, which show all their digests: where the claim says none, and where the lineage rests on
 * something that is not here by the id it is named by, since it may be a revoked one by another of its ids.
 */
export async function revokedIn(
  registry: Registry,
  entries: LogEntries,
  { claims, lineage, known }: Meant,
): Promise<readonly MatchedArtifact[]> {
  const here = new Set(known.flatMap(({ id, ids = [] }) => [id, ...ids]));
  const isAllHere = [...lineage].every((id) => here.has(id));
  const targets = new Map(claims.flatMap(revocationTargets).map((target) => [target.id, target]));
  const asked = [...targets.values()].filter(({ isSaid }) => !(isSaid && isAllHere));
  const found: MatchedArtifact[] = [];
  for (const { name, id } of asked) {
    const artifact = await underAnyName(registry, new Set([name, ...namesIn(entries, id)]), id);
    if (artifact !== null) found.push(artifact);
  }
  return found;
}

function namesIn(entries: LogEntries, manifest: string): readonly string[] {
  return entries.matching({ manifest }).map(({ leaf }) => leaf.name);
}

async function underAnyName(
  registry: Registry,
  names: ReadonlySet<string>,
  id: string,
): Promise<MatchedArtifact | null> {
  for (const name of names) {
    const found = await artifactIn(registry, name, id);
    if (found !== null) return found;
  }
  return null;
}

/** All by which an artifact goes, and no more of its files than that takes: an ancestor may have millions. */
export function namesOnly({ id, ids = [], root, single, files }: MatchedArtifact): MatchedArtifact {
  return {
    id,
    ids,
    ...(root === undefined ? {} : { root }),
    ...(single === true && files !== undefined ? { single, files } : {}),
  };
}

/** What claims about files with these digests are held to. */
export function matched(id: string, files: readonly ManifestFile[]): MatchedArtifact {
  return {
    id,
    ids: idsOf(files),
    root: omsRoot(files.map(({ sha256 }) => sha256)),
    files: new Map(files.map(({ path, sha256 }) => [path, sha256])),
    single: files.length === 1,
  };
}

async function provenManifest(registry: Registry, name: string, digest: string): Promise<Uint8Array> {
  const bytes = await registry.getManifest(name, digest);
  if (ociDigest(bytes) !== digest) throw new Error('another manifest');
  return bytes;
}
