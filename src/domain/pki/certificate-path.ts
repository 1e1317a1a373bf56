import { WeighmarkError } from '../base/errors.ts';
import { readCertificates } from './certificates.ts';
import { describe, type Certificate } from './certificate.ts';

export interface PathQuestion {
  readonly leaf: Certificate;
  /** Untrusted intermediates: from the bundle, and from the caller beside the roots. */
  readonly intermediates: readonly Certificate[];
  /** Self-signed certificates the caller trusts. */
  readonly roots: readonly Certificate[];
  /** When the signature is known to have existed, or now. */
  readonly at: Date;
}

/**
 * The trusted root under which the leaf may sign at that time (RFC 5280 section 6, without policies and revocation): every
 * certificate valid then, every issuer a CA allowed to sign certificates within its path length, nothing critical left
 * unread, the leaf good for signing code or data.
 * @throws WeighmarkError `signer-untrusted`; `trust-expired` if only the caller's root is no longer valid.
 */
export function findRoot(question: PathQuestion): Certificate {
  checkLeaf(question.leaf);
  checkValid(question.leaf, question.at, 'the signing certificate');
  const pinned = question.roots.find(({ fingerprint }) => fingerprint === question.leaf.fingerprint);
  if (pinned !== undefined) return pinned;
  const search: Search = { ...question, left: MAX_CHECKS, problem: null };
  const root = climb(search, question.leaf, []);
  if (root !== null) return root;
  throw (
    search.problem ?? new WeighmarkError('signer-untrusted', 'the signing certificate does not lead to a trusted root')
  );
}

/**
 * The trusted root under which the leaf could sign at some one moment of its own validity; null: at none. Of a chain whose
 * windows overlap, the overlap begins where one of them begins.
 */
export function findRootEver(question: Omit<PathQuestion, 'at'>): Certificate | null {
  const { validFromDate: from, validToDate: to } = question.leaf.x509;
  const begins = [...question.intermediates, ...question.roots].map(({ x509 }) => x509.validFromDate);
  const moments = [from, ...begins.filter((at) => at > from && at <= to)].slice(0, MOST_MOMENTS);
  for (const at of moments) {
    try {
      return findRoot({ ...question, at });
    } catch (error) {
      if (!(error instanceof WeighmarkError)) throw error;
    }
  }
  return null;
}

const MOST_MOMENTS = 50;

/** Splits a PEM file into its self-signed certificates, which are anchors, and the others, which never are. */
export function readAnchors(pem: string): Pick<PathQuestion, 'roots' | 'intermediates'> {
  const certificates = readCertificates(pem).map(describe);
  return {
    roots: certificates.filter(isSelfSigned),
    intermediates: certificates.filter((each) => !isSelfSigned(each)),
  };
}

interface Search extends PathQuestion {
  left: number;
  problem: WeighmarkError | null;
}

/** Signature checks in one search: crossed chains must not make it exponential. */
const MAX_CHECKS = 200;
const MAX_LENGTH = 8;
const DIGITAL_SIGNATURE = 0;
const KEY_CERT_SIGN = 5;
const SIGNING_PURPOSES = ['1.3.6.1.5.5.7.3.3', '2.5.29.37.0'];

function climb(search: Search, certificate: Certificate, below: readonly Certificate[]): Certificate | null {
  const issuersBelow = [...below, certificate];
  if (issuersBelow.length > MAX_LENGTH) return null;
  for (const root of search.roots) {
    if (issued(search, root, certificate) && mayIssue(search, root, issuersBelow)) return root;
  }
  for (const issuer of search.intermediates) {
    if (issuersBelow.some((each) => each.fingerprint === issuer.fingerprint)) continue;
    if (!issued(search, issuer, certificate) || !mayIssue(search, issuer, issuersBelow)) continue;
    const root = climb(search, issuer, issuersBelow);
    if (root !== null) return root;
  }
  return null;
}

/** Names, key identifiers and the signature fit. */
function issued(search: Search, issuer: Certificate, certificate: Certificate): boolean {
  if (certificate.x509.issuer !== issuer.x509.subject || !certificate.x509.checkIssued(issuer.x509)) return false;
  search.left -= 1;
  if (search.left < 0) throw new WeighmarkError('claims-limit', 'the certificates form too many paths');
  return (
    SIGNATURES.has(certificate.signatureAlgorithm) && isStrong(issuer) && certificate.x509.verify(issuer.x509.publicKey)
  );
}

/** Remembers why an otherwise fitting issuer was refused, so that the user is told. */
function mayIssue(search: Search, issuer: Certificate, below: readonly Certificate[]): boolean {
  try {
    checkIssuer(issuer, below);
    checkValid(issuer, search.at, 'the issuing certificate');
    return true;
  } catch (error) {
    search.problem = asTrustProblem(search, issuer, error);
    return false;
  }
}

function asTrustProblem(search: Search, issuer: Certificate, error: unknown): WeighmarkError {
  const problem =
    error instanceof WeighmarkError
      ? error
      : new WeighmarkError('signer-untrusted', 'an issuing certificate cannot be read');
  const expired = search.roots.includes(issuer) && search.at > issuer.x509.validToDate;
  return expired ? new WeighmarkError('trust-expired', `the trusted root ${issuer.x509.subject} has expired`) : problem;
}

function checkIssuer(issuer: Certificate, below: readonly Certificate[]): void {
  const { basicConstraints, keyUsage, extendedKeyUsage } = issuer;
  if (basicConstraints?.ca !== true) throw refused(issuer, 'is not a CA');
  if (keyUsage !== null && !keyUsage.has(KEY_CERT_SIGN)) throw refused(issuer, 'may not sign certificates');
  if (extendedKeyUsage !== null && !SIGNING_PURPOSES.some((purpose) => extendedKeyUsage.includes(purpose))) {
    throw refused(issuer, 'is for another purpose than signing code');
  }
  const intermediates = below.slice(1).filter(({ x509 }) => x509.subject !== x509.issuer).length;
  if (intermediates > (basicConstraints.pathLength ?? MAX_LENGTH))
    throw refused(issuer, 'stands above more CAs than it may');
  checkCritical(issuer);
}

/** Key usage and extended key usage must both allow it where they are there; one of them must be there. */
function checkLeaf(leaf: Certificate): void {
  const { keyUsage, extendedKeyUsage } = leaf;
  if (keyUsage === null && extendedKeyUsage === null) throw refused(leaf, 'says nothing of being for signing');
  if (keyUsage !== null && !keyUsage.has(DIGITAL_SIGNATURE)) throw refused(leaf, 'is not for digital signatures');
  if (extendedKeyUsage !== null && !SIGNING_PURPOSES.some((purpose) => extendedKeyUsage.includes(purpose))) {
    throw refused(leaf, 'is for another purpose than signing code');
  }
  checkCritical(leaf);
}

function checkCritical(certificate: Certificate): void {
  const [unknown] = certificate.unknownCritical;
  if (unknown !== undefined) throw refused(certificate, `has a critical extension (${unknown}) that is not understood`);
}

function checkValid({ x509 }: Certificate, at: Date, what: string): void {
  const facts = {
    'valid from': x509.validFromDate.toISOString(),
    'valid to': x509.validToDate.toISOString(),
    'judged at': at.toISOString(),
  };
  if (at < x509.validFromDate) throw new WeighmarkError('signer-untrusted', `${what} is not valid yet`, { facts });
  if (at > x509.validToDate) {
    throw new WeighmarkError('signer-untrusted', `${what} has expired`, {
      facts,
      hint: 'a timestamp (`--tsa` when signing) keeps a signature good after its certificate',
    });
  }
}

function isSelfSigned({ x509 }: Certificate): boolean {
  return x509.subject === x509.issuer && x509.verify(x509.publicKey);
}

/** SHA-2 with RSA, RSA-PSS or ECDSA, and Ed25519; no MD5, no SHA-1. */
const SIGNATURES: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.113549.1.1.10',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
]);

function isStrong({ x509 }: Certificate): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = x509.publicKey;
  return (
    type === 'ec' ||
    type === 'ed25519' ||
    ((type === 'rsa' || type === 'rsa-pss') && (details?.modulusLength ?? 0) >= 2048)
  );
}

function refused(certificate: Certificate, why: string): WeighmarkError {
  return new WeighmarkError('signer-untrusted', `the certificate ${JSON.stringify(certificate.x509.subject)} ${why}`);
}
