import { createHash } from 'node:crypto';
import type { FormatId, FormatReport, Port } from '../formats/types.ts';
import { pick, sourceName, type BomFile, type FactOf } from '../metadata/types.ts';
import type { Digests } from '../digest/algorithm.ts';
import { digestListSha256, type ListedFile } from '../digest/list.ts';
import { cite, claimRef, present, property, some, type Build } from './build.ts';
import { licenceOf } from '../metadata/licence.ts';
import { choiceOf, isUrl } from './licences.ts';
import type { Component, Hash, Property } from './types.ts';
import { tensorsByDtype } from '../metadata/weights.ts';
import { DIGEST_LIST_FILE } from '../base/paths.ts';
import { namedFiles } from './notable.ts';
import { FILE_LIST } from './summary.ts';

const ALGORITHMS = [
  ['sha256', 'SHA-256'],
  ['blake3', 'BLAKE3'],
] as const;

/** CycloneDX hashes of the digests there are, in fixed order. */
export function hashesOf(digests: Digests): readonly Hash[] {
  return ALGORITHMS.flatMap(([key, alg]) => (digests[key] === undefined ? [] : [{ alg, content: digests[key] }]));
}

export function fileRef(path: string): string {
  return `file:${path}`;
}

/** One component a file, in the order given; of a large tree the notable ones, after one for the list of all. */
export function fileComponents(build: Build): readonly Component[] {
  const { files } = build.input;
  const named = namedFiles(build.input);
  const wanted = new Set(named.map(({ path }) => path));
  const roles = rolesByPath(build, wanted);
  const infos = new Map(pick(build.input.facts, 'fileInfo').map((info) => [info.value.path, info]));
  const components = named.map((file) =>
    fileComponent(build, file, { roles: roles.get(file.path) ?? [], info: infos.get(file.path) }),
  );
  if (named.length === files.length) return components;
  const others = [...infos.values()].filter(({ value }) => !wanted.has(value.path));
  return [listComponent(build, { named: named.length, others }), ...components];
}

/** The digest list speaks for the files that have no component: its digest, how many they are, what they measure. */
function listComponent(
  build: Build,
  { named, others }: { named: number; others: readonly FactOf<'fileInfo'>[] },
): Component {
  const { files } = build.input;
  const texts = new Set(others.flatMap(({ value }) => value.licences));
  const known = [...texts].map(licenceOf).filter((licence) => licence !== null);
  return present<Component>({
    'bom-ref': claimRef(build, fileRef(DIGEST_LIST_FILE)),
    type: 'file',
    'mime-type': MIME_TYPES.text,
    name: DIGEST_LIST_FILE,
    description: `the digest list of all ${files.length} files; those with components of their own are the notable ones`,
    hashes: [{ alg: 'SHA-256', content: digestListSha256(files, listedFile) }],
    licenses: some(known.map((licence) => choiceOf(build, licence, { alone: known.length === 1 }))),
    properties: [
      property(FILE_LIST, 'weighmark-files/1'),
      property('files', files.length),
      property('files-named', named),
      property(
        'files-size',
        files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
      ),
    ],
  });
}

function listedFile({ path, sizeBytes, digests: { sha256 = '', blake3 = '' } }: BomFile): ListedFile {
  return { path, sizeBytes, sha256, blake3 };
}

interface Said {
  readonly roles: readonly Property[];
  readonly info: FactOf<'fileInfo'> | undefined;
}

function fileComponent(build: Build, file: BomFile, { roles, info }: Said): Component {
  claimRef(build, fileRef(file.path));
  const described = info === undefined ? {} : infoFields(build, info);
  return present<Component>({
    'bom-ref': fileRef(file.path),
    type: 'file',
    'mime-type': MIME_TYPES[file.report?.format ?? 'unknown'],
    name: file.path,
    description: described.description,
    hashes: some(hashesOf(file.digests)),
    licenses: described.licenses,
    externalReferences: described.externalReferences,
    properties: [property('size', file.sizeBytes), ...reportProperties(file.report), ...roles],
  });
}

/** What a dataset's description says of the file; cited whole, as one list or text each. */
function infoFields(
  build: Build,
  { value, source }: FactOf<'fileInfo'>,
): Pick<Component, 'description' | 'licenses' | 'externalReferences'> {
  const known = value.licences.map(licenceOf).filter((licence) => licence !== null);
  const licenses = known.map((licence) => cite(build, choiceOf(build, licence, { alone: known.length === 1 }), source));
  const references = value.sources
    .filter(({ url }) => isUrl(url))
    .map(({ url, title }) => cite(build, { type: 'other', url, comment: `source: ${title}` }, source));
  return present<Pick<Component, 'description' | 'licenses' | 'externalReferences'>>({
    description: value.description,
    licenses: some(licenses),
    externalReferences: some(references),
  });
}

/** Registered media types of formats that have one; a guess would be worse than none. */
const MIME_TYPES: Partial<Record<FormatId, string>> = {
  csv: 'text/csv',
  tsv: 'text/tab-separated-values',
  json: 'application/json',
  yaml: 'application/yaml',
  markdown: 'text/markdown',
  html: 'text/html',
  xml: 'application/xml',
  text: 'text/plain',
  pdf: 'application/pdf',
  zip: 'application/zip',
  gzip: 'application/gzip',
  parquet: 'application/vnd.apache.parquet',
  arrow: 'application/vnd.apache.arrow.file',
  'arrow-stream': 'application/vnd.apache.arrow.stream',
};

function rolesByPath(build: Build, wanted: ReadonlySet<string>): ReadonlyMap<string, readonly Property[]> {
  const byPath = new Map<string, Property[]>();
  for (const fact of pick(build.input.facts, 'role')) {
    const { path, role, note } = fact.value;
    if (!wanted.has(path)) continue;
    const roles = byPath.get(path) ?? [];
    if (roles.some(({ value }) => value === role)) continue;
    roles.push(cite(build, property('role', role), fact.source));
    if (note !== undefined) roles.push(cite(build, property('note', note), fact.source));
    byPath.set(path, roles);
  }
  for (const { path, algorithm, source } of build.input.confirmed) {
    if (!wanted.has(path)) continue;
    const said = cite(build, property('publisher-digest', `${algorithm} matches ${sourceName(source)}`), source);
    byPath.set(path, [...(byPath.get(path) ?? []), said]);
  }
  return byPath;
}

const PROBLEMS = 20;

function reportProperties(report: FormatReport | undefined): readonly Property[] {
  if (report === undefined) return [];
  return [
    property('format', report.format),
    property('kind', report.kind),
    ...optional('format-version', report.version),
    ...optional('inner-format', report.inner),
    ...(report.kind === 'archive'
      ? (report.members ?? [])
          .slice(0, PROBLEMS)
          .map(({ name, sizeBytes }) => property('member', `${name} (${sizeBytes} bytes)`))
      : []),
    ...tensorProperties(report),
    ...portProperties('input', report.inputs),
    ...portProperties('output', report.outputs),
    ...optional('rows', report.rows),
    ...(report.columns === undefined ? [] : [property('columns', report.columns.map(({ name }) => name).join(','))]),
    ...(report.references ?? [])
      .slice(0, PROBLEMS)
      .map(({ kind, target }) => property('reference', `${kind}: ${target}`)),
    ...report.problems.slice(0, PROBLEMS).map((problem) => property('problem', `${problem.code}: ${problem.message}`)),
    ...(report.complete ? [] : [property('examined', 'partly')]),
  ];
}

function tensorProperties(report: FormatReport): readonly Property[] {
  const table = report.tensors;
  const elsewhere = counts('unattributed', report.unattributed ?? {});
  if (table === undefined || table.count === 0) return [...optional('parameters', report.parameters), ...elsewhere];
  return [
    property('tensors', table.count),
    ...optional('parameters', report.parameters),
    ...counts('parameters', table.parametersByDtype),
    ...counts('elements', table.elementsByDtype),
    ...(table.truncated
      ? []
      : [...counts('tensors', tensorsByDtype(table)), property('tensor-layout', layoutDigest(report))]),
    ...elsewhere,
  ];
}

/** `sha256:` over the sorted lines `name dtype shape`: equal layouts have equal digests, whatever the values. */
function layoutDigest(report: FormatReport): string {
  const lines = (report.tensors?.items ?? [])
    .map(({ name, dtype, shape }) => JSON.stringify([name, dtype, shape]))
    .sort();
  return `sha256:${createHash('sha256').update(lines.join('\n')).digest('hex')}`;
}

/** `weighmark:parameters:F32` and the like. */
export function counts(name: string, byDtype: Readonly<Record<string, number>>): readonly Property[] {
  return Object.entries(byDtype).map(([dtype, count]) => property(`${name}:${dtype}`, count));
}

export function optional(name: string, value: string | number | undefined): readonly Property[] {
  return value === undefined ? [] : [property(name, value)];
}

const PORTS = 32;

function portProperties(name: string, ports: readonly Port[] | undefined): readonly Property[] {
  return (ports ?? []).slice(0, PORTS).map((port) => property(name, portText(port)));
}

/** `input_ids: I64[batch,sequence]` */
export function portText(port: Port): string {
  const shape =
    port.shape === undefined
      ? ''
      : `[${port.shape.map((dimension) => (dimension === -1 ? '?' : dimension)).join(',')}]`;
  return port.dtype === undefined ? `${port.name}${shape}` : `${port.name}: ${port.dtype}${shape}`;
}
