import { isJsonObject } from '../../base/json.ts';
import type { Severity } from '../types.ts';
import { digestOf, objects, text, type JsonObject } from './fields.ts';
import type { Feed, FeedDigest, Indicator } from './types.ts';
import { pushAll } from '../../base/lists.ts';

/** States of an analysis in which the component is not affected. */
const CLEARED: ReadonlySet<string> = new Set(['not_affected', 'false_positive', 'resolved', 'resolved_with_pedigree']);

/** A CycloneDX VEX or VDR: what it says is affected, by the components' hashes, purls and names. */
export function parseCycloneDx(location: string, document: JsonObject): Feed {
  const components = new Map(
    allComponents(document).flatMap((component) =>
      text(component['bom-ref']) === undefined ? [] : [[text(component['bom-ref']) ?? '', component] as const],
    ),
  );
  const indicators: Indicator[] = [];
  const unread: string[] = [];
  for (const vulnerability of objects(document['vulnerabilities'])) {
    const analysis = isJsonObject(vulnerability['analysis']) ? vulnerability['analysis'] : {};
    if (CLEARED.has(text(analysis['state']) ?? '')) continue;
    const indicator = indicatorOf(vulnerability, components);
    if (indicator.digests.length + indicator.models.length > 0) indicators.push(indicator);
    else unread.push(`${indicator.id}: it names no component by hash, purl or name`);
  }
  const metadata = isJsonObject(document['metadata']) ? document['metadata'] : {};
  const published = text(metadata['timestamp']);
  return { location, kind: 'cyclonedx', indicators, unread, ...(published === undefined ? {} : { published }) };
}

function allComponents(document: JsonObject): JsonObject[] {
  const found: JsonObject[] = [];
  const metadata = isJsonObject(document['metadata']) ? document['metadata'] : {};
  const waiting = [
    ...objects(document['components']),
    ...(isJsonObject(metadata['component']) ? [metadata['component']] : []),
  ];
  for (let component = waiting.pop(); component !== undefined && found.length < 1_000_000; component = waiting.pop()) {
    found.push(component);
    pushAll(waiting, objects(component['components']));
  }
  return found;
}

function indicatorOf(vulnerability: JsonObject, components: ReadonlyMap<string, JsonObject>): Indicator {
  const id = text(vulnerability['id']) ?? text(vulnerability['bom-ref']) ?? 'vulnerability';
  const source = isJsonObject(vulnerability['source']) ? text(vulnerability['source']['url']) : undefined;
  const affects = objects(vulnerability['affects']);
  const refs = affects.flatMap((affected) => text(affected['ref']) ?? []);
  const hit = refs
    .map((ref) => components.get(ref) ?? components.get(ref.replace(/^urn:cdx:[^#]+#/, '')))
    .filter((component) => component !== undefined);
  const ratings = objects(vulnerability['ratings']).map((rating) => text(rating['severity']));
  return {
    id,
    title: text(vulnerability['description'])?.slice(0, 200) ?? id,
    severity: severityOf(ratings),
    tensors: [],
    weights: [],
    signers: [],
    digests: hit.flatMap(digestsOf),
    models: [...hit.flatMap(modelOf), ...refs.flatMap(modelOfPurl)],
    ...(source === undefined ? {} : { reference: source }),
  };
}

function digestsOf(component: JsonObject): FeedDigest[] {
  return objects(component['hashes']).flatMap(
    (hash) => digestOf(text(hash['alg']) ?? '', text(hash['content']) ?? '') ?? [],
  );
}

function modelOf(component: JsonObject): { name: string; versions: string }[] {
  const [group, name, version] = [text(component['group']), text(component['name']), text(component['version'])];
  if (name === undefined || component['type'] !== 'machine-learning-model') return [];
  return [
    { name: group === undefined ? name : `${group}/${name}`, versions: version === undefined ? '*' : `=${version}` },
  ];
}

function modelOfPurl(ref: string): { name: string; versions: string }[] {
  const match = /^pkg:huggingface\/([^@?#]+)(?:@([^?#]+))?/.exec(ref);
  return match === null
    ? []
    : [{ name: decodeURIComponent(match[1] ?? ''), versions: match[2] === undefined ? '*' : `=${match[2]}` }];
}

function severityOf(ratings: readonly (string | undefined)[]): Severity {
  return (['critical', 'high', 'medium', 'low'] as const).find((severity) => ratings.includes(severity)) ?? 'high';
}
