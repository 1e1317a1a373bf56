import type { OmsManifest } from '../../domain/claims/oms.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { nameOf, sameSigner } from '../../domain/claims/signers.ts';
import { entriesFor } from '../../domain/trust/match.ts';
import { signedName } from '../../domain/trust/verify-claim.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { checkOf, verdictOf, type Verdict } from '../../domain/base/verdict.ts';
import { bindClaims, type BoundClaims } from './claims.ts';
import { artifactPath } from '../sign/oms-sign.ts';
import type { JudgedBundles, TrustedSignature } from './bundles.ts';
import { verifyContent } from './content.ts';
import { hashAhead } from './hash-signed.ts';
import type { Ahead, Content, TreeQuestion } from './question.ts';
import { NOT_ASKED, refused, type VerifyCase, type VerifyOutcome, type VerifyPorts } from './types.ts';
import type { ProvenParts } from './part.ts';
import { readList, pairsOf, type Identified, identified } from './pairs.ts';
import { contentEvidence, signatureEvidence } from './evidence.ts';

/**
 * Hashes what is signed by somebody trusted while the claims are read, if BLAKE3 will do as far as can be seen: there is a
 * digest list, and nobody asks for more. Whether it does, the claims say. Empty: the content is read after them, as ever.
 */
export async function beginContent(
  signature: TrustedSignature,
  { input, sidecars }: Pick<VerifyCase, 'input' | 'sidecars'>,
  ports: VerifyPorts,
): Promise<readonly Ahead[]> {
  const { algorithm, shardBytes, historic } = signature.manifest;
  const isLikely =
    sidecars.digestList !== null &&
    sidecars.claims.length > 0 &&
    algorithm === 'sha256' &&
    shardBytes === null &&
    !historic;
  if (!isLikely || input.only !== undefined || input.algorithm !== undefined) return [];
  try {
    return [await hashAhead(treeQuestion(input, signature), ports)];
  } catch {
    return [];
  }
}

function treeQuestion(input: VerifyCase['input'], signature: TrustedSignature): TreeQuestion {
  return {
    root: input.root,
    manifest: input.underPolicy === true ? wholeManifest(signature.manifest) : signature.manifest,
    allowSymlinks: input.allowSymlinks === true,
    ignore: (input.ignore ?? []).map(artifactPath),
    ownNames: insideOf(input.root, signature.location),
    ignoreUnsignedFiles: input.ignoreUnsignedFiles === true,
    underPolicy: input.underPolicy === true,
    ...(input.jobs === undefined ? {} : { jobs: input.jobs }),
  };
}

export async function verifySigned(
  { input, bundles, sidecars }: Omit<VerifyCase, 'fileSignatures'>,
  { signature, ahead }: { signature: TrustedSignature; ahead: Ahead | null },
  ports: VerifyPorts,
): Promise<VerifyOutcome> {
  const list = readList(sidecars.digestList, signature.manifest.resources);
  const pairs = list === null ? null : pairsOf(list, signature, { bundles, input });
  const by = nameOf(signature.claim.signer, signature.trustedBy[0]);
  const question = {
    ...treeQuestion(input, signature),
    by,
    pairs,
    needsSha256: input.only === undefined,
    ...(input.only === undefined ? {} : { only: input.only }),
    ...(input.algorithm === undefined ? {} : { algorithm: input.algorithm }),
  };
  const part =
    input.only === undefined
      ? null
      : await (await import('./part.ts')).verifyPart({ ...question, kind: input.kind, only: input.only }, ports);
  if (part !== null) return { ...refused(partVerdict(part, { input, bundles, signature, by })), by };
  const content = await verifyContent(question, ports, ahead);
  const known =
    content.findings.length === 0 && input.only === undefined
      ? identified(content, list?.ids, { claims: bundles.claims, knownAs: input.knownAs ?? [] })
      : null;
  const bound = bindClaims(
    bundles.claims,
    known === null ? null : { ...known, single: input.kind === 'file' },
    sidecars,
  );
  if (known !== null) requireName({ input }, signature, bound);
  return outcome({ input, bundles, signature, content, known, bound, by });
}

/**
 * Trust that is limited to names counts for the very artifact of that name: a root hashes no file names, so the same bytes under
 * others have it too.
 * @throws WeighmarkError `signer-untrusted`.
 */
function requireName(
  { input }: Pick<VerifyCase, 'input'>,
  { claim, trustedBy }: TrustedSignature,
  bound: BoundClaims,
): void {
  if (input.name !== undefined || trustedBy.some((entry) => entry.for === undefined)) return;
  const isNamed = (each: VerifiedClaim): boolean =>
    each.statement.predicateType === PREDICATES.bom &&
    sameSigner(each.signer, claim.signer) &&
    entriesFor(trustedBy, signedName(each.statement)).length > 0;
  if (bound.claims.some((each) => isNamed(each.claim))) return;
  throw new WeighmarkError(
    'signer-untrusted',
    'the signer is trusted for certain names only, and none is signed with these files under these paths',
    { hint: '`weighmark seal --name NAME:VERSION` signs it' },
  );
}

/** Under a policy nothing is left out, whatever the signature says, and it must say how it was made (security rule 9). */
function wholeManifest(manifest: OmsManifest): OmsManifest {
  if (manifest.historic)
    throw new WeighmarkError(
      'policy-refused',
      'a signature in the form of model_signing 0.2.0 does not satisfy a policy',
      { hint: 'sign it again with `weighmark seal`' },
    );
  return { ...manifest, ignorePaths: [] };
}

/** The signature in use is no part of the tree it signs (OMS v1.0 section 6.2). */
function insideOf(root: string, location: string): readonly string[] {
  return location.startsWith(`${root}/`) ? [location.slice(root.length + 1)] : [];
}

/** Parts of a file bind no claim: only the signature over the whole stands behind them. */
function partVerdict(
  part: ProvenParts,
  { input, bundles, signature, by }: Pick<SignedCase, 'input' | 'bundles' | 'signature' | 'by'>,
): Verdict {
  const checks = [
    checkOf('content', part.evidence, part.findings),
    checkOf('signature', signatureEvidence(signature, by), []),
  ];
  return verdictOf({ subject: input.shown, scope: 'partial', checks, notes: bundles.notes, notAsked: NOT_ASKED });
}

interface SignedCase {
  readonly input: VerifyCase['input'];
  readonly bundles: JudgedBundles;
  readonly signature: TrustedSignature;
  readonly content: Content;
  readonly known: Identified | null;
  readonly bound: BoundClaims;
  readonly by: string;
}

function outcome({ input, bundles, signature, content, known, bound, by }: SignedCase): VerifyOutcome {
  const checks = [
    checkOf('content', [contentEvidence(content)], content.findings),
    checkOf('signature', signatureEvidence(signature, by), []),
  ];
  const claims =
    bound.evidence.length + bound.findings.length === 0 ? [] : [checkOf('claims', bound.evidence, bound.findings)];
  const verdict = verdictOf({
    subject: input.shown,
    ...(known === null ? {} : { id: known.id }),
    scope: input.only === undefined ? 'whole' : 'partial',
    checks: [...checks, ...claims],
    claimed: bound.claimed,
    notes: [...content.notes, ...bundles.notes, ...bound.notes],
    notAsked: NOT_ASKED,
  });
  if (verdict.outcome !== 'verified') return { ...refused(verdict), by };
  return {
    verdict,
    id: known?.id ?? null,
    ids: known?.ids ?? [],
    root: known?.root ?? null,
    signature,
    claims: bound.claims,
    otherClaims: bound.others,
    packagedFrom: bound.packagedFrom,
    files: content.files,
    by,
  };
}
