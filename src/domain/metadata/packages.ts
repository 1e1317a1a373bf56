import { escapeToken } from '../base/pointer.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { npmPurl } from './purl.ts';
import { fact, field, items, jsonObjectOf, list, maybe, words, type MetadataFile } from './read.ts';
import type { Fact, FactSource } from './types.ts';

type JsonObject = { readonly [key: string]: Json };

/** npm `package.json` of a package that carries a model or data. */
export function readNpmPackage(file: MetadataFile): readonly Fact[] {
  const json = jsonObjectOf(file);
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const [name, version] = [words(json['name'], 214), words(json['version'], 256)];
  const licence = words(json['license']) ?? words(field(json['license'], 'type'));
  return [
    ...maybe('name', name, at('/name')),
    ...maybe('version', version, at('/version')),
    ...maybe('description', words(json['description']), at('/description')),
    ...maybe('author', personOf(json['author']), at('/author')),
    ...maybe(
      'licence',
      licence === undefined || /^(?:see license in|unlicensed)/i.test(licence) ? undefined : { text: licence },
      at('/license'),
    ),
    ...maybe('purl', name === undefined || version === undefined ? undefined : npmPurl(name, version), at('/name')),
    ...maybe(
      'reference',
      referenceOf('vcs', words(field(json['repository'], 'url')) ?? words(json['repository'])),
      at('/repository'),
    ),
    ...maybe('reference', referenceOf('website', words(json['homepage'])), at('/homepage')),
    ...dependencyFacts(json, 'dependencies', file.path),
    ...dependencyFacts(json, 'peerDependencies', file.path),
  ];
}

function personOf(value: Json | undefined): { name: string; email?: string } | undefined {
  const text = words(value);
  const name = words(field(value, 'name')) ?? text?.replace(/\s*[<(].*$/, '').trim();
  const email = words(field(value, 'email')) ?? /<([^<>\s]{3,200})>/.exec(text ?? '')?.[1];
  return name === undefined || name === '' ? undefined : { name, ...(email === undefined ? {} : { email }) };
}

function referenceOf(type: string, text: string | undefined): { type: string; url: string } | undefined {
  const url = text
    ?.replace(/^git\+/, '')
    .replace(/^git:\/\//, 'https://')
    .replace(/^github:/, 'https://github.com/');
  return url === undefined || !/^https?:/.test(url) ? undefined : { type, url };
}

function dependencyFacts(json: JsonObject, key: string, path: string): readonly Fact[] {
  const wanted = json[key];
  if (!isJsonObject(wanted)) return [];
  return Object.entries(wanted).flatMap(([name, range]) => {
    const requirement = words(range, 256);
    const exact = requirement !== undefined && /^\d+\.\d+\.\d+(?:[-+][\w.+-]+)?$/.test(requirement);
    const value = {
      name,
      ecosystem: 'npm' as const,
      ...(requirement === undefined ? {} : exact ? { version: requirement } : { requirement }),
    };
    return [fact('software', value, { file: path, pointer: `/${key}/${escapeToken(name)}` })];
  });
}

/** spaCy `meta.json`: licence, data sources, accuracy, the version of spaCy it needs. */
export function readSpacyMeta(file: MetadataFile): readonly Fact[] {
  const json = jsonObjectOf(file);
  const [language, name] = [words(json['lang'], 50), words(json['name'], 200)];
  if (language === undefined || name === undefined || json['spacy_version'] === undefined) return [];
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  return [
    fact('name', `${language}_${name}`, at('/name')),
    fact('library', 'spacy', at('/spacy_version')),
    fact('language', language, at('/lang')),
    ...maybe('version', words(json['version']), at('/version')),
    ...maybe('description', words(json['description']), at('/description')),
    ...maybe('supplier', words(json['author']), at('/author')),
    ...maybe('licence', textOf(words(json['license'])), at('/license')),
    ...maybe('reference', referenceOf('website', words(json['url'])), at('/url')),
    ...maybe(
      'software',
      { name: 'spacy', ecosystem: 'pypi', requirement: words(json['spacy_version'], 200) ?? '' },
      at('/spacy_version'),
    ),
    ...list(json['pipeline'], '/pipeline').map(({ text, pointer }) =>
      fact('detail', { name: 'pipeline', value: text }, at(pointer)),
    ),
    ...items(json['sources']).flatMap((source, index) => sourceFact(source, at(`/sources/${index}`))),
    ...performanceFacts(json['performance'], at),
  ];
}

function textOf(text: string | undefined): { text: string } | undefined {
  return text === undefined ? undefined : { text };
}

function sourceFact(source: Json, from: FactSource): readonly Fact[] {
  const [name, url, licence, owner] = ['name', 'url', 'license', 'author'].map((key) => words(field(source, key)));
  if (name === undefined) return [];
  return [
    fact(
      'dataset',
      {
        name,
        ...(url === undefined ? {} : { url }),
        ...(licence === undefined ? {} : { licence }),
        ...(owner === undefined ? {} : { owner }),
      },
      from,
    ),
  ];
}

function performanceFacts(value: Json | undefined, at: (pointer: string) => FactSource): readonly Fact[] {
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([type, score]) =>
    typeof score === 'number' ? [fact('metric', { type, value: String(score) }, at(`/performance/${type}`))] : [],
  );
}

const COUNTS = ['parameters', 'num_parameters', 'parameter_count', 'n_parameters'];

/** A publisher's own `release.json`, `model.json` and the like: licence and parameter count at the top level. */
export function readReleaseNotes(file: MetadataFile): readonly Fact[] {
  const json = jsonObjectOf(file);
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const count = COUNTS.find((key) => Number.isSafeInteger(json[key]));
  const licence = ['license', 'licence'].find((key) => words(json[key]) !== undefined);
  return [
    ...(licence === undefined ? [] : [fact('licence', { text: words(json[licence]) ?? '' }, at(`/${licence}`))]),
    ...(count === undefined ? [] : [fact('parameterCount', Number(json[count]), at(`/${count}`))]),
  ];
}
