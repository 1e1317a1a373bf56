import { parseStrictJson, isJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { readHdf5 } from './hdf5.ts';
import { collect } from './inflate.ts';
import { attempt, note } from './problem.ts';
import { withoutPlaces } from './tensors.ts';
import type { Findings, MetadataItem, NamedSource, Operator, Problem, TensorTable } from './types.ts';
import { memberSource, openMember } from './zip-member.ts';
import type { ZipArchive } from './zip.ts';
import type { ZipEntry } from './zip-entry.ts';

const LAYERS = 100_000;

/**
 * A Keras v3 file: `metadata.json`, `config.json` and the weights as HDF5, in a zip.
 * @see https://keras.io/api/models/model_saving_apis/model_saving_and_loading
 */
export async function readKerasZip({ path, source }: NamedSource, archive: ZipArchive): Promise<Findings> {
  const problems: Problem[] = [...archive.problems];
  const metadata: MetadataItem[] = [];
  const find = (name: string): ZipEntry | undefined => archive.entries.find((entry) => entry.name === name);
  const read = async (name: string): Promise<Json | undefined> => {
    const entry = find(name);
    let value: Json | undefined;
    if (entry !== undefined)
      await attempt(problems, async () => {
        const bytes = await collect(
          openMember(source, entry, { maxBytes: LIMITS.documentBytes }),
          LIMITS.documentBytes,
        );
        value = parseStrictJson(bytes, { refuseCaseDuplicates: false, refuseUnsafeIntegers: false, subject: name });
      });
    return value;
  };
  const facts = await read('metadata.json');
  noteTexts(metadata, facts, 'metadata.json', (key) => key !== '');
  const config = await read('config.json');
  noteTexts(metadata, config, 'config.json', (key) => ['module', 'class_name', 'registered_name'].includes(key));
  const { parameters, ...weights } = await readWeights({ path, source }, find('model.weights.h5'), problems);
  const quantization = quantizationOf(config);
  const version = metadata.find(({ key }) => key === 'keras_version')?.value;
  return {
    format: 'keras-v3',
    metadata,
    problems,
    operators: layersOf(config),
    ...weights,
    ...(quantization === null ? (parameters === undefined ? {} : { parameters }) : { quantization }),
    ...(typeof version === 'string' ? { version } : {}),
  };
}

const NODES = 1_000_000;

/**
 * The mode of the first quantised dtype policy in a configuration. Then nobody can tell from the arrays how many
 * parameters there are: int4 lies in pairs, and beside the values lie scales, zero points and histories.
 */
function quantizationOf(config: Json | undefined): NonNullable<Findings['quantization']> | null {
  const waiting: Json[] = config === undefined ? [] : [config];
  for (let value = waiting.pop(), seen = 0; value !== undefined && seen < NODES; value = waiting.pop(), seen++) {
    if (Array.isArray(value)) for (const item of value as readonly Json[]) waiting.push(item);
    if (!isJsonObject(value)) continue;
    const inner = value['config'];
    const policy = typeof value['class_name'] === 'string' && value['class_name'].endsWith('DTypePolicy');
    const mode = policy && isJsonObject(inner) && 'source_name' in inner ? inner['mode'] : undefined;
    if (typeof mode === 'string') return { name: mode.slice(0, 100), place: 'zip:config.json#/config/dtype' };
    for (const item of Object.values(value)) waiting.push(item);
  }
  return null;
}

function noteTexts(
  metadata: MetadataItem[],
  value: Json | undefined,
  file: string,
  wanted: (key: string) => boolean,
): void {
  const texts = isJsonObject(value) ? Object.entries(value).slice(0, 1000) : [];
  for (const [key, text] of texts)
    if (typeof text === 'string' && wanted(key)) metadata.push({ key, value: text, place: `zip:${file}#/${key}` });
}

type Weights = Pick<Findings, 'tensors' | 'parameters' | 'references'>;

async function readWeights(
  { path, source }: NamedSource,
  entry: ZipEntry | undefined,
  problems: Problem[],
): Promise<Weights> {
  if (entry === undefined) return {};
  let found: Weights = {};
  await attempt(problems, async () => {
    const {
      tensors,
      parameters,
      references,
      problems: inner = [],
    } = await readHdf5({ path: `${path}/${entry.name}`, source: memberSource(source, entry) });
    note(
      problems,
      ...inner.map((problem) => ({
        ...problem,
        subject: `${entry.name}${problem.subject === undefined ? '' : `!${problem.subject}`}`,
      })),
    );
    const located = tensors === undefined ? {} : { tensors: placedIn(tensors, entry) };
    found = {
      ...located,
      ...(parameters === undefined ? {} : { parameters }),
      ...(references === undefined ? {} : { references }),
    };
  });
  return found;
}

/** Places in the whole file where the weights lie uncompressed, as Keras keeps them. */
function placedIn(table: TensorTable, entry: ZipEntry): TensorTable {
  if (entry.method !== 0) return withoutPlaces(table, entry.name);
  const items = table.items.map((tensor) => ({
    ...tensor,
    ...(tensor.offset === undefined ? {} : { offset: entry.dataStart + tensor.offset }),
    location: entry.name,
  }));
  return { ...table, items };
}

/** Layer classes in a Keras configuration, by how often each is used; code of its own (Lambda, other modules) is custom. */
export function layersOf(config: Json | undefined): Operator[] {
  const counts = new Map<string, { count: number; custom: boolean }>();
  const waiting: Json[] = config === undefined ? [] : [config];
  for (let value = waiting.pop(), seen = 0; value !== undefined && seen < LAYERS; value = waiting.pop(), seen++) {
    if (Array.isArray(value)) for (const item of value as readonly Json[]) waiting.push(item);
    else if (isJsonObject(value)) {
      const name = value['class_name'];
      if (
        typeof name === 'string' &&
        isJsonObject(value['config']) &&
        ('name' in value['config'] || 'layers' in value['config'])
      )
        count(counts, name, value);
      for (const item of Object.values(value)) waiting.push(item);
    }
  }
  return [...counts].map(([name, use]) => ({ name, ...use }));
}

function count(
  counts: Map<string, { count: number; custom: boolean }>,
  name: string,
  layer: { readonly [key: string]: Json },
): void {
  const module = layer['module'];
  const custom =
    name === 'Lambda' || (typeof module === 'string' && module !== 'keras' && !module.startsWith('keras.'));
  const known = counts.get(name);
  if (known === undefined) counts.set(name, { count: 1, custom });
  else counts.set(name, { count: known.count + 1, custom: known.custom || custom });
}
