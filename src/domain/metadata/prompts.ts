import { Buffer } from 'node:buffer';
import { sha256Hex } from '../digest/hex.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { fact, field, folderOf, items, jsonObjectOf, maybe, textOf, words, type MetadataFile } from './read.ts';
import type { Fact, FactSource, Part } from './types.ts';

/** `tokenizer_config.json`: its chat template is a program (Jinja), so it is digested on its own. */
export function readTokenizerConfig(file: MetadataFile): readonly Fact[] {
  const config = jsonObjectOf(file);
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const template = config['chat_template'];
  const named = items(template).flatMap((item, index) => namedTemplate(item, at(`/chat_template/${index}/template`)));
  const one =
    typeof template === 'string'
      ? [textPart({ kind: 'chat-template', name: 'chat_template' }, template, at('/chat_template'))]
      : [];
  const length = config['model_max_length'];
  return [
    ...maybe('detail', tokenizerClass(config), at('/tokenizer_class')),
    ...maybe(
      'detail',
      typeof length === 'number' && length < 1e9 ? { name: 'tokenizer-max-length', value: String(length) } : undefined,
      at('/model_max_length'),
    ),
    ...autoTokenizer(config, file.path),
    ...one,
    ...named,
  ];
}

function tokenizerClass(config: { readonly [key: string]: Json }): { name: string; value: string } | undefined {
  const text = words(config['tokenizer_class'], 200);
  return text === undefined ? undefined : { name: 'tokenizer-class', value: text };
}

function namedTemplate(item: Json, source: FactSource): readonly Fact[] {
  const [name, template] = [words(field(item, 'name'), 200), field(item, 'template')];
  return name === undefined || typeof template !== 'string'
    ? []
    : [textPart({ kind: 'chat-template', name: `chat_template/${name}` }, template, source)];
}

function autoTokenizer(config: { readonly [key: string]: Json }, path: string): readonly Fact[] {
  const map = config['auto_map'];
  if (!isJsonObject(map)) return [];
  const target =
    items(map['AutoTokenizer'])
      .map((item) => words(item))
      .find((item) => item !== undefined) ?? words(map['AutoTokenizer']);
  const module = target?.split('--').at(-1)?.split('.').slice(0, -1).join('/');
  if (target === undefined || module === undefined || module === '') return [];
  return [
    fact(
      'role',
      { path: `${folderOf(path)}${module}.py`, role: 'remote-code', note: `runs with trust_remote_code: ${target}` },
      { file: path, pointer: '/auto_map/AutoTokenizer' },
    ),
  ];
}

/** Text that acts on its own, by SHA-256 over its UTF-8 bytes. */
function textPart({ kind, name }: Pick<Part, 'kind' | 'name'>, text: string, source: FactSource): Fact {
  const bytes = Buffer.from(text, 'utf8');
  const path = source.file === undefined ? {} : { path: source.file };
  return fact(
    'part',
    { kind, name, digests: { sha256: sha256Hex(bytes) }, sizeBytes: bytes.byteLength, ...path },
    source,
  );
}

/** A file that is a template or a prompt as a whole: its file component carries the digests. */
export function readTemplateFile(file: MetadataFile): readonly Fact[] {
  textOf(file);
  return [fact('role', { path: file.path, role: 'chat-template' }, { file: file.path })];
}

export function readPromptFile(file: MetadataFile): readonly Fact[] {
  return [fact('role', { path: file.path, role: 'system-prompt' }, { file: file.path })];
}

const PROMPT_KEYS = ['system_prompt', 'system', 'default_system_prompt', 'prompts'];

/** `chat_template.json`, `config_sentence_transformers.json` and the like: templates and prompts inside. */
export function readPromptConfig(file: MetadataFile): readonly Fact[] {
  const config = jsonObjectOf(file);
  const at = (pointer: string): FactSource => ({ file: file.path, pointer });
  const template = config['chat_template'];
  const templates =
    typeof template === 'string'
      ? [textPart({ kind: 'chat-template', name: 'chat_template' }, template, at('/chat_template'))]
      : [];
  const prompts = PROMPT_KEYS.flatMap((key) => promptsIn(config[key], key, (pointer) => at(`/${key}${pointer}`)));
  return [...templates, ...prompts];
}

function promptsIn(value: Json | undefined, name: string, at: (pointer: string) => FactSource): readonly Fact[] {
  if (typeof value === 'string' && value !== '')
    return [textPart({ kind: name === 'prompts' ? 'prompt' : 'system-prompt', name }, value, at(''))];
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, text]) =>
    typeof text === 'string' && text !== ''
      ? [textPart({ kind: 'prompt', name: `${name}/${key}` }, text, at(`/${key}`))]
      : [],
  );
}
