import { Buffer, constants } from 'node:buffer';
import { LIMITS } from '../base/limits.ts';
import { parseBundle, type Bundle } from './bundle.ts';
import { IN_TOTO_PAYLOAD } from './predicates.ts';

/** Bytes that one of the signatures may be over. */
export interface LoosePayload {
  readonly payload: Uint8Array;
  /** DSSE's `payloadType`: part of what is signed. */
  readonly type: string;
}

/** What was signed, by what, and what the envelope says of who did it. Of several, which goes with which only a key can tell. */
export interface LooseEnvelope {
  readonly payloads: readonly [LoosePayload, ...LoosePayload[]];
  readonly signatures: readonly Uint8Array[];
  /** DER; any of them may be the signer's. */
  readonly certificates: readonly Uint8Array[];
  readonly hints: readonly string[];
  /** Null: the strict reader refuses it. */
  readonly bundle: Bundle | null;
}

/**
 * The signatures in what the strict reader refuses: a bundle of another version, with fields more or twice, an envelope without a
 * bundle, several signatures, another type of payload, base64 in lines, another encoding of the text. Enough to ask whose it is,
 * where it might say no; never enough for a yes. Null: there is no signature.
 */
export function looseEnvelope(bytes: Uint8Array, maxBytes: number = LIMITS.claimBytes): LooseEnvelope | null {
  if (bytes.length > maxBytes) return null;
  try {
    return strictly(parseBundle(bytes, maxBytes));
  } catch {
    return readLoosely(bytes);
  }
}

/** More than can be read here: then nobody can tell whose it is. */
export function isTooLarge(bytes: Uint8Array, maxBytes: number = LIMITS.claimBytes): boolean {
  return bytes.length > Math.min(maxBytes, constants.MAX_STRING_LENGTH);
}

function strictly(bundle: Bundle): LooseEnvelope {
  const { key, payload, signature } = bundle;
  return {
    bundle,
    payloads: [{ payload, type: IN_TOTO_PAYLOAD }],
    signatures: [signature],
    certificates: key.kind === 'key' ? [] : key.kind === 'chain' ? key.certificates : [key.certificate],
    hints: key.kind === 'key' ? [key.hint] : [],
  };
}

/** A stranger may write as many: these are looked at. */
const MOST = { payloads: 2, types: 2, signatures: 8 } as const;

/** By the names of members, wherever they stand: no structure that is not understood hides a signature. */
function readLoosely(bytes: Uint8Array): LooseEnvelope | null {
  const text = textOf(bytes);
  const payloads = binary(text, ['payload'], MOST.payloads);
  const signatures = binary(text, ['sig'], MOST.signatures);
  const said = textsNamed(text, ['payloadType', 'payload_type'], MOST.types);
  const types = said.length === 0 ? [IN_TOTO_PAYLOAD] : [...new Set(said)];
  const [first, ...others] = payloads.flatMap((payload) => types.map((type) => ({ payload, type })));
  if (first === undefined || signatures.length === 0) return null;
  return {
    bundle: null,
    payloads: [first, ...others],
    signatures,
    certificates: binary(text, ['rawBytes', 'raw_bytes'], LIMITS.certificatesPerBundle),
    hints: textsNamed(text, ['hint'], MOST.signatures),
  };
}

/** Empty where it is more than a text can be. */
function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const isWide = buffer[0] === 0xff && buffer[1] === 0xfe;
  try {
    return buffer.toString(isWide ? 'utf16le' : 'latin1');
  } catch {
    return '';
  }
}

function binary(text: string, names: readonly string[], most: number): readonly Uint8Array[] {
  return textsNamed(text, names, most).flatMap((value) => base64(value) ?? []);
}

/** Texts that are the values of members of these names. */
function textsNamed(text: string, names: readonly string[], most: number): readonly string[] {
  const found: string[] = [];
  const name = new RegExp(`"(?:${names.join('|')})"\\s*:\\s*"`, 'g');
  for (let match = name.exec(text); match !== null && found.length < most; match = name.exec(text)) {
    const end = endOfText(text, name.lastIndex);
    if (end === -1) break;
    const value = unquoted(text.slice(name.lastIndex - 1, end + 1));
    if (value !== null && value !== '' && !found.includes(value)) found.push(value);
    name.lastIndex = end;
  }
  return found;
}

/** Place of the quote that ends it; -1: none does, nor any text after it. */
function endOfText(text: string, start: number): number {
  for (let at = text.indexOf('"', start); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

function unquoted(literal: string): string | null {
  try {
    return JSON.parse(literal.replace(/[\n\r\t]/g, '')) as string;
  } catch {
    return null;
  }
}

function base64(value: string): Uint8Array | null {
  const bare = value.replace(/\s+/g, '');
  return /^[A-Za-z0-9+/_-]+=*$/.test(bare) ? Buffer.from(bare, 'base64') : null;
}
