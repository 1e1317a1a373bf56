import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';
import { certificateFingerprint } from './certificates.ts';
import { TAG, childAt, childrenOf, expectTag, oidOf, readDer, type Der } from './der.ts';
import { readNameConstraints, type NameConstraints, type Names } from './name-constraints.ts';

/** A subject alternative name, typed as the certificate types it. */
export interface San {
  readonly type: 'email' | 'uri' | 'dns' | 'other';
  readonly value: string;
}

/** What of a certificate decides about a signature (RFC 5280 section 4.2). */
export interface Certificate {
  readonly x509: X509Certificate;
  /** SHA-256 of the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly signatureAlgorithm: string;
  readonly basicConstraints: { readonly ca: boolean; readonly pathLength?: number } | null;
  /** Bits by number: 0 digitalSignature, 5 keyCertSign. Null if the extension is absent. */
  readonly keyUsage: ReadonlySet<number> | null;
  /** OIDs. Null if the extension is absent. */
  readonly extendedKeyUsage: readonly string[] | null;
  readonly sans: readonly San[];
  /** All it calls its holder, as DER. */
  readonly names: Names;
  /** What names it allows below it. Null if the extension is absent. */
  readonly nameConstraints: NameConstraints | 'malformed' | null;
  /** Critical extensions this reader does not understand. */
  readonly unknownCritical: readonly string[];
}

/** @throws WeighmarkError `signature-malformed` if it is no certificate, or repeats an extension. */
export function readCertificate(der: Uint8Array): Certificate {
  try {
    return describe(new X509Certificate(der));
  } catch (cause) {
    if (cause instanceof WeighmarkError && cause.code === 'signature-malformed') throw cause;
    throw new WeighmarkError('signature-malformed', 'a certificate cannot be read', { cause });
  }
}

/** @throws WeighmarkError `format-invalid` if an extension is not DER, `signature-malformed` if one is there twice. */
export function describe(x509: X509Certificate): Certificate {
  const { algorithm, subject, extensions } = orNotDer(() => partsOf(x509.raw));
  if (new Set(extensions.map(({ name }) => name)).size < extensions.length)
    throw new WeighmarkError('signature-malformed', 'a certificate repeats an extension');
  const value = (wanted: string) => {
    const found = extensions.find(({ name }) => name === wanted);
    return found === undefined ? null : readDer(found.value);
  };
  return orNotDer(() => {
    const alternative = sansOf(value(OID.subjectAltName));
    return {
      x509,
      fingerprint: certificateFingerprint(x509),
      signatureAlgorithm: algorithm,
      basicConstraints: readBasicConstraints(value(OID.basicConstraints)),
      keyUsage: readKeyUsage(value(OID.keyUsage)),
      extendedKeyUsage: readExtendedKeyUsage(value(OID.extendedKeyUsage)),
      sans: readSans(alternative),
      names: { subject, alternative },
      nameConstraints: limitsOf(extensions),
      unknownCritical: extensions
        .filter(({ name, critical }) => critical && !UNDERSTOOD.has(name))
        .map(({ name }) => name),
    };
  });
}

/** Here DER is a form that a certificate has or not; to other readers it is a part of a signature. */
function orNotDer<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new WeighmarkError('format-invalid', 'not DER', { cause });
  }
}

const OID = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
  nameConstraints: '2.5.29.30',
} as const;

const UNDERSTOOD: ReadonlySet<string> = new Set(Object.values(OID));

interface Extension {
  readonly name: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** TBSCertificate holds its version in the explicit tag [0], its extensions in [3] (RFC 5280 section 4.1). */
function partsOf(der: Uint8Array): { algorithm: string; subject: Der; extensions: readonly Extension[] } {
  const certificate = expectTag(readDer(der), TAG.sequence);
  const parts = childrenOf(childAt(certificate, 0, TAG.sequence)).filter(({ tag }) => tag !== VERSION);
  const wrapped = parts.find(({ tag }) => tag === EXTENSIONS);
  const list = wrapped === undefined ? [] : childrenOf(expectTag(readDer(wrapped.body), TAG.sequence));
  return {
    algorithm: oidOf(childAt(childAt(certificate, 1, TAG.sequence), 0, TAG.oid)),
    subject: expectTag(parts[SUBJECT], TAG.sequence),
    extensions: list.map((each) => readExtension(expectTag(each, TAG.sequence))),
  };
}

const VERSION = 0xa0;
const EXTENSIONS = 0xa3;
/** Serial number, algorithm, issuer and validity come before it. */
const SUBJECT = 4;

function readExtension(extension: Der): Extension {
  const parts = childrenOf(extension);
  return {
    name: oidOf(childAt(extension, 0, TAG.oid)),
    critical: isTrue(parts[1]),
    value: expectTag(parts.at(-1), TAG.octetString).body,
  };
}

/** Refused where it matters, not where it is read: a file of roots may hold one nobody asks about. */
function limitsOf(extensions: readonly Extension[]): Certificate['nameConstraints'] {
  const limits = extensions.find(({ name }) => name === OID.nameConstraints);
  try {
    return limits === undefined ? null : readNameConstraints(readDer(limits.value));
  } catch {
    return 'malformed';
  }
}

function isTrue(element: Der | undefined): boolean {
  return element?.tag === TAG.boolean && element.body[0] !== 0;
}

function readBasicConstraints(value: Der | null): Certificate['basicConstraints'] {
  if (value === null) return null;
  const parts = childrenOf(expectTag(value, TAG.sequence));
  const length = parts.find(({ tag }) => tag === TAG.integer)?.body;
  return {
    ca: isTrue(parts[0]),
    ...(length === undefined ? {} : { pathLength: Number.parseInt(Buffer.from(length).toString('hex'), 16) }),
  };
}

function readKeyUsage(value: Der | null): ReadonlySet<number> | null {
  if (value === null) return null;
  const bits = expectTag(value, TAG.bitString).body.subarray(1);
  return new Set(
    [...bits].flatMap((byte, index) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte & (0x80 >> bit)) !== 0).map((bit) => index * 8 + bit),
    ),
  );
}

function readExtendedKeyUsage(value: Der | null): readonly string[] | null {
  return value === null ? null : childrenOf(expectTag(value, TAG.sequence)).map(oidOf);
}

/** GeneralName's context tags: 1 rfc822Name, 2 dNSName, 6 uniformResourceIdentifier (all IA5String). */
const SAN_TYPES: Readonly<Record<number, San['type']>> = { 0x81: 'email', 0x82: 'dns', 0x86: 'uri' };

function sansOf(value: Der | null): readonly Der[] | null {
  return value === null ? null : childrenOf(expectTag(value, TAG.sequence));
}

function readSans(names: readonly Der[] | null): readonly San[] {
  return (names ?? []).map(({ tag, body }) => ({
    type: SAN_TYPES[tag] ?? 'other',
    value: Buffer.from(body).toString(SAN_TYPES[tag] === undefined ? 'hex' : 'latin1'),
  }));
}
