import { Buffer } from 'node:buffer';
import type { OmsManifest } from '../../domain/claims/oms.ts';
import { trustedPairs } from '../../domain/claims/pairs.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { describeSigner, describeTimes, nameOf, sameSigner } from '../../domain/claims/signers.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { parseDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { buildManifest } from '../../domain/digest/manifest.ts';
import { omsRoot } from '../../domain/digest/root.ts';
import { WeighmarkError, type Code } from '../../domain/base/errors.ts';
import { aboutOf } from '../registry/attach.ts';
import { compareUtf8 } from '../../domain/base/paths.ts';
import { formatBytes } from '../../domain/base/units.ts';
import {
  checkOf,
  findingOf,
  refusedCheck,
  verdictOf,
  type Check,
  type Evidence,
  type Verdict,
} from '../../domain/base/verdict.ts';
import { bindClaims, type BoundClaims, type KnownArtifact } from './verify-claims.ts';
import { artifactPath, baseName } from '../sign/oms-sign.ts';
import { findSidecars, LOOKED_FOR, type Sidecars } from '../content/sidecars.ts';
import { judgeClock } from './verify-clock.ts';
import { refuseUnknownBeside } from './verify-beside.ts';
import { judgeBundles, type JudgedBundles, type TrustedSignature } from './verify-bundles.ts';
import { hashAhead, verifyContent, type Ahead, type Content, type TreeQuestion } from './verify-content.ts';
import {
  NOT_ASKED,
  refused,
  type VerifyCase,
  type VerifyInput,
  type VerifyOutcome,
  type VerifyPorts,
} from './verify-types.ts';
import { verifyByClaims } from './verify-by-claims.ts';
import type { ProvenParts } from './verify-part.ts';

export { refused } from './verify-types.ts';
export type { VerifyInput, VerifyOutcome, VerifyPorts } from './verify-types.ts';

/**
 * Is the artifact what somebody trusted signed? Looks for signatures first (none: `nothing-to-verify`), then for trust,
 * then at the content, then which claims bind it. Anything unexpected is a refusal.
 * @throws WeighmarkError `not-found`, `usage`, `interrupted`; everything else is in the verdict.
 */
export async function verify(input: VerifyInput, ports: VerifyPorts): Promise<VerifyOutcome> {
  const place = await placeOf(input, ports);
  try {
    return await verifyPlace({ ...input, ...place }, ports);
  } catch (error) {
    if (!(error instanceof WeighmarkError) || THROWN.includes(error.code)) throw error;
    return refused(verdictOf({ subject: input.shown, checks: [refusedCheck('content', [findingOf(error)])] }));
  }
}

/** What is wrong with the question or the configuration, not with the artifact. */
const THROWN: readonly Code[] = [
  'interrupted',
  'usage',
  'not-found',
  'config-invalid',
  'config-not-allowed',
  'trust-invalid',
  'trust-unavailable',
  'anchor-inside',
];

async function verifyPlace(input: VerifyCase['input'], ports: VerifyPorts): Promise<VerifyOutcome> {
  const sidecars = await findSidecars(input, ports.files);
  if (sidecars.signatures.length + sidecars.claims.length === 0)
    return refused(
      await (await import('./verify-unsigned.ts')).describeUnsigned({ ...input, lookedFor: LOOKED_FOR }, ports),
    );
  const verification = await verificationOf(input, sidecars, ports);
  if (verification.trust.length === 0) return refused(verdictOf({ subject: input.shown, checks: [noTrust(sidecars)] }));
  const asksNames = verification.trust.some((entry) => entry.for !== undefined);
  const begun: Ahead[] = [];
  const onSignature = async (own: TrustedSignature) =>
    void begun.push(...(await beginContent(own, { input, sidecars }, ports)));
  try {
    const bundles = await judgeBundles(sidecars, verification, {
      name: input.name ?? (asksNames ? nameIn(sidecars) : null),
      onSignature,
    });
    const counted = await judgeClock({ shown: input.shown, bundles, verification, times: ports.times });
    if ('verdict' in counted) return counted;
    return await verifyJudged({ input, bundles: counted, sidecars }, ports, begun[0] ?? null);
  } finally {
    for (const ahead of begun) ahead.stop();
  }
}

async function verifyJudged(
  { input, bundles, sidecars }: VerifyCase,
  ports: VerifyPorts,
  ahead: Ahead | null,
): Promise<VerifyOutcome> {
  if (bundles.findings.length > 0)
    return refused(
      verdictOf({ subject: input.shown, checks: [checkOf('signature', [], bundles.findings)], notes: bundles.notes }),
    );
  if (input.underPolicy === true) await refuseUnknownBeside(input, ports.files);
  const { signature } = bundles;
  return signature === null
    ? verifyByClaims({ input, bundles, sidecars }, ports)
    : verifySigned({ input, bundles, sidecars }, { signature, ahead }, ports);
}

async function placeOf(input: VerifyInput, ports: VerifyPorts): Promise<{ root: string; kind: 'file' | 'directory' }> {
  const kind = await ports.files.kindOf(input.root);
  if (kind === 'file' || kind === 'directory') return { root: input.root, kind };
  if (kind === 'none')
    throw new WeighmarkError('not-found', `${input.shown}: there is no such file or folder`, { subject: input.shown });
  const root = await ports.files.realPath(input.root);
  if ((await ports.files.kindOf(root)) === 'directory') return { root, kind: 'directory' };
  throw new WeighmarkError('usage', `${input.shown} is a link or a special file: name the file itself`, {
    subject: input.shown,
  });
}

async function verificationOf(input: VerifyInput, sidecars: Sidecars, ports: VerifyPorts): Promise<Verification> {
  const trust = await ports.trust();
  const timestamped = [...sidecars.signatures, ...sidecars.claims].some(({ bytes }) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('rfc3161'),
  );
  const timestampAuthorities = trust.length > 0 && timestamped ? await ports.timestampAuthorities() : [];
  return { trust, timestampAuthorities, keyless: ports.keyless, now: ports.clock.now(), name: input.name ?? null };
}

/** The name that an ML-BOM beside the artifact gives it, unverified; `requireName` asks for its signature afterwards. */
function nameIn(sidecars: Sidecars): string | null {
  for (const { bytes } of sidecars.claims) {
    const { predicateType, name } = aboutOf(bytes);
    if (predicateType === PREDICATES.bom && name !== null) return name.replace(/:[^:/]*$/, '');
  }
  return null;
}

/**
 * Trust that is limited to names counts only if the signer also signed the name: in the ML-BOM of this very content.
 * @throws WeighmarkError `signer-untrusted`.
 */
function requireName({ input, bundles }: VerifyCase, { claim, trustedBy, manifest }: TrustedSignature): void {
  if (input.name !== undefined || trustedBy.some((entry) => entry.for === undefined)) return;
  const names = (each: VerifiedClaim) =>
    each.statement.subject.some(
      ({ annotations, digest }) => annotations?.['kind'] === 'root' && digest['sha256'] === manifest.root,
    );
  if (
    bundles.claims.some(
      (each) =>
        each.claim.statement.predicateType === PREDICATES.bom &&
        sameSigner(each.claim.signer, claim.signer) &&
        names(each.claim),
    )
  )
    return;
  throw new WeighmarkError(
    'signer-untrusted',
    'the signer is trusted for certain names only, and none is signed with this content',
    { hint: '`weighmark seal --name NAME:VERSION` signs it' },
  );
}

function noTrust(sidecars: Sidecars): Check {
  const [first] = [...sidecars.signatures, ...sidecars.claims];
  return refusedCheck('trust', [
    {
      code: 'trust-missing',
      message: `${first?.shown ?? 'a signature'} is there, and nobody to trust was named`,
      hint: 'say whose signature counts: `--key FILE`, `--identity NAME --issuer URL`, or `weighmark trust add`',
    },
  ]);
}

/**
 * Hashes what is signed by somebody trusted while the claims are read, if BLAKE3 will do as far as can be seen: there is a
 * digest list, and nobody asks for more. Whether it does, the claims say. Empty: the content is read after them, as ever.
 */
async function beginContent(
  signature: TrustedSignature,
  { input, sidecars }: Omit<VerifyCase, 'bundles'>,
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
    ...(input.jobs === undefined ? {} : { jobs: input.jobs }),
  };
}

async function verifySigned(
  { input, bundles, sidecars }: VerifyCase,
  { signature, ahead }: { signature: TrustedSignature; ahead: Ahead | null },
  ports: VerifyPorts,
): Promise<VerifyOutcome> {
  requireName({ input, bundles, sidecars }, signature);
  const list = readList(sidecars.digestList);
  const pairs = list === null ? null : pairsOf(list, signature, { bundles, input });
  const by = nameOf(signature.claim.signer, signature.trustedBy[0]);
  const question = {
    ...treeQuestion(input, signature),
    by,
    pairs,
    ignoreUnsignedFiles: input.ignoreUnsignedFiles === true,
    needsSha256: input.only === undefined,
    ...(input.only === undefined ? {} : { only: input.only }),
    ...(input.algorithm === undefined ? {} : { algorithm: input.algorithm }),
  };
  const part =
    input.only === undefined
      ? null
      : await (await import('./verify-part.ts')).verifyPart({ ...question, kind: input.kind, only: input.only }, ports);
  if (part !== null) return { ...refused(partVerdict(part, { input, bundles, signature, by })), by };
  const content = await verifyContent(question, ports, ahead);
  const known = content.findings.length === 0 && input.only === undefined ? identified(content, list?.id) : null;
  const bound = bindClaims(
    bundles.claims,
    known === null ? null : { ...known, single: input.kind === 'file' },
    sidecars,
  );
  return outcome({ input, bundles, signature, content, known, bound, by });
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

/** The signature in use is no part of the tree it signs (OMS v1.0 section 6.2). */
function insideOf(root: string, location: string): readonly string[] {
  return location.startsWith(`${root}/`) ? [location.slice(root.length + 1)] : [];
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
    root: known?.root ?? null,
    signature,
    claims: bound.claims,
    otherClaims: bound.others,
    packagedFrom: bound.packagedFrom,
    files: content.files,
    by,
  };
}

interface List {
  readonly files: readonly ListedFile[];
  readonly digest: string;
  readonly id: string;
}

/** A digest list that cannot be read vouches for nothing; SHA-256 does without it. */
function readList(bytes: Uint8Array | null): List | null {
  if (bytes === null) return null;
  try {
    const files = parseDigestList(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return { files, digest: sha256Hex(bytes), id: buildManifest(files).id };
  } catch {
    return null;
  }
}

/** A single file that was renamed since is not in the list, whose pairs are by name: SHA-256 does without it. */
function pairsOf(
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

type Identified = Pick<KnownArtifact, 'id' | 'root' | 'files'>;

/** The id of the files that were verified; the list's is the same if the list is. */
function identified(content: Content, listId: string | undefined): Identified | null {
  const files = content.files.map(({ path, sizeBytes, digests: { sha256 } }) => ({
    path,
    sizeBytes,
    sha256: sha256 ?? '',
  }));
  if (files.some(({ sha256 }) => sha256 === '')) return null;
  const onlyBlake3 = content.algorithms.length === 1 && content.algorithms[0] === 'blake3';
  return { id: onlyBlake3 && listId !== undefined ? listId : buildManifest(files).id, root: rootOf(content), files };
}

function rootOf(content: Content): string {
  return omsRoot(
    content.files.toSorted((a, b) => compareUtf8(a.path, b.path)).map(({ digests }) => digests.sha256 ?? ''),
  );
}

function contentEvidence(content: Content): Evidence {
  const bytes = content.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const wrong = new Set(content.findings.map(({ subject }) => subject)).size;
  const good = Math.max(
    0,
    content.files.length -
      content.findings.filter(({ code }) => code === 'digest-mismatch' || code === 'digest-conflict').length,
  );
  const data = {
    files: content.files.length,
    good,
    signed: content.signedCount,
    wrong,
    bytes,
    algorithms: content.algorithms,
  };
  return {
    what: `${good} of ${content.signedCount} files, ${formatBytes(bytes)} (${content.algorithms.join(', ') || 'shards'})`,
    data,
  };
}

function signatureEvidence({ shown, claim, trustedBy, manifest }: TrustedSignature, by: string): readonly Evidence[] {
  const { signer, times, bundle } = claim;
  const anyone =
    signer.kind === 'certificate' &&
    trustedBy.every(({ anchor }) => anchor.kind === 'certificate' && anchor.identity === undefined);
  const who = describeSigner(signer);
  const what = `${shown} by ${who.startsWith(by) ? '' : `${by}, `}${who}${anyone ? ' (any certificate under this root)' : ''}`;
  const data = {
    bundle: `sha256:${bundle}`,
    signer,
    trustedAs: trustedBy.map(({ name }) => name),
    times,
    root: manifest.root,
    historic: manifest.historic,
  };
  const time = describeTimes(claim);
  return [{ what, data }, ...(time === '' ? [] : [{ what: time }])];
}
