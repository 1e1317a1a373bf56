import { ECDH, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** One key on a curve in every encoding of its SPKI that OpenSSL reads, and the private half. */
export interface Encodings {
  readonly named: Buffer;
  readonly compressed: Buffer;
  readonly hybrid: Buffer;
  readonly explicit: Buffer;
  readonly explicitCompressed: Buffer;
  /** Bytes after the end. */
  readonly trailing: Buffer;
}

export function encodingsOf(curve: string): Encodings {
  return keyInEveryEncoding(curve).encodings;
}

export function keyInEveryEncoding(curve = 'prime256v1'): { readonly key: KeyObject; readonly encodings: Encodings } {
  const { privateKey: key, publicKey } = generateKeyPairSync('ec', { namedCurve: curve, paramEncoding: 'explicit' });
  const explicit = publicKey.export({ type: 'spki', format: 'der' });
  const named = createPublicKey({ key: publicKey.export({ format: 'jwk' }), format: 'jwk' }).export({
    type: 'spki',
    format: 'der',
  });
  const size = pointBytes(named);
  const withPoint = (der: Buffer, form: 'compressed' | 'hybrid'): Buffer =>
    replacePoint(der, ECDH.convertKey(der.subarray(-size), curve, undefined, undefined, form) as Buffer, size);
  return {
    key,
    encodings: {
      named,
      compressed: withPoint(named, 'compressed'),
      hybrid: withPoint(named, 'hybrid'),
      explicit,
      explicitCompressed: withPoint(explicit, 'compressed'),
      trailing: Buffer.concat([named, Buffer.from('00', 'hex')]),
    },
  };
}

export function pemOf(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`;
}

function pointBytes(named: Buffer): number {
  const { x = '' } = createPublicKey({ key: named, format: 'der', type: 'spki' }).export({ format: 'jwk' });
  return 1 + 2 * Buffer.from(x, 'base64url').length;
}

/** SubjectPublicKeyInfo ends in its BIT STRING, whose contents are a zero byte and the point. */
function replacePoint(der: Buffer, point: Buffer, size: number): Buffer {
  const header = element(der, 0).start;
  const algorithm = element(der, header);
  const body = Buffer.concat([
    der.subarray(header, algorithm.start + algorithm.length),
    wrapped(0x03, Buffer.concat([Buffer.from([0]), point])),
  ]);
  if (der.length - size < algorithm.start) throw new Error('no room for a point');
  return wrapped(0x30, body);
}

function element(der: Buffer, at: number): { readonly start: number; readonly length: number } {
  const first = der[at + 1] ?? 0;
  if (first < 0x80) return { start: at + 2, length: first };
  const count = first & 0x7f;
  return { start: at + 2 + count, length: der.readUIntBE(at + 2, count) };
}

function wrapped(tag: number, body: Buffer): Buffer {
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
}
