import { ByPath, pathOf, type Lookup } from '../base/by-path.ts';
import type { ListedFile } from '../digest/list.ts';
import { WeighmarkError } from '../base/errors.ts';
import type { OmsManifest } from './oms.ts';
import { PREDICATES } from './predicates.ts';
import { sameSigner } from './signers.ts';
import { kindOf } from './subjects.ts';
import type { Signer, VerifiedClaim } from './types.ts';

export interface PairsQuestion {
  readonly manifest: OmsManifest;
  readonly signer: Signer;
  readonly list: readonly ListedFile[];
  /** SHA-256 of the digest list's bytes, lower-case hex. */
  readonly listDigest: string;
  /** Ids that the list's files make, `sha256:<hex>`. */
  readonly listIds: readonly string[];
  /** Verified claims by trusted signers, about anything. */
  readonly claims: readonly VerifiedClaim[];
}

/**
 * The digest list's files, if the OMS signer's own identity signed the pairs (path, sha256, blake3): only then may BLAKE3
 * alone be hashed (security rule 7). Null if nobody, or somebody else, vouches for the list.
 * @throws WeighmarkError `digest-conflict` if the same identity signed two digests for one path.
 */
export function trustedPairs(question: PairsQuestion): Lookup<ListedFile> | null {
  const { manifest, list } = question;
  if (manifest.algorithm !== 'sha256' || manifest.shardBytes !== null || manifest.historic) return null;
  if (!question.claims.some((claim) => vouches(claim, question))) return null;
  const byPath = new ByPath(list, pathOf);
  const single = list.length === 1 && manifest.resources[0]?.path === '.' ? list[0]?.path : undefined;
  for (const { path, digest } of manifest.resources) checkPair(path, digest, byPath.get(single ?? path));
  return byPath.size === manifest.resources.length ? byPath : null;
}

/** A list of an earlier state names another root, and is nothing to disagree with. */
function vouches(claim: VerifiedClaim, { signer, listDigest, listIds, manifest }: PairsQuestion): boolean {
  const { statement } = claim;
  const names = (kind: string, digest: string) =>
    statement.subject.some((each) => kindOf(each) === kind && each.digest['sha256'] === digest);
  return (
    statement.predicateType === PREDICATES.bom &&
    sameSigner(claim.signer, signer) &&
    names('list', listDigest) &&
    listIds.some((id) => names('manifest', id.slice('sha256:'.length))) &&
    names('root', manifest.root)
  );
}

function checkPair(path: string, signed: string, listed: ListedFile | undefined): void {
  if (listed?.sha256 === signed) return;
  throw new WeighmarkError('digest-conflict', `the signature and the signed digest list disagree about ${path}`, {
    subject: path,
    facts: {
      signature: `sha256:${signed}`,
      'digest list': listed === undefined ? 'not listed' : `sha256:${listed.sha256}`,
    },
  });
}
