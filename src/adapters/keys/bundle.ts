import { BUNDLE_MEDIA_TYPE, IN_TOTO_PAYLOAD } from '../../domain/claims/predicates.ts';

/** Who signed, as a Sigstore bundle v0.3 carries it; certificates as DER, leaf first. */
export type KeyPart =
  { readonly hint: string } | { readonly chain: readonly Uint8Array[] } | { readonly leaf: Uint8Array };

export interface BundleParts {
  readonly key: KeyPart;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** RFC 3161 TimeStampResp, DER. */
  readonly timestamps?: readonly Uint8Array[];
  /** Rekor entries in protobuf JSON. */
  readonly logEntries?: readonly object[];
}

/**
 * One line of Sigstore bundle v0.3 JSON, without a newline. `keyid` stays empty: cosign and the Go port of OMS refuse any
 * other. Every member of protobuf's schema that sigstore-python demands is there, empty or not.
 */
export function bundleOf(parts: BundleParts): Uint8Array {
  const timestamps = (parts.timestamps ?? []).map((token) => ({ signedTimestamp: base64(token) }));
  const json = JSON.stringify({
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: {
      ...keyMember(parts.key),
      tlogEntries: parts.logEntries ?? [],
      ...(timestamps.length > 0 ? { timestampVerificationData: { rfc3161Timestamps: timestamps } } : {}),
    },
    dsseEnvelope: {
      payload: '',
      payloadType: IN_TOTO_PAYLOAD,
      signatures: [{ sig: base64(parts.signature), keyid: '' }],
    },
  });
  return withPayload(json, parts.payload);
}

const EMPTY_PAYLOAD = '"payload":""';

/** Puts the payload where it is left empty, piece by piece: as text in a text it would be in memory four times. */
function withPayload(json: string, payload: Uint8Array): Uint8Array {
  const at = json.lastIndexOf(EMPTY_PAYLOAD) + EMPTY_PAYLOAD.length - 1;
  const [head, tail] = [json.slice(0, at), json.slice(at)];
  const bytes = Buffer.alloc(Buffer.byteLength(json) + Math.ceil(payload.length / 3) * 4);
  let end = bytes.write(head);
  for (let start = 0; start < payload.length; start += PIECE_BYTES)
    end += bytes.write(base64(payload.subarray(start, start + PIECE_BYTES)), end, 'latin1');
  bytes.write(tail, end);
  return bytes;
}

/** A multiple of three: each piece ends where four characters end. */
const PIECE_BYTES = 12 << 10;

function keyMember(key: KeyPart): object {
  if ('hint' in key) return { publicKey: { hint: key.hint } };
  if ('leaf' in key) return { certificate: { rawBytes: base64(key.leaf) } };
  return { x509CertificateChain: { certificates: key.chain.map((der) => ({ rawBytes: base64(der) })) } };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}
