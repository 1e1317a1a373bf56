import { Buffer } from 'node:buffer';
import { isJsonObject } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { parseBundle, type BundleKey } from './bundle.ts';

/** A payload and its signature, with what the envelope says of who signed; null: it says nothing that can be read. */
export interface LooseEnvelope {
  readonly key: BundleKey | null;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * The signature in a bundle that the strict reader refuses: of a later version, with fields more, or twice. Enough to ask whose
 * it is, where it might say no; never enough for a yes. Null: there is none, or several.
 */
export function looseEnvelope(bytes: Uint8Array, maxBytes: number = LIMITS.claimBytes): LooseEnvelope | null {
  if (bytes.length > maxBytes) return null;
  try {
    return parseBundle(bytes, maxBytes);
  } catch {
    return readLoosely(bytes);
  }
}

function readLoosely(bytes: Uint8Array): LooseEnvelope | null {
  const bundle = parsed(bytes);
  const envelope = at(bundle, 'dsseEnvelope', 'dsse_envelope');
  const signatures = at(envelope, 'signatures');
  const payload = base64(at(envelope, 'payload'));
  const signature = Array.isArray(signatures) ? base64(at(signatures[0], 'sig')) : null;
  if (payload === null || signature === null) return null;
  return { key: keyIn(at(bundle, 'verificationMaterial', 'verification_material')), payload, signature };
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as unknown;
  } catch {
    return null;
  }
}

function keyIn(material: unknown): BundleKey | null {
  const certificate = base64(at(at(material, 'certificate'), 'rawBytes', 'raw_bytes'));
  if (certificate !== null) return { kind: 'certificate', certificate };
  const list = at(at(material, 'x509CertificateChain', 'x509_certificate_chain'), 'certificates');
  const certificates = (Array.isArray(list) ? list : [])
    .slice(0, LIMITS.certificatesPerBundle)
    .flatMap((each) => base64(at(each, 'rawBytes', 'raw_bytes')) ?? []);
  if (certificates.length > 0) return { kind: 'chain', certificates };
  const hint = at(at(material, 'publicKey', 'public_key'), 'hint');
  return typeof hint === 'string' ? { kind: 'key', hint } : null;
}

function at(value: unknown, ...names: readonly string[]): unknown {
  const object = isJsonObject(value) ? value : {};
  const name = names.find((each) => Object.hasOwn(object, each));
  return name === undefined ? undefined : object[name];
}

function base64(value: unknown): Uint8Array | null {
  if (typeof value !== 'string' || value === '' || !/^[A-Za-z0-9+/_-]+=*$/.test(value)) return null;
  return Buffer.from(value, 'base64');
}
