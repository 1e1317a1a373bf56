import { createHash } from 'node:crypto';
import { jsonBytes } from '../base/json-write.ts';
import { LIMITS } from '../base/limits.ts';
import { COMPUTED, pick, type FactOf, type FactSource } from '../metadata/types.ts';
import { cite, claimRef, present, property, since, some, startBuild, type Build, type BomInput } from './build.ts';
import { NO_TIME, withCitations } from './citations.ts';
import { fileComponents, fileRef, hashesOf } from './files.ts';
import { licencesOf } from './licences.ts';
import { detailProperties, modelCardOf } from './model-card.ts';
import {
  ancestorComponents,
  closureComponents,
  datasetComponents,
  datasetData,
  externalReferences,
  merged,
  partComponents,
  softwareComponents,
} from './related.ts';
import { isHubId } from '../metadata/purl.ts';
import { serialOf, uuidOf } from './serial.ts';
import type {
  Bom,
  BomMetadata,
  Component,
  ComponentData,
  Composition,
  Contact,
  Dependency,
  Formula,
  Property,
} from './types.ts';
import { holdsWeights } from '../metadata/weights.ts';

/**
 * The ML-BOM of an artifact: pure, so equal input gives equal bytes. Every fact in it comes from `input.files`,
 * `input.facts` or is marked as ours; what nobody says is absent.
 */
export function createBom(input: BomInput): Bom {
  const build = startBuild(input);
  const parts = relatedParts(build);
  const subject = subjectOf(build, parts);
  const bom = layOut(build, subject, parts);
  return withCitations(build, bom, (source) => refOfSource(build, source));
}

/** The BOM's bytes: UTF-8, two spaces, fields in the order of the specification, a last newline. */
export function bomBytes(bom: Bom): Uint8Array {
  return jsonBytes(bom, { indent: 2, escape: (json) => json.replace(INVISIBLE, escapeUnits), end: '\n' });
}

/** Controls, bidi and invisible characters, which JSON may hold as they are: escaped, so that printing a BOM is harmless. */
const INVISIBLE =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

function escapeUnits(text: string): string {
  return Array.from(
    { length: text.length },
    (_, index) => `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('');
}

interface Parts {
  readonly files: readonly Component[];
  readonly datasets: readonly Component[];
  readonly ancestors: readonly Component[];
  readonly software: readonly Component[];
  readonly parts: readonly Component[];
  readonly closure: readonly Component[];
}

function relatedParts(build: Build): Parts {
  return {
    files: fileComponents(build),
    datasets: build.input.kind === 'dataset' ? [] : datasetComponents(build),
    ancestors: ancestorComponents(build),
    software: softwareComponents(build),
    parts: partComponents(build),
    closure: closureComponents(build),
  };
}

const TYPES = { model: 'machine-learning-model', dataset: 'data', other: 'data' } as const;

/** The artifact itself: model or dataset. */
function subjectOf(build: Build, parts: Parts): Component {
  const { input } = build;
  const [name, version, description] = [
    firstOf(build, 'name'),
    firstOf(build, 'version'),
    firstOf(build, 'description'),
  ];
  const [supplier, copyright, purl, date] = [
    firstOf(build, 'supplier'),
    firstOf(build, 'copyright'),
    firstOf(build, 'purl'),
    firstOf(build, 'releaseDate'),
  ];
  const organization = supplier === undefined ? undefined : cite(build, { name: supplier.value }, supplier.source);
  const authors = authorsOf(build);
  const [group, short] = isHubId(name?.value.replace(/^@/, '') ?? '')
    ? (name?.value ?? '').split('/')
    : [undefined, name?.value];
  const subject = present<Component>({
    'bom-ref': claimRef(build, `${input.kind}:${short ?? input.fallbackName}`),
    type: TYPES[input.kind],
    supplier: organization,
    authors: since(build, '1.6') ? some(authors) : undefined,
    author: since(build, '1.6') ? undefined : authors[0]?.name,
    group,
    name: short ?? input.fallbackName,
    version: version?.value,
    description: description?.value,
    hashes: some(subjectHashes(input)),
    licenses: some(licencesOf(build)),
    copyright: copyright?.value,
    purl: purl?.value,
    pedigree: parts.ancestors.length === 0 ? undefined : { ancestors: parts.ancestors },
    externalReferences: some(externalReferences(build)),
    components: input.layout === 'guide' ? parts.files : undefined,
    releaseNotes:
      date === undefined
        ? undefined
        : cite(build, { type: 'initial', timestamp: date.value }, date.source, 'timestamp'),
    modelCard: input.kind === 'model' ? modelCardOf(build, parts.datasets) : undefined,
    data: input.kind === 'model' ? undefined : dataOf(build),
    properties: some(subjectProperties(build)),
    tags: since(build, '1.6') ? some(tagsOf(build)) : undefined,
  });
  const cited = [
    [name, 'name'],
    [version, 'version'],
    [description, 'description'],
    [copyright, 'copyright'],
    [purl, 'purl'],
  ] as const;
  if (subject.tags !== undefined)
    pick(input.facts, 'tag').forEach(({ source }) => cite(build, subject, source, 'tags'));
  if (name === undefined) cite(build, subject, { pointer: "the folder's or file's own name" }, 'name');
  if (subject.hashes !== undefined) cite(build, subject, COMPUTED, 'hashes');
  for (const [fact, key] of cited) if (fact !== undefined) cite(build, subject, fact.source, key);
  return subject;
}

type TextField = 'name' | 'version' | 'description' | 'supplier' | 'copyright' | 'purl' | 'releaseDate';

function firstOf<K extends TextField>(build: Build, field: K): FactOf<K> | undefined {
  return pick(build.input.facts, field)[0];
}

function authorsOf(build: Build): readonly Contact[] {
  return merged(pick(build.input.facts, 'author'), ({ name, email }) => (name ?? email ?? '').toLowerCase()).map(
    ({ value, sources }) => {
      const contact = { ...value };
      sources.forEach((source) => cite(build, contact, source));
      return contact;
    },
  );
}

/** The digest of the one file that is the model, so that tools which look at the model alone find it. */
function subjectHashes(input: BomInput): ReturnType<typeof hashesOf> {
  const weights = input.files.filter((file) => holdsWeights(file.report));
  const [only] = input.kind === 'model' ? weights : input.files;
  const single = (input.kind === 'model' ? weights : input.files).length === 1;
  return single && only !== undefined ? hashesOf(only.digests) : [];
}

function dataOf(build: Build): readonly ComponentData[] | undefined {
  if (build.input.kind !== 'dataset') return [{ type: 'other' }];
  const facts = pick(build.input.facts, 'dataset');
  const described = facts.map((fact) => cite(build, datasetData(fact.value, fact.value.url), fact.source));
  return described.length === 0 ? [{ type: 'dataset' }] : described;
}

function tagsOf(build: Build): readonly string[] {
  return [...new Set(pick(build.input.facts, 'tag').map(({ value }) => value))];
}

function subjectProperties(build: Build): readonly Property[] {
  const { id, root, conflicts, problems, timestamp, kind } = build.input;
  const tags = since(build, '1.6') ? [] : tagsOf(build).map((tag) => property('tag', tag));
  const details = kind === 'model' ? [] : detailProperties(build);
  return [
    cite(build, property('id', id), COMPUTED),
    ...(root === undefined ? [] : [cite(build, property('root', `sha256:${root}`), COMPUTED)]),
    ...firstOnes('conflicts', conflicts, ({ field, values }) =>
      property(`conflict:${field}`, values.map(({ value, source }) => `${value} (${source})`).join(' | ')),
    ),
    ...firstOnes('problems', problems, ({ path, message }) =>
      property('problem', message.startsWith(path) ? message : `${path}: ${message}`),
    ),
    ...(timestamp === undefined && since(build, '1.7')
      ? [property('time', `not recorded: citations say ${NO_TIME}`)]
      : []),
    ...details,
    ...tags,
  ];
}

/** One property each; of very many the first, and how many there are. */
function firstOnes<T>(name: string, all: readonly T[], said: (one: T) => Property): readonly Property[] {
  const more = all.length > LIMITS.bomProblems ? [property(name, all.length)] : [];
  return [...all.slice(0, LIMITS.bomProblems).map(said), ...more];
}

function layOut(build: Build, subject: Component, parts: Parts): Bom {
  const { input } = build;
  const others = [...parts.datasets, ...parts.parts, ...parts.software, ...parts.closure];
  const components = input.layout === 'guide' ? others : [subject, ...parts.files, ...others];
  return present<Bom>({
    $schema: `http://cyclonedx.org/schema/bom-${input.specVersion}.schema.json`,
    bomFormat: 'CycloneDX',
    specVersion: input.specVersion,
    serialNumber: serialOf(`${input.id} ${input.specVersion} ${input.layout} ${canonicalFacts(input)}`),
    version: 1,
    metadata: metadataOf(build, subject),
    components: some(components),
    dependencies: dependenciesOf(subject, parts),
    compositions: compositionsOf(input, subject, parts),
    formulation: some(formulationOf(build, subject, parts)),
  });
}

function canonicalFacts(input: BomInput): string {
  return createHash('sha256')
    .update(JSON.stringify([input.fallbackName, input.facts, input.tool, input.timestamp ?? null], jsonable))
    .digest('hex');
}

function jsonable(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

function metadataOf(build: Build, subject: Component): BomMetadata {
  const { input } = build;
  return present<BomMetadata>({
    timestamp: input.timestamp,
    lifecycles: [{ phase: 'post-build' }],
    tools: {
      components: [
        { 'bom-ref': toolRef(input), type: 'application', name: input.tool.name, version: input.tool.version },
      ],
    },
    authors: some(statersOf(build)),
    component: input.layout === 'guide' ? subject : undefined,
  });
}

function toolRef(input: BomInput): string {
  return `tool:${input.tool.name}@${input.tool.version}`;
}

/** Whoever makes it or stated facts is an author of the BOM. */
function statersOf(build: Build): readonly Contact[] {
  const names = [build.input.author, ...build.input.facts.map(({ source }) => source.statedBy)].filter(
    (name) => name !== undefined,
  );
  return [...new Set(names)].map((name) => ({ 'bom-ref': staterRef(name), name }));
}

function staterRef(name: string): string {
  return `stated-by:${name}`;
}

function refOfSource(build: Build, source: FactSource): string {
  if (source.statedBy !== undefined) return staterRef(source.statedBy);
  const ref = fileRef(source.file ?? '');
  return source.file !== undefined && build.refs.has(ref) ? ref : toolRef(build.input);
}

function dependenciesOf(subject: Component, parts: Parts): readonly Dependency[] {
  const needed = [...parts.ancestors, ...parts.datasets, ...parts.parts, ...parts.software, ...parts.closure].map(
    (component) => component['bom-ref'],
  );
  return [needed.length === 0 ? { ref: subject['bom-ref'] } : { ref: subject['bom-ref'], dependsOn: needed }];
}

/** Files: all there are, unless one could not be examined or has no component of its own. What the artifact depends on: never known to be all. */
function compositionsOf(input: BomInput, subject: Component, parts: Parts): readonly Composition[] {
  const unread = input.problems.length > 0 || input.files.length > LIMITS.bomFiles;
  const assemblies = input.layout === 'guide' ? [subject['bom-ref']] : parts.files.map((file) => file['bom-ref']);
  return [
    { aggregate: unread ? 'incomplete' : 'complete', assemblies },
    { aggregate: 'unknown', dependencies: [subject['bom-ref']] },
  ];
}

const TASK_TYPES = { merge: 'merge', finetune: 'build', adapter: 'build', quantized: 'build' } as const;

/** How the artifact was made, as far as somebody says so: from which base models, and with which data. */
function formulationOf(build: Build, subject: Component, parts: Parts): readonly Formula[] {
  const [fact] = pick(build.input.facts, 'baseModel').filter(({ value }) => value.relation !== undefined);
  if (fact === undefined || fact.value.relation === undefined) return [];
  const { relation } = fact.value;
  const inputs = [...parts.ancestors, ...(relation === 'quantized' ? [] : parts.datasets)].map((component) => ({
    resource: { ref: component['bom-ref'] },
  }));
  const workflow = {
    'bom-ref': claimRef(build, `formulation:${relation}`),
    uid: uuidOf(`${build.input.id} ${relation}`),
    name: relation,
    taskTypes: [TASK_TYPES[relation]],
    inputs,
    outputs: [{ type: 'artifact' as const, resource: { ref: subject['bom-ref'] } }],
  };
  cite(build, workflow, fact.source);
  return [{ 'bom-ref': claimRef(build, 'formulation'), workflows: [workflow] }];
}
