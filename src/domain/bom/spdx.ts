import { NO_TIME } from './citations.ts';
import type { Bom, Component, LicenseChoice, Property } from './types.ts';

/** A node of an SPDX document: members by their names in the JSON-LD serialisation. */
export type SpdxNode = Readonly<Record<string, unknown>> & { readonly type: string };

/** SPDX 3.0.1 in its canonical JSON-LD form: https://spdx.github.io/spdx-spec/v3.0.1/serializations/ */
export interface SpdxDocument {
  readonly '@context': 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld';
  readonly '@graph': readonly SpdxNode[];
}

const CREATION = '_:creation';
const HASHES: Readonly<Record<string, string>> = {
  'SHA-256': 'sha256',
  BLAKE3: 'blake3',
  'SHA-1': 'sha1',
  'SHA-512': 'sha512',
  'SHA-384': 'sha384',
  MD5: 'md5',
};

/**
 * What a BOM of ours holds in the words of SPDX 3.0.1: core, software, AI, dataset and simple licensing profiles. Files are
 * contained, datasets trained on, ancestors descended from, licences declared; digests are all there. Citations and conflicts
 * have no place in SPDX and stay in the CycloneDX BOM. The same BOM gives the same bytes.
 */
export function spdxOf(bom: Bom): SpdxDocument {
  const space = `https://weighmark.dev/spdx/${bom.serialNumber.replace('urn:uuid:', '')}`;
  const graph = graphOf(bom, (ref) => `${space}#${encodeURIComponent(ref)}`);
  return { '@context': 'https://spdx.org/rdf/3.0.1/spdx-context.jsonld', '@graph': graph };
}

type IdOf = (ref: string) => string;

function graphOf(bom: Bom, idOf: IdOf): readonly SpdxNode[] {
  const subject = bom.metadata.component ?? bom.components?.find(isDescribed);
  const ancestors = subject?.pedigree?.ancestors ?? [];
  const listed = [...(subject === undefined ? [] : [subject]), ...(bom.components ?? [])];
  const components = unique([...listed, ...listed.flatMap(({ components: nested = [] }) => nested), ...ancestors]);
  const agents = agentsOf(bom, components, idOf);
  const elements = components.map((component) => packageOf(component, idOf));
  const relations = [
    ...components.flatMap((component) => licenceRelations(component, idOf)),
    ...(subject === undefined ? [] : relationsOf(bom, subject, idOf)),
  ];
  const all = [...agents, ...elements, ...relations];
  return [creationOf(bom, agents), ...all, documentOf(bom, { subject, all }, idOf)];
}

/** In a flat BOM what it describes is the first model or dataset that is listed. */
function isDescribed({ type }: Component): boolean {
  return type === 'machine-learning-model' || type === 'data';
}

/** A component may be named as an ancestor and listed as well. */
function unique(components: readonly Component[]): readonly Component[] {
  return [...new Map(components.map((component) => [component['bom-ref'], component])).values()];
}

function creationOf(bom: Bom, agents: readonly SpdxNode[]): SpdxNode {
  const ids = (type: string): readonly unknown[] =>
    agents.filter((agent) => agent.type === type).map(({ spdxId }) => spdxId);
  const author = [...ids('Person'), ...ids('Organization'), ...ids('SoftwareAgent')].slice(0, 1);
  return {
    type: 'CreationInfo',
    '@id': CREATION,
    specVersion: '3.0.1',
    created: bom.metadata.timestamp ?? NO_TIME,
    createdBy: author,
    createdUsing: ids('Tool'),
    ...(bom.metadata.timestamp === undefined ? { comment: 'the time of creation is not recorded' } : {}),
  };
}

/** People who say it, whoever supplies something, and the tool: as an agent too, for SPDX asks who made the document. */
function agentsOf(bom: Bom, components: readonly Component[], idOf: IdOf): readonly SpdxNode[] {
  const people = (bom.metadata.authors ?? []).flatMap(({ name }) => name ?? []);
  const suppliers = [bom.metadata.supplier?.name, ...components.map(({ supplier }) => supplier?.name)];
  const tools = bom.metadata.tools.components.map(({ name, version }) => [name, version].filter(Boolean).join(' '));
  const named = (type: string, prefix: string, names: readonly string[]): readonly SpdxNode[] =>
    [...new Set(names)].map((name) => element(type, idOf(`${prefix}:${name}`), { name }));
  return [
    ...named('Person', 'person', people),
    ...named(
      'Organization',
      'organization',
      suppliers.flatMap((name) => name ?? []),
    ),
    ...named('SoftwareAgent', 'agent', people.length > 0 ? [] : tools),
    ...named('Tool', 'tool', tools),
  ];
}

function packageOf(component: Component, idOf: IdOf): SpdxNode {
  const id = idOf(component['bom-ref']);
  const { type, version, purl, supplier, description, hashes = [], group, name } = component;
  const url = component.externalReferences?.find((reference) =>
    ['distribution', 'website', 'vcs'].includes(reference.type),
  )?.url;
  const common = {
    name: group === undefined ? name : `${group}/${name}`,
    ...defined({ description }),
    ...listed(
      'verifiedUsing',
      hashes.map(({ alg, content }) => ({ type: 'Hash', algorithm: HASHES[alg] ?? 'other', hashValue: content })),
    ),
    ...(supplier?.name === undefined ? {} : { suppliedBy: idOf(`organization:${supplier.name}`) }),
    ...(component.copyright === undefined ? {} : { software_copyrightText: component.copyright }),
  };
  if (type === 'file') return element('software_File', id, common);
  const packaged = {
    ...common,
    ...defined({ software_packageVersion: version, software_packageUrl: purl, software_downloadLocation: url }),
  };
  if (type === 'machine-learning-model')
    return element('ai_AIPackage', id, { ...packaged, software_primaryPurpose: 'model', ...modelOf(component) });
  if (type === 'data')
    return element('dataset_DatasetPackage', id, {
      ...packaged,
      software_primaryPurpose: 'data',
      dataset_datasetType: ['noAssertion'],
    });
  return element('software_Package', id, { ...packaged, software_primaryPurpose: type });
}

/** The AI profile's members that a model card fills. */
function modelOf({ modelCard, releaseNotes }: Component): Readonly<Record<string, unknown>> {
  const { modelParameters: parameters, considerations, quantitativeAnalysis } = modelCard ?? {};
  const kinds = [parameters?.approach?.type, parameters?.architectureFamily, parameters?.modelArchitecture];
  const limitations = considerations?.technicalLimitations ?? [];
  const uses = considerations?.useCases ?? [];
  return {
    ...defined({
      ai_limitation: limitations.join('\n') || undefined,
      ai_informationAboutApplication: uses.join('\n') || undefined,
      releaseTime: releaseNotes?.timestamp,
    }),
    ...listed('ai_domain', parameters?.task === undefined ? [] : [parameters.task]),
    ...listed(
      'ai_typeOfModel',
      kinds.flatMap((kind) => kind ?? []),
    ),
    ...listed(
      'ai_metric',
      (quantitativeAnalysis?.performanceMetrics ?? []).map(({ type, value, slice }) =>
        entry(slice === undefined ? type : `${type} (${slice})`, value),
      ),
    ),
    ...listed(
      'ai_hyperparameter',
      (modelCard?.properties ?? []).map(({ name, value }: Property) => entry(name, value)),
    ),
  };
}

function entry(key: string, value: string): object {
  return { type: 'DictionaryEntry', key, value };
}

function licenceRelations({ 'bom-ref': ref, licenses = [] }: Component, idOf: IdOf): readonly SpdxNode[] {
  return licenses.flatMap((choice, index) => {
    const id = idOf(`${ref}:licence:${index}`);
    return [
      element('simplelicensing_LicenseExpression', id, { simplelicensing_licenseExpression: expressionOf(choice) }),
      relation(idOf(`${ref}:licensed:${index}`), { from: idOf(ref), type: 'hasDeclaredLicense', to: [id] }),
    ];
  });
}

/** A name that is no SPDX identifier is a reference of this document's own (SPDX 3.0.1 annex B). */
function expressionOf(choice: LicenseChoice): string {
  if ('expression' in choice) return choice.expression;
  const { id, name = 'unknown' } = choice.license;
  return id ?? `LicenseRef-${name.replace(/[^A-Za-z0-9.-]+/g, '-')}`;
}

function relationsOf(bom: Bom, subject: Component, idOf: IdOf): readonly SpdxNode[] {
  const refsOf = (components: readonly Component[], type?: string): readonly string[] =>
    components.filter((each) => type === undefined || each.type === type).map((each) => each['bom-ref']);
  const files = refsOf([...(subject.components ?? []), ...(bom.components ?? [])], 'file');
  const datasets = subject.type === 'data' ? [] : refsOf(bom.components ?? [], 'data');
  const software = (bom.components ?? []).filter(
    ({ type }) => !['file', 'data', 'machine-learning-model'].includes(type),
  );
  const from = subject['bom-ref'];
  return (
    [
      ['contains', files],
      ['trainedOn', datasets],
      ['descendantOf', refsOf(subject.pedigree?.ancestors ?? [])],
      ['dependsOn', refsOf(software)],
    ] as const
  )
    .filter(([, refs]) => refs.length > 0)
    .map(([type, refs]) =>
      relation(idOf(`${from}:${type}`), { from: idOf(from), type, to: [...new Set(refs)].map(idOf) }),
    );
}

function relation(id: string, { from, type, to }: { from: string; type: string; to: readonly string[] }): SpdxNode {
  return element('Relationship', id, { from, relationshipType: type, to });
}

function documentOf(
  bom: Bom,
  { subject, all }: { readonly subject: Component | undefined; readonly all: readonly SpdxNode[] },
  idOf: IdOf,
): SpdxNode {
  return element('SpdxDocument', idOf('document'), {
    name: subject?.name ?? bom.serialNumber,
    profileConformance: ['core', 'software', 'ai', 'dataset', 'simpleLicensing'],
    ...(subject === undefined ? {} : { rootElement: [idOf(subject['bom-ref'])] }),
    ...listed(
      'element',
      all.map(({ spdxId }) => spdxId),
    ),
  });
}

function element(type: string, spdxId: string, members: Readonly<Record<string, unknown>>): SpdxNode {
  return { type, spdxId, creationInfo: CREATION, ...members };
}

function listed(name: string, values: readonly unknown[]): Readonly<Record<string, unknown>> {
  return values.length === 0 ? {} : { [name]: values };
}

function defined(members: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(members).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
