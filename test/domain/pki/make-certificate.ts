import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** A certificate and the key it certifies, made here: real DER, really signed. */
export interface Made {
  readonly der: Buffer;
  readonly pem: string;
  readonly key: KeyObject;
  readonly name: string;
}

export interface CertificateWish {
  readonly name: string;
  /** Absent: self-signed. */
  readonly issuer?: Made;
  readonly from?: Date;
  readonly to?: Date;
  /** Null: no basicConstraints at all. */
  readonly ca?: boolean | null;
  readonly pathLength?: number;
  /** Bit numbers; null: no extension. */
  readonly keyUsage?: readonly number[] | null;
  readonly extendedKeyUsage?: readonly string[];
  readonly email?: readonly string[];
  /** Further alternative names, by their context tag and content. */
  readonly names?: readonly (readonly [tag: number, content: Buffer])[];
  /** Mail address in the subject. */
  readonly mailInSubject?: string;
  /** Name constraints: general names by tag and content. */
  readonly permitted?: readonly (readonly [tag: number, content: Buffer])[];
  readonly excluded?: readonly (readonly [tag: number, content: Buffer])[];
  /** The extension's own bytes instead. */
  readonly constraints?: Buffer;
  /** OID of an extension nobody knows, critical. */
  readonly critical?: string;
  readonly hash?: 'sha1' | 'sha256';
  readonly rsaBits?: number;
  /** Certifies the key of this one instead of a new one. */
  readonly keyOf?: Made;
  /** The key usage with its length in BER's long form, where DER has the short one. */
  readonly longForm?: boolean;
  /** Names an extension twice. */
  readonly repeated?: boolean;
}

export const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

export function makeCertificate(wish: CertificateWish): Made {
  const { privateKey, publicKey } = keysOf(wish);
  const signer = wish.issuer?.key ?? privateKey;
  const algorithm = algorithmOf(signer, wish.hash ?? 'sha256');
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const validity = sequence(
    time(wish.from ?? new Date('2020-01-01T00:00:00Z')),
    time(wish.to ?? new Date('2040-01-01T00:00:00Z')),
  );
  const serial = element(0x02, Buffer.from([1 + Math.floor(serials++ % 120)]));
  const tbs = sequence(
    element(0xa0, element(0x02, Buffer.from([2]))),
    serial,
    algorithm,
    nameOf(wish.issuer?.name ?? wish.name),
    validity,
    nameOf(wish.name, wish.mailInSubject),
    spki,
    element(0xa3, sequence(...extensions(wish))),
  );
  const signature = sign(wish.hash ?? 'sha256', tbs, signer);
  const der = sequence(tbs, algorithm, element(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const pem = `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----\n`;
  return { der, pem, key: createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })), name: wish.name };
}

let serials = 0;

function keysOf({ keyOf, rsaBits }: CertificateWish): { privateKey: KeyObject; publicKey: KeyObject } {
  if (keyOf !== undefined) return { privateKey: keyOf.key, publicKey: createPublicKey(keyOf.key) };
  return rsaBits === undefined
    ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    : generateKeyPairSync('rsa', { modulusLength: rsaBits });
}

function extensions(wish: CertificateWish): readonly Buffer[] {
  const { ca = false, pathLength, keyUsage = [0], extendedKeyUsage, email, critical } = wish;
  const length = pathLength === undefined ? [] : [element(0x02, Buffer.from([pathLength]))];
  return [
    ...(ca === null
      ? []
      : [extension('2.5.29.19', true, sequence(...(ca ? [element(0x01, Buffer.from([0xff]))] : []), ...length))]),
    ...(keyUsage === null
      ? []
      : [
          extension(
            '2.5.29.15',
            true,
            wish.longForm === true
              ? Buffer.from([0x03, 0x81, 2, ...bitsOf(keyUsage)])
              : element(0x03, bitsOf(keyUsage)),
          ),
        ]),
    ...(extendedKeyUsage === undefined ? [] : [extension('2.5.29.37', false, sequence(...extendedKeyUsage.map(oid)))]),
    ...(email === undefined && wish.names === undefined
      ? []
      : [
          extension(
            '2.5.29.17',
            false,
            sequence(
              ...(email ?? []).map((each) => element(0x81, Buffer.from(each))),
              ...(wish.names ?? []).map(([tag, content]) => element(tag, content)),
            ),
          ),
        ]),
    ...constraintsOf(wish),
    ...(critical === undefined ? [] : [extension(critical, true, sequence())]),
    ...(wish.repeated === true ? [extension('2.5.29.19', true, sequence(element(0x01, Buffer.from([0xff]))))] : []),
  ];
}

function bitsOf(numbers: readonly number[]): Buffer {
  return Buffer.from([0, numbers.reduce((bits, bit) => bits | (0x80 >> bit), 0)]);
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(critical ? [element(0x01, Buffer.from([0xff]))] : []), element(0x04, value));
}

function algorithmOf(key: KeyObject, hash: 'sha1' | 'sha256'): Buffer {
  if (key.asymmetricKeyType === 'ec')
    return sequence(oid(hash === 'sha1' ? '1.2.840.10045.4.1' : '1.2.840.10045.4.3.2'));
  return sequence(
    oid(hash === 'sha1' ? '1.2.840.113549.1.1.5' : '1.2.840.113549.1.1.11'),
    element(0x05, Buffer.alloc(0)),
  );
}

function constraintsOf({ permitted, excluded, constraints }: CertificateWish): readonly Buffer[] {
  if (permitted === undefined && excluded === undefined && constraints === undefined) return [];
  const subtrees = (tag: number, names: CertificateWish['permitted']) =>
    names === undefined
      ? []
      : [element(tag, Buffer.concat(names.map(([form, base]) => sequence(element(form, base)))))];
  const value = constraints ?? sequence(...subtrees(0xa0, permitted), ...subtrees(0xa1, excluded));
  return [extension('2.5.29.30', true, value)];
}

/** A distinguished name of one common name, and perhaps a mail address. */
export function nameOf(name: string, mail?: string): Buffer {
  const part = (type: string, tag: number, text: string) =>
    element(0x31, sequence(oid(type), element(tag, Buffer.from(text))));
  return sequence(
    part('2.5.4.3', 0x0c, name),
    ...(mail === undefined ? [] : [part('1.2.840.113549.1.9.1', 0x16, mail)]),
  );
}

function time(at: Date): Buffer {
  return element(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

function oid(text: string): Buffer {
  const [a = 0, b = 0, ...rest] = text.split('.').map(Number);
  return element(0x06, Buffer.from([a * 40 + b, ...rest.flatMap(base128)]));
}

function base128(value: number): readonly number[] {
  return value < 128 ? [value] : [...base128(Math.floor(value / 128)).map((byte) => byte | 0x80), value % 128];
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

function element(tag: number, content: Buffer): Buffer {
  if (content.length < 128) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.from(content.length.toString(16).padStart(content.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, content]);
}
