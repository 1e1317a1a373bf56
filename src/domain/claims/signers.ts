import { shownFingerprint } from '../pki/keys.ts';
import type { Signer, TrustEntry, VerifiedClaim } from './types.ts';

/** For people: what the cryptography proves of the signer. Hostile text may be in it. */
export function describeSigner(signer: Signer): string {
  if (signer.kind === 'key') return `key ${shortened(signer.fingerprint)}`;
  if (signer.kind === 'oidc')
    return `${signer.san.value}, says ${signer.issuer}${signer.instance === 'public-good' ? '' : ', on a private Sigstore'}`;
  return `certificate ${certificateName(signer)}, under root ${shortened(signer.root)}`;
}

/** The name the caller gave the signer; for an unnamed one what the certificate says. */
export function nameOf(signer: Signer, entry: TrustEntry): string {
  if (entry.name !== COMMAND_LINE) return entry.name;
  if (signer.kind === 'oidc') return signer.san.value;
  if (signer.kind === 'certificate') return certificateName(signer);
  return `key ${shortened(signer.fingerprint)}`;
}

/** The name `cli/trust-options` gives to trust that has none. */
export const COMMAND_LINE = 'command-line';

/** True if both signatures are by one and the same identity (security rule 3): compared byte for byte. */
export function sameSigner(a: Signer, b: Signer): boolean {
  return identityOf(a) === identityOf(b);
}

/** One text an identity: the key, the root and name, or the instance, issuer and typed name. */
export function identityOf(signer: Signer): string {
  if (signer.kind === 'key') return JSON.stringify(['key', signer.fingerprint]);
  if (signer.kind === 'oidc')
    return JSON.stringify(['oidc', signer.instance, signer.issuer, signer.san.type, signer.san.value]);
  return JSON.stringify(['certificate', signer.root, signer.subject, signer.sans]);
}

/** A line about when it was signed, and who says so; empty without a verified time. */
export function describeTimes(claim: Pick<VerifiedClaim, 'times'>): string {
  const earliest = claim.times.toSorted((a, b) => (a.time < b.time ? -1 : 1))[0];
  return earliest === undefined
    ? ''
    : `signed ${earliest.time.slice(0, 16).replace('T', ' ')} UTC, says ${earliest.authority}`;
}

function certificateName(signer: Extract<Signer, { kind: 'certificate' }>): string {
  const [san] = signer.sans;
  return san === undefined ? signer.subject.replaceAll('\n', ', ') : san.value;
}

function shortened(fingerprint: string): string {
  return `${shownFingerprint(fingerprint).slice(0, 7 + 16)}…`;
}
