import { isJsonObject, parseStrictJson, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { readAll, type Source } from '../base/source.ts';
import { isUnsafePath } from './archive-path.ts';
import { chunksOf } from './inflate.ts';
import { baseName, kindOf } from './names.ts';
import { attempt, beyond, note } from './problem.ts';
import { readJsonLines } from './table.ts';
import { elementsOf, startTally } from './tensors.ts';
import type { Column, Findings, MetadataItem, NamedSource, Problem, ReadOptions, Reference } from './types.ts';

const OPTIONS = { refuseCaseDuplicates: false, refuseUnsafeIntegers: false } as const;

type Object = { readonly [key: string]: Json };

/**
 * A JSON file by its top level: shard index, weights manifest, spaCy meta, notebook, table of records, else just JSON.
 * Duplicate keys and other breaches of strict JSON are `malformed`.
 */
export async function readJsonFile(file: NamedSource, options: ReadOptions): Promise<Findings> {
  const { path, source } = file;
  if (/^(tokenizer|vocab)\.json$/.test(baseName(path))) return { format: 'json' };
  if (source.size > LIMITS.documentBytes) return readLargeJson(source);
  const problems: Problem[] = [];
  let value: Json | undefined;
  await attempt(problems, async () => {
    value = parseStrictJson(await readAll(source), OPTIONS);
  });
  if (value !== undefined) return { problems, ...(await byContent(path, value, problems)) };
  return (await isJsonLines(source)) ? readJsonLines(file, options) : { format: 'json', problems };
}

/** Objects on lines of their own under a `.json` name, as many datasets have them. */
async function isJsonLines(source: Source): Promise<boolean> {
  const head = Buffer.from(await source.read(0, 1 << 20)).toString('utf8');
  const [first = '', second = ''] = head.split('\n', 2);
  try {
    return isJsonObject(JSON.parse(first)) && second.trimStart().startsWith('{');
  } catch {
    return false;
  }
}

/** Too large to hold: the elements of a top-level array are counted by streaming; an object stays unexamined. */
async function readLargeJson(source: Source): Promise<Findings> {
  const [first] = Buffer.from(await source.read(0, 4096))
    .toString('utf8')
    .replace(/^\ufeff/, '')
    .trimStart();
  if (first !== '[')
    return {
      format: 'json',
      problems: [{ code: 'limit', message: `JSON of ${source.size} bytes; ${LIMITS.documentBytes} are read` }],
    };
  let [depth, commas, content, quoted, escaped] = [0, 0, false, false, false];
  for await (const chunk of chunksOf(source)) {
    for (const byte of chunk) {
      if (quoted) [escaped, quoted] = [!escaped && byte === 0x5c, escaped || byte !== 0x22];
      else if (byte === 0x22) [quoted, content] = [true, true];
      else if (byte === 0x5b || byte === 0x7b) [depth, content] = [depth + 1, content || depth > 0];
      else if (byte === 0x5d || byte === 0x7d) depth -= 1;
      else if (byte === 0x2c && depth === 1) commas += 1;
      else if (byte > 0x20) content = true;
    }
  }
  if (depth !== 0 || quoted)
    return { format: 'json', problems: [{ code: 'malformed', message: 'the JSON array is not closed' }] };
  return { format: 'json', kind: 'dataset', rows: content ? commas + 1 : 0 };
}

async function byContent(path: string, value: Json, problems: Problem[]): Promise<Findings> {
  if (Array.isArray(value))
    return isManifest(value as readonly Json[])
      ? manifest(value as readonly Json[], problems)
      : records(path, value as readonly Json[]);
  if (!isJsonObject(value)) return { format: 'json' };
  if (isJsonObject(value['weight_map'])) return shardIndex(value, problems);
  if (['learner', 'base_code', 'zarr_format', 'tree_metadata'].some((key) => key in value)) {
    const found = (await import('./json-models.ts')).modelInJson(value, path, problems);
    if (found !== null) return found;
  }
  if (isJsonObject(value['pretrained_config']) && 'build_config' in value) return engines(value['pretrained_config']);
  if (typeof value['spacy_version'] === 'string' && 'lang' in value && 'pipeline' in value) return spacy(value);
  if (typeof value['nbformat'] === 'number' && Array.isArray(value['cells']))
    return { format: 'notebook', version: String(value['nbformat']) };
  if (Array.isArray(value['weightsManifest'])) return manifest(value['weightsManifest'] as readonly Json[], problems);
  const geo = value['type'] === 'FeatureCollection' || value['type'] === 'Topology';
  return geo ? { format: 'json', kind: 'dataset' } : { format: 'json' };
}

const MOST_RANKS = 1024;

/** `config.json` of a TensorRT-LLM engine: one file for each rank lies beside it. @see tensorrt_llm/builder.py `Engine.save` */
function engines(config: Object): Findings {
  const mapping = config['mapping'];
  const ranks = isJsonObject(mapping) ? mapping['world_size'] : undefined;
  if (typeof ranks !== 'number' || !Number.isInteger(ranks) || ranks < 1 || ranks > MOST_RANKS)
    return { format: 'json' };
  const references = Array.from({ length: ranks }, (_, rank): Reference => ({
    kind: 'shard',
    target: `rank${rank}.engine`,
  }));
  return { format: 'json', references };
}

/** An array of objects is a table: rows, and the keys of the first. A list of plain texts is a vocabulary or labels. Named tokenizer and configuration files are not. */
function records(path: string, value: readonly Json[]): Findings {
  const [first] = value;
  const table =
    value.length > 0 &&
    (value as readonly unknown[]).every(
      (item) => isJsonObject(item) || Array.isArray(item) || typeof item !== 'object',
    ) &&
    !value.every((item) => typeof item === 'string');
  if (!table || kindOf('json', path) !== 'config' || baseName(path).endsWith('modules.json')) return { format: 'json' };
  const columns = isJsonObject(first)
    ? {
        columns: Object.keys(first)
          .slice(0, 10_000)
          .map((name): Column => ({ name })),
      }
    : {};
  return { format: 'json', kind: 'dataset', rows: value.length, ...columns };
}

/** `model.safetensors.index.json`: which shard holds which tensor. In Keras' `.weights.json` one layer may lie in several. */
function shardIndex(value: Object, problems: Problem[]): Findings {
  const shards = new Map<string, string[]>();
  let keras = false;
  for (const [tensor, place] of Object.entries(value['weight_map'] as Object)) {
    keras ||= Array.isArray(place);
    for (const file of Array.isArray(place) ? (place as readonly Json[]).slice(0, LIMITS.archiveMembers) : [place]) {
      if (typeof file !== 'string')
        note(problems, { code: 'bad-value', message: 'its shard is no text', subject: tensor });
      else if (shards.get(file)?.push(tensor) === undefined) shards.set(file, [tensor]);
    }
    if (shards.size > LIMITS.tensorsListed) throw beyond(`more than ${LIMITS.tensorsListed} shards`);
  }
  const references = [...shards].map(([target, tensors]): Reference => ({
    kind: 'shard',
    target,
    ...(keras ? {} : { tensors }),
  }));
  for (const target of shards.keys())
    if (isUnsafePath(target))
      note(problems, { code: 'unsafe-path', message: 'a shard outside the folder', subject: target });
  const facts = isJsonObject(value['metadata']) ? Object.entries(value['metadata']).slice(0, 1000) : [];
  const metadata = facts.flatMap(([key, fact]): MetadataItem[] =>
    typeof fact === 'object' ? [] : [{ key, value: fact, place: `json:/metadata/${key}` }],
  );
  metadata.push({
    key: 'tensors',
    value: Object.keys(value['weight_map'] as Object).length,
    place: 'json:/weight_map',
  });
  return { format: keras ? 'keras-index' : 'safetensors-index', metadata, references };
}

function spacy(value: Object): Findings {
  const keys = [
    'name',
    'lang',
    'version',
    'description',
    'author',
    'license',
    'url',
    'spacy_version',
    'parent_package',
  ];
  const metadata = keys.flatMap((key): MetadataItem[] =>
    typeof value[key] === 'string' ? [{ key, value: value[key], place: `json:/${key}` }] : [],
  );
  const pipeline = value['pipeline'];
  const names = Array.isArray(pipeline) ? (pipeline as readonly Json[]).filter((name) => typeof name === 'string') : [];
  const version = typeof value['version'] === 'string' ? { version: value['version'] } : {};
  return {
    format: 'spacy',
    ...version,
    metadata: [...metadata, { key: 'pipeline', value: names, place: 'json:/pipeline' }],
  };
}

/** TensorFlow.js and face-api weights: groups of `{weights: [{name, shape, dtype}], paths: [file]}`. */
function isManifest(value: readonly Json[]): boolean {
  return (
    value.length > 0 &&
    value.every((group) => isJsonObject(group) && Array.isArray(group['weights']) && Array.isArray(group['paths']))
  );
}

const TFJS_DTYPES: Readonly<Record<string, string>> = {
  float32: 'F32',
  float16: 'F16',
  int32: 'I32',
  bool: 'BOOL',
  uint8: 'U8',
  uint16: 'U16',
  complex64: 'C64',
  string: 'STRING',
};

function manifest(groups: readonly Json[], problems: Problem[]): Findings {
  const tally = startTally();
  const references: Reference[] = [];
  for (const group of groups.filter((item) => isJsonObject(item))) {
    const paths = Array.isArray(group['paths'])
      ? (group['paths'] as readonly Json[]).filter((path) => typeof path === 'string')
      : [];
    for (const target of paths) {
      references.push({ kind: 'weights', target });
      if (isUnsafePath(target))
        note(problems, { code: 'unsafe-path', message: 'weights outside the folder', subject: target });
    }
    const weights = Array.isArray(group['weights']) ? (group['weights'] as readonly Json[]) : [];
    for (const weight of weights) if (isJsonObject(weight)) addWeight(weight, tally.add, paths);
  }
  return { format: 'weights-manifest', references, ...tally.finish() };
}

/** A quantised weight is stored as integers of `quantization.dtype` and is a parameter all the same. */
function addWeight(weight: Object, add: ReturnType<typeof startTally>['add'], paths: readonly string[]): void {
  const { name, shape, dtype, quantization } = weight;
  if (
    typeof name !== 'string' ||
    !Array.isArray(shape) ||
    !(shape as readonly Json[]).every((size) => typeof size === 'number')
  )
    return;
  const sizes = shape as readonly number[];
  const stored =
    isJsonObject(quantization) && typeof quantization['dtype'] === 'string' ? quantization['dtype'] : undefined;
  const written = stored ?? (typeof dtype === 'string' ? dtype : 'unknown');
  const plain = TFJS_DTYPES[written] ?? written;
  const [location] = paths;
  const place = location !== undefined && paths.length === 1 ? { location } : {};
  add({
    name,
    dtype: stored !== undefined && /^[IU]/.test(plain) ? `Q${plain}` : plain,
    shape: Number.isNaN(elementsOf(sizes)) ? [-1] : sizes,
    ...place,
  });
}
