import { setTimeout as sleep } from 'node:timers/promises';
import { ociDigest } from '../../../domain/digest/hex.ts';
import { INDEX_TYPE, MANIFEST_TYPE } from '../../../domain/digest/manifest.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import { descriptorsOf, fallbackTag, type Descriptor } from '../../../domain/registry/referrer.ts';
import { expectStatus, type OciClient } from './client.ts';
import { bodyOf, unlessCut, type HttpResponse } from './http.ts';
import { pushAll } from '../../../domain/base/lists.ts';

const ACCEPT = [MANIFEST_TYPE, INDEX_TYPE].join(', ');
const MERGE_TRIES = 8;
const MAX_PAGES = 10_000;

export interface Fetched {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  /** Computed here, never the registry's word. */
  readonly digest: string;
}

function manifestUrl(client: OciClient, repository: string, reference: string): URL {
  return new URL(`/v2/${repository}/manifests/${reference}`, client.base);
}

/** By tag or digest; a digest is checked. Null if it is not there. @throws WeighmarkError `digest-mismatch`. */
export async function fetchManifest(client: OciClient, repository: string, reference: string): Promise<Fetched | null> {
  const bytes = await unlessCut(async () => {
    const response = await client.request({
      method: 'GET',
      url: manifestUrl(client, repository, reference),
      repository,
      headers: { accept: ACCEPT },
    });
    if (response.status !== 404)
      return bodyOf(await expectStatus(response, [200], `${repository}:${reference}`), LIMITS.manifestBytes);
    response.stream.resume();
    return null;
  });
  if (bytes === null) return null;
  const digest = ociDigest(bytes);
  if (reference.startsWith('sha256:') && reference !== digest) {
    throw new WeighmarkError('digest-mismatch', 'the registry sent another manifest than asked for', {
      subject: reference,
      facts: { asked: reference, found: digest },
    });
  }
  const { mediaType } = parseStrictJsonObject(bytes, {
    subject: 'a manifest',
    maxBytes: LIMITS.manifestBytes,
    refuseCaseDuplicates: false,
  });
  return { bytes, digest, mediaType: typeof mediaType === 'string' ? mediaType : MANIFEST_TYPE };
}

/** @returns whether the registry says that it noted the manifest's subject. */
export async function sendManifest(
  client: OciClient,
  repository: string,
  manifest: { reference: string; bytes: Uint8Array; mediaType: string },
): Promise<{ notedSubject: boolean }> {
  const { reference, bytes, mediaType } = manifest;
  const response = await client.request({
    method: 'PUT',
    url: manifestUrl(client, repository, reference),
    repository,
    push: true,
    headers: { 'content-type': mediaType },
    body: bytes,
  });
  await expectStatus(response, [201], `${repository}:${reference}`);
  response.stream.resume();
  return { notedSubject: response.headers['oci-subject'] !== undefined };
}

/** Some registries do not let anybody delete, or not with a token for pushing: that is no error. */
export async function tryDeleteTag(client: OciClient, repository: string, tag: string): Promise<void> {
  try {
    const response = await client.request({
      method: 'DELETE',
      url: manifestUrl(client, repository, tag),
      repository,
      push: true,
    });
    response.stream.resume();
  } catch (error) {
    if (!(error instanceof WeighmarkError && error.code === 'network')) throw error;
  }
}

/** Every tag of a repository; none if there is no repository. */
export async function allTags(client: OciClient, repository: string): Promise<readonly string[]> {
  const tags: string[] = [];
  await eachPage(client, { repository, first: new URL(`/v2/${repository}/tags/list?n=1000`, client.base) }, (page) => {
    const { tags: found } = parseStrictJsonObject(page, { subject: 'a list of tags', refuseCaseDuplicates: false });
    if (Array.isArray(found))
      pushAll(
        tags,
        found.filter((tag) => typeof tag === 'string'),
      );
  });
  return [...new Set(tags)];
}

/** The referrers API; null where a registry has none. */
export async function apiReferrers(
  client: OciClient,
  repository: string,
  subject: string,
): Promise<readonly Descriptor[] | null> {
  const found: Descriptor[] = [];
  const isThere = await eachPage(
    client,
    { repository, first: new URL(`/v2/${repository}/referrers/${subject}`, client.base) },
    (page) => pushAll(found, descriptorsOf(page)),
  );
  return isThere ? found : null;
}

async function eachPage(
  client: OciClient,
  { repository, first }: { repository: string; first: URL },
  read: (page: Uint8Array) => void,
): Promise<boolean> {
  let url: URL | null = first;
  for (let pages = 0; url !== null; pages += 1) {
    if (pages > MAX_PAGES)
      throw new WeighmarkError('limit-exceeded', `${client.base.host} lists without end`, { subject: repository });
    const response: HttpResponse = await client.request({ method: 'GET', url, repository });
    if (response.status === 404) {
      response.stream.resume();
      return pages > 0;
    }
    read(await bodyOf(await expectStatus(response, [200], repository)));
    url = nextPage(client, response);
  }
  return true;
}

function nextPage(client: OciClient, response: HttpResponse): URL | null {
  const link = response.headers.link;
  const [, next] =
    /<([^>]{1,4000})>\s*;\s*rel="?next"?/.exec((Array.isArray(link) ? link.join(',') : link) ?? '') ?? [];
  if (next === undefined) return null;
  const url = client.urlOf(new URL(next, response.url).href);
  return url.href === response.url.href ? null : url;
}

export async function fallbackReferrers(
  client: OciClient,
  repository: string,
  subject: string,
): Promise<readonly Descriptor[]> {
  const index = await fetchManifest(client, repository, fallbackTag(subject));
  return index === null || index.mediaType !== INDEX_TYPE ? [] : descriptorsOf(index.bytes);
}

/**
 * Lists a referrer under the fallback tag. Registries take the last writer's word, so the index is read back and merged
 * again until ours is in it; what another writer drops meanwhile is still found by its own tag.
 */
export async function mergeFallback(
  client: OciClient,
  repository: string,
  { subject, referrer }: { subject: string; referrer: Descriptor },
): Promise<void> {
  for (let attempt = 0; attempt < MERGE_TRIES; attempt += 1) {
    const listed = await fallbackReferrers(client, repository, subject);
    if (listed.some((each) => each.digest === referrer.digest)) return;
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...listed, referrer] }),
    );
    await sendManifest(client, repository, { reference: fallbackTag(subject), bytes, mediaType: INDEX_TYPE });
    await sleep(10 + Math.random() * 40 * 2 ** attempt);
  }
}
