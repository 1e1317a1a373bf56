import { setTimeout as sleep } from 'node:timers/promises';
import { parseStrictJsonObject } from '../../../domain/base/json.ts';
import { pushAll } from '../../../domain/base/lists.ts';
import { INDEX_TYPE, MANIFEST_TYPE } from '../../../domain/digest/manifest.ts';
import {
  descriptorsOf,
  fallbackTag,
  withoutSubject,
  type Descriptor,
  type Referrer,
} from '../../../domain/registry/referrer.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { expectStatus, type OciClient } from './client.ts';
import { bodyOf, isBusy } from './http.ts';
import { allTags, eachPage, fetchManifest, nextPage, offerManifest, sendManifest, type Page } from './manifests.ts';

/**
 * What refers to a manifest, listed in three ways that are all written and all read: the referrers API where there is one,
 * the specification's fallback tag, and a tag of each referrer's own, which no other writer overwrites. A registry that
 * leaves a referrer out of all three is found out by the log alone (`claim-missing`).
 */
interface Subject {
  readonly repository: string;
  /** `sha256:<hex>` */
  readonly subject: string;
}

const MERGE_TRIES = 8;
const OWN_TAG = /^wm-[0-9a-f]{64}-[0-9a-f]{40}$/;

/** Tags that are no versions: fallback indexes, and a tag for each referrer. */
export function isBookkeeping(tag: string): boolean {
  return /^sha256-[0-9a-f]{64}$/.test(tag) || OWN_TAG.test(tag);
}

function ownTag(subject: string, referrer: string): string {
  return `${ownTagPrefix(subject)}${referrer.slice(7, 47)}`;
}

function ownTagPrefix(subject: string): string {
  return `wm-${subject.slice(7)}-`;
}

/** A registry that refuses `subject` gets the manifest without it: the two tags say what it refers to. */
export async function putReferrer(
  client: OciClient,
  { repository, subject }: Subject,
  referrer: Referrer,
): Promise<void> {
  const isTaken = await offerManifest(client, repository, tagged(subject, referrer));
  const taken = isTaken ? referrer : withoutSubject(referrer);
  if (!isTaken) await sendManifest(client, repository, tagged(subject, taken));
  await mergeFallback(client, { repository, subject }, taken.descriptor);
}

function tagged(subject: string, { manifest, descriptor }: Referrer) {
  return { reference: ownTag(subject, descriptor.digest), bytes: manifest, mediaType: MANIFEST_TYPE };
}

/** All ways of listing, united. */
export async function referrerDigests(client: OciClient, { repository, subject }: Subject): Promise<readonly string[]> {
  const [api, fallback, tags] = await Promise.all([
    apiReferrers(client, { repository, subject }),
    fallbackReferrers(client, { repository, subject }),
    allTags(client, repository),
  ]);
  const known = new Set([...(api ?? []), ...fallback].map(({ digest }) => digest));
  const seen = new Set([...known].map((digest) => ownTag(subject, digest)));
  const own = tags.filter((tag) => OWN_TAG.test(tag) && tag.startsWith(ownTagPrefix(subject)) && !seen.has(tag));
  const byTag = await Promise.all(own.map(async (tag) => fetchManifest(client, repository, tag)));
  return [...new Set([...known, ...byTag.flatMap((found) => found?.digest ?? [])])];
}

/**
 * The referrers API; null where a registry has none, however it says so: an error on this path alone, a web page, a redirect
 * to one. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
 */
async function apiReferrers(
  client: OciClient,
  { repository, subject }: Subject,
): Promise<readonly Descriptor[] | null> {
  const found: Descriptor[] = [];
  const first = new URL(`/v2/${repository}/referrers/${subject}`, client.base);
  const ask = (url: URL) => indexAt(client, repository, url);
  const isThere = await eachPage(client, { repository, first, ask }, (page) => pushAll(found, descriptorsOf(page)));
  return isThere ? found : null;
}

/** Null for anything but an index. @throws WeighmarkError `network` where the server is busy or cannot be reached. */
async function indexAt(client: OciClient, repository: string, url: URL): Promise<Page | null> {
  const headers = { accept: INDEX_TYPE };
  const response = await client.request({ method: 'GET', url, repository, headers, probing: true });
  if (isBusy(response.status)) await expectStatus(response, [200], repository);
  if (response.status !== 200) {
    response.stream.destroy();
    return null;
  }
  const bytes = await bodyOf(response).catch((error: unknown) => {
    if (error instanceof WeighmarkError && error.code === 'limit-exceeded') return null;
    throw error;
  });
  return bytes === null || !isIndex(bytes) ? null : { bytes, next: nextPage(client, response) };
}

function isIndex(bytes: Uint8Array): boolean {
  try {
    return Array.isArray(parseStrictJsonObject(bytes, { subject: 'an index' })['manifests']);
  } catch {
    return false;
  }
}

async function fallbackReferrers(client: OciClient, { repository, subject }: Subject): Promise<readonly Descriptor[]> {
  const index = await fetchManifest(client, repository, fallbackTag(subject));
  return index === null || index.mediaType !== INDEX_TYPE ? [] : descriptorsOf(index.bytes);
}

/**
 * Lists a referrer under the fallback tag. Registries take the last writer's word, so the index is read back and merged
 * again until ours is in it; what another writer drops meanwhile is still found by its own tag.
 */
async function mergeFallback(client: OciClient, { repository, subject }: Subject, referrer: Descriptor): Promise<void> {
  for (let attempt = 0; attempt < MERGE_TRIES; attempt += 1) {
    const listed = await fallbackReferrers(client, { repository, subject });
    if (listed.some((each) => each.digest === referrer.digest)) return;
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...listed, referrer] }),
    );
    await sendManifest(client, repository, { reference: fallbackTag(subject), bytes, mediaType: INDEX_TYPE });
    await sleep(10 + Math.random() * 40 * 2 ** attempt);
  }
}
