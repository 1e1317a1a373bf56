import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { FeedBytes, Feeds } from '../../domain/ports/feeds.ts';
import { createFiles } from '../files/index.ts';
import { exchange } from '../sigstore/http.ts';

export interface FeedSettings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly offline: boolean;
}

/** A fetched feed is used again for this long before it is asked for again. */
const FRESH_MS = 3_600_000;
const SIGNATURE_BYTES = 1 << 16;

/** Feeds from files and https addresses. What was fetched is kept in the user's cache folder, and used when offline. */
export function createFeeds(settings: FeedSettings): Feeds {
  const read = (location: string, maxBytes: number): Promise<FeedBytes> =>
    isUrl(location) ? readUrl(settings, location, maxBytes) : readFile(settings, location, maxBytes);
  return {
    async read(location, options = {}) {
      const feed = await read(location, LIMITS.feedBytes);
      if (options.signed !== true) return feed;
      const { bytes } = await read(`${location}.sig`, SIGNATURE_BYTES);
      return { ...feed, signature: bytes };
    },
  };
}

function isUrl(location: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(location);
}

async function readFile(settings: FeedSettings, location: string, maxBytes: number): Promise<FeedBytes> {
  const path = resolve(settings.cwd, location);
  const bytes = await createFiles().read(path, maxBytes);
  const { mtime } = await stat(path);
  return { bytes, fetched: mtime.toISOString() };
}

async function readUrl(settings: FeedSettings, location: string, maxBytes: number): Promise<FeedBytes> {
  const url = checkUrl(location);
  const path = join(cacheFolder(settings.env), createHash('sha256').update(location).digest('hex'));
  const cached = await readCached(path, maxBytes);
  const fresh = cached !== null && Date.now() - Date.parse(cached.fetched) < FRESH_MS;
  if (cached !== null && (fresh || settings.offline)) return cached;
  if (settings.offline)
    throw new WeighmarkError('network', `the feed ${url.host} was never fetched, and this run is offline`, {
      subject: location,
    });
  const bytes = await exchange(url.href, { what: 'the feed at', maxBytes });
  await createFiles().write(path, bytes, { mode: 0o600 });
  return { bytes, fetched: new Date().toISOString() };
}

async function readCached(path: string, maxBytes: number): Promise<FeedBytes | null> {
  const bytes = await createFiles().readIfThere(path, maxBytes);
  return bytes === null ? null : { bytes, fetched: (await stat(path)).mtime.toISOString() };
}

/** https, or plain http on this very machine. */
function checkUrl(location: string): URL {
  const url = URL.canParse(location) ? new URL(location) : null;
  const loopback = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url === null || (url.protocol !== 'https:' && !loopback))
    throw new WeighmarkError('usage', `${location} is no https address`);
  if (url.username !== '' || url.password !== '')
    throw new WeighmarkError('usage', 'an address with a password in it is not used');
  return url;
}

function cacheFolder(env: FeedSettings['env']): string {
  return join(env['XDG_CACHE_HOME'] ?? join(env['HOME'] ?? homedir(), '.cache'), 'weighmark', 'feeds');
}
