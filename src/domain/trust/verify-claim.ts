import { WeighmarkError } from '../base/errors.ts';
import { sha256Hex } from '../digest/hex.ts';
import { LIMITS } from '../base/limits.ts';
import type { KeylessVerifier } from './keyless-verifier.ts';
import { entriesFor } from './match.ts';
import { provenBy, strangerFinding, trustedTime, type Facts, type Proof } from './proven.ts';
import { findingOf, type Finding } from '../base/verdict.ts';
import { parseBundle, type Bundle } from '../claims/bundle.ts';
import { actOf, paeDigest } from '../claims/dsse.ts';
import { readCertificate } from '../pki/certificate.ts';
import { describeKey, readPublicKey } from '../pki/keys.ts';
import { HISTORIC_OMS, PREDICATES } from '../claims/predicates.ts';
import { parseStatement } from '../claims/statement.ts';
import type { Statement, TrustAnchor, TrustEntry, VerifiedClaim, VerifiedTime } from '../claims/types.ts';
import { mayBeByKey, verifyWithChain, verifyWithKey, type SignatureOptions } from '../claims/verify-signature.ts';

/** What a claim is judged by. */
export interface Verification {
  /** The caller's trust (DESIGN 4.6); empty: nobody, so every claim is refused. */
  readonly trust: readonly TrustEntry[];
  /** Made on first use: only a keyless claim or a timestamp needs it. Null: keyless claims are refused. */
  readonly keyless: (() => Promise<KeylessVerifier>) | null;
  /** When a signature without a trusted time is judged. */
  readonly now: Date;
  /** PEM chains of RFC 3161 authorities whose timestamps count for key and certificate signatures. */
  readonly timestampAuthorities?: readonly string[];
  /** The name under which the artifact was asked for; it decides about entries with `for`. Null: what the claim signs. */
  readonly name?: string | null;
  readonly maxBytes?: number;
}

/** A claim is trusted, or refused with the reason; `claim` is there too if its signature is good and only trust is missing. */
export type ClaimOutcome =
  | {
      readonly trusted: true;
      readonly claim: VerifiedClaim;
      readonly trustedBy: readonly [TrustEntry, ...TrustEntry[]];
    }
  | { readonly trusted: false; readonly refusal: Finding; readonly claim?: VerifiedClaim };

/** Verifies one bundle against the caller's trust. Never throws: whatever goes wrong is a refusal with a code. */
export async function verifyClaim(bytes: Uint8Array, verification: Verification): Promise<ClaimOutcome> {
  try {
    const bundle = parseBundle(bytes, verification.maxBytes ?? LIMITS.claimBytes);
    const statement = parseStatement(bundle.payload, LIMITS.filesPerTree);
    checkSubjectCount(statement);
    if (verification.trust.some(({ anchor }) => anchor.kind === 'oidc' && anchor.identityPattern !== undefined))
      (await import('../base/pattern-engine.ts')).usePatterns();
    const entries = entriesFor(verification.trust, verification.name ?? signedName(statement));
    return await judge({ bytes, bundle, statement, verification, keylessProofs: new Map() }, entries);
  } catch (error) {
    return { trusted: false, refusal: findingOf(error, 'signature-malformed') };
  }
}

/**
 * The name the signer gave the artifact, without its version: with its manifest, else where no kind is said, else with its root or
 * only file; never that of a file beside them. Null if there is none, or two.
 */
export function signedName({ subject }: Statement): string | null {
  const kinds = ['manifest', undefined, 'root', 'file'];
  const named = kinds.map((kind) => subject.filter(({ annotations }) => annotations?.['kind'] === kind));
  const meant = named.find(({ length }) => length > 0) ?? [];
  const names = new Set(meant.flatMap(({ name }) => name?.replace(/:[^:/]*$/, '') ?? []));
  return names.size === 1 ? ([...names][0] ?? null) : null;
}

interface Case {
  readonly bytes: Uint8Array;
  readonly bundle: Bundle;
  readonly statement: Statement;
  readonly verification: Verification;
  /** By trusted root: entries of one Sigstore instance share the proof. */
  readonly keylessProofs: Map<string | undefined, Promise<Facts>>;
}

async function judge(of: Case, entries: readonly TrustEntry[]): Promise<ClaimOutcome> {
  const kind = ANCHOR_KINDS[of.bundle.key.kind];
  const times = kind === 'oidc' ? [] : await timesOf(of);
  const proofs = await proofsOf(
    of,
    entries.filter(({ anchor }) => anchor.kind === kind),
    times,
  );
  const [proof] = proofs.proven;
  if (proof === undefined) return { trusted: false, refusal: proofs.refusal };
  const claim = claimOf(of, proof);
  const [first, ...rest] = proofs.proven.filter(({ difference }) => difference === null).map(({ entry }) => entry);
  if (first !== undefined) return { trusted: true, claim, trustedBy: [first, ...rest] };
  return { trusted: false, claim, refusal: strangerFinding(proof) };
}

/**
 * Of many trusted keys the hint leaves one or none: the others are asked only to say why nobody signed it. Each refusal is an
 * error, which costs more than a hint.
 */
async function proofsOf(
  of: Case,
  entries: readonly TrustEntry[],
  times: readonly VerifiedTime[],
): ReturnType<typeof provenBy> {
  const hinted = entries.filter(({ anchor }) => mayBeBy(of, anchor));
  const ask = async (some: readonly TrustEntry[]): ReturnType<typeof provenBy> =>
    provenBy(some, (anchor) => prove(of, anchor, times), SIGNED_WITH[ANCHOR_KINDS[of.bundle.key.kind]]);
  const proofs = await ask(hinted);
  return proofs.proven.length > 0 || hinted.length === entries.length ? proofs : ask(entries);
}

/** A key that cannot be read is asked, and says so. */
function mayBeBy({ bundle, statement }: Case, anchor: TrustAnchor): boolean {
  try {
    return anchor.kind !== 'key' || mayBeByKey(bundle, anchor.pem, signatureOptions(statement));
  } catch {
    return true;
  }
}

const ANCHOR_KINDS = { key: 'key', chain: 'certificate', certificate: 'oidc' } as const;
const SIGNED_WITH = { key: 'with a key', certificate: 'with a certificate', oidc: 'by a Sigstore identity' } as const;

async function prove(of: Case, anchor: TrustAnchor, times: readonly VerifiedTime[]): Promise<Facts> {
  const options = signatureOptions(of.statement);
  if (anchor.kind === 'key') return { signer: verifyWithKey(of.bundle, anchor.pem, options), times };
  if (anchor.kind === 'certificate')
    return {
      signer: verifyWithChain(of.bundle, { ...options, pem: anchor.pem, at: trustedTime(times, of.verification.now) }),
      times,
    };
  const known = of.keylessProofs.get(anchor.trustedRoot) ?? proveKeyless(of, anchor.trustedRoot);
  of.keylessProofs.set(anchor.trustedRoot, known);
  return known;
}

async function proveKeyless({ bytes, verification }: Case, trustedRoot: string | undefined): Promise<Facts> {
  if (verification.keyless === null)
    throw new WeighmarkError('signer-untrusted', 'keyless signatures are not looked at here');
  const verifier = await verification.keyless();
  return verifier.verify(bytes, trustedRoot);
}

/** RFC 3161 tokens count under authorities the caller names, and the public-good Sigstore's. */
async function timesOf({ bytes, bundle, verification }: Case): Promise<readonly VerifiedTime[]> {
  if (bundle.timestamps.length === 0 || verification.keyless === null) return [];
  return (await verification.keyless()).timestamps(bytes, verification.timestampAuthorities ?? []);
}

function signatureOptions({ predicateType }: Statement): SignatureOptions {
  return { historic: predicateType === HISTORIC_OMS, strictHint: predicateType === PREDICATES.integrity };
}

function checkSubjectCount({ predicateType, subject }: Statement): void {
  if (predicateType === HISTORIC_OMS || subject.length <= LIMITS.subjectsPerStatement) return;
  throw new WeighmarkError('claim-malformed', `the statement has more than ${LIMITS.subjectsPerStatement} subjects`);
}

function claimOf({ bytes, bundle, statement }: Case, { entry, signer, times }: Proof): VerifiedClaim {
  const keys = keysOf(bundle, entry);
  return {
    bundle: sha256Hex(bytes),
    pae: paeDigest(bundle.payload),
    act: actOf(bundle.payload, bundle.signature),
    statement,
    signer,
    ...(keys.length === 0 ? {} : { keys }),
    times,
  };
}

function keysOf({ key }: Bundle, { anchor }: TrustEntry): readonly string[] {
  const [leaf] = key.kind === 'chain' ? key.certificates : [];
  const proven =
    anchor.kind === 'key'
      ? readPublicKey(anchor.pem)
      : leaf === undefined
        ? null
        : describeKey(readCertificate(leaf).x509.publicKey);
  return proven === null ? [] : [proven.fingerprint, ...proven.otherFingerprints];
}
