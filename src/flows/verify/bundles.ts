import { parseOms, type OmsManifest } from '../../domain/claims/oms.ts';
import { HISTORIC_OMS, PREDICATES } from '../../domain/claims/predicates.ts';
import { unreadMember } from '../../domain/base/json.ts';
import type { Statement, TrustEntry, VerifiedClaim } from '../../domain/claims/types.ts';
import { entriesFor } from '../../domain/trust/match.ts';
import { sameSigner } from '../../domain/claims/signers.ts';
import { signedName, verifyClaim, type Verification } from '../../domain/trust/verify-claim.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { findingOf, type Finding } from '../../domain/base/verdict.ts';
import type { FoundBundle, Sidecars } from '../content/found.ts';

/** A claim whose signature is good and whose signer the caller trusts. */
export interface TrustedClaim extends FoundBundle {
  readonly claim: VerifiedClaim;
  readonly trustedBy: readonly [TrustEntry, ...TrustEntry[]];
}

/** Without its bytes: of a million files they are hundreds of megabytes, and all they say is in the manifest. */
export interface TrustedSignature extends Omit<TrustedClaim, 'bytes'> {
  readonly manifest: OmsManifest;
}

/** What the bundles found come to, before any content is looked at. */
export interface JudgedBundles {
  /** The OMS signature to hold the content to; null if there is none that is trusted. */
  readonly signature: TrustedSignature | null;
  readonly claims: readonly TrustedClaim[];
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/**
 * Verifies every bundle against the caller's trust, and lets go of the signatures' bytes. Strangers' are noted; the artifact's own signature must be sound.
 * @param options.name what the artifact was asked for by; null: what its signer calls it. An OMS signature names only a folder,
 * so its signer must have signed the name in an ML-BOM of the same content.
 * @param options.onSignature told the artifact's own trusted signature, if there is one, before the claims are looked at.
 */
export async function judgeBundles(
  sidecars: Sidecars,
  verification: Verification,
  options: { name: string | null; onSignature?: (signature: TrustedSignature) => Promise<void> },
): Promise<JudgedBundles> {
  const { name } = options;
  const anyName = name === null ? underAnyName(verification) : { ...verification, name };
  const read = await Promise.all(
    sidecars.signatures.map(async (found) =>
      asSignature(await judgeOne(found, { ...anyName, maxBytes: LIMITS.signatureBytes })),
    ),
  );
  for (const found of sidecars.signatures) found.bytes = NO_BYTES;
  const likely = read.find(isSignature);
  if (likely !== undefined) await options.onSignature?.(likely);
  const lines = await Promise.all(sidecars.claims.map((found) => judgeOne(found, verification)));
  const trusted = lines.filter(isTrusted);
  const signatures = name === null ? read.map((each) => underItsName(each, verification, trusted)) : read;
  const first = signatures.find(isSignature);
  const embedded = trusted
    .filter(({ claim }) => isOms(claim))
    .map(asSignature)
    .map((each) => (name === null ? underItsName(each, verification, trusted) : each));
  const chosen = first ?? embedded.findLast(isSignature) ?? null;
  return {
    signature: chosen,
    claims: trusted.filter(({ claim }) => !isOms(claim)),
    findings: refusalsThatCount(signatures, chosen),
    notes: [...signatures.flatMap((each) => strangerNote(each, chosen)), ...unknownNotes(lines)],
  };
}

const NO_BYTES = new Uint8Array(0);

/** Everybody's trust, whatever names it is limited to: which of it counts is seen when the signed names are known. */
function underAnyName(verification: Verification): Verification {
  return { ...verification, trust: verification.trust.map(({ for: _names, ...entry }) => entry) };
}

/** Trust that is limited to names counts only for a name that the signer signed with this very content. */
function underItsName(
  judged: TrustedSignature | Refused,
  { trust }: Verification,
  claims: readonly TrustedClaim[],
): TrustedSignature | Refused {
  if (!isSignature(judged)) return judged;
  const names = namesSigned(judged, claims);
  const entries = judged.trustedBy.flatMap(({ anchor }) => trust.filter((entry) => entry.anchor === anchor));
  const [first, ...rest] = entries.filter(
    (entry) => entry.for === undefined || names.some((name) => entriesFor([entry], name).length > 0),
  );
  if (first !== undefined) return { ...judged, trustedBy: [first, ...rest] };
  const refusal: Finding = {
    code: 'signer-untrusted',
    message: 'the signer is trusted for certain names only, and none of them is signed with this content',
    facts: { signed: names.join(', ') || 'no name', trusted: entries.map((entry) => entry.for ?? '').join(', ') },
    hint: '`weighmark seal --name NAME:VERSION` signs it',
  };
  return { shown: judged.shown, refusal };
}

/** What ML-BOMs by the same signer, of the same root, call the artifact. */
function namesSigned({ claim, manifest }: TrustedSignature, claims: readonly TrustedClaim[]): readonly string[] {
  const own = claims.filter(
    (each) =>
      each.claim.statement.predicateType === PREDICATES.bom &&
      sameSigner(each.claim.signer, claim.signer) &&
      each.claim.statement.subject.some(
        ({ annotations, digest }) => annotations?.['kind'] === 'root' && digest['sha256'] === manifest.root,
      ),
  );
  return own.flatMap((each) => signedName(each.claim.statement) ?? []);
}

interface Refused {
  readonly shown: string;
  readonly refusal: Finding;
}

type Judged = TrustedClaim | Refused;

async function judgeOne(found: FoundBundle, verification: Verification): Promise<Judged> {
  const outcome = await verifyClaim(found.bytes, verification);
  if (outcome.trusted) return { ...found, claim: outcome.claim, trustedBy: outcome.trustedBy };
  return { shown: found.shown, refusal: { ...outcome.refusal, subject: found.shown } };
}

function asSignature(judged: Judged): TrustedSignature | Refused {
  if ('refusal' in judged) return judged;
  try {
    const { bytes: _bytes, claim, ...found } = judged;
    const manifest = parseOms(claim.statement);
    return { ...found, claim: { ...claim, statement: withoutText(claim.statement, manifest) }, manifest };
  } catch (error) {
    return { shown: judged.shown, refusal: { ...findingOf(error, 'signature-malformed'), subject: judged.shown } };
  }
}

/** The same statement, whose resources are those of the manifest: the text that both were read from is let go. */
function withoutText(statement: Statement, { algorithm, resources, shardBytes }: OmsManifest): Statement {
  if (shardBytes !== null || unreadMember(statement.predicate, 'resources') === null) return statement;
  const { serialization } = statement.predicate;
  const predicate = {
    serialization,
    get resources() {
      return resources.map(({ path, digest }) => ({ name: path, algorithm, digest }));
    },
  };
  return { ...statement, predicate };
}

function isTrusted(judged: Judged): judged is TrustedClaim {
  return 'claim' in judged;
}

function isSignature(judged: TrustedSignature | Refused): judged is TrustedSignature {
  return 'manifest' in judged;
}

function isOms({ statement }: VerifiedClaim): boolean {
  return statement.predicateType === PREDICATES.integrity || statement.predicateType === HISTORIC_OMS;
}

/** Whose signature it is may be unknown beside a trusted one; a broken one is never overlooked. */
const STRANGERS: readonly string[] = ['signer-untrusted', 'identity-mismatch'];

function refusalsThatCount(
  signatures: readonly (TrustedSignature | Refused)[],
  chosen: TrustedSignature | null,
): readonly Finding[] {
  const refusals = signatures.flatMap((each) => (isSignature(each) ? [] : [each.refusal]));
  return chosen === null ? refusals : refusals.filter(({ code }) => !STRANGERS.includes(code));
}

function strangerNote(each: TrustedSignature | Refused, chosen: TrustedSignature | null): readonly string[] {
  if (chosen === null || isSignature(each) || !STRANGERS.includes(each.refusal.code)) return [];
  return [`${each.shown} is by someone else, and was not looked at: ${each.refusal.message}`];
}

/** What could not be read is said so, and why: it is not by nobody. */
function unknownNotes(lines: readonly Judged[]): readonly string[] {
  const refused = lines.filter((line) => 'refusal' in line);
  const unread = refused.filter(({ refusal }) => UNREADABLE.includes(refusal.code));
  const unknown = refused.length - unread.length;
  const [first] = unread;
  return [
    ...(unknown === 0 ? [] : [`${unknown} of ${lines.length} claims are not by anyone trusted, and were ignored`]),
    ...(first === undefined
      ? []
      : [
          `${unread.length} of ${lines.length} claims cannot be read (claim-malformed), and do not count: ${first.shown}: ${first.refusal.message}`,
        ]),
  ];
}

const UNREADABLE: readonly string[] = [
  'claim-malformed',
  'signature-malformed',
  'format-invalid',
  'limit-exceeded',
  'claims-limit',
];
