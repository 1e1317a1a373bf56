import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';
import { certificateFingerprint } from './certificates.ts';
import { readNameConstraints, type NameConstraints, type Names } from './name-constraints.ts';
import { readElements, readOid, readOnly, TAG } from './der-values.ts';

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

export function describe(x509: X509Certificate): Certificate {
  const [tbs, algorithm] = readElements(readOnly(x509.raw, TAG.sequence));
  const extensions = readExtensions(tbs?.content ?? Buffer.alloc(0));
  const [oid] = readElements(algorithm?.content ?? Buffer.alloc(0));
  const value = (name: string) => extensions.get(name)?.value ?? null;
  return {
    x509,
    fingerprint: certificateFingerprint(x509),
    signatureAlgorithm: readOid(oid?.content ?? Buffer.alloc(0)),
    basicConstraints: readBasicConstraints(value(OID.basicConstraints)),
    keyUsage: readKeyUsage(value(OID.keyUsage)),
    extendedKeyUsage: readExtendedKeyUsage(value(OID.extendedKeyUsage)),
    sans: readSans(value(OID.subjectAltName)),
    names: namesOf(tbs?.content ?? Buffer.alloc(0), value(OID.subjectAltName)),
    nameConstraints: limitsOf(value(OID.nameConstraints)),
    unknownCritical: [...extensions]
      .filter(([name, { critical }]) => critical && !UNDERSTOOD.has(name))
      .map(([name]) => name),
  };
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
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** TBSCertificate holds its extensions in the explicit tag [3]. */
function readExtensions(tbs: Uint8Array): ReadonlyMap<string, Extension> {
  const wrapped = readElements(tbs).find(({ tag }) => tag === 0xa3);
  const found = new Map<string, Extension>();
  if (wrapped === undefined) return found;
  for (const { content } of readElements(readOnly(wrapped.content, TAG.sequence))) {
    const parts = readElements(content);
    const name = readOid(parts[0]?.content ?? Buffer.alloc(0));
    if (found.has(name)) throw new WeighmarkError('signature-malformed', 'a certificate repeats an extension');
    found.set(name, {
      critical: parts[1]?.tag === TAG.boolean && parts[1].content[0] !== 0,
      value: parts.at(-1)?.content ?? Buffer.alloc(0),
    });
  }
  return found;
}

/** TBSCertificate: version [0], serial, algorithm, issuer, validity, subject. */
function namesOf(tbs: Uint8Array, alternative: Uint8Array | null): Names {
  const [, , , , subject] = readElements(tbs).filter(({ tag }) => tag !== 0xa0);
  return {
    subject: subject?.content ?? Buffer.alloc(0),
    alternative: alternative === null ? null : readElements(readOnly(alternative, TAG.sequence)),
  };
}

/** Refused where it matters, not where it is read: a file of roots may hold one nobody asks about. */
function limitsOf(value: Uint8Array | null): Certificate['nameConstraints'] {
  try {
    return value === null ? null : readNameConstraints(value);
  } catch {
    return 'malformed';
  }
}

function readBasicConstraints(value: Uint8Array | null): Certificate['basicConstraints'] {
  if (value === null) return null;
  const parts = readElements(readOnly(value, TAG.sequence));
  const ca = parts[0]?.tag === TAG.boolean && parts[0].content[0] !== 0;
  const length = parts.find(({ tag }) => tag === TAG.integer)?.content;
  return {
    ca,
    ...(length === undefined ? {} : { pathLength: Number.parseInt(Buffer.from(length).toString('hex'), 16) }),
  };
}

function readKeyUsage(value: Uint8Array | null): ReadonlySet<number> | null {
  if (value === null) return null;
  const bits = readOnly(value, TAG.bitString).subarray(1);
  return new Set(
    [...bits].flatMap((byte, index) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte & (0x80 >> bit)) !== 0).map((bit) => index * 8 + bit),
    ),
  );
}

function readExtendedKeyUsage(value: Uint8Array | null): readonly string[] | null {
  if (value === null) return null;
  return readElements(readOnly(value, TAG.sequence)).map(({ content }) => readOid(content));
}

/** GeneralName's context tags: 1 rfc822Name, 2 dNSName, 6 uniformResourceIdentifier (all IA5String). */
const SAN_TYPES: Readonly<Record<number, San['type']>> = { 0x81: 'email', 0x82: 'dns', 0x86: 'uri' };

function readSans(value: Uint8Array | null): readonly San[] {
  if (value === null) return [];
  return readElements(readOnly(value, TAG.sequence)).map(({ tag, content }) => ({
    type: SAN_TYPES[tag] ?? 'other',
    value: Buffer.from(content).toString(SAN_TYPES[tag] === undefined ? 'hex' : 'latin1'),
  }));
}
