import { digestOf, objects, text, texts, type JsonObject } from './fields.ts';
import type { Feed, FeedDigest, Indicator } from './types.ts';
import { pushAll } from '../../base/lists.ts';
import { instantOf } from '../../base/instant.ts';

const HASH =
  /^\s*file:hashes\s*\.\s*(?:'([^']{1,20})'|"([^"]{1,20})"|([A-Za-z0-9-]{1,20}))\s*(=|IN)\s*(\([^)]{1,100000}\)|'[^']{1,200}')\s*/;

/**
 * File-hash indicators and file observables of a STIX 2.1 bundle. Revoked, expired and not yet valid ones are dropped;
 * patterns of anything else are listed as unread. @see https://docs.oasis-open.org/cti/stix/v2.1/
 */
export function parseStix(location: string, bundle: JsonObject, now: Date): Feed {
  const indicators: Indicator[] = [];
  const unread: string[] = [];
  let published: string | undefined;
  for (const object of objects(bundle['objects'])) {
    const modified = text(object['modified']) ?? text(object['created']);
    if (modified !== undefined && (published === undefined || modified > published)) published = modified;
    if (object['type'] === 'file') pushAll(indicators, observable(object));
    if (object['type'] !== 'indicator' || !isInForce(object, now)) continue;
    const pattern = text(object['pattern']) ?? '';
    const digests = (text(object['pattern_type']) ?? 'stix') === 'stix' ? hashesOf(pattern) : null;
    if (digests === null) unread.push(`${text(object['id']) ?? 'indicator'}: ${pattern.slice(0, 200)}`);
    else indicators.push(indicatorOf(object, digests));
  }
  return { location, kind: 'stix', indicators, unread, ...(published === undefined ? {} : { published }) };
}

function isInForce(object: JsonObject, now: Date): boolean {
  const from = instantOf(text(object['valid_from']) ?? '1970-01-01T00:00:00Z');
  const until = instantOf(text(object['valid_until']) ?? '9999-01-01T00:00:00Z');
  return object['revoked'] !== true && from <= now.getTime() && now.getTime() < until;
}

function indicatorOf(object: JsonObject, digests: readonly FeedDigest[]): Indicator {
  const id = text(object['id']) ?? 'indicator';
  const reference = objects(object['external_references'])
    .map((each) => text(each['url']))
    .find((url) => url !== undefined);
  const types = texts(object['indicator_types']);
  const severity = types.includes('benign') ? 'info' : types.includes('anomalous-activity') ? 'medium' : 'critical';
  return {
    id,
    title: text(object['name']) ?? id,
    severity,
    digests,
    tensors: [],
    weights: [],
    models: [],
    signers: [],
    ...(reference === undefined ? {} : { reference }),
  };
}

/** A `file` object in a bundle names a file that somebody observed; without an indicator it is reported for review. */
function observable(object: JsonObject): Indicator[] {
  const hashes =
    typeof object['hashes'] === 'object' && object['hashes'] !== null && !Array.isArray(object['hashes'])
      ? (object['hashes'] as JsonObject)
      : {};
  const digests = Object.entries(hashes).flatMap(([name, value]) => digestOf(name, text(value) ?? '') ?? []);
  const id = text(object['id']) ?? 'file';
  return digests.length === 0
    ? []
    : [
        {
          id,
          title: text(object['name']) ?? id,
          severity: 'medium',
          digests,
          tensors: [],
          weights: [],
          models: [],
          signers: [],
        },
      ];
}

/**
 * The hashes of a pattern made only of hash comparisons: `[file:hashes.'SHA-256' = '…' OR file:hashes.MD5 = '…'] OR […]`.
 * AND is taken as OR: hashes of one file. Null for any other pattern.
 */
export function hashesOf(pattern: string): readonly FeedDigest[] | null {
  const digests: FeedDigest[] = [];
  let rest = pattern.trim();
  while (rest !== '') {
    rest = rest.replace(/^[[(\s]+/, '');
    const match = HASH.exec(rest);
    if (match === null) return null;
    const [whole, quoted, doubled, bare, , values = ''] = match;
    for (const [, value = ''] of values.matchAll(/'([^']{1,200})'/g)) {
      const digest = digestOf(quoted ?? doubled ?? bare ?? '', value);
      if (digest === null) return null;
      digests.push(digest);
    }
    rest = rest.slice(whole.length).replace(/^[\])\s]+/, '');
    const joined = /^(OR|AND)\b\s*/.exec(rest);
    if (joined === null) return rest === '' ? digests : null;
    rest = rest.slice(joined[0].length);
    if (rest === '') return null;
  }
  return digests.length === 0 ? null : digests;
}
