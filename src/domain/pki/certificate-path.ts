import type { KeyObject, X509Certificate } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';
import { readCertificates } from './certificates.ts';
import { describe, type Certificate } from './certificate.ts';
import { forbiddenName } from './name-constraints.ts';

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
 * certificate valid then, every issuer a CA allowed to sign certificates within its path length and for the names below it,
 * nothing critical left unread, the leaf good for signing code or data.
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
  for (const at of momentsOf(question.leaf, [...question.intermediates, ...question.roots])) {
    try {
      return findRoot({ ...question, at });
    } catch (error) {
      if (!(error instanceof WeighmarkError)) throw error;
    }
  }
  return null;
}

/**
 * What every verifier will refuse of a chain, whatever roots it trusts: told before anything is signed with it. Certificates
 * whose issuer is not here are taken for issued by somebody trusted.
 * @param at when it will be judged; absent: any one moment of the leaf's validity will do, as for a revocation.
 * @throws WeighmarkError as `findRoot`.
 */
export function checkOwnChain(chain: readonly X509Certificate[], at?: Date): void {
  const [leaf, ...others] = chain.map(describe);
  if (leaf === undefined) throw new WeighmarkError('signature-malformed', 'the certificate chain is empty');
  const moments = at === undefined ? momentsOf(leaf, others) : [at];
  const failures = moments.map((moment) => failureAt(moment, leaf, others));
  if (!failures.includes(null)) throw failures[0] ?? new WeighmarkError('internal', 'no moment was tried');
}

/** Within the leaf's validity, those at which a certificate above it begins to be valid; a chain valid ever is valid at one. */
function momentsOf(leaf: Certificate, others: readonly Certificate[]): readonly Date[] {
  const { validFromDate: from, validToDate: to } = leaf.x509;
  const begins = others.map(({ x509 }) => x509.validFromDate);
  return [from, ...begins.filter((at) => at > from && at <= to)].slice(0, MOST_MOMENTS);
}

const MOST_MOMENTS = 50;

function failureAt(at: Date, leaf: Certificate, others: readonly Certificate[]): unknown {
  try {
    checkLeaf(leaf);
    checkValid(leaf, at, 'the signing certificate');
    if (!isSelfSigned(leaf)) checkIssuersHere({ at, leaf, others });
    return null;
  } catch (error) {
    return error;
  }
}

function checkIssuersHere({ at, leaf, others }: { at: Date; leaf: Certificate; others: readonly Certificate[] }): void {
  if (!SIGNATURES.has(leaf.signatureAlgorithm)) throw refused(leaf, 'is signed with an algorithm that is not accepted');
  if (!others.some(({ x509 }) => x509.subject === leaf.x509.issuer)) return;
  const tops = others.filter(
    (each) => isSelfSigned(each) || !others.some((other) => other !== each && each.x509.issuer === other.x509.subject),
  );
  const search: Search = { leaf, intermediates: others, roots: tops, at, left: MAX_CHECKS, problem: null };
  if (climb(search, leaf, []) === null)
    throw search.problem ?? new WeighmarkError('signer-untrusted', 'the certificates do not form a chain');
}

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
  return SIGNATURES.has(certificate.signatureAlgorithm) && isStrong(issuer) && isSignedBy(certificate, issuer);
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
  const expired = search.roots.includes(issuer) && isSelfSigned(issuer) && search.at > issuer.x509.validToDate;
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
  checkNames(issuer, below);
  checkCritical(issuer);
}

/** A CA's limits bind all below it but CAs that renewed themselves (RFC 5280 section 6.1.3 b and c). */
function checkNames(issuer: Certificate, below: readonly Certificate[]): void {
  const limits = issuer.nameConstraints;
  if (limits === null) return;
  if (limits === 'malformed') throw refused(issuer, 'limits names in a form that is not understood');
  for (const [at, certificate] of below.entries()) {
    if (at > 0 && certificate.x509.subject === certificate.x509.issuer) continue;
    const name = forbiddenName(certificate.names, limits);
    if (name !== null) throw refused(issuer, `may not vouch for the name ${JSON.stringify(name)}`);
  }
}

/** Key usage and extended key usage must both allow it where they are there; one of them must be there. */
function checkLeaf(leaf: Certificate): void {
  const { keyUsage, extendedKeyUsage } = leaf;
  if (keyUsage === null && extendedKeyUsage === null) throw refused(leaf, 'says nothing of being for signing');
  if (keyUsage !== null && !keyUsage.has(DIGITAL_SIGNATURE)) throw refused(leaf, 'is not for digital signatures');
  if (extendedKeyUsage !== null && !SIGNING_PURPOSES.some((purpose) => extendedKeyUsage.includes(purpose))) {
    throw refused(leaf, 'is for another purpose than signing code');
  }
  if (leaf.nameConstraints !== null) throw refused(leaf, 'limits the names of others, which only a CA may');
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

function isSelfSigned(certificate: Certificate): boolean {
  const { x509 } = certificate;
  return x509.subject === x509.issuer && isSignedBy(certificate, certificate);
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

/** Null for one that cannot be read: only who asks for the key learns that. */
function keyOf(x509: X509Certificate): KeyObject | null {
  try {
    return x509.publicKey;
  } catch {
    return null;
  }
}

function isSignedBy(certificate: Certificate, issuer: Certificate): boolean {
  const key = keyOf(issuer.x509);
  return key !== null && certificate.x509.verify(key);
}

function isStrong({ x509 }: Certificate): boolean {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = keyOf(x509) ?? {};
  return (
    type === 'ec' ||
    type === 'ed25519' ||
    ((type === 'rsa' || type === 'rsa-pss') && (details?.modulusLength ?? 0) >= 2048)
  );
}

function refused(certificate: Certificate, why: string): WeighmarkError {
  return new WeighmarkError('signer-untrusted', `the certificate ${JSON.stringify(certificate.x509.subject)} ${why}`);
}
