import { nameOf } from '../../domain/claims/signers.ts';
import type { HashAlgorithm } from '../../domain/digest/algorithm.ts';
import { idsOf } from '../../domain/digest/manifest.ts';
import { omsRoot } from '../../domain/digest/root.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { formatBytes } from '../../domain/base/units.ts';
import {
  checkOf,
  passedCheck,
  refusedCheck,
  verdictOf,
  type Check,
  type Finding,
  type Verdict,
} from '../../domain/base/verdict.ts';
import type { FileSignature } from '../../domain/trust/verify-file.ts';
import type { Tree } from '../../domain/ports/files.ts';
import { hashTree } from '../content/hash-tree.ts';
import { artifactPath } from '../sign/oms-sign.ts';
import { bindClaims, requireBound } from './claims.ts';
import { fileSignatureCheck, fileSignatureNotes } from './file-signatures.ts';
import { idSaid } from './pairs.ts';
import type { ContentFile } from './question.ts';
import { NOT_ASKED, refused, type VerifyCase, type VerifyOutcome, type VerifyPorts } from './types.ts';

type HashedFile = ContentFile & { readonly sha256: string };

/**
 * Without an OMS signature: the content is hashed and identified, and a trusted claim must bind that id.
 * @throws WeighmarkError `usage` for a partial verification, which only a list of signed files allows; `subject-mismatch`.
 */
export async function verifyByClaims(
  { input, bundles, sidecars, fileSignatures }: VerifyCase,
  ports: VerifyPorts,
): Promise<VerifyOutcome> {
  const signedFile = fileSignatures.trusted.length > 0;
  if (bundles.claims.length === 0 && !signedFile) return refused(nobodyTrusted(input.shown, bundles, fileSignatures));
  if (input.only !== undefined)
    throw new WeighmarkError('usage', '--only needs an OMS signature (model.sig), which lists the files');
  const { files, kind, algorithms } = await hashAll(input, ports);
  const ids = [...idsOf(files), ...(input.knownAs ?? [])];
  const id = idSaid(ids, bundles.claims);
  const root = omsRoot(files.map(({ sha256 }) => sha256));
  const bound = bindClaims(bundles.claims, { id, ids, root, files, single: kind === 'file' }, sidecars);
  if (!signedFile) requireBound(bound, id);
  const [file] = files;
  const ofFile = signedFile && file !== undefined ? [fileSignatureCheck(fileSignatures, file.sha256, file)] : [];
  const ofClaims =
    bound.evidence.length + bound.findings.length === 0 ? [] : [checkOf('claims', bound.evidence, bound.findings)];
  const verdict = verdictOf({
    subject: input.shown,
    id,
    checks: [contentCheck(files, algorithms), ...ofFile, ...ofClaims],
    claimed: bound.claimed,
    notes: [...bundles.notes, ...bound.notes, ...fileSignatureNotes(fileSignatures)],
    notAsked: NOT_ASKED,
  });
  const by = nameOfFirst([
    ...fileSignatures.trusted,
    ...bound.claims.map(({ claim, trustedBy }) => ({ signer: claim.signer, trustedBy })),
  ]);
  if (verdict.outcome !== 'verified') return { ...refused(verdict), by };
  return {
    verdict,
    id,
    ids,
    root,
    signature: null,
    claims: bound.claims,
    otherClaims: bound.others,
    packagedFrom: bound.packagedFrom,
    files,
    by,
  };
}

function nameOfFirst([first]: readonly Pick<FileSignature, 'signer' | 'trustedBy'>[]): string | null {
  return first === undefined ? null : nameOf(first.signer, first.trustedBy[0]);
}

function nobodyTrusted(
  subject: string,
  { notes }: VerifyCase['bundles'],
  { refusals }: VerifyCase['fileSignatures'],
): Verdict {
  if (refusals.length > 0) return verdictOf({ subject, checks: [checkOf('file-signature', [], refusals)], notes });
  const finding: Finding = {
    code: 'signer-untrusted',
    message: notes[0] ?? 'no claim is by anyone trusted',
    hint: '`weighmark trust list` shows who is',
  };
  return verdictOf({ subject, checks: [refusedCheck('claims', [finding])], notes });
}

async function hashAll(
  input: VerifyCase['input'],
  ports: VerifyPorts,
): Promise<{ files: readonly HashedFile[]; kind: Tree['kind']; algorithms: readonly HashAlgorithm[] }> {
  const tree = await ports.files.walk(input.root, {
    allowSymlinks: input.allowSymlinks === true,
    ignore: (input.ignore ?? []).map(artifactPath),
    ...(input.underPolicy === true ? { bookkeeping: 'judged' } : {}),
  });
  const algorithms = input.algorithm === 'all' ? (['sha256', 'blake3'] as const) : (['sha256'] as const);
  const hashed = await hashTree(
    tree.entries,
    {
      label: 'verifying',
      algorithms,
      followLinks: tree.followedLinks,
      ...(input.jobs === undefined ? {} : { jobs: input.jobs }),
    },
    ports,
  );
  const files = hashed.map(({ entry, digests }) => ({
    path: entry.path,
    location: entry.location,
    sizeBytes: entry.sizeBytes,
    sha256: digests.sha256 ?? '',
    digests,
  }));
  return { files, kind: tree.kind, algorithms };
}

function contentCheck(files: readonly HashedFile[], algorithms: readonly HashAlgorithm[]): Check {
  const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return passedCheck('content', [
    {
      what: `${files.length} of ${files.length} files, ${formatBytes(bytes)} (${algorithms.join(', ')})`,
      data: { files: files.length, bytes, algorithms },
    },
  ]);
}
