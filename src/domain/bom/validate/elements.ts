import { isJsonObject, type Json } from '../../base/json.ts';
import { list, objectAt, type JsonObject } from '../members.ts';

/** A set of minimum elements somebody may demand. */
export type ElementSet = 'g7' | 'ntia';
export const ELEMENT_SETS: readonly ElementSet[] = ['g7', 'ntia'];

/** `person`: no BOM field holds it; somebody must say it elsewhere. `not-applicable`: the BOM has nothing it is about. */
export type ElementStatus = 'present' | 'missing' | 'person' | 'not-applicable';

export interface ElementResult {
  readonly id: string;
  readonly name: string;
  readonly status: ElementStatus;
  /** What it is missing from, by name or bom-ref, where several things are asked. */
  readonly missingFrom: readonly string[];
}

/** The parts of a BOM that minimum elements ask about. */
interface View {
  readonly bom: JsonObject;
  readonly metadata: JsonObject;
  readonly primary: JsonObject | undefined;
  readonly models: readonly JsonObject[];
  readonly datasets: readonly JsonObject[];
  readonly software: readonly JsonObject[];
}

interface Element {
  readonly id: string;
  readonly name: string;
  readonly ask: 'person' | ((view: View) => boolean) | PerComponent;
}

interface PerComponent {
  readonly of: 'models' | 'datasets';
  readonly has: (component: JsonObject, view: View) => boolean;
}

/**
 * Which elements a BOM holds.
 * G7/BSI "SBOM for AI" of 2026-05-12, numbered as the openregtech ontology does; NTIA "Minimum Elements" of 2021.
 */
export function minimumElements(set: ElementSet, bom: Json): readonly ElementResult[] {
  const view = viewOf(isJsonObject(bom) ? bom : {});
  return (set === 'g7' ? G7 : NTIA).map((element) => resultOf(element, view));
}

function resultOf({ id, name, ask }: Element, view: View): ElementResult {
  if (ask === 'person') return { id, name, status: 'person', missingFrom: [] };
  if (typeof ask === 'function') return { id, name, status: ask(view) ? 'present' : 'missing', missingFrom: [] };
  const asked = view[ask.of];
  if (asked.length === 0)
    return { id, name, status: ask.of === 'datasets' ? 'not-applicable' : 'missing', missingFrom: [] };
  const missingFrom = asked.filter((component) => !ask.has(component, view)).map(nameOf);
  return { id, name, status: missingFrom.length === 0 ? 'present' : 'missing', missingFrom };
}

function viewOf(bom: JsonObject): View {
  const metadata = objectAt(bom, 'metadata') ?? {};
  const primary = objectAt(metadata, 'component');
  const all = [...(primary === undefined ? [] : [primary]), ...list(bom, 'components')];
  const models = all.filter((component) => component['type'] === 'machine-learning-model');
  const datasets = all.filter(
    (component) => component['type'] === 'data' && list(component, 'data').some((data) => data['type'] === 'dataset'),
  );
  const software = all.filter(
    (component) =>
      component['type'] === 'library' || component['type'] === 'framework' || component['type'] === 'application',
  );
  return { bom, metadata, primary: primary ?? models[0], models, datasets, software };
}

const model = (has: PerComponent['has']): PerComponent => ({ of: 'models', has });
const dataset = (has: PerComponent['has']): PerComponent => ({ of: 'datasets', has });

const G7: readonly Element[] = [
  { id: 'MD-01', name: 'SBOM author', ask: hasAuthor },
  { id: 'MD-02', name: 'SBOM version', ask: ({ bom }) => typeof bom['version'] === 'number' },
  { id: 'MD-03', name: 'SBOM data format name', ask: ({ bom }) => bom['bomFormat'] === 'CycloneDX' },
  { id: 'MD-04', name: 'SBOM data format version', ask: ({ bom }) => text(bom, 'specVersion') },
  { id: 'MD-05', name: 'SBOM author signature (a claim over the BOM: `weighmark verify`)', ask: 'person' },
  { id: 'MD-06', name: 'SBOM tool name', ask: ({ metadata }) => tools(metadata).some((tool) => text(tool, 'name')) },
  {
    id: 'MD-07',
    name: 'SBOM tool version',
    ask: ({ metadata }) => tools(metadata).some((tool) => text(tool, 'version')),
  },
  { id: 'MD-08', name: 'SBOM generation context', ask: ({ metadata }) => list(metadata, 'lifecycles').length > 0 },
  { id: 'MD-09', name: 'SBOM timestamp', ask: ({ metadata }) => text(metadata, 'timestamp') },
  { id: 'MD-10', name: 'SBOM dependency relationship', ask: ({ bom }) => list(bom, 'dependencies').length > 0 },
  { id: 'SLP-01', name: 'system name', ask: 'person' },
  { id: 'SLP-02', name: 'system components', ask: 'person' },
  { id: 'SLP-03', name: 'system producer', ask: 'person' },
  { id: 'SLP-04', name: 'system version', ask: 'person' },
  { id: 'SLP-05', name: 'system timestamp', ask: 'person' },
  { id: 'SLP-06', name: 'system data flow', ask: 'person' },
  { id: 'SLP-07', name: 'system data usage', ask: 'person' },
  { id: 'SLP-08', name: 'system input/output properties', ask: 'person' },
  { id: 'SLP-09', name: 'system intended application area', ask: 'person' },
  { id: 'MDL-01', name: 'model name', ask: model((component) => text(component, 'name')) },
  { id: 'MDL-02', name: 'model identifier', ask: model(hasIdentifier) },
  { id: 'MDL-03', name: 'model version', ask: model((component) => text(component, 'version')) },
  {
    id: 'MDL-04',
    name: 'model timestamp',
    ask: model((component) => text(objectAt(component, 'releaseNotes'), 'timestamp')),
  },
  { id: 'MDL-05', name: 'model producer', ask: model(hasProducer) },
  { id: 'MDL-06', name: 'model description', ask: model((component) => text(component, 'description')) },
  { id: 'MDL-07', name: 'model hash value', ask: model(hasFileHashes) },
  { id: 'MDL-08', name: 'model hash algorithm', ask: model(hasFileHashes) },
  {
    id: 'MDL-09',
    name: 'model properties',
    ask: model(
      (component) =>
        text(parameters(component), 'modelArchitecture') || text(parameters(component), 'architectureFamily'),
    ),
  },
  {
    id: 'MDL-10',
    name: 'model input/output properties',
    ask: model(
      (component) =>
        list(parameters(component), 'inputs').length > 0 && list(parameters(component), 'outputs').length > 0,
    ),
  },
  {
    id: 'MDL-11',
    name: 'model training properties',
    ask: model((component) => list(parameters(component), 'datasets').length > 0),
  },
  { id: 'MDL-12', name: 'model license', ask: model(hasLicence) },
  {
    id: 'MDL-13',
    name: 'model external references',
    ask: model((component) => list(component, 'externalReferences').length > 0),
  },
  { id: 'DP-01', name: 'dataset name', ask: dataset((component) => text(component, 'name')) },
  {
    id: 'DP-02',
    name: 'dataset description',
    ask: dataset(
      (component) =>
        text(component, 'description') || list(component, 'data').some((data) => text(data, 'description')),
    ),
  },
  { id: 'DP-03', name: 'dataset content', ask: dataset((component) => list(component, 'data').length > 0) },
  { id: 'DP-04', name: 'dataset identifier', ask: dataset(hasIdentifier) },
  { id: 'DP-05', name: 'dataset hash', ask: dataset(hasHash) },
  {
    id: 'DP-06',
    name: 'dataset provenance',
    ask: dataset(
      (component) =>
        list(component, 'externalReferences').length > 0 ||
        list(component, 'data').some((data) => objectAt(data, 'governance') !== undefined),
    ),
  },
  { id: 'DP-07', name: 'dataset statistical properties', ask: 'person' },
  {
    id: 'DP-08',
    name: 'dataset sensitivity',
    ask: dataset((component) =>
      list(component, 'data').some((data) => Array.isArray(data['sensitiveData']) || text(data, 'classification')),
    ),
  },
  { id: 'DP-09', name: 'dataset dependency relationship', ask: ({ bom }) => list(bom, 'dependencies').length > 0 },
  { id: 'DP-10', name: 'dataset license', ask: dataset(hasLicence) },
  { id: 'INF-01', name: 'infrastructure software', ask: ({ software }) => software.length > 0 },
  { id: 'INF-02', name: 'infrastructure hardware', ask: 'person' },
  { id: 'SP-01', name: 'security controls', ask: 'person' },
  { id: 'SP-02', name: 'security compliance', ask: 'person' },
  { id: 'SP-03', name: 'cybersecurity policy', ask: 'person' },
  { id: 'SP-04', name: 'vulnerability referencing', ask: 'person' },
  { id: 'KPI-01', name: 'security metrics', ask: 'person' },
  { id: 'KPI-02', name: 'operational performance', ask: 'person' },
];

const NTIA: readonly Element[] = [
  {
    id: 'NTIA-1',
    name: 'supplier name',
    ask: ({ primary, metadata }) => hasProducer(primary ?? {}) || objectAt(metadata, 'supplier') !== undefined,
  },
  { id: 'NTIA-2', name: 'component name', ask: ({ primary }) => text(primary, 'name') },
  { id: 'NTIA-3', name: 'component version', ask: ({ primary }) => text(primary, 'version') },
  { id: 'NTIA-4', name: 'other unique identifiers', ask: ({ primary }) => hasIdentifier(primary ?? {}) },
  { id: 'NTIA-5', name: 'dependency relationship', ask: ({ bom }) => list(bom, 'dependencies').length > 0 },
  { id: 'NTIA-6', name: 'author of SBOM data', ask: hasAuthor },
  { id: 'NTIA-7', name: 'timestamp', ask: ({ metadata }) => text(metadata, 'timestamp') },
];

/** NTIA and G7 ask for the entity that made the data: a person or organization, not its tool. */
function hasAuthor({ metadata }: View): boolean {
  const entity = ['supplier', 'manufacturer', 'manufacture'].some((key) => objectAt(metadata, key) !== undefined);
  return entity || list(metadata, 'authors').length > 0;
}

function hasProducer(component: JsonObject): boolean {
  const entity = ['supplier', 'manufacturer'].some((key) => text(objectAt(component, key), 'name'));
  return (
    entity ||
    text(component, 'publisher') ||
    text(component, 'author') ||
    list(component, 'authors').length > 0 ||
    text(component, 'group')
  );
}

function hasIdentifier(component: JsonObject): boolean {
  const own = list(component, 'properties').some((item) => item['name'] === 'weighmark:id');
  return (
    own ||
    ['purl', 'cpe', 'omniborId', 'swhid', 'swid'].some((key) => component[key] !== undefined) ||
    hasHash(component) ||
    list(component, 'externalReferences').length > 0
  );
}

/** On the component, or on every file nested in it. */
function hasHash(component: JsonObject): boolean {
  if (list(component, 'hashes').length > 0) return true;
  const files = list(component, 'components');
  return files.length > 0 && files.every((file) => list(file, 'hashes').length > 0);
}

/** In a flat BOM of one model, its files stand beside it. */
function hasFileHashes(component: JsonObject, { bom, models }: View): boolean {
  const files = list(bom, 'components').filter(({ type }) => type === 'file');
  return (
    hasHash(component) ||
    (models.length === 1 && files.length > 0 && files.every((file) => list(file, 'hashes').length > 0))
  );
}

function hasLicence(component: JsonObject): boolean {
  return list(component, 'licenses').length > 0;
}

function parameters(component: JsonObject): JsonObject | undefined {
  return objectAt(objectAt(component, 'modelCard'), 'modelParameters');
}

function tools(metadata: JsonObject): readonly JsonObject[] {
  const stated = metadata['tools'];
  return Array.isArray(stated)
    ? list(metadata, 'tools')
    : [...list(objectAt(metadata, 'tools'), 'components'), ...list(objectAt(metadata, 'tools'), 'services')];
}

function text(object: JsonObject | undefined, key: string): boolean {
  const value = object?.[key];
  return typeof value === 'string' && value.trim() !== '';
}

function nameOf(component: JsonObject): string {
  const name = component['bom-ref'] ?? component['name'];
  return typeof name === 'string' ? name.slice(0, 200) : 'a component';
}
