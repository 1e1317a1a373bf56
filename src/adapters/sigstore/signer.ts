import { X509Certificate, generateKeyPairSync, sign as signBytes, type KeyObject } from 'node:crypto';
import { preAuthEncoding } from '../../domain/claims/dsse.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { ClaimSigner, KeylessSignerOptions } from '../../domain/ports/signing.ts';
import type { Files } from '../../domain/ports/files.ts';
import { readFulcioCertificate } from '../../domain/trust/fulcio.ts';
import { bundleOf } from '../keys/bundle.ts';
import { exchange } from './http.ts';
import { logSignature } from './rekor.ts';
import { servicesFrom, type Services } from './services.ts';
import { createTimestamper } from './timestamp.ts';
import { tokenSource } from './token.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** A key that lives as long as this process, and Fulcio's certificate for it. */
interface Session {
  readonly key: KeyObject;
  readonly certificate: X509Certificate;
}

/** A certificate lives ten minutes; a new one is fetched when less than this is left. */
const SPARE_MS = 60_000;

/**
 * Signs with an OIDC identity: an ephemeral P-256 key, a Fulcio certificate, a Rekor entry and an RFC 3161 timestamp. The
 * token is fetched when the first signature is made, after hashing; one sign-in serves all claims of a run.
 * @throws WeighmarkError from `sign`: `network`, `key-unusable`, `config-invalid`; never with the token in it.
 */
export async function keylessSigner(files: Files, options: KeylessSignerOptions, env: Env): Promise<ClaimSigner> {
  const services = withTsa(await servicesFrom(files, options.signingConfigFile, new Date()), options.tsa);
  const token = tokenSource({ files, env, options, issuer: services.oidc });
  let session: Promise<Session> | undefined;
  return {
    description: 'keyless identity',
    async sign(payload) {
      if (session !== undefined && !isFresh(await session)) session = undefined;
      session ??= openSession(services, await token());
      return seal(await session, services, payload);
    },
  };
}

/** Rekor v2 says nothing of time: without a time-stamp authority nobody could verify the certificate later. */
function withTsa(services: Services, tsa: string | undefined): Services {
  const chosen = { ...services, tsa: tsa ?? services.tsa };
  if (chosen.tsa !== null || chosen.rekor?.version === 1) return chosen;
  throw new WeighmarkError(
    'config-invalid',
    'the signing config names no timestamp authority, and without one a keyless signature cannot be verified later',
    { hint: 'add `--tsa URL`' },
  );
}

function isFresh({ certificate }: Session): boolean {
  return new Date(certificate.validTo).getTime() - Date.now() > SPARE_MS;
}

async function openSession(services: Services, token: string): Promise<Session> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const keyHolder = {
    sign: async (data: Buffer) =>
      Promise.resolve({
        signature: signBytes('sha256', data, privateKey),
        key: { $case: 'publicKey' as const, publicKey: publicPem },
      }),
  };
  const { FulcioSigner } = await import('@sigstore/sign');
  const fulcio = new FulcioSigner({
    fulcioBaseURL: services.fulcio,
    identityProvider: { getToken: async () => Promise.resolve(token) },
    keyHolder,
    timeout: 20_000,
    retry: 1,
  });
  const certificate = await certify(fulcio, services.fulcio);
  if (!certificate.publicKey.equals(publicKey))
    throw new WeighmarkError('network', 'the certificate authority certified another key');
  requireReadable(certificate);
  return { key: privateKey, certificate };
}

/** A certificate that no verifier would take for an identity signs nothing. */
function requireReadable(certificate: X509Certificate): void {
  try {
    readFulcioCertificate(certificate.raw);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new WeighmarkError('key-unusable', `nobody would accept what is signed so: ${why}`, { cause });
  }
}

/** The library's errors quote the token: only the host and the HTTP status leave here. */
async function certify(
  fulcio: { sign(data: Buffer): Promise<{ key: object }> },
  url: string,
): Promise<X509Certificate> {
  const { host } = new URL(url);
  try {
    const { key } = await fulcio.sign(Buffer.alloc(0));
    if ('certificate' in key && typeof key.certificate === 'string') return new X509Certificate(key.certificate);
  } catch (cause) {
    const status = statusOf(cause);
    const detail =
      status === 400 || status === 401 ? { hint: 'is the token’s audience `sigstore`, and has it not expired?' } : {};
    throw new WeighmarkError(
      'network',
      `the certificate authority ${host} gave no certificate${status === undefined ? '' : ` (HTTP ${status})`}`,
      detail,
    );
  }
  throw new WeighmarkError('network', `the certificate authority ${host} gave no certificate`);
}

function statusOf(error: unknown): number | undefined {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error && 'statusCode' in cause && typeof cause.statusCode === 'number'
    ? cause.statusCode
    : undefined;
}

async function seal({ key, certificate }: Session, services: Services, payload: Uint8Array): Promise<Uint8Array> {
  const encoded = preAuthEncoding(payload);
  const signature = signBytes('sha256', encoded, key);
  const logged = { payload, preAuthEncoding: encoded, signature, certificate: certificate.raw };
  const [entry, timestamp] = await Promise.all([
    services.rekor === null ? null : logSignature(services.rekor, logged),
    services.tsa === null ? null : createTimestamper(services.tsa, exchange)(signature),
  ]);
  return bundleOf({
    key: { leaf: certificate.raw },
    payload,
    signature,
    timestamps: timestamp === null ? [] : [timestamp],
    logEntries: entry === null ? [] : [entry],
  });
}
