import type { MatchedArtifact } from '../../domain/claims/subjects.ts';
import { idsOf, parseIndex, type ManifestFile } from '../../domain/digest/manifest.ts';
import { readManifest } from '../../domain/digest/foreign.ts';
import { ociDigest } from '../../domain/digest/hex.ts';
import { revocationTargets } from '../../domain/authority/reach.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { omsRoot } from '../../domain/digest/root.ts';
import type { Registry, RegistryEntry } from '../../domain/ports/registry.ts';

/** An artifact by its manifest, whose bytes prove what its files are; null if the registry has none that can be read. */
export async function artifactIn(registry: Registry, name: string, id: string): Promise<MatchedArtifact | null> {
  try {
    const top = await provenManifest(registry, name, id);
    const parts = parseIndex(top);
    if (parts === null) return matched(id, readManifest(top));
    const pages = await Promise.all(parts.map((part) => provenManifest(registry, name, part)));
    return matched(id, pages.flatMap(readManifest));
  } catch {
    return null;
  }
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

/** Artifacts that were revoked by claims that do not say by what digests they are known. */
export async function revokedIn(
  registry: Registry,
  claims: readonly VerifiedClaim[],
): Promise<readonly MatchedArtifact[]> {
  const targets = new Map(claims.flatMap(revocationTargets).map((target) => [target.id, target]));
  const found = await Promise.all([...targets.values()].map(({ name, id }) => artifactIn(registry, name, id)));
  return found.filter((artifact) => artifact !== null);
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
