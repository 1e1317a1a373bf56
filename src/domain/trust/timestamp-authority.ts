import { Buffer } from 'node:buffer';
import { X509Certificate, createHash } from 'node:crypto';
import type { VerifiedTime } from '../claims/types.ts';
import { LIMITS } from '../base/limits.ts';
import { certificateFingerprint, readCertificates, subjectOf } from '../pki/certificates.ts';
import { extendedKeyUsage, extensionsOf, issuerAndSerial } from './fulcio.ts';
import { readTimestamp, type TimestampResponse } from '../pki/rfc3161.ts';

/** A time-stamp authority the caller believes. */
export interface TimestampAuthority {
  /** Who says so, in verdicts; thresholds count distinct names. */
  readonly name: string;
  /** What is believed: roots, or a single authority's own certificate. */
  readonly anchors: readonly X509Certificate[];
  /** Helps to find the way from the signer to an anchor; not believed by itself. */
  readonly intermediates: readonly X509Certificate[];
  /** When it is believed; absent: always. */
  readonly validFrom?: Date;
  readonly validTo?: Date;
}

const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const ANY_USE = '2.5.29.37.0';
const PATH_LENGTH = 8;

/** Reads a PEM file of an authority's certificates: self-signed ones are its roots; without any, all are believed. @throws WeighmarkError `trust-invalid`. */
export function authorityFromPem(pem: string): TimestampAuthority {
  const certificates = readCertificates(pem);
  const roots = certificates.filter(
    (certificate) => certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey),
  );
  const anchors = roots.length > 0 ? roots : certificates;
  const [name = 'unnamed'] = anchors.map(nameOf);
  return { name, anchors, intermediates: certificates };
}

/**
 * The time an authority vouches for: the signature existed by then. Null if the token is not by this authority or not over
 * this signature.
 * @throws WeighmarkError `signature-malformed` if the token cannot be read.
 */
export function verifiedTime(
  token: Uint8Array,
  signature: Uint8Array,
  authority: TimestampAuthority,
): VerifiedTime | null {
  const response = readTimestamp(token);
  if (!isOver(response, signature) || isOutside(response.time, authority)) return null;
  const sent = response.certificates.slice(0, LIMITS.certificatesPerBundle).flatMap(parsed);
  const pool = [...authority.anchors, ...authority.intermediates, ...sent];
  const isProven = pool.some(
    (leaf) =>
      isSigner(response, leaf) &&
      maySayTime(leaf) &&
      response.isSignedBy(leaf) &&
      leadsToAnchor(leaf, { pool, authority, at: response.time, depth: 0 }),
  );
  return isProven ? { time: response.time.toISOString(), source: 'rfc3161', authority: authority.name } : null;
}

function isOver({ imprint }: TimestampResponse, signature: Uint8Array): boolean {
  return createHash(imprint.hash).update(signature).digest().equals(imprint.digest);
}

function isOutside(time: Date, { validFrom, validTo }: TimestampAuthority): boolean {
  return (validFrom !== undefined && time < validFrom) || (validTo !== undefined && time > validTo);
}

function isSigner({ signer }: TimestampResponse, certificate: X509Certificate): boolean {
  const { issuer, serial } = issuerAndSerial(certificate.raw);
  return Buffer.from(issuer).equals(signer.issuer) && Buffer.from(serial).equals(signer.serial);
}

/** RFC 3161 section 2.3: the signer's certificate is for time stamping alone, and says so critically (CVE-2026-39984). */
function maySayTime(leaf: X509Certificate): boolean {
  const usage = extendedKeyUsage(extensionsOf(leaf.raw));
  return usage?.critical === true && usage.uses.length === 1 && usage.uses[0] === TIME_STAMPING;
}

interface Search {
  readonly pool: readonly X509Certificate[];
  readonly authority: TimestampAuthority;
  readonly at: Date;
  readonly depth: number;
}

/** Every certificate on the way is valid at the time, not the signer's alone (CVE-2026-24122). */
function leadsToAnchor(certificate: X509Certificate, search: Search): boolean {
  if (search.depth > PATH_LENGTH || !isValidAt(certificate, search.at)) return false;
  if (search.authority.anchors.some((anchor) => anchor.raw.equals(certificate.raw))) return true;
  return search.pool.some(
    (issuer) => mayIssue(issuer, certificate) && leadsToAnchor(issuer, { ...search, depth: search.depth + 1 }),
  );
}

function mayIssue(issuer: X509Certificate, certificate: X509Certificate): boolean {
  if (
    !issuer.ca ||
    issuer.raw.equals(certificate.raw) ||
    !certificate.checkIssued(issuer) ||
    !certificate.verify(issuer.publicKey)
  )
    return false;
  const uses = extendedKeyUsage(extensionsOf(issuer.raw))?.uses;
  return uses === undefined || uses.includes(TIME_STAMPING) || uses.includes(ANY_USE);
}

function isValidAt(certificate: X509Certificate, at: Date): boolean {
  return new Date(certificate.validFrom) <= at && at <= new Date(certificate.validTo);
}

function parsed(der: Uint8Array): X509Certificate[] {
  try {
    return [new X509Certificate(der)];
  } catch {
    return [];
  }
}

function nameOf(certificate: X509Certificate): string {
  const named = subjectOf(certificate)
    .split('\n')
    .filter((line) => /^(?:CN|O)=/.test(line))
    .map((line) => line.replace(/^[A-Z]+=/, ''))
    .at(-1);
  return `${named ?? 'unnamed'} (SHA256:${certificateFingerprint(certificate)})`;
}
