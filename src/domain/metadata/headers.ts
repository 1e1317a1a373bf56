import { Buffer } from 'node:buffer';
import type { FormatReport, MetadataItem, MetadataValue } from '../formats/types.ts';
import { sha256Hex } from '../digest/hex.ts';
import { isHubId } from '../bom/purl.ts';
import { fact, maybe } from './read.ts';
import type { Fact, FactSource } from './types.ts';

/** What weight files say of themselves in their headers: GGUF keys, ONNX and safetensors metadata. */
export function readHeader(report: FormatReport): readonly Fact[] {
  if (report.format === 'gguf') return ggufFacts(report);
  if (report.format === 'onnx') return onnxFacts(report);
  if (report.format === 'lfs-pointer') return lfsFacts(report);
  return [];
}

/** llama.cpp `llama_ftype` by number; `general.quantization_version` is something else. */
const FILE_TYPES = new Map<number, string>([
  [0, 'F32'], [1, 'F16'], [2, 'Q4_0'], [3, 'Q4_1'], [7, 'Q8_0'], [8, 'Q5_0'], [9, 'Q5_1'], [10, 'Q2_K'], [11, 'Q3_K_S'], [12, 'Q3_K_M'],
  [13, 'Q3_K_L'], [14, 'Q4_K_S'], [15, 'Q4_K_M'], [16, 'Q5_K_S'], [17, 'Q5_K_M'], [18, 'Q6_K'], [19, 'IQ2_XXS'], [20, 'IQ2_XS'], [21, 'Q2_K_S'],
  [22, 'IQ3_XS'], [23, 'IQ3_XXS'], [24, 'IQ1_S'], [25, 'IQ4_NL'], [26, 'IQ3_S'], [27, 'IQ3_M'], [28, 'IQ2_S'], [29, 'IQ2_M'], [30, 'IQ4_XS'],
  [31, 'IQ1_M'], [32, 'BF16'], [36, 'TQ1_0'], [37, 'TQ2_0'], [38, 'MXFP4_MOE'],
]);

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
    ...say('general.license', (text, source) => fact('licence', { text, ...linkOf(find('general.license.link')) }, source)),
    ...say('general.url', (text, source) => fact('reference', { type: 'website', url: text }, source)),
    ...say('general.repo_url', (text, source) => fact('reference', { type: 'vcs', url: text }, source)),
    ...ggufQuantization(find, at),
    ...ggufBases(report, find, at),
    ...ggufShape(architecture, find, at),
    ...ggufTemplates(report),
  ];
}

function linkOf(item: MetadataItem | undefined): { url?: string } {
  const url = textOf(item);
  return url === undefined ? {} : { url };
}

function ggufQuantization(find: Find, at: (key: string) => FactSource): readonly Fact[] {
  const type = numberOf(find('general.file_type')?.value);
  const name = type === undefined ? undefined : FILE_TYPES.get(type);
  return maybe('quantization', name, at('general.file_type'));
}

const BASES = 64;

/** `general.base_model.N.name`, `.organization`, `.repo_url`; `general.dataset.N.name`. */
function ggufBases(report: FormatReport, find: Find, at: (key: string) => FactSource): readonly Fact[] {
  const count = (what: string): number => Math.min(numberOf(find(`general.${what}.count`)?.value) ?? 0, BASES);
  const quantized = report.tensors !== undefined && Object.keys(report.tensors.elementsByDtype).some((dtype) => /^(?:I?Q\d|TQ|MXFP)/.test(dtype));
  const bases = Array.from({ length: count('base_model') }, (_, index) => `general.base_model.${index}`).flatMap((key) => {
    const name = hubName(find, key);
    return name === undefined ? [] : [fact('baseModel', { name, ...(quantized ? { relation: 'quantized' as const } : {}) }, at(`${key}.name`))];
  });
  const datasets = Array.from({ length: count('dataset') }, (_, index) => `general.dataset.${index}`).flatMap((key) => {
    const name = hubName(find, key);
    const url = textOf(find(`${key}.repo_url`)) ?? textOf(find(`${key}.url`));
    return name === undefined ? [] : [fact('dataset', { name, ...(url === undefined ? {} : { url }) }, at(`${key}.name`))];
  });
  return [...bases, ...datasets];
}

function hubName(find: Find, key: string): string | undefined {
  const path = /^https:\/\/huggingface\.co\/(?:datasets\/)?([^?#]+)$/.exec(textOf(find(`${key}.repo_url`)) ?? '')?.[1];
  if (path !== undefined && isHubId(path)) return path;
  return textOf(find(`${key}.name`));
}

const SHAPE = ['context_length', 'embedding_length', 'block_count', 'feed_forward_length', 'attention.head_count', 'expert_count', 'vocab_size'];

function ggufShape(architecture: string | undefined, find: Find, at: (key: string) => FactSource): readonly Fact[] {
  const quantizer = textOf(find('quantize.imatrix.file'));
  const shape = architecture === undefined ? [] : SHAPE.flatMap((name) => {
    const value = numberOf(find(`${architecture}.${name}`)?.value);
    return value === undefined ? [] : [fact('detail', { name: name.replaceAll(/[_.]/g, '-'), value: String(value) }, at(`${architecture}.${name}`))];
  });
  const size = textOf(find('general.size_label'));
  return [
    ...shape,
    ...maybe('detail', size === undefined ? undefined : { name: 'size-label', value: size }, at('general.size_label')),
    ...maybe('detail', quantizer === undefined ? undefined : { name: 'importance-matrix', value: quantizer }, at('quantize.imatrix.file')),
  ];
}

function ggufTemplates(report: FormatReport): readonly Fact[] {
  return report.metadata.flatMap((item) => {
    if (!/^tokenizer\.chat_template(?:\.|$)/.test(item.key) || typeof item.value !== 'string' || item.length !== undefined) return [];
    const bytes = Buffer.from(item.value, 'utf8');
    const part = { kind: 'chat-template' as const, name: item.key, digests: { sha256: sha256Hex(bytes) }, sizeBytes: bytes.byteLength, path: report.path };
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
    ...say('producer_name', (text) => fact('detail', { name: 'producer', value: [text, textOf(named.get('producer_version'))].filter((part) => part !== undefined).join(' ') }, at('producer_name'))),
  ];
}

function lfsFacts(report: FormatReport): readonly Fact[] {
  return [fact('role', { path: report.path, role: 'lfs-pointer', note: 'the content is not here: `git lfs pull` fetches it' }, { file: report.path })];
}

function textOf(item: MetadataItem | undefined): string | undefined {
  const text = typeof item?.value === 'string' ? item.value.trim() : '';
  return text === '' ? undefined : text.slice(0, 4096).toWellFormed();
}

function numberOf(value: MetadataValue | undefined): number | undefined {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}
