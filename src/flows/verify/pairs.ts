import { trustedPairs } from '../../domain/claims/pairs.ts';
import { readDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { manifestOf } from '../../domain/claims/subjects.ts';
import type { Statement } from '../../domain/claims/types.ts';
import { idsOf, summed } from '../../domain/digest/manifest.ts';
import { omsRoot } from '../../domain/digest/root.ts';
import type { Lookup } from '../../domain/base/by-path.ts';
import { compareUtf8 } from '../../domain/base/paths.ts';
import type { KnownArtifact } from './claims.ts';
import { baseName } from '../sign/oms-sign.ts';
import type { TrustedClaim, TrustedSignature } from './bundles.ts';
import type { Content } from './question.ts';
import type { FoundList } from '../content/found.ts';
import type { VerifyCase } from './types.ts';

interface List {
  readonly files: readonly ListedFile[];
  readonly digest: string;
  readonly ids: readonly string[];
}

/** A digest list that cannot be read vouches for nothing; SHA-256 does without it. */
export function readList(found: FoundList | null, known: readonly { readonly path: string }[] = []): List | null {
  if (found === null) return null;
  try {
    const files = readDigestList(found.bytes, known);
    found.letGo();
    return { files, digest: found.sha256, ids: idsOf(files) };
  } catch {
    return null;
  }
}

/** A single file that was renamed since is not in the list, whose pairs are by name: SHA-256 does without it. */
export function pairsOf(
  list: List,
  signature: TrustedSignature,
  { bundles, input }: Pick<VerifyCase, 'bundles' | 'input'>,
): Lookup<ListedFile> | null {
  const { manifest, claim } = signature;
  const pairs = trustedPairs({
    manifest,
    signer: claim.signer,
    list: list.files,
    listDigest: list.digest,
    listIds: list.ids,
    claims: bundles.claims.map((each) => each.claim),
  });
  return input.kind === 'file' && pairs?.has(baseName(input.root)) === false ? null : pairs;
}

export type Identified = Pick<KnownArtifact, 'id' | 'ids' | 'root' | 'files'>;

/** The ids of the files that were verified; the list's are the same if the list is. */
export function identified(
  content: Content,
  listIds: readonly string[] | undefined,
  { claims, knownAs }: { claims: readonly TrustedClaim[]; knownAs: readonly string[] },
): Identified | null {
  if (content.files.some(({ digests: { sha256 = '' } }) => sha256 === '')) return null;
  const files = content.files.map(summed);
  const onlyBlake3 = content.algorithms.length === 1 && content.algorithms[0] === 'blake3';
  const ids = [...(onlyBlake3 && listIds !== undefined ? listIds : idsOf(files)), ...knownAs];
  return { id: idSaid(ids, claims), ids, root: rootOf(content), files };
}

/** The id that trusted claims name; of several, and where none does, the first. */
export function idSaid(ids: readonly string[], claims: readonly TrustedClaim[]): string {
  const said = new Set(claims.map(({ claim }) => manifestNamed(claim.statement)));
  return ids.find((id) => said.has(id)) ?? ids[0] ?? '';
}

function manifestNamed(statement: Statement): string | null {
  try {
    return manifestOf(statement);
  } catch {
    return null;
  }
}

function rootOf({ files }: Content): string {
  return omsRoot(sha256Of(files.toSorted((a, b) => compareUtf8(a.path, b.path))));
}

function* sha256Of(files: Content['files']): Generator<string> {
  for (const { digests } of files) yield digests.sha256 ?? '';
}
