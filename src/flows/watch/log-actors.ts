import { verifyClaim, type Verification } from '../../domain/trust/verify-claim.ts';
import { ociDigest } from '../../domain/digest/hex.ts';
import type { ManifestFile } from '../../domain/digest/manifest.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { LogLeaf } from '../../domain/tlog/leaf.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { ABSENT, actorOf, UNSIGNED, type Actor } from '../../domain/authority/actor.ts';
import { claimsIfThere } from '../registry/gate-claims.ts';
import { filesOf } from '../registry/registry-show.ts';

/**
 * Who is behind each leaf, in order: the bundle that the leaf names, verified now under the caller's trust. Bundles are read
 * place by place and not kept.
 */
export async function actorsOf(
  leaves: readonly LogLeaf[],
  registry: Registry,
  verification: Verification,
): Promise<readonly Actor[]> {
  const actors = new Map<LogLeaf, Actor>();
  const judge = async (place: Place, wanted: readonly LogLeaf[]) => {
    const files = filesAt(registry, place);
    for (const bytes of await claimsIfThere(registry, place.name, place.manifest)) {
      const digest = ociDigest(bytes);
      const behind = wanted.filter((leaf) => leaf.bundle === digest && !actors.has(leaf));
      for (const leaf of behind) {
        const outcome = await verifyClaim(bytes, { ...verification, name: leaf.name, maxBytes: LIMITS.signatureBytes });
        actors.set(leaf, await actorOf(leaf, outcome, { origin: registry.log.origin, files }));
      }
    }
  };
  for (const leaf of leaves) if (leaf.kind === 'push' && leaf.bundle === leaf.manifest) actors.set(leaf, UNSIGNED);
  for (const wanted of Map.groupBy(
    leaves.filter((leaf) => !actors.has(leaf)),
    placeKey,
  ).values())
    await judge(placeOf(wanted), wanted);
  await lookElsewhere(
    registry,
    leaves.filter((leaf) => !actors.has(leaf)),
    judge,
  );
  return leaves.map((leaf) => actors.get(leaf) ?? ABSENT);
}

type Place = Pick<LogLeaf, 'name' | 'manifest'>;

function placeKey({ name, manifest }: Place): string {
  return `${name}@${manifest}`;
}

function placeOf([leaf]: readonly LogLeaf[]): Place {
  return { name: leaf?.name ?? '', manifest: leaf?.manifest ?? '' };
}

/** Pushes of a name that are looked through for claims that are not where their entry says. */
const PLACES_LOOKED_AT = 100;

/** A claim about an ancestor lies with what it came along with: a push of the entry's name. */
async function lookElsewhere(
  registry: Registry,
  missing: readonly LogLeaf[],
  judge: (place: Place, wanted: readonly LogLeaf[]) => Promise<void>,
): Promise<void> {
  for (const [name, wanted] of Map.groupBy(missing, (leaf) => leaf.name)) {
    const pushes = await registry.log.find({ name, kind: 'push' });
    const places = [...new Set(pushes.map(({ leaf }) => leaf.manifest))].slice(-PLACES_LOOKED_AT);
    for (const manifest of places) await judge({ name, manifest }, wanted);
  }
}

function filesAt(registry: Registry, { name, manifest }: Place): () => Promise<readonly ManifestFile[] | null> {
  let found: Promise<readonly ManifestFile[] | null> | undefined;
  return () => (found ??= filesOf(registry, name, manifest).catch(nullIfAbsent));
}

function nullIfAbsent(error: unknown): null {
  if (error instanceof WeighmarkError && error.code === 'not-found') return null;
  throw error;
}
