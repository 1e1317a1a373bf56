import { isJsonObject, type Json } from '../base/json.ts';
import { isHubId } from './purl.ts';
import { fact, field, folderOf, items, jsonObjectOf, list, maybe, words, type MetadataFile } from './read.ts';
import type { Fact, FactSource } from './types.ts';

/** Facts of `config.json` that describe a model's shape; each becomes a property of the same name. */
const SHAPE = [
  'hidden_size',
  'num_hidden_layers',
  'num_attention_heads',
  'num_key_value_heads',
  'intermediate_size',
  'vocab_size',
  'max_position_embeddings',
  'num_local_experts',
  'num_experts',
  'num_experts_per_tok',
  'sliding_window',
  'image_size',
  'sample_rate',
];

/** Hugging Face `config.json` (transformers, diffusers, timm) and `model_index.json`; TensorRT-LLM's, which holds one. */
export function readConfig(file: MetadataFile): readonly Fact[] {
  const config = jsonObjectOf(file);
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const engine = config['pretrained_config'];
  if (isJsonObject(engine) && 'build_config' in config)
    return [
      ...factsOf(engine, (pointer) => at(`/pretrained_config${pointer}`), file.path),
      ...softwareFact('tensorrt-llm', config['version'], at('/version')),
    ];
  return factsOf(config, at, file.path);
}

function factsOf(config: Config, at: At, path: string): readonly Fact[] {
  return [
    ...list(config['architectures'] ?? config['architecture'] ?? config['_class_name'], pointerOf(config)).map(
      ({ text, pointer }) => fact('architecture', text, at(pointer)),
    ),
    ...maybe('family', words(config['model_type']), at('/model_type')),
    ...originFacts(config, at),
    ...dtypeFacts(config, at),
    ...quantizationFacts(config, at),
    ...autoMapFacts(config, path),
    ...versionFacts(config, at),
    ...SHAPE.flatMap((key) => shapeFact(config, key, at)),
  ];
}

type Config = { readonly [key: string]: Json };
type At = (pointer: string) => FactSource;

function pointerOf(config: Config): string {
  if (config['architectures'] !== undefined) return '/architectures';
  return config['architecture'] === undefined ? '/_class_name' : '/architecture';
}

/** `_name_or_path` says what the configuration was loaded from: often the base model, never the model's own name. */
function originFacts(config: Config, at: At): readonly Fact[] {
  const origin = words(config['_name_or_path']);
  return origin !== undefined && isHubId(origin)
    ? [fact('baseModel', { name: origin, hinted: true }, at('/_name_or_path'))]
    : [];
}

function dtypeFacts(config: Config, at: At): readonly Fact[] {
  const key = config['torch_dtype'] === undefined ? 'dtype' : 'torch_dtype';
  const text = words(config[key]);
  return text === undefined ? [] : [fact('detail', { name: 'declared-dtype', value: text }, at(`/${key}`))];
}

function quantizationFacts(config: Config, at: At): readonly Fact[] {
  const quantization = config['quantization_config'] ?? config['quantization'];
  if (!isJsonObject(quantization)) return [];
  const bits = words(quantization['bits']) ?? words(quantization['w_bit']);
  const type =
    words(quantization['bnb_4bit_quant_type']) ??
    (quantization['load_in_4bit'] === true ? '4 bits' : quantization['load_in_8bit'] === true ? '8 bits' : undefined);
  const format = words(quantization['format']) ?? words(quantization['fmt']);
  const parts = [
    words(quantization['quant_method']) ?? words(quantization['quant_type']) ?? words(quantization['quant_algo']),
    bits === undefined ? undefined : `${bits} bits`,
    type,
    format,
  ];
  const text = parts.filter((part) => part !== undefined).join(' ');
  return maybe(
    'quantization',
    text === '' ? undefined : text,
    at(config['quantization_config'] === undefined ? '/quantization' : '/quantization_config'),
  );
}

/** `auto_map` names Python that `trust_remote_code=True` runs: `module.Class`, or `org/repo--module.Class`. */
function autoMapFacts(config: Config, path: string): readonly Fact[] {
  const map = config['auto_map'];
  if (!isJsonObject(map)) return [];
  return Object.entries(map).flatMap(([key, value]) =>
    list(value, `/auto_map/${key}`).flatMap(({ text, pointer }) => codeFact(text, path, { file: path, pointer })),
  );
}

function codeFact(target: string, path: string, source: FactSource): readonly Fact[] {
  const [repository, reference] = target.includes('--') ? target.split('--', 2) : [undefined, target];
  const module = (reference ?? '').split('.').slice(0, -1).join('/');
  if (repository !== undefined) return [fact('detail', { name: 'remote-code', value: target }, source)];
  return module === ''
    ? []
    : [
        fact(
          'role',
          {
            path: `${folderOf(path)}${module}.py`,
            role: 'remote-code',
            note: `runs with trust_remote_code: ${target}`,
          },
          source,
        ),
      ];
}

function versionFacts(config: Config, at: At): readonly Fact[] {
  const library = [
    ['transformers_version', 'transformers'],
    ['_diffusers_version', 'diffusers'],
  ] as const;
  const single = library.flatMap(([key, name]) => softwareFact(name, config[key], at(`/${key}`)));
  const versions = config['__version__'];
  const named = isJsonObject(versions)
    ? Object.entries(versions).flatMap(([name, value]) =>
        softwareFact(name === 'pytorch' ? 'torch' : name, value, at(`/__version__/${name}`)),
      )
    : [];
  return [...single, ...named];
}

/** The library that wrote the file, as it calls itself: what the model was made with. */
function softwareFact(name: string, version: Json | undefined, source: FactSource): readonly Fact[] {
  const text = words(version, 100);
  return text === undefined
    ? []
    : [fact('software', { name: name.replaceAll('_', '-'), version: text, ecosystem: 'pypi' }, source)];
}

function shapeFact(config: Config, key: string, at: At): readonly Fact[] {
  const text = config[key];
  if (typeof text !== 'number') return [];
  return [fact('detail', { name: key.replaceAll('_', '-'), value: String(text) }, at(`/${key}`))];
}

/** PEFT `adapter_config.json`: a LoRA or another adapter on a base model. */
export function readAdapter(file: MetadataFile): readonly Fact[] {
  const config = jsonObjectOf(file);
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const base = words(config['base_model_name_or_path']);
  const details = ['peft_type', 'r', 'lora_alpha', 'lora_dropout', 'modules_to_save', 'use_dora', 'use_rslora'].flatMap(
    (key) =>
      list(config[key], `/${key}`).map(({ text, pointer }) =>
        fact('detail', { name: `adapter:${key.replaceAll('_', '-')}`, value: text }, at(pointer)),
      ),
  );
  const targets = items(config['target_modules'])
    .map((item) => words(item))
    .filter((item) => item !== undefined);
  return [
    ...(base === undefined
      ? []
      : [
          fact(
            'baseModel',
            { name: base, relation: 'adapter', ...revisionOf(config['revision']) },
            at('/base_model_name_or_path'),
          ),
        ]),
    ...maybe('task', words(config['task_type'])?.toLowerCase().replaceAll('_', '-'), at('/task_type')),
    fact('role', { path: file.path, role: 'adapter' }, at('')),
    ...details,
    ...maybe(
      'detail',
      targets.length === 0 ? undefined : { name: 'adapter:target-modules', value: targets.join(',') },
      at('/target_modules'),
    ),
    ...autoMapFacts(config, file.path),
  ];
}

function revisionOf(revision: Json | undefined): { version?: string } {
  const text = words(revision, 100);
  return text === undefined || text === 'main' ? {} : { version: text };
}

/** `generation_config.json`, `preprocessor_config.json` and other configurations: only what they run or were made with. */
export function readOtherConfig(file: MetadataFile): readonly Fact[] {
  const config = jsonObjectOf(file);
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const length = field(config, 'max_seq_length');
  return [
    ...autoMapFacts(config, file.path),
    ...versionFacts(config, at),
    ...maybe(
      'detail',
      typeof length === 'number' ? { name: 'max-seq-length', value: String(length) } : undefined,
      at('/max_seq_length'),
    ),
  ];
}
