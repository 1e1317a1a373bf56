import { parseDocument } from 'yaml';
import { WeighmarkError } from '../../base/errors.ts';
import { SEVERITIES, type Severity } from '../types.ts';
import { digestOf } from './fields.ts';
import type { Feed, FeedDigest, Indicator } from './types.ts';

const KEYS: ReadonlySet<string> = new Set([
  'id',
  'title',
  'severity',
  'reference',
  'sha256',
  'blake3',
  'sha512',
  'sha1',
  'md5',
  'tensors',
  'weights',
  'models',
  'signers',
]);

export function isOwnFeed(text: string): boolean {
  return /^weighmark-feed:/m.test(text);
}

/**
 * weighmark's own feed: YAML with `weighmark-feed: 1`, `published`, and `entries` of id, title, severity, reference and
 * any of sha256, blake3, sha512, sha1, md5, tensors (SHA-256), weights (BLAKE3: a root or a tensor of a weights list), models
 * ({name, versions}), signers.
 * @throws WeighmarkError `format-invalid` for an unknown version or key, an alias, or an entry that matches nothing.
 */
export function parseOwn(location: string, text: string): Feed {
  const fail = (message: string): never => {
    throw new WeighmarkError('format-invalid', `the feed ${location}: ${message}`);
  };
  const document = parseDocument(text, { uniqueKeys: true, version: '1.2' });
  if (document.errors.length > 0) fail(document.errors[0]?.message.split('\n')[0] ?? 'not YAML');
  const root = asObject(plain(document, fail));
  if (root?.['weighmark-feed'] !== 1) fail('only version 1 is known');
  const unknown = Object.keys(root ?? {}).find(
    (key) => !['weighmark-feed', 'published', 'entries', 'title'].includes(key),
  );
  if (unknown !== undefined) fail(`the key ${unknown} is unknown`);
  const entries = root?.['entries'];
  if (!Array.isArray(entries)) return fail('entries is missing');
  const published = root?.['published'];
  return {
    location,
    kind: 'weighmark',
    unread: [],
    indicators: entries.map((entry: unknown, index) =>
      indicatorOf(asObject(entry) ?? fail(`entry ${index} is not a map`), fail),
    ),
    ...(typeof published === 'string' ? { published } : {}),
  };
}

/** Without aliases: a feed needs none, and they expand. */
function plain(document: ReturnType<typeof parseDocument>, fail: (message: string) => never): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 }) as unknown;
  } catch {
    return fail('aliases are not read');
  }
}

function indicatorOf(entry: Record<string, unknown>, fail: (message: string) => never): Indicator {
  const id = typeof entry['id'] === 'string' ? entry['id'] : fail('an entry has no id');
  const unknown = Object.keys(entry).find((key) => !KEYS.has(key));
  if (unknown !== undefined) fail(`${id}: the key ${unknown} is unknown`);
  const severity = (entry['severity'] ?? 'critical') as Severity;
  if (!SEVERITIES.includes(severity)) fail(`${id}: no severity ${severity}`);
  const digests = (['sha256', 'blake3', 'sha512', 'sha1', 'md5'] as const).flatMap((algorithm) =>
    strings(entry[algorithm]).map(
      (hex): FeedDigest => digestOf(algorithm, hex) ?? fail(`${id}: ${hex} is no ${algorithm}`),
    ),
  );
  const tensors = strings(entry['tensors']).map(
    (hex) => digestOf('sha256', hex)?.hex ?? fail(`${id}: ${hex} is no sha256`),
  );
  const weights = strings(entry['weights']).map(
    (hex) => digestOf('blake3', hex.replace(/^blake3:/, ''))?.hex ?? fail(`${id}: ${hex} is no BLAKE3`),
  );
  const models = Array.isArray(entry['models'])
    ? entry['models'].map((model: unknown) => modelOf(asObject(model), () => fail(`${id}: a model has no name`)))
    : [];
  const signers = strings(entry['signers']);
  if (digests.length + tensors.length + weights.length + models.length + signers.length === 0)
    fail(`${id}: it names nothing to look for`);
  const reference = entry['reference'];
  return {
    id,
    title: typeof entry['title'] === 'string' ? entry['title'] : id,
    severity,
    digests,
    tensors,
    weights,
    models,
    signers,
    ...(typeof reference === 'string' ? { reference } : {}),
  };
}

function modelOf(model: Record<string, unknown> | null, fail: () => never): { name: string; versions: string } {
  const name = model?.['name'];
  const versions = model?.['versions'];
  return {
    name: typeof name === 'string' ? name : fail(),
    versions: typeof versions === 'string' || typeof versions === 'number' ? String(versions) : '*',
  };
}

function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : [];
}

function asObject(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}
