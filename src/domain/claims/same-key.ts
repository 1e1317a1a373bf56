import type { Bundle } from './bundle.ts';
import { readCertificate, type Certificate } from '../pki/certificate.ts';

/**
 * True if two unverified bundles name the same signer: enough to decide whose file is replaced, never whom to trust. For
 * keyless identities the issuer and the name count, without the ref of a workflow, since every signature has its own certificate.
 */
export function namesSameSigner(a: Bundle, b: Bundle): boolean {
  if (a.key.kind === 'key' && b.key.kind === 'key') return a.key.hint !== '' && a.key.hint === b.key.hint;
  if (a.key.kind === 'chain' && b.key.kind === 'chain')
    return leafName(a.key.certificates[0]) === leafName(b.key.certificates[0]);
  if (a.key.kind === 'certificate' && b.key.kind === 'certificate')
    return leafName(a.key.certificate) === leafName(b.key.certificate);
  return false;
}

function leafName(der: Uint8Array | undefined): string {
  if (der === undefined) return '';
  const certificate: Certificate = readCertificate(der);
  const sans = certificate.sans.map(({ type, value }) => [type, value.replace(/@refs\/.*$/, '')]);
  return JSON.stringify([certificate.x509.issuer, certificate.x509.subject, sans]);
}
