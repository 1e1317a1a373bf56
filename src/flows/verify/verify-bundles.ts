import { parseOms, type OmsManifest } from '../../domain/claims/oms.ts';
import { HISTORIC_OMS, PREDICATES } from '../../domain/claims/predicates.ts';
import type { TrustEntry, VerifiedClaim } from '../../domain/claims/types.ts';
import { verifyClaim, type Verification } from '../../domain/trust/verify-claim.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { findingOf, type Finding } from '../../domain/base/verdict.ts';
import type { FoundBundle, Sidecars } from '../content/sidecars.ts';

/** A claim whose signature is good and whose signer the caller trusts. */
export interface TrustedClaim extends FoundBundle {
  readonly claim: VerifiedClaim;
  readonly trustedBy: readonly [TrustEntry, ...TrustEntry[]];
}

export interface TrustedSignature extends TrustedClaim {
  readonly manifest: OmsManifest;
}

/** What the bundles found come to, before any content is looked at. */
export interface JudgedBundles {
  /** The OMS signature to hold the content to; null if there is none that is trusted. */
  readonly signature: TrustedSignature | null;
  readonly claims: readonly TrustedClaim[];
  /** True if an OMS signature was found, trusted or not. */
  readonly hasSignature: boolean;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

/**
 * Verifies every bundle against the caller's trust. Strangers' are noted; the artifact's own signature must be sound.
 * @param options.name what the OMS signature is judged under, which itself names only a folder: whoever relies on it checks
 * who says so.
 * @param options.onSignature told the artifact's own trusted signature, if there is one, before the claims are looked at.
 */
export async function judgeBundles(
  sidecars: Sidecars,
  verification: Verification,
  options: { name: string | null; onSignature?: (signature: TrustedSignature) => Promise<void> },
): Promise<JudgedBundles> {
  const { name } = options;
  const own = await Promise.all(
    sidecars.signatures.map((found) => judgeOne(found, { ...verification, name, maxBytes: LIMITS.signatureBytes })),
  );
  const signatures = own.map(asSignature);
  const first = signatures.find(isSignature);
  if (first !== undefined) await options.onSignature?.(first);
  const lines = await Promise.all(sidecars.claims.map((found) => judgeOne(found, verification)));
  const embedded = lines
    .filter(isTrusted)
    .filter(({ claim }) => isOms(claim))
    .map(asSignature);
  const chosen = first ?? embedded.findLast(isSignature) ?? null;
  return {
    signature: chosen,
    claims: lines.filter(isTrusted).filter(({ claim }) => !isOms(claim)),
    hasSignature: own.length + embedded.length > 0,
    findings: refusalsThatCount(signatures, chosen),
    notes: [...signatures.flatMap((each) => strangerNote(each, chosen)), ...unknownNotes(lines)],
  };
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
    return { ...judged, manifest: parseOms(judged.claim.statement) };
  } catch (error) {
    return { shown: judged.shown, refusal: { ...findingOf(error, 'signature-malformed'), subject: judged.shown } };
  }
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
