/** File endings by what ModelPack calls them. Frozen: a change here changes ids (DESIGN 4.1). */
const CONFIG = [
  'json',
  'yaml',
  'yml',
  'toml',
  'ini',
  'cfg',
  'conf',
  'jinja',
  'jinja2',
  'model',
  'vocab',
  'merges',
  'spm',
  'tiktoken',
];
const DOC = ['md', 'txt', 'rst', 'html', 'htm', 'pdf', 'png', 'jpg', 'jpeg', 'gif', 'svg', 'webp', 'bib', 'cff'];
const CODE = [
  'py',
  'pyi',
  'ipynb',
  'js',
  'mjs',
  'cjs',
  'ts',
  'sh',
  'bash',
  'c',
  'cc',
  'cpp',
  'h',
  'hpp',
  'cu',
  'rs',
  'go',
  'java',
  'lua',
  'r',
  'jl',
  'sql',
];
const DATASET = [
  'csv',
  'tsv',
  'jsonl',
  'ndjson',
  'parquet',
  'arrow',
  'feather',
  'tfrecord',
  'wav',
  'flac',
  'mp3',
  'ogg',
  'xml',
  'sqlite',
  'db',
  'avro',
  'orc',
];

const KINDS = new Map<string, string>([
  ...CONFIG.map((ending) => [ending, 'weight.config'] as const),
  ...DOC.map((ending) => [ending, 'doc'] as const),
  ...CODE.map((ending) => [ending, 'code'] as const),
  ...DATASET.map((ending) => [ending, 'dataset'] as const),
]);

const DOCUMENTS =
  /^(?:readme|licen[cs]e|notice|copying|changelog|authors|citation|security|contributing|use_policy|usage_policy|model_card)(?:[.-]|$)/i;

/** ModelPack layer media type of a path: by this table alone, never by content. */
export function mediaTypeOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const ending = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : '';
  const kind = DOCUMENTS.test(name) ? 'doc' : (KINDS.get(ending) ?? 'weight');
  return `application/vnd.cncf.model.${kind}.v1.raw`;
}
