import type { FormatId } from '../../formats/types.ts';

const TEXT_FORMATS: ReadonlySet<FormatId> = new Set([
  'csv',
  'tsv',
  'jsonl',
  'json',
  'yaml',
  'markdown',
  'html',
  'xml',
  'text',
  'notebook',
  'python',
  'script',
  'jinja',
  'safetensors-index',
  'weights-manifest',
  'spacy',
  'openvino',
  'lightgbm',
]);

export function isTextFormat(format: FormatId): boolean {
  return TEXT_FORMATS.has(format);
}
