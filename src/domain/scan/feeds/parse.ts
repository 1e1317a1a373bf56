import { WeighmarkError } from '../../base/errors.ts';
import { isJsonObject, parseStrictJson, type Json } from '../../base/json.ts';
import { LIMITS } from '../../base/limits.ts';
import { parseCycloneDx } from './cyclonedx.ts';
import { parseDigests } from './digests.ts';
import { parseOsv } from './osv.ts';
import { parseStix } from './stix.ts';
import type { Feed } from './types.ts';
import { isOwnFeed, parseOwn } from './own.ts';

/**
 * A threat intelligence feed: STIX 2.1 bundle, OSV records, CycloneDX VEX or VDR, weighmark YAML, or a list of digests.
 * @param now decides which indicators are in force.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`: a feed that cannot be read must not look like a clean one.
 */
export function parseFeed(location: string, bytes: Uint8Array, now: Date): Feed {
  if (bytes.length > LIMITS.feedBytes)
    throw new WeighmarkError('limit-exceeded', `the feed ${location} is larger than ${LIMITS.feedBytes} bytes`);
  const text = Buffer.from(bytes)
    .toString('utf8')
    .replace(/^\ufeff/, '');
  if (/^\s*[[{]/.test(text)) return parseJsonFeed(location, text, now);
  if (isOwnFeed(text)) return parseOwn(location, text);
  return parseDigests(location, text);
}

function parseJsonFeed(location: string, text: string, now: Date): Feed {
  const value = parseStrictJson(text, {
    subject: `the feed ${location}`,
    refuseCaseDuplicates: false,
    refuseUnsafeIntegers: false,
  });
  if (isJsonObject(value) && value['type'] === 'bundle') return parseStix(location, value, now);
  if (isJsonObject(value) && value['bomFormat'] === 'CycloneDX') return parseCycloneDx(location, value);
  const records: readonly Json[] = Array.isArray(value)
    ? value
    : isJsonObject(value) && Array.isArray(value['vulns'])
      ? value['vulns']
      : [value];
  if (records.every((record) => isJsonObject(record) && typeof record['id'] === 'string' && 'modified' in record))
    return parseOsv(location, records);
  throw new WeighmarkError(
    'format-invalid',
    `the feed ${location} is none of STIX 2.1, OSV, CycloneDX, weighmark YAML or a digest list`,
  );
}
