import { Buffer } from 'node:buffer';
import { createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { WeighmarkError, type Code } from '../base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { TAG, childrenOf, readDer } from './der.ts';
import { spkiOf } from './spki.ts';

/** What DER holds, by its first members (RFC 5280 4.1, RFC 5915 3, RFC 5958 2 and 3, RFC 7292 4). */
export type DerKind = 'certificate' | 'spki' | 'pkcs8' | 'encrypted' | 'sec1' | 'pkcs12' | 'unknown';

export interface PemBlock {
  /** `PUBLIC KEY`, `EC PRIVATE KEY`, … */
  readonly label: string;
  /** With its lines, as OpenSSL reads it. */
  readonly text: string;
}

/** A key or certificate file as it was found: nothing of it is believed or opened yet. */
export type KeyForm =
  | { readonly kind: 'pem'; readonly blocks: readonly PemBlock[] }
  | { readonly kind: 'der'; readonly what: DerKind; readonly der: Uint8Array }
  | { readonly kind: 'jwk'; readonly jwk: { readonly [key: string]: Json }; readonly isPrivate: boolean }
  /** Something else; `what` completes "this is …", `hint` is the one line that makes a usable file of it. */
  | { readonly kind: 'foreign'; readonly what: string; readonly hint: string | null };

/**
 * PEM with any line ends, a byte order mark (of UTF-16 too) and text around it; DER; a JWK or a set of one; the base64 of DER.
 * Never throws: what cannot be read is foreign.
 */
export function keyFormOf(bytes: Uint8Array): KeyForm {
  if (bytes[0] === TAG.sequence) return derForm(bytes);
  const text = textOf(bytes);
  if (/^\s*\{/.test(text)) return jwkForm(text);
  const blocks = blocksOf(text);
  if (blocks.length > 0) return foreignBlock(blocks) ?? { kind: 'pem', blocks };
  const bare = text.replace(/\s+/g, '');
  const der = /^MI[A-Za-z0-9+/]+={0,2}$|^M[A-Za-z0-9+/]{60,}={0,2}$/.test(bare) ? Buffer.from(bare, 'base64') : null;
  if (der?.[0] === TAG.sequence) return derForm(der);
  if (/^(?:ecdsa-sha2|ssh|sk-)[a-z0-9@.-]* /m.test(text))
    return foreign('an SSH public key', '`ssh-keygen -e -m PKCS8 -f FILE > key.pub` writes it in PEM');
  return foreign('no key in a form that is known (PEM, DER, JWK)', null);
}

/**
 * The one public key of a file, as SPKI in PEM: of a public key, or of the certificate it stands in. A private key is refused.
 * @throws WeighmarkError `code`: no key, several, a private one, or another form, with the line that makes a usable file of it.
 */
export function publicPemOf(bytes: Uint8Array, code: Code, subject: string): string {
  const form = keyFormOf(bytes);
  const refuse = (what: string, hint: string | null): WeighmarkError =>
    new WeighmarkError(code, `${subject} is ${what}`, { subject, ...(hint === null ? {} : { hint }) });
  if (form.kind === 'foreign') throw refuse(form.what, form.hint);
  if (isPrivate(form))
    throw refuse(
      'a private key: trust needs the public one',
      '`weighmark keygen NAME` left it beside, as NAME.pub; of another key `openssl pkey -in KEY -pubout` prints it',
    );
  const keys = new Map(publicKeysOf(form, code, subject).map((key) => [Buffer.from(spkiOf(key)).toString('hex'), key]));
  const [only, ...others] = keys.values();
  if (only === undefined) throw refuse('no public key', null);
  if (others.length > 0)
    throw refuse(
      `${keys.size} keys, and which is meant cannot be seen`,
      '`openssl x509 -in FILE -pubkey -noout` prints that of its first certificate; roots go with --certificate-chain',
    );
  return only.export({ type: 'spki', format: 'pem' }).toString();
}

/** Certificates in PEM, whatever the file's form; what is none is left to whoever reads it, as it is. */
export function certificatesPemOf(bytes: Uint8Array): string {
  const form = keyFormOf(bytes);
  if (form.kind === 'der' && form.what === 'certificate') return pemOf('CERTIFICATE', form.der);
  return form.kind === 'pem' ? form.blocks.map(({ text }) => text).join('') : textOf(bytes);
}

/** True for a form that holds a private key, opened or not. */
export function isPrivate(form: KeyForm): boolean {
  if (form.kind === 'pem') return form.blocks.some(({ label }) => label.endsWith('PRIVATE KEY'));
  if (form.kind === 'der') return ['pkcs8', 'encrypted', 'sec1', 'pkcs12'].includes(form.what);
  return form.kind === 'jwk' && form.isPrivate;
}

function publicKeysOf(form: Exclude<KeyForm, { kind: 'foreign' }>, code: Code, subject: string): readonly KeyObject[] {
  try {
    if (form.kind === 'jwk') return [createPublicKey({ key: { ...form.jwk }, format: 'jwk' })];
    if (form.kind === 'pem')
      return form.blocks.flatMap(({ label, text }) =>
        label === 'CERTIFICATE' ? [new X509Certificate(text).publicKey] : keyIn(label, text),
      );
    const der = Buffer.from(form.der);
    if (form.what === 'certificate') return [new X509Certificate(der).publicKey];
    return form.what === 'spki' ? [createPublicKey({ key: der, format: 'der', type: 'spki' })] : [];
  } catch (cause) {
    throw new WeighmarkError(code, `${subject} is not a public key that can be read`, { subject, cause });
  }
}

function keyIn(label: string, text: string): readonly KeyObject[] {
  return label.endsWith('PUBLIC KEY') ? [createPublicKey({ key: text, format: 'pem' })] : [];
}

function textOf(bytes: Uint8Array): string {
  const [first, second, third] = bytes;
  const buffer = Buffer.from(bytes);
  if (first === 0xff && second === 0xfe) return buffer.subarray(2).toString('utf16le');
  if (first === 0xfe && second === 0xff && buffer.length % 2 === 0)
    return Buffer.from(buffer.subarray(2)).swap16().toString('utf16le');
  return buffer.subarray(first === 0xef && second === 0xbb && third === 0xbf ? 3 : 0).toString('latin1');
}

const BEGIN = /-----BEGIN ([A-Z0-9 ]{1,40})-----/g;

function blocksOf(text: string): readonly PemBlock[] {
  return [...text.matchAll(BEGIN)].flatMap((match) => {
    const label = match[1] ?? '';
    const end = `-----END ${label}-----`;
    const at = text.indexOf(end, match.index);
    if (at < 0) return [];
    const block = text.slice(match.index, at + end.length).replace(/\r\n?/g, '\n');
    return [{ label, text: `${block}\n` }];
  });
}

function foreignBlock(blocks: readonly PemBlock[]): KeyForm | null {
  const labels = blocks.map(({ label }) => label);
  if (labels.includes('OPENSSH PRIVATE KEY'))
    return foreign(
      'an OpenSSH private key',
      '`cp FILE key.pem && ssh-keygen -p -m PKCS8 -f key.pem` writes a copy in PEM',
    );
  if (labels.some((label) => label.startsWith('PGP ')))
    return foreign('a PGP key, which cannot sign here', '`weighmark keygen` makes a key');
  return labels.includes('PKCS7')
    ? foreign('a PKCS #7 bundle', '`openssl pkcs7 -in FILE -print_certs -out chain.pem` writes its certificates')
    : null;
}

function derForm(bytes: Uint8Array): KeyForm {
  const what = derKind(bytes);
  if (what === 'pkcs12')
    return foreign('a PKCS #12 store', '`openssl pkcs12 -in FILE -nocerts -nodes -out key.pem` writes its key');
  return what === 'unknown' ? foreign('DER that holds no key or certificate', null) : { kind: 'der', what, der: bytes };
}

function derKind(bytes: Uint8Array): DerKind {
  try {
    const [first, second, third] = childrenOf(readDer(bytes));
    if (first?.tag === TAG.integer) {
      if (second?.tag === TAG.octetString) return 'sec1';
      if (second?.tag !== TAG.sequence) return 'unknown';
      return third?.tag === TAG.octetString ? 'pkcs8' : 'pkcs12';
    }
    if (first?.tag !== TAG.sequence) return 'unknown';
    if (second?.tag === TAG.bitString) return 'spki';
    if (second?.tag === TAG.octetString) return 'encrypted';
    return second?.tag === TAG.sequence && third?.tag === TAG.bitString ? 'certificate' : 'unknown';
  } catch {
    return 'unknown';
  }
}

/** One key, or a set of one (RFC 7517 sections 4 and 5). */
function jwkForm(text: string): KeyForm {
  try {
    const json = parseStrictJsonObject(Buffer.from(text, 'latin1'), { code: 'key-unusable', subject: 'the key' });
    const keys = Array.isArray(json['keys']) ? (json['keys'] as readonly Json[]) : [json];
    const [jwk] = keys;
    if (keys.length !== 1)
      return foreign(`a set of ${keys.length} keys, and which is meant cannot be seen`, 'write one of them to a file');
    if (!isJsonObject(jwk) || typeof jwk['kty'] !== 'string') return foreign('JSON, and no key (JWK)', null);
    return { kind: 'jwk', jwk, isPrivate: jwk['d'] !== undefined };
  } catch {
    return foreign('JSON that cannot be read', null);
  }
}

function foreign(what: string, hint: string | null): KeyForm {
  return { kind: 'foreign', what, hint };
}

/** PEM as OpenSSL writes it: 64-character lines, trailing newline (RFC 7468). */
export function pemOf(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
