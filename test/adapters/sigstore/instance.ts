import { createHash, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import type { Json } from '../../../src/domain/base/json.ts';
import { preAuthEncoding } from '../../../src/domain/claims/dsse.ts';
import { TAG, childAt, childrenOf, der, derInteger, derOid, readDer } from '../../../src/domain/pki/der.ts';
import { promise } from '../../interop/sigstore/ct-log.ts';
import {
  AUTHORITY,
  CODE_SIGNING,
  DIGITAL_SIGNATURE,
  algorithm,
  alternativeNames,
  authorityKeyId,
  certificate,
  certificateOf,
  extendedUse,
  extension,
  generalizedTime,
  hashOf,
  subjectKeyId,
  tbsOf,
  utf8,
} from './x509.ts';

/** A whole Sigstore in memory, correct unless a test says otherwise: what the strict layer is tried against. */
export interface Instance {
  readonly trustedRoot: string;
  readonly logs: readonly TestLog[];
  readonly authorities: readonly TestAuthority[];
  /** A bundle over the payload; every part can be made wrong. */
  bundle(wrong?: Wrong): Uint8Array;
}

export interface TestLog {
  readonly name: string;
  readonly key: KeyObject;
  readonly id: Buffer;
}

export interface TestAuthority {
  readonly key: KeyObject;
  readonly certificate: Uint8Array;
  readonly root: Uint8Array;
  readonly uri: string;
}

/** Ways to be wrong, or unusual. */
export interface Wrong {
  readonly payload?: string;
  readonly names?: readonly string[];
  readonly issuer?: string;
  readonly extensions?: readonly Uint8Array[];
  readonly use?: Uint8Array;
  readonly withoutPromise?: boolean;
  readonly notBefore?: Date;
  /** What the log entry records instead. */
  readonly entry?: { readonly verifier?: object; readonly digest?: Uint8Array; readonly signature?: Uint8Array };
  /** Changes the whole body of the log entry before it is entered. */
  readonly record?: (body: Json) => Json;
  /** One entry a name: by index into `logs`. */
  readonly entries?: readonly number[];
  readonly origin?: string;
  /** One token each: authority by index, and when. */
  readonly timestamps?: readonly {
    readonly by: number;
    readonly at: Date;
    readonly over?: Uint8Array;
    readonly token?: TokenWrong;
  }[];
  readonly integratedTime?: string;
  readonly mediaType?: string;
  readonly extra?: Readonly<Record<string, unknown>>;
  /** A new key pair of the signer for this bundle. */
  readonly curve?: 'P-256' | 'P-384';
}

export interface TokenWrong {
  /** The request's nonce, to be answered with it. */
  readonly nonce?: Uint8Array;
  readonly signer?: { readonly key: KeyObject; readonly certificate: Uint8Array };
}

export const SIGNED_AT = new Date('2026-06-01T12:00:00Z');
export const ISSUER = 'https://issuer.example';
const YEAR = 365 * 24 * 3600 * 1000;
const ec = (namedCurve = 'P-256'): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;

/** @param options a second log or authority of the same instance; a root without what a test leaves out. */
export function makeInstance(
  options: { logWithoutStart?: boolean; logEndsBefore?: Date; rsaAuthority?: boolean } = {},
): Instance {
  const ca = { subject: 'test-ca', key: ec('P-384') };
  const root = certificate({
    ...ca,
    issuer: ca,
    notBefore: new Date(SIGNED_AT.getTime() - YEAR),
    notAfter: new Date(SIGNED_AT.getTime() + YEAR),
    extensions: [...AUTHORITY, subjectKeyId(ca.key)],
  });
  const ct = ec();
  const logs = ['log-a.example', 'log-b.example'].map(makeLog);
  const authorities = ['tsa-a', 'tsa-b'].map((subject) => makeAuthority(subject, options.rsaAuthority === true));
  const trustedRoot = JSON.stringify(rootJson({ root, ct, logs, authorities, options }));
  return {
    trustedRoot,
    logs,
    authorities,
    bundle: (wrong = {}) => bundleOf({ ca, root, ct, logs, authorities }, wrong),
  };
}

function makeLog(name: string): TestLog {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return { name, key: privateKey, id: createHash('sha256').update(`${name}\n\u0001`).update(raw).digest() };
}

export function makeAuthority(
  subject: string,
  rsa = false,
  use = extendedUse('1.3.6.1.5.5.7.3.8', true),
): TestAuthority {
  const window = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2049-01-01T00:00:00Z') };
  const ca = { subject: `${subject}-root`, key: ec('P-384') };
  const key = rsa ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey : ec('P-384');
  const root = certificate({ ...ca, issuer: ca, ...window, extensions: AUTHORITY });
  return {
    key,
    root,
    uri: `https://${subject}.example`,
    certificate: certificate({ subject, key, issuer: ca, ...window, extensions: [DIGITAL_SIGNATURE, use] }),
  };
}

interface Parts {
  readonly ca: { readonly subject: string; readonly key: KeyObject };
  readonly root: Uint8Array;
  readonly ct: KeyObject;
  readonly logs: readonly TestLog[];
  readonly authorities: readonly TestAuthority[];
}

function rootJson({
  root,
  ct,
  logs,
  authorities,
  options,
}: Omit<Parts, 'ca'> & { options: { logWithoutStart?: boolean; logEndsBefore?: Date } }): object {
  const validFor = { start: '2020-01-01T00:00:00Z' };
  const end = options.logEndsBefore === undefined ? {} : { end: options.logEndsBefore.toISOString() };
  const keyOf = (key: KeyObject): string => base64(createPublicKey(key).export({ type: 'spki', format: 'der' }));
  const ctSpki = createPublicKey(ct).export({ type: 'spki', format: 'der' });
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: logs.map(({ name, key, id }) => ({
      baseUrl: `https://${name}`,
      hashAlgorithm: 'SHA2_256',
      logId: { keyId: base64(id) },
      publicKey: {
        rawBytes: keyOf(key),
        keyDetails: 'PKIX_ED25519',
        ...(options.logWithoutStart === true ? {} : { validFor: { ...validFor, ...end } }),
      },
    })),
    certificateAuthorities: [
      {
        subject: { organization: 'test', commonName: 'ca' },
        uri: 'https://ca.example',
        certChain: { certificates: [{ rawBytes: base64(root) }] },
        validFor,
      },
    ],
    ctlogs: [
      {
        baseUrl: 'https://ct.example',
        hashAlgorithm: 'SHA2_256',
        publicKey: { rawBytes: base64(ctSpki), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
        logId: { keyId: base64(createHash('sha256').update(ctSpki).digest()) },
      },
    ],
    timestampAuthorities: authorities.map((authority) => ({
      subject: { organization: 'test', commonName: 'tsa' },
      uri: authority.uri,
      validFor,
      certChain: { certificates: [{ rawBytes: base64(authority.certificate) }, { rawBytes: base64(authority.root) }] },
    })),
  };
}

export const STATEMENT = JSON.stringify({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'm', digest: { sha256: '00'.repeat(32) } }],
  predicateType: 'https://example.com/t/v1',
  predicate: {},
});

function bundleOf(parts: Parts, wrong: Wrong): Uint8Array {
  const key = ec(wrong.curve ?? 'P-256');
  const payload = Buffer.from(wrong.payload ?? STATEMENT);
  const encoded = preAuthEncoding(payload);
  const signature = sign(wrong.curve === 'P-384' ? 'sha384' : 'sha256', encoded, key);
  const leaf = leafOf(parts, key, wrong);
  const entries = (wrong.entries ?? [0]).map((index) =>
    entryOf(parts.logs[index] ?? parts.logs[0]!, { leaf, encoded, signature, wrong }),
  );
  const timestamps = (wrong.timestamps ?? [{ by: 0, at: SIGNED_AT }]).map(({ by, at, over, token }) => ({
    signedTimestamp: base64(timestampToken(parts.authorities[by]!, over ?? signature, at, token)),
  }));
  return Buffer.from(
    JSON.stringify({
      mediaType: wrong.mediaType ?? 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: {
        certificate: { rawBytes: base64(leaf) },
        tlogEntries: entries,
        timestampVerificationData: { rfc3161Timestamps: timestamps },
      },
      dsseEnvelope: {
        payload: base64(payload),
        payloadType: 'application/vnd.in-toto+json',
        signatures: [{ sig: base64(signature), keyid: '' }],
      },
      ...wrong.extra,
    }),
  );
}

function leafOf({ ca, root, ct }: Parts, key: KeyObject, wrong: Wrong): Uint8Array {
  const notBefore = wrong.notBefore ?? new Date(SIGNED_AT.getTime() - 60_000);
  const issuer = wrong.issuer ?? ISSUER;
  const extensions = [
    DIGITAL_SIGNATURE,
    authorityKeyId(ca.key),
    wrong.use ?? CODE_SIGNING,
    alternativeNames(...(wrong.names ?? ['email:anna@example.com'])),
    extension('1.3.6.1.4.1.57264.1.1', Buffer.from(issuer)),
    extension('1.3.6.1.4.1.57264.1.8', utf8(issuer)),
    ...(wrong.extensions ?? []),
  ];
  const spec = {
    subject: '',
    key,
    issuer: ca,
    notBefore,
    notAfter: new Date(notBefore.getTime() + 600_000),
    extensions,
    serial: Buffer.from('1234567890', 'hex'),
  };
  if (wrong.withoutPromise === true) return certificate(spec);
  const timestamp = BigInt(notBefore.getTime());
  const sct = promise(tbsOf(spec), { issuer: root, timestamp, key: ct });
  return certificateOf(
    tbsOf(spec, [...extensions, extension('1.3.6.1.4.1.11129.2.4.2', sctList(ct, timestamp, sct))]),
    ca.key,
  );
}

/** SignedCertificateTimestampList (RFC 6962 section 3.3). */
function sctList(ct: KeyObject, timestamp: bigint, signature: Uint8Array): Uint8Array {
  const id = createHash('sha256')
    .update(createPublicKey(ct).export({ type: 'spki', format: 'der' }))
    .digest();
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(timestamp);
  const sct = Buffer.concat([Buffer.from([0]), id, time, Buffer.from([0, 0]), signature]);
  const sized = (bytes: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
  return der(TAG.octetString, sized(sized(sct)));
}

interface Entered {
  readonly leaf: Uint8Array;
  readonly encoded: Uint8Array;
  readonly signature: Uint8Array;
  readonly wrong: Wrong;
}

/** A hashedrekord entry of Rekor v2, the only leaf of its log. */
function entryOf(log: TestLog, { leaf, encoded, signature, wrong }: Entered): object {
  const verifier = wrong.entry?.verifier ?? {
    keyDetails: 'PKIX_ECDSA_P256_SHA_256',
    x509Certificate: { rawBytes: base64(leaf) },
  };
  const digest = wrong.entry?.digest ?? createHash('sha256').update(encoded).digest();
  const spec = {
    hashedRekordV002: {
      data: { algorithm: 'SHA2_256', digest: base64(digest) },
      signature: { content: base64(wrong.entry?.signature ?? signature), verifier },
    },
  };
  const said = { apiVersion: '0.0.2', kind: 'hashedrekord', spec } as Json;
  const body = Buffer.from(JSON.stringify(wrong.record === undefined ? said : wrong.record(said)));
  const root = createHash('sha256')
    .update(Buffer.from([0]))
    .update(body)
    .digest();
  return {
    logIndex: '0',
    logId: { keyId: base64(log.id) },
    kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
    ...(wrong.integratedTime === undefined ? {} : { integratedTime: wrong.integratedTime }),
    inclusionProof: {
      logIndex: '0',
      rootHash: base64(root),
      treeSize: '1',
      hashes: [],
      checkpoint: { envelope: checkpoint(log, root, wrong.origin) },
    },
    canonicalizedBody: base64(body),
  };
}

function checkpoint(log: TestLog, root: Uint8Array, origin = log.name): string {
  const note = `${origin}\n1\n${base64(root)}\n`;
  const signed = Buffer.concat([log.id.subarray(0, 4), sign(null, Buffer.from(note), log.key)]);
  return `${note}\n\u2014 ${log.name} ${base64(signed)}\n`;
}

/** A TimeStampResp over some bytes, or their SHA-256, by an authority. */
export function timestampToken(
  authority: TestAuthority,
  over: Uint8Array | { readonly digest: Uint8Array },
  at: Date,
  wrong: TokenWrong = {},
): Uint8Array {
  const { key, certificate: leaf } = wrong.signer ?? authority;
  const sha256 = der(TAG.sequence, derOid('2.16.840.1.101.3.4.2.1'));
  const imprint = der(
    TAG.sequence,
    sha256,
    der(TAG.octetString, 'digest' in over ? over.digest : createHash('sha256').update(over).digest()),
  );
  const info = der(
    TAG.sequence,
    derInteger(Buffer.from([1])),
    derOid('1.2.3.4'),
    imprint,
    derInteger(Buffer.from([7])),
    generalizedTime(at),
    ...(wrong.nonce === undefined ? [] : [wrong.nonce]),
  );
  const attribute = (oid: string, value: Uint8Array): Uint8Array => der(TAG.sequence, derOid(oid), der(TAG.set, value));
  const attributes = [
    attribute('1.2.840.113549.1.9.3', derOid('1.2.840.113549.1.9.16.1.4')),
    attribute('1.2.840.113549.1.9.4', der(TAG.octetString, createHash(hashOf(key)).update(info).digest())),
  ];
  const signature = sign(hashOf(key), der(TAG.set, ...attributes), key);
  const [, serial, , issuer] = childrenOf(childAt(readDer(leaf), 0, TAG.sequence));
  const digestAlgorithm = der(
    TAG.sequence,
    derOid(hashOf(key) === 'sha384' ? '2.16.840.1.101.3.4.2.2' : '2.16.840.1.101.3.4.2.1'),
  );
  const signer = der(
    TAG.sequence,
    derInteger(Buffer.from([1])),
    der(TAG.sequence, issuer!.raw, serial!.raw),
    digestAlgorithm,
    der(0xa0, ...attributes),
    algorithm(key),
    der(TAG.octetString, signature),
  );
  const content = der(TAG.sequence, derOid('1.2.840.113549.1.9.16.1.4'), der(0xa0, der(TAG.octetString, info)));
  const signedData = der(
    TAG.sequence,
    derInteger(Buffer.from([3])),
    der(TAG.set, digestAlgorithm),
    content,
    der(0xa0, leaf),
    der(TAG.set, signer),
  );
  const granted = der(TAG.sequence, derInteger(Buffer.from([0])));
  return der(TAG.sequence, granted, der(TAG.sequence, derOid('1.2.840.113549.1.7.2'), der(0xa0, signedData)));
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
