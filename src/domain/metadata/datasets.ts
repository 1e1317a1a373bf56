import { escapeToken } from '../base/pointer.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { fact, field, folderOf, items, jsonObjectOf, list, maybe, words, type MetadataFile } from './read.ts';
import type { Dataset, Fact, FactSource } from './types.ts';
import { instantOf } from '../base/instant.ts';

type At = (pointer: string) => FactSource;

/**
 * Croissant (MLCommons, 1.0 and 1.1): a dataset's JSON-LD description. Its `sha256` is believed only where it has the
 * shape of one: real exports put a URL there.
 */
export function readCroissant(file: MetadataFile): readonly Fact[] {
  const json = jsonObjectOf(file);
  const types = list(json['@type'], '/@type').map(({ text }) => text.replace(/^(?:sc|schema):/, ''));
  if (!types.includes('Dataset') || json['@context'] === undefined) return [];
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const creator = namesOf(json['creator'])[0] ?? namesOf(json['publisher'])[0];
  return [
    ...maybe('dataset', datasetOf(json, creator), at('')),
    ...maybe('name', words(json['name']), at('/name')),
    ...maybe('version', words(json['version']), at('/version')),
    ...maybe('description', words(json['description']), at('/description')),
    ...maybe('supplier', creator, at(json['creator'] === undefined ? '/publisher' : '/creator')),
    ...list(json['license'], '/license').map(({ text, pointer }) => fact('licence', { text }, at(pointer))),
    ...maybe('reference', urlReference(words(json['url']), 'website'), at('/url')),
    ...maybe('releaseDate', dateTime(words(json['datePublished'])), at('/datePublished')),
    ...items(json['distribution']).flatMap((object, index) =>
      distributionFacts(object, file.path, at(`/distribution/${index}`)),
    ),
  ];
}

function datasetOf(json: { readonly [key: string]: Json }, owner: string | undefined): Dataset | undefined {
  const name = words(json['name']);
  if (name === undefined) return undefined;
  const [url, description, version, licence] = ['url', 'description', 'version', 'license'].map(
    (key) => list(json[key], '')[0]?.text,
  );
  return {
    name,
    ...(url === undefined ? {} : { url }),
    ...(description === undefined ? {} : { description }),
    ...(version === undefined ? {} : { version }),
    ...(licence === undefined ? {} : { licence }),
    ...(owner === undefined ? {} : { owner }),
  };
}

/** Names of persons and organizations, which may be objects, lists of them, or words. */
function namesOf(value: Json | undefined): readonly string[] {
  const entries = Array.isArray(value) ? (value as readonly Json[]) : value === undefined ? [] : [value];
  return entries.map((entry) => words(field(entry, 'name')) ?? words(entry)).filter((name) => name !== undefined);
}

function urlReference(url: string | undefined, type: string): { type: string; url: string } | undefined {
  return url === undefined ? undefined : { type, url };
}

/** RFC 3339 in UTC, to the second, of a date or date-time that exists; undefined for anything else. Without zone: UTC. */
export function dateTime(text: string | undefined): string | undefined {
  const time = instantOf(text ?? '');
  return Number.isNaN(time) ? undefined : `${new Date(time).toISOString().slice(0, 19)}Z`;
}

function distributionFacts(object: Json, path: string, source: FactSource): readonly Fact[] {
  const [url, sha256, md5] = ['contentUrl', 'sha256', 'md5'].map((key) => words(field(object, key)));
  const local =
    url !== undefined && !/^[a-z][a-z0-9+.-]*:/i.test(url) ? { path: folderOf(path) + url.replace(/^\.\//, '') } : {};
  const digests = [...digestFact('sha256', sha256, local, source), ...digestFact('md5', md5, local, source)];
  const wrong =
    sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)
      ? [`sha256 of ${words(field(object, 'name')) ?? url ?? 'a file'} is no digest: ${sha256.slice(0, 100)}`]
      : [];
  return [...digests, ...wrong.map((value) => fact('detail', { name: 'not-a-digest', value }, source))];
}

const DIGITS = { sha256: 64, md5: 32 } as const;

function digestFact(
  algorithm: keyof typeof DIGITS,
  hex: string | undefined,
  local: { path?: string },
  source: FactSource,
): readonly Fact[] {
  if (hex === undefined || hex.length !== DIGITS[algorithm] || !/^[0-9a-f]+$/i.test(hex)) return [];
  return [
    fact(
      'digest',
      { ...local, algorithm, hex: hex.toLowerCase() },
      { ...source, pointer: `${source.pointer ?? ''}/${algorithm}` },
    ),
  ];
}

/** Frictionless `datapackage.json`. Paths should be relative to it; some publishers leave out a folder (`loose`). */
export function readDataPackage(file: MetadataFile): readonly Fact[] {
  const json = jsonObjectOf(file);
  if (!Array.isArray(json['resources'])) return [];
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const [name, description, version] = ['title', 'description', 'version'].map((key) => words(json[key]));
  const title = name ?? words(json['name']);
  const dataset: Dataset | undefined =
    title === undefined
      ? undefined
      : {
          name: title,
          ...(description === undefined ? {} : { description }),
          ...(version === undefined ? {} : { version }),
        };
  return [
    ...maybe('dataset', dataset, at('')),
    ...maybe('name', words(json['name']), at('/name')),
    ...maybe('version', version, at('/version')),
    ...maybe('description', description, at('/description')),
    ...licenceNames(json['licenses']).map(({ text, url, index }) =>
      fact('licence', { text, ...(url === undefined ? {} : { url }) }, at(`/licenses/${index}`)),
    ),
    ...items(json['contributors']).flatMap((person, index) =>
      maybe('author', authorOf(person), at(`/contributors/${index}`)),
    ),
    ...maybe('reference', urlReference(words(json['homepage'])?.replace(/^git\+/, ''), 'website'), at('/homepage')),
    ...items(json['resources']).flatMap((resource, index) =>
      resourceFacts(resource, file.path, at(`/resources/${index}`)),
    ),
  ];
}

function authorOf(person: Json): { name: string } | undefined {
  const name = words(field(person, 'title')) ?? words(field(person, 'name'));
  return name === undefined ? undefined : { name };
}

function licenceNames(value: Json | undefined): readonly { text: string; url: string | undefined; index: number }[] {
  return items(value).flatMap((licence, index) => {
    const [name, title, url] = ['name', 'title', 'path'].map((key) => words(field(licence, key)));
    const text = name !== undefined && !/^other/i.test(name) ? name : (title ?? url);
    return text === undefined ? [] : [{ text, url, index }];
  });
}

function resourceFacts(resource: Json, from: string, source: FactSource): readonly Fact[] {
  const path = words(field(resource, 'path'));
  if (path === undefined || path.includes('://')) return [];
  const there = folderOf(from) + path;
  const licences = licenceNames(field(resource, 'licenses')).map(({ text }) => text);
  const sources = items(field(resource, 'sources')).flatMap((item) => {
    const url = words(field(item, 'path'));
    return url === undefined ? [] : [{ url, title: words(field(item, 'title')) ?? '' }];
  });
  const description = words(field(resource, 'description'));
  const info = fact(
    'fileInfo',
    { path: there, loose: true, licences, sources, ...(description === undefined ? {} : { description }) },
    source,
  );
  return [info, ...hashFact(resource, there, source)];
}

/** `hash` is `algorithm:hex`, MD5 without one. `sha1:` is tried as git's blob hash: that is what publishers put there. */
function hashFact(resource: Json, path: string, source: FactSource): readonly Fact[] {
  const [, name = 'md5', hex = ''] =
    /^(?:([a-z0-9]+):)?([0-9a-f]{32,128})$/i.exec(words(field(resource, 'hash')) ?? '') ?? [];
  const kind = `${name.toLowerCase()} ${hex.length}`;
  const algorithm =
    kind === 'sha256 64' ? 'sha256' : kind === 'sha1 40' ? 'any-sha1' : kind === 'md5 32' ? 'md5' : undefined;
  const bytes = field(resource, 'bytes');
  const size = typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes >= 0 ? { sizeBytes: bytes } : {};
  if (algorithm === undefined) return [];
  return [
    fact(
      'digest',
      { path, loose: true, algorithm, hex: hex.toLowerCase(), ...size },
      { ...source, pointer: `${source.pointer ?? ''}/hash` },
    ),
  ];
}

/** Hugging Face `dataset_infos.json`: one entry a configuration. */
export function readDatasetInfos(file: MetadataFile): readonly Fact[] {
  return Object.entries(jsonObjectOf(file))
    .slice(0, 100)
    .flatMap(([name, info]) => {
      if (!isJsonObject(info)) return [];
      const at: At = (pointer) => ({ file: file.path, pointer: `/${escapeToken(name)}${pointer}` });
      const splits = isJsonObject(info['splits']) ? Object.values(info['splits']) : [];
      const records = splits.reduce((sum: number, split) => sum + (Number(field(split, 'num_examples')) || 0), 0);
      return [
        ...maybe('description', words(info['description']), at('/description')),
        ...maybe('licence', licenceText(words(info['license'])), at('/license')),
        ...maybe('reference', urlReference(words(info['homepage']), 'website'), at('/homepage')),
        ...(records > 0 ? [fact('detail', { name: `records:${name}`, value: String(records) }, at('/splits'))] : []),
      ];
    });
}

function licenceText(text: string | undefined): { text: string } | undefined {
  return text === undefined ? undefined : { text };
}
