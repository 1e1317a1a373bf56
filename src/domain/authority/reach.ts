import type { Known } from '../claims/binding.ts';
import { nameIn, namesFrom, namesIn, namesOfArtifact, withoutVersion } from '../claims/names.ts';
import { PREDICATES } from '../claims/predicates.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import { isHex256 } from '../digest/hex.ts';
import { isJsonObject } from '../base/json.ts';
import type { Authority } from './authority.ts';
import type { Revocations } from './revocations.ts';

/** Where the other digests of an artifact are found: in its content, and in what those who may speak of it signed. */
export interface NameSources {
  readonly claims: readonly VerifiedClaim[];
  readonly known: Known;
  readonly authority: Authority;
}

/**
 * A revocation reaches whoever names the artifact by any of its digests: ids, root, the lists of its records and weights, and
 * the content of a single file.
 */
export function reaching(revocations: Revocations, { claims, known, authority }: NameSources): Revocations {
  const names = namesFrom([
    ...[...known.values()].map(namesOfArtifact),
    ...claims.map((claim) => (mayName(claim, authority) ? namesIn(claim.statement, known) : [])),
  ]);
  const byAnyName =
    <T>(answer: (digest: string) => T | null) =>
    (digest: string): T | null =>
      names
        .sameAs(digest)
        .map(answer)
        .find((found) => found !== null) ?? null;
  return {
    ...revocations,
    ofArtifact: byAnyName(revocations.ofArtifact),
    doubtOfArtifact: byAnyName(revocations.doubtOfArtifact),
  };
}

/**
 * The artifact that a claim revokes, with the name its signer gives it; none where the claim itself says by what digests it is
 * known, or revokes something else.
 */
export function revocationTargets({
  statement,
}: VerifiedClaim): readonly { readonly name: string; readonly id: string }[] {
  if (statement.predicateType !== PREDICATES.revocation) return [];
  const { target } = statement.predicate;
  const { kind, sha256 } = isJsonObject(target) ? target : {};
  const own = statement.subject.find(({ digest }) => digest['sha256'] === sha256);
  const isSaid = statement.subject.some(({ annotations }) => annotations?.['kind'] === 'root');
  if (kind !== 'artifact' || !isHex256(sha256) || own === undefined || isSaid) return [];
  return [{ name: withoutVersion(own.name), id: `sha256:${sha256}` }];
}

/** Whoever may say anything of an artifact of that name. */
function mayName(claim: VerifiedClaim, authority: Authority): boolean {
  return authority.rolesOf(claim, nameIn(claim.statement)).length > 0;
}
