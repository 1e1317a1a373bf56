import { isJsonObject, type Json } from '../base/json.ts';
import { minimumElements } from '../bom/validate/elements.ts';

/** What a report says of a BOM. The BOM may be another tool's: every field is read as if it could be anything. */
export interface BomSummary {
  readonly name: string;
  readonly version: string | null;
  readonly supplier: string | null;
  readonly licences: readonly string[];
  readonly task: string | null;
  readonly architecture: string | null;
  readonly interfaces: readonly string[];
  readonly datasets: readonly RelatedComponent[];
  readonly ancestors: readonly RelatedComponent[];
  readonly software: readonly RelatedComponent[];
  readonly tools: readonly string[];
  readonly metrics: readonly { readonly type: string; readonly value: string }[];
  readonly hasEnergy: boolean;
  /** Ids of the G7 list's elements that it holds. */
  readonly elements: readonly string[];
  readonly properties: readonly { readonly name: string; readonly value: string }[];
}

export interface RelatedComponent {
  readonly name: string;
  readonly version: string | null;
  readonly licences: readonly string[];
  /** `SHA-256:<hex>` and the like. */
  readonly digests: readonly string[];
}

/** Null if it is no CycloneDX document. */
export function summariseBom(bom: Readonly<Record<string, unknown>>): BomSummary | null {
  if (bom['bomFormat'] !== 'CycloneDX') return null;
  const metadata = object(bom['metadata']);
  const model = object(metadata['component']);
  const card = object(model['modelCard']);
  const parameters = object(card['modelParameters']);
  const components = objects(bom['components']);
  const ofType = (...types: readonly string[]) =>
    components.filter(({ type }) => typeof type === 'string' && types.includes(type)).map(related);
  return {
    name: text(model['name']) ?? '',
    version: text(model['version']),
    supplier: text(object(model['supplier'])['name']) ?? text(object(metadata['supplier'])['name']),
    licences: licences(model),
    task: text(parameters['task']),
    architecture: text(parameters['modelArchitecture']) ?? text(parameters['architectureFamily']),
    interfaces: [...objects(parameters['inputs']), ...objects(parameters['outputs'])].flatMap(
      ({ format }) => text(format) ?? [],
    ),
    datasets: ofType('data'),
    ancestors: objects(object(model['pedigree'])['ancestors']).map(related),
    software: ofType('library', 'framework', 'application'),
    tools: toolsOf(metadata['tools']),
    metrics: objects(object(card['quantitativeAnalysis'])['performanceMetrics']).map(({ type, value }) => ({
      type: text(type) ?? '',
      value: text(value) ?? '',
    })),
    elements: minimumElements('g7', bom as Json).flatMap(({ id, status }) => (status === 'present' ? [id] : [])),
    hasEnergy: Object.keys(object(object(card['considerations'])['environmentalConsiderations'])).length > 0,
    properties: [...objects(model['properties']), ...objects(card['properties'])].flatMap(property),
  };
}

function related(component: Record<string, Json>): RelatedComponent {
  const digests = objects(component['hashes']).flatMap(({ alg, content }) =>
    typeof alg === 'string' && typeof content === 'string' ? [`${alg}:${content}`] : [],
  );
  return {
    name: text(component['name']) ?? '',
    version: text(component['version']),
    licences: licences(component),
    digests,
  };
}

function licences(component: Record<string, Json>): readonly string[] {
  return objects(component['licenses']).flatMap((choice) => {
    const licence = object(choice['license']);
    return text(choice['expression']) ?? text(licence['id']) ?? text(licence['name']) ?? [];
  });
}

/** A list up to 1.4, an object with components since 1.5. */
function toolsOf(tools: unknown): readonly string[] {
  const listed = Array.isArray(tools) ? objects(tools) : objects(object(tools)['components']);
  return listed.map(({ name, version }) => [text(name), text(version)].filter((part) => part !== null).join(' '));
}

function property({ name, value }: Record<string, Json>): readonly { name: string; value: string }[] {
  return typeof name === 'string' && typeof value === 'string' ? [{ name, value }] : [];
}

function object(value: unknown): Record<string, Json> {
  return isJsonObject(value) ? value : {};
}

function objects(value: unknown): readonly Record<string, Json>[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isJsonObject) : [];
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
