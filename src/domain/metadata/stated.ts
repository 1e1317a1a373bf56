import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { dateTime } from './datasets.ts';
import { fact, field, items, words } from './read.ts';
import { parseYaml } from './yaml.ts';
import {
  APPROACHES,
  RELATIONS,
  type Approach,
  type BaseModel,
  type Dataset,
  type Fact,
  type FactSource,
  type Relation,
} from './types.ts';

/** What somebody states that no file says: options of `bom create`, or a facts file. References are resolved by the flow. */
export interface Statements {
  readonly statedBy: string;
  readonly name?: string;
  readonly version?: string;
  readonly supplier?: string;
  readonly description?: string;
  readonly licence?: string;
  readonly task?: string;
  readonly releaseDate?: string;
  readonly relation?: Relation;
  readonly approach?: Approach;
  readonly useCases: readonly string[];
  readonly limitations: readonly string[];
  readonly ethical: readonly string[];
  /** Folder, file, BOM, `sha256:…`, or a plain name. */
  readonly datasets: readonly StatedThing[];
  readonly baseModels: readonly StatedThing[];
  readonly prompts: readonly string[];
  readonly plugins: readonly string[];
}

/** Something stated by a reference, with what is stated beside it. */
export interface StatedThing {
  readonly ref?: string;
  readonly name?: string;
  readonly url?: string;
  readonly licence?: string;
  readonly version?: string;
  readonly description?: string;
  readonly owner?: string;
  readonly sensitive?: readonly string[];
}

const TEXTS = [
  'statedBy',
  'name',
  'version',
  'supplier',
  'description',
  'licence',
  'license',
  'task',
  'releaseDate',
  'relation',
  'approach',
];
const LISTS = ['useCases', 'limitations', 'ethical', 'datasets', 'baseModels', 'prompts', 'plugins'];
const THING = ['ref', 'name', 'url', 'licence', 'license', 'version', 'description', 'owner', 'sensitive'];

/**
 * A facts file: YAML 1.2, every key known.
 * @param unnamed who states it, if the file does not say.
 * @throws WeighmarkError `config-invalid`.
 */
export function parseFacts(text: string, subject: string, unnamed: string): Statements {
  const facts = parsed(text, subject);
  if (!isJsonObject(facts)) throw invalid(subject, 'a mapping is expected');
  checkKeys(facts, [...TEXTS, ...LISTS], subject);
  const said = (key: string): string | undefined => textAt(facts, key, subject);
  const relation = said('relation');
  const approach = APPROACHES.find((each) => each === said('approach'));
  if (approach === undefined && said('approach') !== undefined)
    throw invalid(subject, `approach is not one of ${APPROACHES.join(', ')}`);
  const releaseDate = said('releaseDate');
  if (releaseDate !== undefined && dateTime(releaseDate) === undefined)
    throw invalid(subject, 'releaseDate is no RFC 3339 date');
  if (relation !== undefined && !isRelation(relation))
    throw invalid(subject, `relation is not one of ${RELATIONS.join(', ')}`);
  return {
    statedBy: said('statedBy') ?? unnamed,
    ...optionalTexts({
      name: said('name'),
      version: said('version'),
      supplier: said('supplier'),
      description: said('description'),
    }),
    ...optionalTexts({
      licence: said('licence') ?? said('license'),
      task: said('task'),
      releaseDate: dateTime(releaseDate),
    }),
    ...(relation === undefined ? {} : { relation }),
    ...(approach === undefined ? {} : { approach }),
    useCases: textsAt(facts, 'useCases', subject),
    limitations: textsAt(facts, 'limitations', subject),
    ethical: textsAt(facts, 'ethical', subject),
    datasets: thingsAt(facts, 'datasets', subject),
    baseModels: thingsAt(facts, 'baseModels', subject),
    prompts: textsAt(facts, 'prompts', subject),
    plugins: textsAt(facts, 'plugins', subject),
  };
}

/** A mistake in the user's own file is one of configuration. */
function parsed(text: string, subject: string): Json {
  try {
    return parseYaml(text, subject);
  } catch (cause) {
    throw cause instanceof WeighmarkError
      ? new WeighmarkError('config-invalid', cause.message, { subject, cause })
      : cause;
  }
}

export function isRelation(text: string): text is Relation {
  return RELATIONS.some((relation) => relation === text);
}

/** Stated texts as facts. Things by reference are the flow's. */
export function statedTexts(stated: Statements): readonly Fact[] {
  const source: FactSource = { statedBy: stated.statedBy };
  const { name, version, supplier, description, licence, task, releaseDate } = stated;
  return [
    ...(name === undefined ? [] : [fact('name', name, source)]),
    ...(version === undefined ? [] : [fact('version', version, source)]),
    ...(supplier === undefined ? [] : [fact('supplier', supplier, source)]),
    ...(description === undefined ? [] : [fact('description', description, source)]),
    ...(licence === undefined ? [] : [fact('licence', { text: licence }, source)]),
    ...(task === undefined ? [] : [fact('task', task, source)]),
    ...(stated.approach === undefined ? [] : [fact('approach', stated.approach, source)]),
    ...(releaseDate === undefined ? [] : [fact('releaseDate', releaseDate, source)]),
    ...stated.useCases.map((text) => fact('useCase', text, source)),
    ...stated.limitations.map((text) => fact('limitation', text, source)),
    ...stated.ethical.map((text) => fact('ethical', text, source)),
  ];
}

export function statedDataset(found: Dataset, thing: StatedThing, source: FactSource): Fact {
  const { name, url, licence, version, description, owner, sensitive } = thing;
  return fact(
    'dataset',
    {
      ...found,
      ...optionalTexts({ url, licence, version, description, owner }),
      ...(name === undefined ? {} : { name }),
      ...(sensitive === undefined ? {} : { sensitive }),
    },
    source,
  );
}

export function statedBase(found: BaseModel, thing: StatedThing, source: FactSource): Fact {
  const { name, version } = thing;
  return fact(
    'baseModel',
    { ...found, ...optionalTexts({ version }), ...(name === undefined ? {} : { name }) },
    source,
  );
}

function optionalTexts<K extends string>(texts: { readonly [key in K]: string | undefined }): {
  readonly [key in K]?: string;
} {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== undefined)) as { [key in K]?: string };
}

function checkKeys(object: { readonly [key: string]: Json }, known: readonly string[], subject: string): void {
  const unknown = Object.keys(object).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw invalid(subject, `the key ${JSON.stringify(unknown)} is not known; known are ${known.join(', ')}`);
}

function textAt(object: Json, key: string, subject: string): string | undefined {
  const value = field(object, key);
  if (value === undefined || value === null) return undefined;
  const text = words(value);
  if (text === undefined) throw invalid(subject, `${key} is not a text`);
  return text;
}

function textsAt(object: Json, key: string, subject: string): readonly string[] {
  const value = field(object, key);
  if (value === undefined || value === null) return [];
  const texts = (Array.isArray(value) ? items(value) : [value]).map((item) => words(item));
  if (texts.includes(undefined)) throw invalid(subject, `${key} is not a list of texts`);
  return texts.filter((text) => text !== undefined);
}

function thingsAt(object: Json, key: string, subject: string): readonly StatedThing[] {
  return items(field(object, key)).map((item): StatedThing => {
    const ref = words(item);
    if (ref !== undefined) return { ref };
    if (!isJsonObject(item)) throw invalid(subject, `${key} holds something that is neither a reference nor a mapping`);
    checkKeys(item, THING, subject);
    const said = (name: string): string | undefined => textAt(item, name, subject);
    const sensitive = textsAt(item, 'sensitive', subject);
    return {
      ...optionalTexts({
        ref: said('ref'),
        name: said('name'),
        url: said('url'),
        licence: said('licence') ?? said('license'),
      }),
      ...optionalTexts({ version: said('version'), description: said('description'), owner: said('owner') }),
      ...(sensitive.length === 0 ? {} : { sensitive }),
    };
  });
}

function invalid(subject: string, why: string): WeighmarkError {
  return new WeighmarkError('config-invalid', `${subject}: ${why}`, { subject });
}
