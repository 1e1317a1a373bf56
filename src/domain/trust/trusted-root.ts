import { Buffer } from 'node:buffer';
import { X509Certificate, createPublicKey, type KeyObject } from 'node:crypto';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { describe, type Certificate } from '../pki/certificate.ts';
import { subjectOf } from '../pki/certificates.ts';
import { spkiOf } from '../pki/spki.ts';
import type { TimestampAuthority } from './timestamp-authority.ts';
import { instantOf } from '../base/instant.ts';

/** One Sigstore instance's keys, checked; `json` goes to the library that verifies with them. */
export interface TrustedRoot {
  readonly json: Fields;
  readonly logs: readonly TrustedLog[];
  readonly timestampAuthorities: readonly TimestampAuthority[];
}

export interface TrustedLog {
  readonly id: Uint8Array;
  /** Host (and port) of its URL: the name its checkpoints are signed under. */
  readonly name: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

type Fields = { readonly [key: string]: Json };

const MEDIA_TYPES = [
  'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  'application/vnd.dev.sigstore.trustedroot.v0.2+json',
];
const CLIENT_TRUST_CONFIG = 'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json';
const END_OF_TIME = '9999-12-31T23:59:59Z';

/**
 * Reads trusted_root.json (or the one inside a client trust config). A log without a start of validity is refused, where the
 * library would believe it from the beginning of time.
 * @throws WeighmarkError `trust-invalid`.
 */
export function parseTrustedRoot(text: string): TrustedRoot {
  const json = rootIn(
    parseStrictJsonObject(text, {
      code: 'trust-invalid',
      subject: 'the trusted root',
      maxBytes: LIMITS.trustedRootBytes,
      refuseCaseDuplicates: false,
    }),
  );
  listOf(json, 'ctlogs').forEach(logFrom);
  const authorities = listOf(json, 'certificateAuthorities').map(checkedAuthority);
  if (authorities.length === 0) throw invalid('it names no certificate authority');
  return {
    json,
    logs: listOf(json, 'tlogs').map(logFrom),
    timestampAuthorities: listOf(json, 'timestampAuthorities').map(authorityFrom),
  };
}

/** Certificates that issue identities, an authority each. @throws WeighmarkError `trust-invalid`. */
export function certificateAuthorities(
  text: string,
): readonly { readonly roots: readonly Certificate[]; readonly intermediates: readonly Certificate[] }[] {
  return listOf(parseTrustedRoot(text).json, 'certificateAuthorities').map((authority) => {
    const chain = chainOf(authority).map(describe);
    return { roots: chain.slice(-1), intermediates: chain.slice(0, -1) };
  });
}

function rootIn(json: Fields): Fields {
  const root = json['mediaType'] === CLIENT_TRUST_CONFIG ? json['trustedRoot'] : json;
  if (isJsonObject(root) && MEDIA_TYPES.some((known) => known === root['mediaType'])) return withLists(root);
  throw invalid('it is no Sigstore trusted root of a known version');
}

/** Protobuf JSON leaves out empty lists; the library wants them. */
function withLists(root: Fields): Fields {
  return { tlogs: [], ctlogs: [], certificateAuthorities: [], timestampAuthorities: [], ...root };
}

function logFrom(log: Fields): TrustedLog {
  const key = log['publicKey'];
  const id = log['checkpointKeyId'] ?? log['logId'];
  if (!isJsonObject(key) || !isJsonObject(id) || typeof id['keyId'] !== 'string' || typeof log['baseUrl'] !== 'string')
    throw invalid('a log has no key, id or address');
  checkKey(base64(key['rawBytes'], 'the key of a log'));
  return {
    id: base64(id['keyId'], 'the id of a log'),
    name: hostOf(log['baseUrl']),
    ...requiredWindow(key['validFor']),
  };
}

/** One key has one encoding; of what is no SPKI (RSA's older form) the library says whether it is a key. */
function checkKey(bytes: Uint8Array): void {
  const key = parsedKey(bytes);
  if (key !== null && !Buffer.from(spkiOf(key)).equals(bytes)) throw invalid('the key of a log is not in DER');
}

function parsedKey(bytes: Uint8Array): KeyObject | null {
  try {
    return createPublicKey({ key: Buffer.from(bytes), format: 'der', type: 'spki' });
  } catch {
    return null;
  }
}

function hostOf(url: string): string {
  if (!URL.canParse(url) || /\s/.test(url)) throw invalid('a log has no address');
  return new URL(url).host + new URL(url).pathname.replace(/\/$/, '');
}

interface Window {
  readonly validFrom: Date;
  readonly validTo: Date;
}

function requiredWindow(value: Json | undefined): Window {
  if (!isJsonObject(value) || value['start'] === undefined)
    throw invalid('a log does not say since when its key is valid');
  return { validFrom: dateOf(value['start']), validTo: dateOf(value['end'] ?? END_OF_TIME) };
}

/** An authority may leave it to its certificates; a window that is there and cannot be read is no open one. */
function windowOf(value: Json | undefined): Window {
  const window = value ?? {};
  if (!isJsonObject(window)) throw invalid('an authority does not say since when it is valid');
  return {
    validFrom: dateOf(window['start'] ?? '1970-01-01T00:00:00Z'),
    validTo: dateOf(window['end'] ?? END_OF_TIME),
  };
}

/** The library reads these again when it needs them, and passes over what it cannot read. */
function checkedAuthority(authority: Fields): Fields {
  windowOf(authority['validFor']);
  if (chainOf(authority).length === 0) throw invalid('a certificate authority has no certificates');
  return authority;
}

function authorityFrom(authority: Fields): TimestampAuthority {
  const chain = chainOf(authority);
  const root = chain.at(-1);
  if (root === undefined) throw invalid('a timestamp authority has no certificates');
  const uri =
    typeof authority['uri'] === 'string' && authority['uri'] !== ''
      ? authority['uri']
      : subjectOf(root).replaceAll('\n', ', ');
  return { name: uri, anchors: [root], intermediates: chain, ...windowOf(authority['validFor']) };
}

function chainOf({ certChain }: Fields): readonly X509Certificate[] {
  return isJsonObject(certChain) ? listOf(certChain, 'certificates').map(certificateFrom) : [];
}

function certificateFrom({ rawBytes }: Fields): X509Certificate {
  const der = base64(rawBytes, 'a certificate');
  try {
    return new X509Certificate(der);
  } catch (cause) {
    throw invalid('a certificate cannot be read', cause);
  }
}

/** In either alphabet, as the JSON form of Protocol Buffers has it. */
function base64(value: Json | undefined, what: string): Uint8Array {
  const text = typeof value === 'string' ? value.replaceAll('-', '+').replaceAll('_', '/') : '';
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length === 0 || bytes.toString('base64') !== text) throw invalid(`${what} is no base64`);
  return bytes;
}

function listOf(fields: Fields, name: string): readonly Fields[] {
  const value = fields[name] ?? [];
  if (Array.isArray(value) && value.length <= LIMITS.certificatesPerFile && value.every(isJsonObject)) return value;
  throw invalid(`${name} is not a list of at most ${LIMITS.certificatesPerFile}`);
}

function dateOf(value: Json): Date {
  const date = new Date(typeof value === 'string' ? instantOf(value) : Number.NaN);
  if (Number.isNaN(date.getTime())) throw invalid('a date cannot be read');
  return date;
}

function invalid(why: string, cause?: unknown): WeighmarkError {
  return new WeighmarkError(
    'trust-invalid',
    `the Sigstore trusted root cannot be used: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
