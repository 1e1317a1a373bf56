import { licenceOf } from '../metadata/licence.ts';
import { pick, type BaseModel, type Dataset, type FactSource, type Software } from '../metadata/types.ts';
import { cite, claimRef, present, property, some, type Build } from './build.ts';
import { hashesOf, optional } from './files.ts';
import { choiceOf, isUrl } from './licences.ts';
import { huggingFacePurl, isHubId, npmPurl, pypiPurl } from '../metadata/purl.ts';
import { isPinned } from '../metadata/closure.ts';
import type { Component, ComponentData, ExternalReference, Hash, Property } from './types.ts';

/** One data component a dataset that anybody names, each cited; equal names are one dataset. */
export function datasetComponents(build: Build): readonly Component[] {
  return merged(pick(build.input.facts, 'dataset'), ({ name }) => name.toLowerCase()).map(({ value, sources }) => {
    const component = datasetComponent(build, value);
    sources.forEach((source) => cite(build, component, source));
    return component;
  });
}

function datasetComponent(build: Build, dataset: Dataset): Component {
  const licence = dataset.licence === undefined ? null : licenceOf(dataset.licence);
  const url = isUrl(dataset.url) ? dataset.url : hubDatasetUrl(dataset);
  return present<Component>({
    'bom-ref': claimRef(build, `data:${dataset.name}`),
    type: 'data',
    name: dataset.name,
    version: dataset.version,
    description: dataset.description,
    hashes: some(hashesOf(dataset.digests ?? {})),
    licenses: licence === null ? undefined : [choiceOf(build, licence, { alone: true })],
    externalReferences: url === undefined ? undefined : [{ type: 'distribution', url }],
    components:
      dataset.files === undefined
        ? undefined
        : some(dataset.files.map((file) => datasetFile(build, dataset.name, file))),
    data: [datasetData(dataset, url)],
    properties: some(optional('id', dataset.id)),
  });
}

function datasetFile(build: Build, dataset: string, file: NonNullable<Dataset['files']>[number]): Component {
  const ref = claimRef(build, `data:${dataset}/${file.path}`);
  return {
    'bom-ref': ref,
    type: 'file',
    name: file.path,
    hashes: hashesOf(file.digests),
    properties: [property('size', file.sizeBytes)],
  };
}

export function datasetData(dataset: Dataset, url: string | undefined): ComponentData {
  const properties: Property[] = [...optional('size', dataset.sizeBytes), ...optional('records', dataset.records)];
  const contents = present<NonNullable<ComponentData['contents']>>({ url, properties: some(properties) });
  return present<ComponentData>({
    type: 'dataset',
    name: dataset.name,
    contents: Object.keys(contents).length === 0 ? undefined : contents,
    sensitiveData: dataset.sensitive,
    description: dataset.description,
    governance: dataset.owner === undefined ? undefined : { owners: [{ organization: { name: dataset.owner } }] },
  });
}

/** The hub's page of a dataset id; other names have no address. */
function hubDatasetUrl(dataset: Dataset): string | undefined {
  const hub = dataset.hub === true && (isHubId(dataset.name) || /^[A-Za-z0-9][\w.-]{0,95}$/.test(dataset.name));
  return hub ? `https://huggingface.co/datasets/${dataset.name}` : undefined;
}

/** Base models, each once: the declared ones, or where nobody declares any, what files say they were loaded from. */
export function ancestorComponents(build: Build): readonly Component[] {
  const facts = pick(build.input.facts, 'baseModel');
  const declared = facts.filter((fact) => fact.value.hinted !== true);
  return merged(
    declared.length > 0 ? declared : facts.filter(({ value }) => !isItself(build, value.name)),
    ({ name }) => name.toLowerCase(),
  ).map(({ value, sources }) => {
    const component = ancestorComponent(build, value);
    sources.forEach((source) => cite(build, component, source));
    return component;
  });
}

/** What a file was loaded from may be an earlier state of the artifact itself. */
function isItself(build: Build, name: string): boolean {
  const own = [...pick(build.input.facts, 'ownId'), ...pick(build.input.facts, 'name')].map(({ value }) =>
    lastPart(value),
  );
  return [...own, lastPart(build.input.fallbackName)].includes(lastPart(name));
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).toLowerCase();
}

function ancestorComponent(build: Build, base: BaseModel): Component {
  const [group, name] = isHubId(base.name) ? base.name.split('/') : [undefined, base.name];
  return present<Component>({
    'bom-ref': claimRef(build, `base:${base.name}`),
    type: 'machine-learning-model',
    group,
    name: name ?? base.name,
    version: base.version,
    hashes: some(hashesOf(base.digests ?? {})),
    purl: huggingFacePurl(base.name, base.version),
    properties: some([
      ...optional('relation', base.relation),
      ...optional('id', base.id),
      ...optional('evidence', base.hinted === true ? 'loaded-from' : undefined),
    ]),
  });
}

const FETCHED_TYPES = {
  code: 'library',
  kernel: 'library',
  model: 'machine-learning-model',
  tokenizer: 'data',
  dataset: 'data',
  file: 'data',
} as const;

/** What loaders fetch at run time: required, and not pinned unless a commit is named; nobody signed it here. */
export function closureComponents(build: Build): readonly Component[] {
  return pick(build.input.facts, 'fetch').map((fetched) => {
    const { target, kind, revision, trustRemoteCode } = fetched.value;
    const pinned = isPinned(fetched.value);
    const [group, name] = isHubId(target) ? target.split('/') : [undefined, target];
    const type = FETCHED_TYPES[kind];
    const component = present<Component>({
      'bom-ref': claimRef(build, `fetch:${target}`),
      type,
      group,
      name: name ?? target,
      version: pinned ? revision : undefined,
      scope: 'required',
      purl:
        kind === 'dataset' || kind === 'kernel' ? undefined : huggingFacePurl(target, pinned ? revision : undefined),
      data: type === 'data' ? [{ type: kind === 'dataset' ? 'dataset' : 'other' }] : undefined,
      properties: [
        property('closure', kind),
        property('pinned', pinned ? 'commit' : 'no'),
        ...optional('revision', pinned ? undefined : revision),
        ...optional('needs', trustRemoteCode === true ? 'trust_remote_code' : undefined),
      ],
    });
    return cite(build, component, fetched.source);
  });
}

/** Software that the artifact's own files ask for. */
export function softwareComponents(build: Build): readonly Component[] {
  const key = (software: Software): string =>
    `${software.ecosystem}:${software.name.toLowerCase()}@${software.version ?? software.requirement ?? ''}`;
  return merged(pick(build.input.facts, 'software'), key).map(({ value, sources }) => {
    const component = softwareComponent(build, value);
    sources.forEach((source) => cite(build, component, source));
    return component;
  });
}

function softwareComponent(build: Build, software: Software): Component {
  const { name, version, ecosystem } = software;
  const purl =
    ecosystem === 'pypi' ? pypiPurl(name, version) : ecosystem === 'npm' ? npmPurl(name, version) : undefined;
  return present<Component>({
    'bom-ref': claimRef(build, `software:${name}${version === undefined ? '' : `@${version}`}`),
    type: 'library',
    name,
    version,
    scope: software.optional === true ? 'optional' : undefined,
    hashes: some<Hash>(software.digests ?? []),
    purl,
    properties: some(optional('requirement', software.requirement)),
  });
}

/** What a part is to CycloneDX: what runs is a library or an application, what is read is data. */
const PART_TYPES: Readonly<Record<string, Component['type']>> = { 'plug-in': 'library', 'mcp-server': 'application' };

/** Chat templates, prompts, skills, plug-ins, servers: small things that act on their own, digested on their own. */
export function partComponents(build: Build): readonly Component[] {
  return pick(build.input.facts, 'part').map((fact) => {
    const { kind, name, digests, sizeBytes, path, id } = fact.value;
    const component = present<Component>({
      'bom-ref': claimRef(build, `${kind}:${name}`),
      type: PART_TYPES[kind] ?? 'data',
      name,
      hashes: some(hashesOf(digests)),
      data: kind in PART_TYPES ? undefined : [{ type: 'configuration', name }],
      properties: [
        property('role', kind),
        property('size', sizeBytes),
        ...optional('in-file', path),
        ...optional('id', id),
      ],
    });
    return cite(build, component, fact.source);
  });
}

export function externalReferences(build: Build): readonly ExternalReference[] {
  const usable = pick(build.input.facts, 'reference').filter((fact) => isUrl(fact.value.url));
  return merged(usable, ({ type, url }) => `${type} ${url}`).map(({ value, sources }) => {
    const reference = present<ExternalReference>({ type: value.type, url: value.url, comment: value.comment });
    sources.forEach((source) => cite(build, reference, source));
    return reference;
  });
}

interface Merged<T> {
  readonly value: T;
  readonly sources: readonly FactSource[];
}

/** Facts about one thing become one: fields of the first win, missing ones come from the later. */
export function merged<V extends object>(
  facts: readonly { readonly value: V; readonly source: FactSource }[],
  keyOf: (value: V) => string,
): readonly Merged<V>[] {
  const byKey = new Map<string, { value: V; sources: FactSource[] }>();
  for (const { value, source } of facts) {
    const known = byKey.get(keyOf(value));
    if (known === undefined) byKey.set(keyOf(value), { value, sources: [source] });
    else {
      known.value = { ...value, ...known.value };
      known.sources.push(source);
    }
  }
  return [...byKey.values()];
}
