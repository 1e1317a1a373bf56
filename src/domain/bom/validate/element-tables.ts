import { list, objectAt, type JsonObject } from '../members.ts';
import {
  contactOf,
  hasAuthor,
  hasFileHashes,
  hasHash,
  hasIdentifier,
  hasLicence,
  hasProducer,
  hasProperty,
  hasSha512,
  parameters,
  text,
  tools,
  type Element,
  type PerComponent,
  type View,
} from './element-view.ts';

const model = (has: PerComponent['has']): PerComponent => ({ of: 'models', has });
const dataset = (has: PerComponent['has']): PerComponent => ({ of: 'datasets', has });
const each = (has: PerComponent['has']): PerComponent => ({ of: 'all', has });

/** G7/BSI "SBOM for AI" of 2026-05-12, numbered as the openregtech ontology does. */
export const G7: readonly Element[] = [
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
  { id: 'SLP-01', name: 'system name', ask: { perhaps: ofSystem((system) => text(system, 'name')) } },
  {
    id: 'SLP-02',
    name: 'system components',
    ask: { perhaps: (view) => isSystem(view) && list(view.bom, 'components').length > 0 },
  },
  { id: 'SLP-03', name: 'system producer', ask: { perhaps: ofSystem(hasProducer) } },
  { id: 'SLP-04', name: 'system version', ask: { perhaps: ofSystem((system) => text(system, 'version')) } },
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
  {
    id: 'INF-02',
    name: 'infrastructure hardware',
    ask: { perhaps: ({ all }) => all.some(({ type }) => type === 'device') },
  },
  { id: 'SP-01', name: 'security controls', ask: 'person' },
  {
    id: 'SP-02',
    name: 'security compliance',
    ask: { perhaps: ({ bom }) => list(objectAt(bom, 'declarations'), 'attestations').length > 0 },
  },
  { id: 'SP-03', name: 'cybersecurity policy', ask: 'person' },
  { id: 'SP-04', name: 'vulnerability referencing', ask: { perhaps: hasVulnerabilityReference } },
  { id: 'KPI-01', name: 'security metrics', ask: 'person' },
  { id: 'KPI-02', name: 'operational performance', ask: { perhaps: ({ models }) => models.some(hasMetrics) } },
];

/** NTIA "Minimum Elements" of 2021. */
export const NTIA: readonly Element[] = [
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

/** CISA "2025 Minimum Elements for a Software Bill of Materials", draft of 2025-08-22: its data fields. */
export const CISA: readonly Element[] = [
  { id: 'CISA-1', name: 'SBOM author', ask: hasAuthor },
  { id: 'CISA-2', name: 'software producer', ask: each(hasProducer) },
  { id: 'CISA-3', name: 'component name', ask: each((component) => text(component, 'name')) },
  { id: 'CISA-4', name: 'component version', ask: each((component) => text(component, 'version')) },
  { id: 'CISA-5', name: 'software identifiers', ask: each(hasIdentifier) },
  { id: 'CISA-6', name: 'component hash', ask: each(hasFileHashes) },
  { id: 'CISA-7', name: 'licence', ask: each(hasLicence) },
  { id: 'CISA-8', name: 'dependency relationship', ask: ({ bom }) => list(bom, 'dependencies').length > 0 },
  { id: 'CISA-9', name: 'tool name', ask: ({ metadata }) => tools(metadata).some((tool) => text(tool, 'name')) },
  { id: 'CISA-10', name: 'timestamp', ask: ({ metadata }) => text(metadata, 'timestamp') },
  { id: 'CISA-11', name: 'generation context', ask: ({ metadata }) => list(metadata, 'lifecycles').length > 0 },
];

/** BSI TR-03183-2 version 2.1.0 (2025-08-20), sections 4, 5.2.1 and 5.2.2: what is required, by its taxonomy for CycloneDX. */
export const BSI: readonly Element[] = [
  {
    id: 'BSI-4',
    name: 'format: CycloneDX 1.6 or later',
    ask: ({ bom }) => bom['bomFormat'] === 'CycloneDX' && isRecent(bom['specVersion']),
  },
  { id: 'BSI-5.2.1-1', name: 'creator of the SBOM, with an e-mail address or URL', ask: hasReachableAuthor },
  { id: 'BSI-5.2.1-2', name: 'timestamp', ask: ({ metadata }) => text(metadata, 'timestamp') },
  { id: 'BSI-5.2.2-1', name: 'component creator, with an e-mail address or URL', ask: each(hasReachableProducer) },
  { id: 'BSI-5.2.2-2', name: 'component name', ask: each((component) => text(component, 'name')) },
  { id: 'BSI-5.2.2-3', name: 'component version', ask: each((component) => text(component, 'version')) },
  { id: 'BSI-5.2.2-4', name: 'filename', ask: each(hasFilename) },
  { id: 'BSI-5.2.2-5', name: 'dependencies, and whether they are complete', ask: hasCompleteDependencies },
  { id: 'BSI-5.2.2-6', name: 'distribution licences', ask: each(hasLicence) },
  { id: 'BSI-5.2.2-7', name: 'SHA-512 of the deployable component', ask: each(hasSha512) },
  { id: 'BSI-5.2.2-8', name: 'executable property', ask: each((component) => hasProperty(component, 'executable')) },
  { id: 'BSI-5.2.2-9', name: 'archive property', ask: each((component) => hasProperty(component, 'archive')) },
  { id: 'BSI-5.2.2-10', name: 'structured property', ask: each((component) => hasProperty(component, 'structured')) },
];

function isRecent(version: unknown): boolean {
  return typeof version === 'string' && /^1\.(?:[6-9]|[1-9]\d)$/.test(version);
}

/** A BOM of a system is one whose subject is an application. */
function isSystem({ primary }: View): boolean {
  return primary?.['type'] === 'application';
}

function ofSystem(has: (system: JsonObject) => boolean): (view: View) => boolean {
  return (view) => isSystem(view) && has(view.primary ?? {});
}

function hasMetrics(component: JsonObject): boolean {
  return list(objectAt(objectAt(component, 'modelCard'), 'quantitativeAnalysis'), 'performanceMetrics').length > 0;
}

function hasVulnerabilityReference({ bom, all }: View): boolean {
  const kinds = ['advisories', 'vulnerability-assertion', 'exploitability-statement', 'security-contact'];
  return (
    list(bom, 'vulnerabilities').length > 0 ||
    all.some((component) =>
      list(component, 'externalReferences').some(({ type }) => kinds.some((kind) => kind === type)),
    )
  );
}

function hasReachableAuthor({ metadata }: View): boolean {
  return [
    ...list(metadata, 'authors'),
    ...list(metadata, 'manufacturer'),
    objectAt(metadata, 'manufacturer'),
    objectAt(metadata, 'supplier'),
  ].some(contactOf);
}

function hasReachableProducer(component: JsonObject): boolean {
  return [...list(component, 'authors'), objectAt(component, 'manufacturer'), objectAt(component, 'supplier')].some(
    contactOf,
  );
}

function hasFilename(component: JsonObject): boolean {
  return component['type'] === 'file' ? text(component, 'name') : hasProperty(component, 'filename');
}

/** TR-03183-2 wants it said: `compositions` with the aggregate of what the dependencies are. */
function hasCompleteDependencies({ bom }: View): boolean {
  return list(bom, 'dependencies').length > 0 && list(bom, 'compositions').some((each) => text(each, 'aggregate'));
}
