import { isJsonObject, type Json } from '../../base/json.ts';
import type { Severity } from '../types.ts';
import { digestOf, objects, text, texts, type JsonObject } from './fields.ts';
import type { Feed, FeedDigest, Indicator } from './types.ts';

/**
 * OSV records about models. OSV has no ecosystem for them yet: packages with a Hugging Face purl or an ecosystem of that
 * name count, and digests in `database_specific`. @see https://ossf.github.io/osv-schema/
 */
export function parseOsv(location: string, records: readonly Json[]): Feed {
  const indicators: Indicator[] = [];
  const unread: string[] = [];
  let published: string | undefined;
  for (const record of records.filter(isJsonObject)) {
    const modified = text(record['modified']);
    if (modified !== undefined && (published === undefined || modified > published)) published = modified;
    if ('withdrawn' in record) continue;
    const indicator = indicatorOf(record);
    if (indicator.digests.length + indicator.models.length > 0) indicators.push(indicator);
    else unread.push(`${indicator.id}: no model or digest in it`);
  }
  return { location, kind: 'osv', indicators, unread, ...(published === undefined ? {} : { published }) };
}

function indicatorOf(record: JsonObject): Indicator {
  const id = text(record['id']) ?? 'osv';
  const affected = objects(record['affected']);
  const specific = [record, ...affected].flatMap((holder) =>
    isJsonObject(holder['database_specific']) ? [holder['database_specific']] : [],
  );
  const reference = objects(record['references'])
    .map((each) => text(each['url']))
    .find((url) => url !== undefined);
  return {
    id,
    title: text(record['summary']) ?? id,
    severity: severityOf(record),
    digests: specific.flatMap(digestsIn),
    tensors: [],
    weights: [],
    signers: [],
    models: affected.flatMap(modelOf),
    ...(reference === undefined ? {} : { reference }),
  };
}

function digestsIn(specific: JsonObject): FeedDigest[] {
  return Object.entries(specific).flatMap(([key, value]) => texts(value).flatMap((hex) => digestOf(key, hex) ?? []));
}

function modelOf(affected: JsonObject): { name: string; versions: string }[] {
  const named = isJsonObject(affected['package']) ? affected['package'] : {};
  const purl = /^pkg:huggingface\/([^@?#]+)/.exec(text(named['purl']) ?? '')?.[1];
  const name =
    purl ?? (/hugging ?face|models?/i.test(text(named['ecosystem']) ?? '') ? text(named['name']) : undefined);
  if (name === undefined) return [];
  const listed = texts(affected['versions']).map((version) => `=${version}`);
  const ranges = objects(affected['ranges']).flatMap((range) => rangesOf(objects(range['events'])));
  const versions = [...listed, ...ranges];
  return [{ name: decodeURIComponent(name), versions: versions.length === 0 ? '*' : versions.join(' || ') }];
}

function rangesOf(events: readonly JsonObject[]): string[] {
  const ranges: string[] = [];
  for (const event of events) {
    const [introduced, fixed, last] = [text(event['introduced']), text(event['fixed']), text(event['last_affected'])];
    if (introduced !== undefined) ranges.push(introduced === '0' ? '*' : `>=${introduced}`);
    else if (ranges.length > 0)
      ranges.push(
        `${(ranges.pop() ?? '').replace(/^\*$/, '')} ${fixed === undefined ? `<=${last ?? ''}` : `<${fixed}`}`.trim(),
      );
  }
  return ranges;
}

function severityOf(record: JsonObject): Severity {
  const word = isJsonObject(record['database_specific'])
    ? text(record['database_specific']['severity'])?.toLowerCase()
    : undefined;
  if (word === 'critical' || word === 'high' || word === 'low') return word;
  return word === 'medium' || word === 'moderate'
    ? 'medium'
    : text(record['id'])?.startsWith('MAL-') === true
      ? 'critical'
      : 'high';
}
