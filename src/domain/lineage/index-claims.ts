import type { VerifiedClaim } from '../claims/types.ts';
import { signerKey } from '../authority/authority.ts';
import { mergedCopies } from '../authority/copies.ts';
import { bindingOf, type BoundKind, type Known } from '../claims/binding.ts';
import { inputsSaidToBeManifests } from './provenance.ts';

/** A claim with the one artifact it is about. */
export interface BoundClaim {
  readonly claim: VerifiedClaim;
  /** Hex of the manifest digest, or of a single file's content. */
  readonly digest: string;
  readonly of: BoundKind;
  /** The artifact's name as its signer wrote it, without a version; may be empty. */
  readonly name: string;
}

export interface ClaimIndex {
  /**
   * Claims about one artifact, by kind and digest; in order of bundle digest, so that no order of arrival matters. Without a kind
   * a digest is a manifest's if any claim says so, else a file's: never both. Each id of an artifact at hand means it.
   */
  readonly about: (digest: string, as?: 'manifest' | 'file') => readonly BoundClaim[];
  /** Claims that name this digest beside another, and so bind neither. */
  readonly ambiguousAbout: (digest: string) => readonly VerifiedClaim[];
  readonly byBundle: (bundle: string) => VerifiedClaim | null;
  /** One digest for all ids of an artifact at hand. */
  readonly meant: (digest: string) => string;
  readonly all: readonly VerifiedClaim[];
}

/** Each signature counts once, however often it was wrapped anew (security rule 12). */
export function indexClaims(claims: readonly VerifiedClaim[], known?: Known): ClaimIndex {
  const sorted = claims.toSorted((a, b) => (a.bundle < b.bundle ? -1 : 1));
  const all = eachOnce(sorted);
  const about = new Map<string, BoundClaim[]>();
  const manifests = new Set(all.flatMap(({ statement }) => inputsSaidToBeManifests(statement)));
  const ambiguous = new Map<string, VerifiedClaim[]>();
  for (const claim of all) {
    const binding = bindingOf(claim, known);
    if (binding.kind === 'one')
      push(about, binding.digest, { claim, of: binding.of, digest: binding.digest, name: binding.name });
    if (binding.kind === 'one' && binding.of === 'manifest') manifests.add(binding.digest);
    if (binding.kind === 'ambiguous') for (const digest of binding.digests) push(ambiguous, digest, claim);
  }
  const bundles = new Map(sorted.map((claim) => [claim.bundle, claim]));
  const here = (digest: string) => known?.get(digest)?.id.slice('sha256:'.length) ?? digest;
  const isManifest = (digest: string) => manifests.has(digest) || manifests.has(here(digest));
  return {
    about: (digest, as = isManifest(digest) ? 'manifest' : 'file') => asKind(about.get(here(digest)) ?? [], as),
    ambiguousAbout: (digest) => ambiguous.get(here(digest)) ?? [],
    meant: here,
    byBundle: (bundle) => bundles.get(bundle) ?? null,
    all,
  };
}

/** Where each says its own there are no copies, and no keys to make of who signed. */
function eachOnce(sorted: readonly VerifiedClaim[]): readonly VerifiedClaim[] {
  if (new Set(sorted.map(({ pae }) => pae)).size === sorted.length) return sorted;
  const groups = Map.groupBy(sorted, (claim) => `${claim.pae} ${signerKey(claim.signer)}`);
  return [...groups.values()].flatMap(([first, ...copies]) =>
    first === undefined ? [] : [mergedCopies([first, ...copies])],
  );
}

function asKind(bound: readonly BoundClaim[], as: BoundKind): readonly BoundClaim[] {
  const fits = ({ of }: BoundClaim): boolean => of === as || of === 'unsaid';
  return bound.every(fits) ? bound : bound.filter(fits);
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}
