import { trustedPairs } from '../../domain/claims/pairs.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { parseDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { manifestId } from '../../domain/digest/manifest.ts';
import { omsRoot } from '../../domain/digest/root.ts';
import { compareUtf8 } from '../../domain/base/paths.ts';
import type { KnownArtifact } from './claims.ts';
import { baseName } from '../sign/oms-sign.ts';
import type { TrustedSignature } from './bundles.ts';
import type { Content } from './question.ts';
import type { VerifyCase } from './types.ts';

interface List {
  readonly files: readonly ListedFile[];
  readonly digest: string;
  readonly id: string;
}

/** A digest list that cannot be read vouches for nothing; SHA-256 does without it. */
export function readList(bytes: Uint8Array | null): List | null {
  if (bytes === null) return null;
  try {
    const files = parseDigestList(bytes);
    return { files, digest: sha256Hex(bytes), id: manifestId(files) };
  } catch {
    return null;
  }
}

/** A single file that was renamed since is not in the list, whose pairs are by name: SHA-256 does without it. */
export function pairsOf(
  list: List,
  signature: TrustedSignature,
  { bundles, input }: Pick<VerifyCase, 'bundles' | 'input'>,
): ReadonlyMap<string, ListedFile> | null {
  const { manifest, claim } = signature;
  const pairs = trustedPairs({
    manifest,
    signer: claim.signer,
    list: list.files,
    listDigest: list.digest,
    listId: list.id,
    claims: bundles.claims.map((each) => each.claim),
  });
  return input.kind === 'file' && pairs?.has(baseName(input.root)) === false ? null : pairs;
}

export type Identified = Pick<KnownArtifact, 'id' | 'root' | 'files'>;

/** The id of the files that were verified; the list's is the same if the list is. */
export function identified(content: Content, listId: string | undefined): Identified | null {
  const files = content.files.map(({ path, sizeBytes, digests: { sha256 } }) => ({
    path,
    sizeBytes,
    sha256: sha256 ?? '',
  }));
  if (files.some(({ sha256 }) => sha256 === '')) return null;
  const onlyBlake3 = content.algorithms.length === 1 && content.algorithms[0] === 'blake3';
  return { id: onlyBlake3 && listId !== undefined ? listId : manifestId(files), root: rootOf(content), files };
}

function rootOf(content: Content): string {
  return omsRoot(
    content.files.toSorted((a, b) => compareUtf8(a.path, b.path)).map(({ digests }) => digests.sha256 ?? ''),
  );
}
