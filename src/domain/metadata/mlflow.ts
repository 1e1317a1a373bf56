import { isJsonObject, type Json } from '../base/json.ts';
import { fact, maybe, textOf, words, type MetadataFile } from './read.ts';
import { parseYaml } from './yaml.ts';
import type { Fact, FactSource } from './types.ts';

/** The packages behind MLflow's flavours, where their names differ. */
const PACKAGES: Readonly<Record<string, string>> = {
  sklearn: 'scikit-learn',
  pytorch: 'torch',
  sentence_transformers: 'sentence-transformers',
};
const IDS = ['run_id', 'model_id', 'model_uuid', 'mlflow_version', 'artifact_path'] as const;

/** `MLmodel`: flavours, signature and identities of a model MLflow saved. @see https://mlflow.org/docs/latest/ml/model/ */
export function readMlModel(file: MetadataFile): readonly Fact[] {
  const value = parseYaml(textOf(file), file.path);
  if (!isJsonObject(value)) return [];
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const flavours = isJsonObject(value['flavors']) ? Object.entries(value['flavors']) : [];
  const signature = isJsonObject(value['signature']) ? value['signature'] : {};
  return [
    fact('library', 'mlflow', at('/flavors')),
    ...flavours.flatMap(([name, about]) => flavourFacts(name, about, at)),
    ...IDS.flatMap((key) => detail(`mlflow:${key.replaceAll('_', '-')}`, words(value[key]), at(`/${key}`))),
    ...maybe('releaseDate', dateOf(words(value['utc_time_created'])), at('/utc_time_created')),
    ...['inputs', 'outputs', 'params'].flatMap((key) =>
      detail(`mlflow:signature-${key}`, words(signature[key]), at(`/signature/${key}`)),
    ),
  ];
}

/** `models/NAME/version-N/meta.yaml` of a registry of files: the folder of the model, or null if it is not on this machine. */
export function readMlflowVersion(file: MetadataFile): string | null {
  const value = parseYaml(textOf(file), file.path);
  if (!isJsonObject(value)) return null;
  const said = words(value['storage_location']) ?? words(value['source']) ?? '';
  const path = /^file:(?:\/\/(?:localhost)?)?(\/[^/].*)$/.exec(said)?.[1];
  if (path === undefined) return said.startsWith('/') ? said : null;
  try {
    return decodeURIComponent(path);
  } catch {
    return null;
  }
}

function flavourFacts(name: string, about: Json, at: (pointer: string) => FactSource): readonly Fact[] {
  const version = isJsonObject(about) ? words(about[`${name}_version`], 100) : undefined;
  const library = PACKAGES[name] ?? name.replaceAll('_', '-');
  return [
    ...detail('mlflow:flavour', name, at(`/flavors/${name}`)),
    ...(version === undefined
      ? []
      : [fact('software', { name: library, version, ecosystem: 'pypi' }, at(`/flavors/${name}/${name}_version`))]),
  ];
}

function detail(name: string, value: string | undefined, source: FactSource): readonly Fact[] {
  return maybe('detail', value === undefined ? undefined : { name, value }, source);
}

/** `2026-11-02 10:14:00.123456` in UTC as RFC 3339; anything else is left out. */
function dateOf(text: string | undefined): string | undefined {
  const [, day, time] = /^(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})/.exec(text ?? '') ?? [];
  return day === undefined || time === undefined ? undefined : `${day}T${time}Z`;
}
