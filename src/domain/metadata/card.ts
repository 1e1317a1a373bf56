import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { readCardText } from './card-text.ts';
import { fact, field, items, list, maybe, textOf, words, type MetadataFile } from './read.ts';
import { parseYaml } from './yaml.ts';
import { TASK_PORTS } from './tasks.ts';
import {
  APPROACHES,
  RELATIONS,
  type Approach,
  type Dataset,
  type Emissions,
  type Fact,
  type FactSource,
  type FieldName,
  type Metric,
} from './types.ts';

/** Named as a card, it is one even without front matter; a README need not be. */
const MODEL_CARD = /(?:^|\/)model_?card[^/]*$/i;

/** Front matter of a Hugging Face model or dataset card: keys of huggingface.co/docs/hub/model-cards and datasets-cards. */
export function readCard(file: MetadataFile): readonly Fact[] {
  const text = textOf(file);
  const matter = frontMatter(text);
  const card = matter === null ? null : parseYaml(matter, file.path);
  if (matter === null || card === null)
    return [
      ...ownIdFacts(text, file.path),
      ...(MODEL_CARD.test(file.path) ? readCardText(text.replaceAll('\r\n', '\n'), file.path) : []),
    ];
  if (!isJsonObject(card))
    throw new WeighmarkError('format-invalid', `${file.path}: the front matter is not a mapping`, {
      subject: file.path,
    });
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const role = fact('role', { path: file.path, role: 'model-card' }, at('front matter'));
  const reader = isDatasetCard(card) ? datasetFacts : modelFacts;
  return [
    role,
    ...reader(card, at),
    ...sharedFacts(card, at),
    ...titleFacts(text, matter, file.path),
    ...ownIdFacts(text, file.path),
    ...readCardText(bodyOf(text, matter), file.path),
  ];
}

const FENCE = /^(?:\ufeff)?---[ \t]*\r?\n/;

/** The YAML between the first line `---` and the next; null where a file has none. */
export function frontMatter(text: string): string | null {
  const open = FENCE.exec(text);
  if (open === null) return null;
  const rest = text.slice(open[0].length);
  const close = /^---[ \t]*$/m.exec(rest.replaceAll('\r\n', '\n'));
  return close === null ? null : rest.replaceAll('\r\n', '\n').slice(0, close.index);
}

const DATASET_KEYS = [
  'dataset_info',
  'task_categories',
  'size_categories',
  'task_ids',
  'annotations_creators',
  'configs',
  'source_datasets',
];

function isDatasetCard(card: { readonly [key: string]: Json }): boolean {
  const model = ['pipeline_tag', 'base_model', 'library_name', 'model-index', 'datasets'].some((key) =>
    Object.hasOwn(card, key),
  );
  return !model && DATASET_KEYS.some((key) => Object.hasOwn(card, key));
}

type At = (pointer: string) => FactSource;

function sharedFacts(card: Json, at: At): readonly Fact[] {
  return [
    ...licenceFacts(card, at),
    ...strings(card, 'language', 'language', at),
    ...list(field(card, 'tags'), '/tags').map(({ text }) => fact('tag', text, at('/tags'))),
    ...maybe(
      'name',
      words(field(card, 'model_name')) ?? words(field(card, 'pretty_name')),
      at(field(card, 'model_name') === undefined ? '/pretty_name' : '/model_name'),
    ),
    ...maybe('version', words(field(card, 'version')), at('/version')),
  ];
}

type TextField = Extract<FieldName, 'language' | 'task' | 'library'>;

function strings(card: Json, key: string, name: TextField, at: At): readonly Fact[] {
  return list(field(card, key), `/${key}`).map(({ text, pointer }) => fact(name, text, at(pointer)));
}

/** `license: other` is explained by `license_name` and `license_link`. */
function licenceFacts(card: Json, at: At): readonly Fact[] {
  const url = words(field(card, 'license_link'));
  const name = words(field(card, 'license_name'));
  const declared = list(field(card, 'license'), '/license').filter(
    ({ text }) => !(name !== undefined && text.toLowerCase() === 'other'),
  );
  const named = name === undefined || declared.length > 0 ? [] : [{ text: name, pointer: '/license_name' }];
  return [...declared, ...named].map(({ text, pointer }) =>
    fact('licence', { text, ...(url === undefined ? {} : { url }) }, at(pointer)),
  );
}

function modelFacts(card: Json, at: At): readonly Fact[] {
  return [
    ...strings(card, 'pipeline_tag', 'task', at),
    ...portFacts(words(field(card, 'pipeline_tag')), at('/pipeline_tag')),
    ...strings(card, 'library_name', 'library', at),
    ...baseFacts(card, at),
    ...list(field(card, 'datasets'), '/datasets').map(({ text, pointer }) =>
      fact('dataset', { name: text, hub: true }, at(pointer)),
    ),
    ...items(field(card, 'model-index')).flatMap((model, index) => indexFacts(model, `/model-index/${index}`, at)),
    ...emissionFacts(card, at),
    ...approachFacts(card, at),
  ];
}

/** Tags of the hub and of training libraries that name one way of learning, nothing less exact. */
const APPROACH_OF: ReadonlyMap<string, Approach> = new Map([
  ...APPROACHES.flatMap(
    (approach) =>
      [
        [approach, approach],
        [`${approach}-learning`, approach],
      ] as const,
  ),
  ['deep-reinforcement-learning', 'reinforcement-learning'],
  ['rlhf', 'reinforcement-learning'],
  ['ppo', 'reinforcement-learning'],
  ['grpo', 'reinforcement-learning'],
  ['rloo', 'reinforcement-learning'],
  ['sft', 'supervised'],
]);

/** One approach that the task or the tags name; where they name several, none is the model's. */
function approachFacts(card: Json, at: At): readonly Fact[] {
  const named = [...list(field(card, 'pipeline_tag'), '/pipeline_tag'), ...list(field(card, 'tags'), '/tags')].flatMap(
    ({ text, pointer }) => {
      const approach = APPROACH_OF.get(text.toLowerCase().replaceAll('_', '-'));
      return approach === undefined ? [] : [fact('approach', approach, at(pointer))];
    },
  );
  return new Set(named.map(({ value }) => value)).size === 1 ? named.slice(0, 1) : [];
}

function portFacts(task: string | undefined, source: FactSource): readonly Fact[] {
  const ports = TASK_PORTS.get(task ?? '');
  return ports === undefined
    ? []
    : [...ports[0].map((text) => fact('input', text, source)), ...ports[1].map((text) => fact('output', text, source))];
}

function baseFacts(card: Json, at: At): readonly Fact[] {
  const stated = words(field(card, 'base_model_relation'));
  const relation = RELATIONS.find((name) => name === stated);
  return list(field(card, 'base_model'), '/base_model').map(({ text, pointer }) =>
    fact('baseModel', { name: text, ...(relation === undefined ? {} : { relation }) }, at(pointer)),
  );
}

function indexFacts(model: Json, pointer: string, at: At): readonly Fact[] {
  const results = items(field(model, 'results')).flatMap((result, index) =>
    resultFacts(result, `${pointer}/results/${index}`, at),
  );
  return [...maybe('name', words(field(model, 'name')), at(`${pointer}/name`)), ...results];
}

function resultFacts(result: Json, pointer: string, at: At): readonly Fact[] {
  const dataset = field(result, 'dataset');
  const slice = [
    words(field(dataset, 'name')),
    words(field(dataset, 'config')),
    words(field(dataset, 'split')),
    words(field(field(result, 'task'), 'name')),
  ];
  return items(field(result, 'metrics')).flatMap((metric, index) =>
    metricFact(metric, slice, at(`${pointer}/metrics/${index}`)),
  );
}

function metricFact(metric: Json, slice: readonly (string | undefined)[], source: FactSource): readonly Fact[] {
  const type = words(field(metric, 'name')) ?? words(field(metric, 'type'));
  const raw = field(metric, 'value');
  const value = words(raw) ?? (raw === undefined || raw === null ? undefined : JSON.stringify(raw).slice(0, 1000));
  if (type === undefined || value === undefined) return [];
  const on = [...new Set(slice.filter((part) => part !== undefined))].join(', ');
  const made: Metric = on === '' ? { type, value } : { type, value, slice: on };
  return [fact('metric', made, source)];
}

const ACTIVITIES = new Map([
  ['pre-training', 'training'],
  ['pretraining', 'training'],
  ['training', 'training'],
  ['fine-tuning', 'fine-tuning'],
  ['finetuning', 'fine-tuning'],
]);

/** `co2_eq_emissions`: grams as a number, or a mapping with `emissions` and where, how, on what. */
function emissionFacts(card: Json, at: At): readonly Fact[] {
  const stated = field(card, 'co2_eq_emissions');
  if (stated === undefined || stated === null) return [];
  const grams = numberOf(isJsonObject(stated) ? stated['emissions'] : stated);
  const energy = numberOf(field(stated, 'energy_consumed') ?? field(stated, 'energy'));
  const keys = ['source', 'training_type', 'geographical_location', 'hardware_used'];
  const notes = Object.fromEntries(
    keys.flatMap((key) =>
      words(field(stated, key)) === undefined ? [] : [[key.replaceAll('_', '-'), words(field(stated, key)) ?? '']],
    ),
  );
  const activity = ACTIVITIES.get(words(field(stated, 'training_type'))?.toLowerCase() ?? '');
  const value: Emissions = {
    notes,
    ...(grams === undefined ? {} : { co2Grams: grams }),
    ...(energy === undefined ? {} : { energyKwh: energy }),
    ...(activity === undefined ? {} : { activity }),
  };
  return grams === undefined && energy === undefined && Object.keys(notes).length === 0
    ? []
    : [fact('emissions', value, at('/co2_eq_emissions'))];
}

function numberOf(value: Json | undefined): number | undefined {
  const number = typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value.trim()) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : undefined;
}

function datasetFacts(card: Json, at: At): readonly Fact[] {
  const info = field(card, 'dataset_info');
  const splits = (Array.isArray(info) ? info : [info]).flatMap((entry: Json | undefined) =>
    items(field(entry, 'splits')),
  );
  const records = splits.reduce((sum: number, split) => sum + (numberOf(field(split, 'num_examples')) ?? 0), 0);
  const name = words(field(card, 'pretty_name')) ?? words(field(info, 'dataset_name'));
  const dataset: Dataset | undefined = name === undefined ? undefined : { name, ...(records > 0 ? { records } : {}) };
  const details = ['size_categories', 'annotations_creators', 'source_datasets', 'task_ids'].flatMap((key) =>
    list(field(card, key), `/${key}`).map(({ text, pointer }) =>
      fact('detail', { name: key.replaceAll('_', '-'), value: text }, at(pointer)),
    ),
  );
  return [
    ...maybe('dataset', dataset, at('/pretty_name')),
    ...strings(card, 'task_categories', 'task', at),
    ...details,
  ];
}

/** What follows the front matter, with its two fences. */
function bodyOf(text: string, matter: string): string {
  return text.replaceAll('\r\n', '\n').slice(matter.length + 8);
}

/** The first heading below the front matter is what the card's author calls it. */
function titleFacts(text: string, matter: string, path: string): readonly Fact[] {
  const body = bodyOf(text, matter).slice(0, 20_000);
  const heading = /^#[ \t]+([^\n]{1,300})$/m.exec(body.replace(/^```[^]*?^```/gm, ''))?.[1];
  const plain = heading
    ?.replace(/!?\[([^\]]{0,200})\]\([^)]{0,500}\)/g, '$1')
    .replace(/<[^>]{0,200}>|[*`]{1,3}|#+$/g, '')
    .trim();
  if (plain === undefined || !isName(plain)) return [];
  return [fact('name', plain, { file: path, pointer: 'first heading' })];
}

/** What the examples load, if they all load the same. */
function ownIdFacts(text: string, path: string): readonly Fact[] {
  const ids = new Set(
    [
      ...text.matchAll(
        /\b(?:from_pretrained|SentenceTransformer|pipeline)\([^)"']{0,100}["']([\w.-]{1,96}\/[\w.-]{1,96})["']/g,
      ),
    ].map((match) => match[1] ?? ''),
  );
  const [id] = ids;
  return id === undefined || ids.size > 1 ? [] : [fact('ownId', id, { file: path, pointer: 'examples' })];
}

/** A heading like "Model Card for X" or "Introduction" names a section, not the artifact. */
function isName(heading: string): boolean {
  return (
    /^[\w.+/-]{2,96}$/.test(heading) &&
    /[\d/_-]/.test(heading) &&
    !/^(?:introduction|overview|readme|usage)$/i.test(heading)
  );
}
