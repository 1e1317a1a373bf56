import { Buffer } from 'node:buffer';
import type { FormatId, FormatReport, MetadataItem, MetadataValue } from '../formats/types.ts';
import { sha256Hex } from '../digest/hex.ts';
import { isHubId } from './purl.ts';
import { fact, maybe } from './read.ts';
import type { Fact, FactSource } from './types.ts';

/** What weight files say of themselves in their headers: GGUF keys, safetensors, ONNX and Keras metadata. */
export function readHeader(report: FormatReport): readonly Fact[] {
  const { quantization, path } = report;
  const stated =
    quantization === undefined
      ? []
      : [fact('quantization', quantization.name, { file: path, pointer: quantization.place })];
  return [...(READERS[report.format]?.(report) ?? []), ...stated];
}

const READERS: Partial<Record<FormatId, (report: FormatReport) => readonly Fact[]>> = {
  gguf: ggufFacts,
  onnx: onnxFacts,
  safetensors: safetensorsFacts,
  hdf5: kerasFacts,
  'keras-v3': kerasFacts,
  coreml: coreMlFacts,
  openvino: openVinoFacts,
  xgboost: (report) => boostedFacts(report, 'xgboost'),
  lightgbm: (report) => boostedFacts(report, 'lightgbm'),
  catboost: (report) => boostedFacts(report, 'catboost'),
  skops: skopsFacts,
  'lfs-pointer': lfsFacts,
};

type Find = (key: string) => MetadataItem | undefined;

function ggufFacts(report: FormatReport): readonly Fact[] {
  const items = new Map(report.metadata.toReversed().map((item) => [item.key, item]));
  const find: Find = (key) => items.get(key);
  const architecture = textOf(find('general.architecture'));
  const at = (key: string): FactSource => ({ file: report.path, pointer: find(key)?.place ?? `gguf:${key}` });
  const say = <T>(key: string, make: (text: string, source: FactSource) => T): readonly T[] => {
    const text = textOf(find(key));
    return text === undefined ? [] : [make(text, at(key))];
  };
  return [
    ...say('general.architecture', (text, source) => fact('family', text, source)),
    ...say('general.name', (text, source) => fact('name', text, source)),
    ...say('general.version', (text, source) => fact('version', text, source)),
    ...say('general.author', (text, source) => fact('author', { name: text }, source)),
    ...say('general.organization', (text, source) => fact('supplier', text, source)),
    ...say('general.description', (text, source) => fact('description', text, source)),
    ...say('general.license', (text, source) =>
      fact('licence', { text, ...linkOf(find('general.license.link')) }, source),
    ),
    ...say('general.url', (text, source) => fact('reference', { type: 'website', url: text }, source)),
    ...say('general.repo_url', (text, source) => fact('reference', { type: 'vcs', url: text }, source)),
    ...ggufBases(report, find, at),
    ...ggufShape(architecture, find, at),
    ...ggufTemplates(report),
  ];
}

function linkOf(item: MetadataItem | undefined): { url?: string } {
  const url = textOf(item);
  return url === undefined ? {} : { url };
}

const BASES = 64;

/** `general.base_model.N.name`, `.organization`, `.repo_url`; `general.dataset.N.name`. */
function ggufBases(report: FormatReport, find: Find, at: (key: string) => FactSource): readonly Fact[] {
  const count = (what: string): number => Math.min(numberOf(find(`general.${what}.count`)?.value) ?? 0, BASES);
  const quantized =
    report.tensors !== undefined &&
    Object.keys(report.tensors.elementsByDtype).some((dtype) => /^(?:I?Q\d|TQ|MXFP)/.test(dtype));
  const bases = Array.from({ length: count('base_model') }, (_, index) => `general.base_model.${index}`).flatMap(
    (key) => {
      const name = hubName(find, key);
      return name === undefined
        ? []
        : [fact('baseModel', { name, ...(quantized ? { relation: 'quantized' as const } : {}) }, at(`${key}.name`))];
    },
  );
  const datasets = Array.from({ length: count('dataset') }, (_, index) => `general.dataset.${index}`).flatMap((key) => {
    const name = hubName(find, key);
    const url = textOf(find(`${key}.repo_url`)) ?? textOf(find(`${key}.url`));
    return name === undefined
      ? []
      : [fact('dataset', { name, ...(url === undefined ? {} : { url }) }, at(`${key}.name`))];
  });
  return [...bases, ...datasets];
}

function hubName(find: Find, key: string): string | undefined {
  const path = /^https:\/\/huggingface\.co\/(?:datasets\/)?([^?#]+)$/.exec(textOf(find(`${key}.repo_url`)) ?? '')?.[1];
  if (path !== undefined && isHubId(path)) return path;
  return textOf(find(`${key}.name`));
}

const SHAPE = [
  'context_length',
  'embedding_length',
  'block_count',
  'feed_forward_length',
  'attention.head_count',
  'expert_count',
  'vocab_size',
];

function ggufShape(architecture: string | undefined, find: Find, at: (key: string) => FactSource): readonly Fact[] {
  const quantizer = textOf(find('quantize.imatrix.file'));
  const shape =
    architecture === undefined
      ? []
      : SHAPE.flatMap((name) => {
          const value = numberOf(find(`${architecture}.${name}`)?.value);
          return value === undefined
            ? []
            : [
                fact(
                  'detail',
                  { name: name.replaceAll(/[_.]/g, '-'), value: String(value) },
                  at(`${architecture}.${name}`),
                ),
              ];
        });
  const size = textOf(find('general.size_label'));
  return [
    ...shape,
    ...maybe('detail', size === undefined ? undefined : { name: 'size-label', value: size }, at('general.size_label')),
    ...maybe(
      'detail',
      quantizer === undefined ? undefined : { name: 'importance-matrix', value: quantizer },
      at('quantize.imatrix.file'),
    ),
  ];
}

function ggufTemplates(report: FormatReport): readonly Fact[] {
  return report.metadata.flatMap((item) => {
    if (
      !/^tokenizer\.chat_template(?:\.|$)/.test(item.key) ||
      typeof item.value !== 'string' ||
      item.length !== undefined
    )
      return [];
    const bytes = Buffer.from(item.value, 'utf8');
    const part = {
      kind: 'chat-template' as const,
      name: item.key,
      digests: { sha256: sha256Hex(bytes) },
      sizeBytes: bytes.byteLength,
      path: report.path,
    };
    return [fact('part', part, { file: report.path, pointer: item.place })];
  });
}

function onnxFacts(report: FormatReport): readonly Fact[] {
  const named = new Map(report.metadata.map((item) => [item.key.toLowerCase(), item]));
  const say = (key: string, make: (text: string) => Fact | null): readonly Fact[] => {
    const text = textOf(named.get(key));
    const made = text === undefined ? null : make(text);
    return made === null ? [] : [made];
  };
  const at = (key: string): FactSource => ({ file: report.path, pointer: named.get(key)?.place ?? key });
  return [
    ...say('license', (text) => fact('licence', { text }, at('license'))),
    ...say('author', (text) => fact('author', { name: text }, at('author'))),
    ...say('description', (text) => (text.length > 10 ? fact('description', text, at('description')) : null)),
    ...say('producer_name', (text) =>
      fact(
        'detail',
        {
          name: 'producer',
          value: [text, textOf(named.get('producer_version'))].filter((part) => part !== undefined).join(' '),
        },
        at('producer_name'),
      ),
    ),
  ];
}

/** `__metadata__`: the `modelspec.*` keys of image models, and what LoRA trainers note of their base. */
function safetensorsFacts(report: FormatReport): readonly Fact[] {
  const named = new Map(report.metadata.map((item) => [item.key.toLowerCase(), item]));
  const say = (key: string, make: (text: string, source: FactSource) => Fact): readonly Fact[] => {
    const item = named.get(key);
    const text = textOf(item);
    return item === undefined || text === undefined ? [] : [make(text, { file: report.path, pointer: item.place })];
  };
  return [
    ...say('modelspec.title', (text, source) => fact('name', text, source)),
    ...say('modelspec.architecture', (text, source) => fact('architecture', text, source)),
    ...say('modelspec.author', (text, source) => fact('author', { name: text }, source)),
    ...say('modelspec.description', (text, source) => fact('description', text, source)),
    ...say('modelspec.license', (text, source) => fact('licence', { text }, source)),
    ...say('ss_sd_model_name', (text, source) => fact('baseModel', { name: text, hinted: true }, source)),
  ];
}

/** Keras attributes: the version and backend that wrote the file, and what its model is called. */
function kerasFacts(report: FormatReport): readonly Fact[] {
  const named = new Map(report.metadata.toReversed().map((item) => [item.key, item]));
  const [version, config] = [named.get('keras_version'), named.get('model_config')];
  const at = (item: MetadataItem | undefined): FactSource => ({ file: report.path, pointer: item?.place ?? 'header' });
  const written = textOf(version);
  return [
    ...(written === undefined
      ? []
      : [
          fact('library', 'keras', at(version)),
          fact('software', { name: 'keras', version: written, ecosystem: 'pypi' }, at(version)),
        ]),
    ...maybe('detail', kerasModel(config), at(config)),
  ];
}

function kerasModel(item: MetadataItem | undefined): { name: string; value: string } | undefined {
  if (typeof item?.value !== 'string' || item.length !== undefined) return undefined;
  const [, kind] = /^\s*\{\s*"class_name":\s*"([\w.]{1,100})"/.exec(item.value) ?? [];
  const [, name] = /"name":\s*"([\w./-]{1,200})"/.exec(item.value.slice(0, 4096)) ?? [];
  return kind === undefined ? undefined : { name: 'keras-model', value: name === undefined ? kind : `${kind} ${name}` };
}

/** A Core ML specification's own metadata. */
function coreMlFacts(report: FormatReport): readonly Fact[] {
  const say = sayer(report);
  return [
    ...say('license', (text, source) => fact('licence', { text }, source)),
    ...say('author', (text, source) => fact('author', { name: text }, source)),
    ...say('version', (text, source) => fact('version', text, source)),
    ...say('description', (text, source) => fact('description', text, source)),
  ];
}

function openVinoFacts(report: FormatReport): readonly Fact[] {
  return sayer(report)('OpenVINO Runtime', (text, source) =>
    fact('software', { name: 'openvino', requirement: text, ecosystem: 'pypi' }, source),
  );
}

/** What boosted trees say of themselves: which library, what they were trained for, how many there are. */
function boostedFacts(report: FormatReport, library: string): readonly Fact[] {
  const say = sayer(report);
  return [
    fact('library', library, { file: report.path }),
    ...['objective', 'booster', 'num_trees', 'num_feature', 'num_class'].flatMap((key) =>
      say(key, (value, source) => fact('detail', { name: key.replaceAll('_', '-'), value }, source)),
    ),
  ];
}

function skopsFacts(report: FormatReport): readonly Fact[] {
  const say = sayer(report);
  return [
    ...say('__class__', (text, source) => fact('architecture', text, source)),
    ...say('__module__', (text, source) => fact('library', text.split('.', 1)[0] ?? text, source)),
    ...say('_skops_version', (version, source) =>
      fact('software', { name: 'skops', version, ecosystem: 'pypi' }, source),
    ),
  ];
}

/** Facts of a header's items by key, numbers as text. */
function sayer(
  report: FormatReport,
): (key: string, make: (text: string, source: FactSource) => Fact) => readonly Fact[] {
  const items = new Map(report.metadata.toReversed().map((item) => [item.key, item]));
  return (key, make) => {
    const item = items.get(key);
    const text = typeof item?.value === 'number' ? String(item.value) : textOf(item);
    return item === undefined || text === undefined ? [] : [make(text, { file: report.path, pointer: item.place })];
  };
}

function lfsFacts(report: FormatReport): readonly Fact[] {
  return [
    fact(
      'role',
      { path: report.path, role: 'lfs-pointer', note: 'the content is not here: `git lfs pull` fetches it' },
      { file: report.path },
    ),
  ];
}

function textOf(item: MetadataItem | undefined): string | undefined {
  const text = typeof item?.value === 'string' ? item.value.trim() : '';
  return text === '' ? undefined : text.slice(0, 4096).toWellFormed();
}

function numberOf(value: MetadataValue | undefined): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
