import { sha256Hex } from '../digest/hex.ts';
import type { Finding } from '../base/verdict.ts';
import { LIMITS } from '../base/limits.ts';
import { looseEnvelope, type LooseEnvelope } from '../claims/loose-envelope.ts';
import { paeDigest } from '../claims/dsse.ts';
import { parseStatement } from '../claims/statement.ts';
import type { Signer, Statement, TrustEntry, VerifiedClaim } from '../claims/types.ts';
import { certificateSigner, isByCertificate, isByKey } from '../claims/verify-signature.ts';
import { readCertificate, type Certificate } from '../pki/certificate.ts';
import { findRootEver, readAnchors } from '../pki/certificate-path.ts';
import { readFulcioCertificate } from '../trust/fulcio.ts';
import { instanceOf } from '../trust/instance.ts';
import { mismatch } from '../trust/match.ts';
import { certificateAuthorities } from '../trust/trusted-root.ts';
import { verifyClaim, type ClaimOutcome, type Verification } from '../trust/verify-claim.ts';
import { saysNo } from './polarity.ts';

/**
 * Whose a bundle is, asked before what it says. A stranger is proven to be nobody of the trust; everything in between is
 * somebody of whom a no must be heard.
 */
export type Heard =
  /** By somebody of the trust. With `claim.onlyNo` it says no, and never yes. */
  | { readonly standing: 'named'; readonly claim: VerifiedClaim }
  | { readonly standing: 'stranger'; readonly why: Finding }
  | ({ readonly standing: 'unread' } & Unread);

/** By somebody of the trust whose statement is not understood, or by somebody who says to be one and is not proven here. */
export interface Unread {
  /** Hex SHA-256 of the bundle. */
  readonly bundle: string;
  readonly pae: string;
  /** Names in the trust that it may be by. */
  readonly names: readonly string[];
  /** The signature is theirs; only the statement cannot be read. */
  readonly proven: boolean;
  /** Null: not to be read. */
  readonly statement: Statement | null;
  readonly why: Finding;
}

/** Never throws: whatever goes wrong is a reason. @param known the outcome of `verifyClaim`, where it was asked already. */
export async function hear(bytes: Uint8Array, verification: Verification, known?: ClaimOutcome): Promise<Heard> {
  const outcome = known ?? (await verifyClaim(bytes, verification));
  if (outcome.trusted) return { standing: 'named', claim: outcome.claim };
  const envelope = looseEnvelope(bytes, verification.maxBytes ?? LIMITS.claimBytes);
  const why = outcome.refusal;
  if (envelope === null) return { standing: 'stranger', why };
  const { payload } = envelope;
  const statement = readable(payload);
  const found = await speakers({ bytes, envelope, statement, verification });
  const about = { bundle: sha256Hex(bytes), pae: paeDigest(payload), statement };
  const [proven] = found.flatMap(({ entry, signer }) => (signer === null ? [] : [{ entry, signer }]));
  const names = [...new Set(found.map(({ entry }) => entry.name))];
  if (proven !== undefined && statement !== null)
    return {
      standing: 'named',
      claim: { ...about, statement, signer: proven.signer, times: [], onlyNo: lapsed(why, proven.signer) },
    };
  if (proven !== undefined) return { standing: 'unread', ...about, names, proven: true, why };
  if (names.length > 0) return { standing: 'unread', ...about, names, proven: false, why };
  return { standing: 'stranger', why };
}

/** What keeps it from saying yes: its own code, not that of a signature by nobody. */
function lapsed(why: Finding, signer: Signer): Finding {
  if (signer.kind === 'certificate') return { ...why, code: 'certificate-expired' };
  return signer.kind === 'oidc' ? { ...why, code: 'no-verified-time' } : why;
}

function readable(payload: Uint8Array): Statement | null {
  try {
    return parseStatement(payload);
  } catch {
    return null;
  }
}

interface Question {
  readonly bytes: Uint8Array;
  readonly envelope: LooseEnvelope;
  readonly statement: Statement | null;
  readonly verification: Verification;
}

/** Whom of the trust it may be by; `signer` is null where the certificate says so and nothing proves it. */
interface Speaker {
  readonly entry: TrustEntry;
  readonly signer: Signer | null;
}

async function speakers(question: Question): Promise<readonly Speaker[]> {
  const { envelope, verification } = question;
  const kind = envelope.key?.kind ?? 'key';
  if (kind === 'key') return bySomeKey(question);
  const leaf = leafOf(envelope);
  if (leaf === null || !isByCertificate(envelope, leaf)) return [];
  if (kind === 'chain') return verification.trust.flatMap((entry) => underRoot(entry, leaf, envelope));
  const found = await Promise.all(verification.trust.map((entry) => byIdentity(entry, leaf, question)));
  return found.filter((each) => each !== null);
}

/** Asked only where it may say no: each key is a signature to check. */
function bySomeKey({ envelope, statement, verification }: Question): readonly Speaker[] {
  if (statement !== null && !saysNo(statement)) return [];
  return verification.trust.flatMap((entry): readonly Speaker[] => {
    if (entry.anchor.kind !== 'key') return [];
    const key = isByKey(envelope, entry.anchor.pem);
    return key === null
      ? []
      : [{ entry, signer: { kind: 'key', fingerprint: key.fingerprint, keyType: key.curve.name } }];
  });
}

function leafOf({ key }: LooseEnvelope): Certificate | null {
  try {
    if (key?.kind === 'certificate') return readCertificate(key.certificate);
    return key?.kind === 'chain' && key.certificates[0] !== undefined ? readCertificate(key.certificates[0]) : null;
  } catch {
    return null;
  }
}

function underRoot(entry: TrustEntry, leaf: Certificate, { key }: LooseEnvelope): readonly Speaker[] {
  const { anchor } = entry;
  if (anchor.kind !== 'certificate') return [];
  const others = key?.kind === 'chain' ? key.certificates.slice(1).flatMap((der) => certificateIn(der) ?? []) : [];
  const { roots, intermediates } = readAnchors(anchor.pem);
  const root = findRootEver({ leaf, roots, intermediates: [...others, ...intermediates] });
  if (root !== null) {
    const signer = certificateSigner(leaf, root);
    return mismatch(signer, anchor) === null ? [{ entry, signer }] : [];
  }
  const [trusted] = roots;
  const says = trusted === undefined ? null : certificateSigner(leaf, trusted);
  return says !== null && anchor.identity !== undefined && mismatch(says, anchor) === null
    ? [{ entry, signer: null }]
    : [];
}

function certificateIn(der: Uint8Array): Certificate | null {
  try {
    return readCertificate(der);
  } catch {
    return null;
  }
}

/**
 * A certificate that names the identity: proven by its instance, or at least issued by one of its authorities, which is
 * enough for a no; else it only says so, as one by a log or an authority that this machine does not know yet.
 */
async function byIdentity(entry: TrustEntry, leaf: Certificate, question: Question): Promise<Speaker | null> {
  const { anchor } = entry;
  if (anchor.kind !== 'oidc') return null;
  try {
    const notBefore = leaf.x509.validFromDate.toISOString();
    const named = { ...readFulcioCertificate(leaf.x509.raw), instance: instanceOf(anchor.trustedRoot), notBefore };
    const signer: Signer = { kind: 'oidc', ...named };
    if (mismatch(signer, anchor) !== null) return null;
    return { entry, signer: (await isIssued(leaf, anchor.trustedRoot, question)) ? signer : null };
  } catch {
    return null;
  }
}

async function isIssued(leaf: Certificate, root: string | undefined, { verification }: Question): Promise<boolean> {
  try {
    const text = root ?? (await (await verification.keyless?.())?.trustedRoot?.());
    if (text === undefined) return false;
    const authorities = certificateAuthorities(text);
    return authorities.some(({ roots, intermediates }) => findRootEver({ leaf, roots, intermediates }) !== null);
  } catch {
    return false;
  }
}
