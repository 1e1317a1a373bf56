import { ociDigest } from '../../../domain/digest/hex.ts';
import { INDEX_TYPE, MANIFEST_TYPE } from '../../../domain/digest/manifest.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { parseStrictJsonObject } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import { expectStatus, type OciClient } from './client.ts';
import { bodyOf, unlessCut, type HttpResponse } from './http.ts';
import { pushAll } from '../../../domain/base/lists.ts';

/** Docker's own as well: Ollama and older tools push nothing else. */
const ACCEPT = [MANIFEST_TYPE, INDEX_TYPE, 'application/vnd.docker.distribution.manifest.v2+json'].join(', ');
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

interface ToSend {
  readonly reference: string;
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

/** Some registries answer 200 or 202 where the specification wants 201. */
const TAKEN = [200, 201, 202];
/** No word on the manifest itself: access, a repository that is not there, size, a server in trouble. */
const NOT_THE_MANIFEST = new Set([401, 403, 404, 413, 429, 502, 503, 504]);

export async function sendManifest(client: OciClient, repository: string, manifest: ToSend): Promise<void> {
  const response = await putManifest(client, repository, manifest);
  await expectStatus(response, TAKEN, `${repository}:${manifest.reference}`);
  response.stream.resume();
}

/** False if the registry does not want a manifest of this shape. */
export async function offerManifest(client: OciClient, repository: string, manifest: ToSend): Promise<boolean> {
  const response = await putManifest(client, repository, manifest);
  const isRefused = response.status >= 400 && !NOT_THE_MANIFEST.has(response.status);
  if (!isRefused) await expectStatus(response, TAKEN, `${repository}:${manifest.reference}`);
  response.stream.resume();
  return !isRefused;
}

function putManifest(
  client: OciClient,
  repository: string,
  { reference, bytes, mediaType }: ToSend,
): Promise<HttpResponse> {
  return client.request({
    method: 'PUT',
    url: manifestUrl(client, repository, reference),
    repository,
    push: true,
    headers: { 'content-type': mediaType },
    body: bytes,
  });
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
  const first = new URL(`/v2/${repository}/tags/list?n=1000`, client.base);
  const ask = (url: URL) => pageOf(client, repository, url);
  await eachPage(client, { repository, first, ask }, (page) => {
    const { tags: found } = parseStrictJsonObject(page, { subject: 'a list of tags', refuseCaseDuplicates: false });
    if (Array.isArray(found))
      pushAll(
        tags,
        found.filter((tag) => typeof tag === 'string'),
      );
  });
  return [...new Set(tags)];
}

/** One page of a list, and where the next is. */
export interface Page {
  readonly bytes: Uint8Array;
  readonly next: URL | null;
}

/** False if there is not even a first page. */
export async function eachPage(
  client: OciClient,
  { repository, first, ask }: { repository: string; first: URL; ask: (url: URL) => Promise<Page | null> },
  read: (page: Uint8Array) => void,
): Promise<boolean> {
  let url: URL | null = first;
  for (let pages = 0; url !== null; pages += 1) {
    if (pages > MAX_PAGES)
      throw new WeighmarkError('limit-exceeded', `${client.base.host} lists without end`, { subject: repository });
    const page: Page | null = await ask(url);
    if (page === null) return pages > 0;
    read(page.bytes);
    url = page.next;
  }
  return true;
}

async function pageOf(client: OciClient, repository: string, url: URL): Promise<Page | null> {
  const response = await client.request({ method: 'GET', url, repository });
  if (response.status === 404) {
    response.stream.resume();
    return null;
  }
  const bytes = await bodyOf(await expectStatus(response, [200], repository));
  return { bytes, next: nextPage(client, response) };
}

export function nextPage(client: OciClient, response: HttpResponse): URL | null {
  const link = response.headers.link;
  const [, next] =
    /<([^>]{1,4000})>\s*;\s*rel="?next"?/.exec((Array.isArray(link) ? link.join(',') : link) ?? '') ?? [];
  if (next === undefined) return null;
  const url = client.urlOf(next, response.url);
  return url.href === response.url.href ? null : url;
}
