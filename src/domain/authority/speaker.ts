import { sha256Hex } from '../digest/hex.ts';
import type { Finding } from '../base/verdict.ts';
import { LIMITS } from '../base/limits.ts';
import { isTooLarge, looseEnvelope, type LooseEnvelope } from '../claims/loose-envelope.ts';
import { actOf, paeDigest } from '../claims/dsse.ts';
import { IN_TOTO_PAYLOAD } from '../claims/predicates.ts';
import { parseStatement } from '../claims/statement.ts';
import type { Signer, Statement, TrustEntry, VerifiedClaim } from '../claims/types.ts';
import { certificateSigner, hintFits, isByCertificate, isByKey, type Signed } from '../claims/verify-signature.ts';
import { readCertificate, type Certificate } from '../pki/certificate.ts';
import { findRootEver, readAnchors } from '../pki/certificate-path.ts';
import { subjectOf } from '../pki/certificates.ts';
import { readPublicKey } from '../pki/keys.ts';
import { fulcioIdentities } from '../trust/fulcio.ts';
import { instanceOf } from '../trust/instance.ts';
import { mismatch, namesInCertificate } from '../trust/match.ts';
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
  /** Names in the trust that it may be by; none: too large to be read, it may be anybody's. */
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
  const maxBytes = verification.maxBytes ?? LIMITS.claimBytes;
  const envelope = looseEnvelope(bytes, maxBytes);
  const why = outcome.refusal;
  if (envelope === null) return isTooLarge(bytes, maxBytes) ? anybodys(bytes) : { standing: 'stranger', why };
  const found = await foundIn({ envelope, verification });
  const [best] = found.toSorted((a, b) => Number(b.signer !== null) - Number(a.signer !== null));
  if (best === undefined) return { standing: 'stranger', why };
  const { signer, spoken } = best;
  const about = { bundle: sha256Hex(bytes), pae: paeDigest(envelope.payloads[0].payload), statement: spoken.statement };
  if (signer !== null && spoken.statement !== null)
    return {
      standing: 'named',
      claim: {
        ...about,
        act: actOf(spoken.payload, spoken.signature),
        statement: spoken.statement,
        signer,
        times: [],
        onlyNo: lapsed(why, signer, envelope),
      },
    };
  const names = [...new Set(found.map(({ entry }) => entry.name))];
  return { standing: 'unread', ...about, names, proven: signer !== null, why };
}

/** What was signed is not known: it is called by its bundle. */
function anybodys(bytes: Uint8Array): Heard {
  const bundle = sha256Hex(bytes);
  const why: Finding = { code: 'claims-limit', message: `its bundle of ${bytes.length} bytes is too large to be read` };
  return { standing: 'unread', bundle, pae: bundle, names: [], proven: false, statement: null, why };
}

/** What keeps it from saying yes: its own code, not that of a signature by nobody. */
function lapsed(why: Finding, signer: Signer, { bundle }: LooseEnvelope): Finding {
  if (bundle === null) return why;
  const form = SIGNED_BY[bundle.key.kind];
  if (form !== signer.kind)
    return {
      code: 'signature-malformed',
      message: `signed by a ${WORDS[signer.kind]}, in the form of a ${WORDS[form]}`,
    };
  if (signer.kind === 'certificate') return { ...why, code: 'certificate-expired' };
  return signer.kind === 'oidc' ? { ...why, code: 'no-verified-time' } : why;
}

const SIGNED_BY = { key: 'key', chain: 'certificate', certificate: 'oidc' } as const;
const WORDS = { key: 'key', certificate: 'certificate of a private authority', oidc: 'Sigstore identity' } as const;

interface Question {
  readonly envelope: LooseEnvelope;
  readonly verification: Verification;
}

/** One signature over one payload; the statement is null where it cannot be read, or is of a type that is none of ours. */
interface Spoken extends Signed {
  readonly statement: Statement | null;
}

/** Whom of the trust it may be by; `signer` is null where the certificate says so and nothing proves it. */
interface Speaker {
  readonly entry: TrustEntry;
  readonly signer: Signer | null;
}

type Found = Speaker & { readonly spoken: Spoken };

async function foundIn(question: Question): Promise<readonly Found[]> {
  const certificates = question.envelope.certificates.flatMap((der) => certificateIn(der) ?? []);
  const found: Found[] = [];
  for (const spoken of spokenIn(question.envelope)) {
    const keys = bySomeKey(spoken, question);
    const leaves = certificates.filter((leaf) => isByCertificate(spoken, leaf));
    const others = await Promise.all(leaves.map(async (leaf) => byCertificate(leaf, certificates, question)));
    for (const speaker of [...keys, ...others.flat()]) found.push({ ...speaker, spoken });
  }
  return found;
}

function spokenIn({ payloads, signatures }: LooseEnvelope): readonly Spoken[] {
  return payloads.flatMap(({ payload, type }) => {
    const statement = type === IN_TOTO_PAYLOAD ? readable(payload) : null;
    return signatures.map((signature) => ({ payload, type, signature, statement }));
  });
}

function readable(payload: Uint8Array): Statement | null {
  try {
    return parseStatement(payload);
  } catch {
    return null;
  }
}

/** Each key is a signature to check: of what says yes only those are asked whom a hint names. */
function bySomeKey(spoken: Spoken, { envelope, verification }: Question): readonly Speaker[] {
  const mayDeny = spoken.statement === null || saysNo(spoken.statement);
  return verification.trust.flatMap(({ anchor, ...entry }): readonly Speaker[] => {
    if (anchor.kind !== 'key' || (!mayDeny && !isHinted(envelope, anchor.pem))) return [];
    const key = isByKey(spoken, anchor.pem);
    const by = { ...entry, anchor };
    return key === null
      ? []
      : [{ entry: by, signer: { kind: 'key', fingerprint: key.fingerprint, keyType: key.curve.name } }];
  });
}

function isHinted({ hints }: LooseEnvelope, pem: string): boolean {
  const key = readPublicKey(pem);
  return hints.some((hint) => hint !== '' && hintFits(hint, key, true));
}

async function byCertificate(
  leaf: Certificate,
  certificates: readonly Certificate[],
  question: Question,
): Promise<readonly Speaker[]> {
  const found = await Promise.all(
    question.verification.trust.map(async (entry) =>
      entry.anchor.kind === 'oidc' ? byIdentity(entry, leaf, question) : underRoot(entry, leaf, certificates),
    ),
  );
  return found.flat();
}

function underRoot(entry: TrustEntry, leaf: Certificate, certificates: readonly Certificate[]): readonly Speaker[] {
  const { anchor } = entry;
  if (anchor.kind !== 'certificate') return [];
  const { roots, intermediates } = readAnchors(anchor.pem);
  const root = findRootEver({ leaf, roots, intermediates: [...certificates, ...intermediates] });
  const signer = root === null ? null : certificateSigner(leaf, root);
  if (signer !== null && mismatch(signer, anchor) === null) return [{ entry, signer }];
  const says = namesInCertificate({ sans: leaf.sans, subject: subjectOf(leaf.x509) });
  return anchor.identity !== undefined && says.includes(anchor.identity) ? [{ entry, signer: null }] : [];
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
 * enough for a no; else it only says so, as one by a log or an authority that this machine does not know yet, or with others.
 */
async function byIdentity(entry: TrustEntry, leaf: Certificate, question: Question): Promise<readonly Speaker[]> {
  const { anchor } = entry;
  if (anchor.kind !== 'oidc') return [];
  try {
    const notBefore = leaf.x509.validFromDate.toISOString();
    const instance = instanceOf(anchor.trustedRoot);
    const identities = fulcioIdentities(leaf.x509.raw).map((identity): Signer => ({
      kind: 'oidc',
      ...identity,
      instance,
      notBefore,
    }));
    const signer = identities.find((each) => mismatch(each, anchor) === null);
    if (signer === undefined) return [];
    const isProven = identities.length === 1 && (await isIssued(leaf, anchor.trustedRoot, question));
    return [{ entry, signer: isProven ? signer : null }];
  } catch {
    return [];
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
