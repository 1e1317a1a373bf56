import { join } from 'node:path';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Json } from '../../domain/base/json.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { certificateFingerprint } from '../../domain/pki/certificates.ts';
import { parseTrustedRoot } from '../../domain/trust/trusted-root.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { TrustStore } from '../../domain/ports/trust.ts';
import { makeOwn } from '../files/own.ts';
import { proxyFor } from '../network/proxy.ts';
import { bodyOf, sendFollowing } from '../registries/oci/http.ts';
import { publicGoodRoot, updatedRootLocation } from './public-good.ts';

export interface TufSource {
  /** Another repository than the public-good one, with the root.json its trust starts from: for tests. */
  readonly mirrorURL?: string;
  readonly rootPath?: string;
}

/**
 * Refreshes the public-good trusted root by TUF, from the root shipped with @sigstore/tuf. Every key change since is verified;
 * the metadata is kept beside it, so that an older repository state is refused later.
 * @throws WeighmarkError `network`, `trust-invalid`.
 */
export async function updatePublicGoodRoot(
  files: Files,
  configFolder: string,
  source: TufSource = {},
): ReturnType<TrustStore['update']> {
  const before = await publicGoodRoot(files, configFolder);
  const after = await fetchRoot(makeOwn(join(configFolder, 'sigstore', 'tuf')), source);
  const location = updatedRootLocation(configFolder);
  await files.write(location, after, { mode: 0o600 });
  return { location, sha256: sha256Hex(after), changed: before !== after };
}

/**
 * The same from a `trusted_root.json` that the user brought to a machine without a network. It must know every log and
 * authority that is known already: an older one, or another instance's, would take what was signed under them away.
 * @throws WeighmarkError `trust-invalid`, `not-found`.
 */
export async function updateRootFrom(
  files: Files,
  configFolder: string,
  file: string,
): ReturnType<TrustStore['update']> {
  const before = await publicGoodRoot(files, configFolder);
  const after = Buffer.from(await files.read(file, LIMITS.trustedRootBytes)).toString('utf8');
  const brought = new Set(partsOf(after));
  const location = updatedRootLocation(configFolder);
  if (partsOf(before).some((part) => !brought.has(part)))
    throw new WeighmarkError(
      'trust-invalid',
      `${file} lacks what is trusted already: it is older, or another instance’s`,
      { subject: file, hint: `bring the newest trusted_root.json; to go back on purpose, remove ${location} first` },
    );
  await files.write(location, after, { mode: 0o600 });
  return { location, sha256: sha256Hex(after), changed: before !== after };
}

/** Keys of logs and certificates of authorities. @throws WeighmarkError `trust-invalid`. */
function partsOf(text: string): readonly string[] {
  const { json, logs, timestampAuthorities } = parseTrustedRoot(text);
  const chains = timestampAuthorities.flatMap(({ anchors }) => anchors.map(certificateFingerprint));
  const others = ['ctlogs', 'certificateAuthorities'].flatMap((member) => certificatesOrKeys(json[member]));
  return [...logs.map(({ id }) => Buffer.from(id).toString('hex')), ...chains, ...others];
}

/** Whatever their periods: those may be closed by a newer root. */
function certificatesOrKeys(list: Json | undefined): readonly string[] {
  const text = JSON.stringify(list ?? []);
  return [...text.matchAll(/"rawBytes":"([A-Za-z0-9+/=]+)"/g)].map(([, bytes = '']) => bytes);
}

async function fetchRoot(cachePath: string, source: TufSource): Promise<string> {
  const { DEFAULT_MIRROR_URL, initTUF } = await import('@sigstore/tuf');
  try {
    return await behindProxy(source.mirrorURL ?? DEFAULT_MIRROR_URL, async () => {
      const client = await initTUF({ cachePath, ...source });
      return client.getTarget('trusted_root.json');
    });
  } catch (cause) {
    const code = isUnreachable(cause) ? 'network' : 'trust-invalid';
    throw new WeighmarkError(
      code,
      `the Sigstore trust root could not be refreshed: ${code === 'network' ? 'its repository cannot be reached' : 'what its repository says is not signed, or too old'}`,
      { cause },
    );
  }
}

/** The library asks by the global `fetch`, which knows no proxies and offers no other way in. */
async function behindProxy<T>(mirror: string, work: () => Promise<T>): Promise<T> {
  if (proxyFor(new URL(mirror)) === null) return work();
  const { fetch: usual } = globalThis;
  globalThis.fetch = async (address, init) => {
    const url = new URL(address instanceof Request ? address.url : address);
    const response = await sendFollowing({ method: 'GET', url, ...(init?.signal ? { signal: init.signal } : {}) });
    const body = Buffer.from(await bodyOf(response));
    return new Response(response.status === 204 || response.status === 304 ? null : body, { status: response.status });
  };
  try {
    return await work();
  } finally {
    globalThis.fetch = usual;
  }
}

/** Anything in the chain of causes that speaks of the transport, not of the metadata. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return (
    (error instanceof WeighmarkError && error.code === 'network') ||
    /^fetch failed|ECONN|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|request to .* failed/.test(error.message) ||
    error.name === 'AbortError' ||
    isUnreachable(error.cause)
  );
}
