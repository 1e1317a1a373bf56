import { X509Certificate } from 'node:crypto';
import { WeighmarkError, type Code } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]{1,200000}-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM file, in order.
 * @throws WeighmarkError `code` if there is none, one cannot be read, or there are more than LIMITS.certificatesPerFile.
 */
export function readCertificates(pem: string, code: Code = 'trust-invalid'): readonly X509Certificate[] {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0 || blocks.length !== pem.split('-----BEGIN CERTIFICATE-----').length - 1) {
    throw new WeighmarkError(code, 'not certificates in PEM form (-----BEGIN CERTIFICATE-----)');
  }
  if (blocks.length > LIMITS.certificatesPerFile)
    throw new WeighmarkError('limit-exceeded', `more than ${LIMITS.certificatesPerFile} certificates`);
  return blocks.map((block) => parsed(block, code));
}

/** SHA-256 of the DER, lower-case hex: how `Signer.root` names a certificate. */
export function certificateFingerprint(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

/** The name a certificate is for, a line a part. An empty one, as Fulcio's are, Node gives as `undefined`, whatever its types say. */
export function subjectOf({ subject = '' }: { readonly subject?: string }): string {
  return subject;
}

function parsed(block: string, code: Code): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (cause) {
    throw new WeighmarkError(code, 'a certificate cannot be read', { cause });
  }
}
