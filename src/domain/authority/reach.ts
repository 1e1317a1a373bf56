import type { Known } from '../claims/binding.ts';
import { nameIn, namesFrom, namesIn, namesOfArtifact, withoutVersion } from '../claims/names.ts';
import { PREDICATES } from '../claims/predicates.ts';
import { weightsListsIn, type WeightsLists } from '../claims/weights-lists.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import { isHex256 } from '../digest/hex.ts';
import { isJsonObject } from '../base/json.ts';
import { remembered } from '../base/remembered.ts';
import type { Authority } from './authority.ts';
import { weightsName } from './revocation.ts';
import type { Revocations } from './revocations.ts';

/** Where the other digests of an artifact are found: in its content, and in what those who may speak of it signed. */
export interface NameSources {
  readonly claims: readonly VerifiedClaim[];
  readonly known: Known;
  readonly authority: Authority;
  /** What the lists say that claims bind, as far as they are here. */
  readonly weights?: WeightsLists;
}

/**
 * A revocation reaches whoever names the artifact by any of its digests: ids, root, the lists of its records and weights, and
 * the content of a single file; and one of weights whatever has them by a list that somebody bound who may speak of it. That
 * weights are shared makes no two artifacts one. A list that is bound and not here leaves open what is asked by it.
 */
export function reaching(revocations: Revocations, sources: NameSources): Revocations {
  const { claims, known, authority, weights = new Map() } = sources;
  const counted = claims.filter((claim) => mayName(claim, authority));
  const names = namesFrom([
    ...[...known.values()].map(namesOfArtifact),
    ...counted.map((claim) => namesIn(claim.statement, known)),
  ]);
  const lists = new Set(revocations.namesWeights ? counted.flatMap(({ statement }) => weightsListsIn(statement)) : []);
  const namesOf = remembered((digest: string): readonly string[] => {
    const same = names.sameAs(digest);
    const held = same.flatMap((each) => (lists.has(each) ? [...(weights.get(each) ?? [])] : []));
    return [...same, ...held.map(weightsName)];
  });
  const byAnyName =
    <T>(answer: (digest: string) => T | null) =>
    (digest: string): T | null => {
      for (const name of namesOf(digest)) {
        const found = answer(name);
        if (found !== null) return found;
      }
      return null;
    };
  return {
    ...revocations,
    ofArtifact: byAnyName(revocations.ofArtifact),
    doubtOfArtifact: byAnyName(revocations.doubtOfArtifact),
    unlisted: (digest) => names.sameAs(digest).find((each) => lists.has(each) && !weights.has(each)) ?? null,
  };
}

export interface RevokedArtifact {
  /** As its signer calls it. */
  readonly name: string;
  readonly id: string;
  /** The claim says itself by which other digests it is known; not by which other ids. */
  readonly isSaid: boolean;
}

/** The artifact that a claim revokes; none where it revokes something else. */
export function revocationTargets({ statement }: VerifiedClaim): readonly RevokedArtifact[] {
  if (statement.predicateType !== PREDICATES.revocation) return [];
  const { target } = statement.predicate;
  const { kind, sha256 } = isJsonObject(target) ? target : {};
  const own = statement.subject.find(({ digest }) => digest['sha256'] === sha256);
  const isSaid = statement.subject.some(({ annotations }) => annotations?.['kind'] === 'root');
  if (kind !== 'artifact' || !isHex256(sha256) || own === undefined) return [];
  return [{ name: withoutVersion(own.name), id: `sha256:${sha256}`, isSaid }];
}

/** Whoever may say anything of an artifact of that name. */
function mayName(claim: VerifiedClaim, authority: Authority): boolean {
  return authority.rolesOf(claim, nameIn(claim.statement)).length > 0;
}
