import { createHash } from 'node:crypto';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../../domain/base/json.ts';
import { exchange } from './http.ts';
import type { Service } from './services.ts';

/** What is entered into the log: a signature over a DSSE pre-authentication encoding, by the key of a certificate. */
export interface LoggedSignature {
  readonly payload: Uint8Array;
  readonly preAuthEncoding: Uint8Array;
  readonly signature: Uint8Array;
  /** DER of the signing certificate. */
  readonly certificate: Uint8Array;
}

/** Rekor waits for its next checkpoint before it answers. */
const REKOR_TIMEOUT_MS = 20_000;

/** Enters a signature into a Rekor log. @returns the entry in protobuf JSON. @throws WeighmarkError `network`. */
export async function logSignature(rekor: Service, logged: LoggedSignature): Promise<object> {
  return rekor.version === 2 ? logV2(rekor.url, logged) : logV1(rekor.url, logged);
}

/** Rekor v2 takes only hashedrekord: of a DSSE envelope, the digest of its pre-authentication encoding. */
async function logV2(url: string, logged: LoggedSignature): Promise<object> {
  const request = {
    hashedRekordRequestV002: {
      digest: createHash('sha256').update(logged.preAuthEncoding).digest('base64'),
      signature: {
        content: base64(logged.signature),
        verifier: { x509Certificate: { rawBytes: base64(logged.certificate) }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' },
      },
    },
  };
  const answer = await exchange(`${url}/api/v2/log/entries`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(request),
    timeoutMs: REKOR_TIMEOUT_MS,
    what: 'the transparency log',
  });
  return withAllMembers(parseStrictJsonObject(answer, { code: 'network', subject: 'the transparency log’s answer' }));
}

/** Protobuf JSON omits zeros and empty lists; sigstore-python demands them. */
function withAllMembers(entry: { readonly [key: string]: Json }): object {
  const { logId, kindVersion, inclusionProof: proof, canonicalizedBody } = entry;
  if (logId === undefined || kindVersion === undefined || canonicalizedBody === undefined || !isJsonObject(proof)) {
    throw new WeighmarkError('network', 'the transparency log answered without a proof');
  }
  return {
    logIndex: entry['logIndex'] ?? '0',
    logId,
    kindVersion,
    inclusionProof: {
      logIndex: proof['logIndex'] ?? '0',
      rootHash: proof['rootHash'],
      treeSize: proof['treeSize'],
      hashes: proof['hashes'] ?? [],
      checkpoint: proof['checkpoint'],
    },
    canonicalizedBody,
  };
}

async function logV1(url: string, logged: LoggedSignature): Promise<object> {
  const [{ RekorWitness }, { TransparencyLogEntry }] = await Promise.all([
    import('@sigstore/sign'),
    import('@sigstore/protobuf-specs'),
  ]);
  const witness = new RekorWitness({ rekorBaseURL: url, entryType: 'dsse', timeout: REKOR_TIMEOUT_MS, retry: 2 });
  const envelope = {
    payload: Buffer.from(logged.payload),
    payloadType: 'application/vnd.in-toto+json',
    signatures: [{ sig: Buffer.from(logged.signature), keyid: '' }],
  };
  try {
    const { tlogEntries } = await witness.testify(
      { $case: 'dsseEnvelope', dsseEnvelope: envelope },
      pemOf(logged.certificate),
    );
    const entry = tlogEntries?.[0];
    if (entry !== undefined) return TransparencyLogEntry.toJSON(entry) as object;
  } catch {
    // The library's message may quote the server's; the host is all that is said.
  }
  throw new WeighmarkError('network', `the transparency log ${new URL(url).host} did not take the signature`);
}

function pemOf(certificate: Uint8Array): string {
  const lines = base64(certificate).match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
