import { Buffer } from 'node:buffer';
import { X509Certificate, createHash, createPublicKey } from 'node:crypto';
import { spkiOf } from '../pki/spki.ts';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import type { LogEntry } from './sigstore-bundle.ts';

/** What a log entry must be about, all of it: this content, this signature, this key. */
export interface Bound {
  /** What the signature is over: the DSSE pre-authentication encoding's SHA-256, or the artifact's. */
  readonly signedDigest: Uint8Array;
  /** SHA-256 of the DSSE payload; null for a message signature. */
  readonly payloadDigest: Uint8Array | null;
  readonly signature: Uint8Array;
  /** The bundle's certificate, byte for byte, or the caller's key in its canonical encoding: what the log must have recorded. */
  readonly verifier: { readonly certificate: Uint8Array } | { readonly spki: Uint8Array };
}

/** What an entry's body records. */
interface Recorded {
  readonly digest: Uint8Array;
  readonly of: 'signed' | 'payload';
  readonly signature: Uint8Array;
  readonly verifier: Bound['verifier'];
}

/**
 * Refuses a log entry that is not about this artifact, this signature and this very certificate or key. A monitor sees the
 * signer only in the entry, so an entry that names another one hides a signature (GHSA-8gw7-4j42-w388, GHSA-whqx-f9j3-ch6m).
 * @throws WeighmarkError `signature-invalid`, `signature-malformed`.
 */
export function requireBound(entry: LogEntry, bound: Bound): void {
  const recorded = read(entry);
  const digest = recorded.of === 'signed' ? bound.signedDigest : bound.payloadDigest;
  if (digest === null || !same(recorded.digest, digest)) throw unbound('is about another artifact');
  if (!same(recorded.signature, bound.signature)) throw unbound('records another signature');
  if (!sameVerifier(recorded.verifier, bound.verifier)) throw unbound('records another key than the signer’s');
}

function read(entry: LogEntry): Recorded {
  const body = parseStrictJsonObject(entry.body, {
    code: 'signature-malformed',
    subject: 'the log entry',
    refuseCaseDuplicates: false,
  });
  if (body['kind'] !== entry.kind || body['apiVersion'] !== entry.version)
    throw unbound('is of another kind than the bundle says');
  const readers: Readonly<Record<string, (spec: Fields) => Recorded>> = {
    'hashedrekord/0.0.1': hashedRekord1,
    'hashedrekord/0.0.2': (spec) => hashedRekord2(object(spec['hashedRekordV002'])),
    'dsse/0.0.1': dsse1,
    'dsse/0.0.2': (spec) => dsse2(object(spec['dsseV002'])),
    'intoto/0.0.2': intoto2,
  };
  const reader = readers[`${entry.kind}/${entry.version}`];
  if (reader === undefined)
    throw unbound(`is of a kind that is not known (${entry.kind.slice(0, 40)}/${entry.version.slice(0, 20)})`);
  return reader(object(body['spec']));
}

type Fields = { readonly [key: string]: Json };

function hashedRekord1(spec: Fields): Recorded {
  const hash = object(object(spec['data'])['hash']);
  const signature = object(spec['signature']);
  return {
    digest: hexSha256(hash),
    of: 'signed',
    signature: base64(signature['content']),
    verifier: pemVerifier(base64(object(signature['publicKey'])['content'])),
  };
}

function hashedRekord2(spec: Fields): Recorded {
  const data = object(spec['data']);
  const signature = object(spec['signature']);
  if (data['algorithm'] !== 'SHA2_256') throw unbound('does not use SHA-256');
  return {
    digest: base64(data['digest']),
    of: 'signed',
    signature: base64(signature['content']),
    verifier: rawVerifier(object(signature['verifier'])),
  };
}

function dsse1(spec: Fields): Recorded {
  const signature = only(spec['signatures']);
  return {
    digest: hexSha256(object(spec['payloadHash'])),
    of: 'payload',
    signature: base64(signature['signature']),
    verifier: pemVerifier(base64(signature['verifier'])),
  };
}

function dsse2(spec: Fields): Recorded {
  const hash = object(spec['payloadHash']);
  const signature = only(spec['signatures']);
  if (hash['algorithm'] !== 'SHA2_256') throw unbound('does not use SHA-256');
  return {
    digest: base64(hash['digest']),
    of: 'payload',
    signature: base64(signature['content']),
    verifier: rawVerifier(object(signature['verifier'])),
  };
}

/** The envelope is encoded twice here: https://github.com/sigstore/rekor/blob/main/pkg/types/intoto/v0.0.2 */
function intoto2(spec: Fields): Recorded {
  const content = object(spec['content']);
  const signature = only(object(content['envelope'])['signatures']);
  return {
    digest: hexSha256(object(content['payloadHash'])),
    of: 'payload',
    signature: base64(Buffer.from(base64(signature['sig'])).toString('latin1')),
    verifier: pemVerifier(base64(signature['publicKey'])),
  };
}

function rawVerifier(verifier: Fields): Bound['verifier'] {
  const certificate = verifier['x509Certificate'];
  const key = verifier['publicKey'];
  if ((certificate === undefined) === (key === undefined)) throw unbound('records no key, or two');
  return certificate === undefined
    ? { spki: canonical(base64(object(key)['rawBytes'])) }
    : { certificate: base64(object(certificate)['rawBytes']) };
}

function pemVerifier(pem: Uint8Array): Bound['verifier'] {
  const text = Buffer.from(pem).toString('latin1');
  try {
    if (text.includes('-----BEGIN CERTIFICATE-----')) return { certificate: new X509Certificate(text).raw };
    return { spki: spkiOf(createPublicKey(text)) };
  } catch {
    throw unbound('records a key that cannot be read');
  }
}

function canonical(spki: Uint8Array): Uint8Array {
  try {
    return spkiOf(createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }));
  } catch {
    throw unbound('records a key that cannot be read');
  }
}

function sameVerifier(recorded: Bound['verifier'], bound: Bound['verifier']): boolean {
  if ('certificate' in bound) return 'certificate' in recorded && same(recorded.certificate, bound.certificate);
  return 'spki' in recorded && same(recorded.spki, bound.spki);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.from(a).equals(b);
}

function object(value: Json | undefined): Fields {
  if (isJsonObject(value)) return value;
  throw unbound('lacks a member it must have');
}

function only(value: Json | undefined): Fields {
  if (Array.isArray(value) && value.length === 1) return object(value[0] as Json);
  throw unbound('does not record exactly one signature');
}

function hexSha256(hash: Fields): Uint8Array {
  const { algorithm, value } = hash;
  if (algorithm === 'sha256' && typeof value === 'string' && /^[0-9a-f]{64}$/.test(value))
    return Buffer.from(value, 'hex');
  throw unbound('does not use SHA-256');
}

function base64(value: Json | undefined): Uint8Array {
  const bytes = Buffer.from(typeof value === 'string' ? value : '', 'base64');
  if (bytes.length > 0 && bytes.toString('base64') === value) return bytes;
  throw unbound('lacks a member it must have');
}

/** SHA-256, as everything here uses. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

function unbound(why: string): WeighmarkError {
  return new WeighmarkError('signature-invalid', `the transparency log entry ${why}`);
}
