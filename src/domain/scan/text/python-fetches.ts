import type { SyntaxNode } from '@lezer/common';
import { WeighmarkError } from '../../base/errors.ts';
import type { Fetched } from '../../metadata/types.ts';
import { isParsed } from './python.ts';
import { namesOf, resolve } from './python-names.ts';
import { possibleTexts, textsOf, type Texts } from './python-texts.ts';
import { argumentsOf, childrenOf, constantText, nameOf, parsePython, sourceOf, type Python } from './python-tree.ts';

export interface PythonFetch extends Fetched {
  /** From 1. */
  readonly line: number;
}

/** A call that fetches: by its last name or its whole one, and where it says what. */
interface Call {
  readonly test: RegExp;
  readonly kind: Fetched['kind'];
  /** Names of the argument, in order of preference; `0`, `1`: by position. */
  readonly from: readonly (string | number)[];
  /** The argument without which it fetches nothing. */
  readonly only?: RegExp;
  /** Arguments that name nothing to fetch. */
  readonly not?: RegExp;
  /** Keyword without which, or with a false value, nothing is fetched. */
  readonly ifSet?: readonly string[];
}

const HUB = /^(?:hf-hub:|hf_hub:)?[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/;
/** torch hub's: `org/repo`, `org/repo:branch`. */
const TORCH = /^[\w.-]+\/[\w.-]+(?::[\w./-]+)?$/;
const URL = /^(?:https?|ftp|s3|gs|hf):\/\//;
const REPOSITORY = /^[\w.-]+\/[\w.-]+$/;
/** Of `datasets`: readers of what `data_files` names. */
const READERS =
  /^(?:arrow|audiofolder|csv|generator|imagefolder|json|pandas|parquet|pdffolder|spark|sql|text|videofolder|webdataset|xml)$/;

const CALLS: readonly Call[] = [
  { test: /(?:^|\.)Peft\w*Model\w*\.from_pretrained$/, kind: 'model', from: ['model_id', 1], only: HUB },
  {
    test: /Tokenizer\w*\.from_pretrained$|\.Tokenizer\.from_file$/,
    kind: 'tokenizer',
    from: ['pretrained_model_name_or_path', 0],
    only: HUB,
  },
  {
    test: /\.from_pretrained$/,
    kind: 'model',
    from: ['pretrained_model_name_or_path', 'model_id', 'pretrained_model_name', 'repo_id', 0],
    only: HUB,
  },
  {
    test: /(?:^|\.)(?:hf_hub_download|snapshot_download|cached_file|hf_hub_url|try_to_load_from_cache)$/,
    kind: 'file',
    from: ['repo_id', 'path_or_repo_id', 0],
    only: HUB,
  },
  { test: /(?:^|\.)load_dataset(?:_builder)?$/, kind: 'dataset', from: ['path', 0], only: HUB, not: READERS },
  {
    test: /\.(?:load_adapter|load_lora_weights|load_textual_inversion|load_ip_adapter)$/,
    kind: 'model',
    from: ['pretrained_model_name_or_path_or_dict', 'pretrained_model_name_or_path', 'peft_model_id', 'model_id', 0],
    only: REPOSITORY,
  },
  { test: /^vllm\.(?:\w+\.)*LLM$/, kind: 'model', from: ['model', 0], only: HUB },
  { test: /^faster_whisper\.(?:\w+\.)*WhisperModel$/, kind: 'model', from: ['model_size_or_path', 0], only: HUB },
  { test: /\.from_preset$/, kind: 'model', from: ['preset', 0], only: /^(?:hf|kaggle|modelscope):\/\// },
  { test: /^tensorflow_hub\.(?:load|KerasLayer|resolve)$/, kind: 'model', from: ['handle', 0], only: URL },
  { test: /^(?:tensorflow\.)?keras\.applications\.(?:\w+\.)*[A-Z]\w+$/, kind: 'model', from: [], ifSet: ['weights'] },
  {
    test: /^pandas\.read_\w+$|^polars\.(?:read|scan)_\w+$|^fsspec\.open$/,
    kind: 'file',
    from: ['filepath_or_buffer', 'path', 'urlpath', 0],
    only: URL,
  },
  { test: /^evaluate\.load$/, kind: 'code', from: ['path', 0], only: HUB },
  { test: /^torch\.hub\.load$|^hub\.load$/, kind: 'code', from: ['repo_or_dir', 0], only: TORCH },
  {
    test: /(?:^|\.)load_state_dict_from_url$|^torch\.hub\.download_url_to_file$|model_zoo\.load_url$/,
    kind: 'file',
    from: ['url', 0],
    only: URL,
  },
  {
    test: /^(?:urllib\.request\.(?:urlretrieve|urlopen)|requests\.get|httpx\.get|wget\.download|gdown\.download)$/,
    kind: 'file',
    from: ['url', 0],
    only: URL,
  },
  { test: /(?:^|\.)(?:get_kernel|load_kernel)$/, kind: 'kernel', from: ['repo_id', 0], only: HUB },
  { test: /^transformers\.(?:pipelines\.)?pipeline$/, kind: 'model', from: ['model', 1], only: HUB },
  {
    test: /^sentence_transformers\.(?:\w+\.)*(?:SentenceTransformer|CrossEncoder|SparseEncoder)$/,
    kind: 'model',
    from: ['model_name_or_path', 'model_name', 0],
    only: HUB,
  },
  { test: /^timm\.(?:models\.)?create_model$/, kind: 'model', from: ['model_name', 0], ifSet: ['pretrained'] },
  {
    test: /^(?:whisper\.load_model|clip\.load|nltk\.download|tiktoken\.get_encoding|spacy\.cli\.download)$/,
    kind: 'model',
    from: ['name', 0],
  },
  { test: /^open_clip\.create_model\w*$/, kind: 'model', from: ['model_name', 0], ifSet: ['pretrained'] },
  {
    test: /^torchvision\.models\.(?:\w+\.)*\w+$/,
    kind: 'model',
    from: [],
    ifSet: ['weights', 'pretrained', 'weights_backbone'],
  },
];

/** Keywords of any call that name what is fetched. */
const KEYWORDS = [
  { name: 'custom_pipeline', kind: 'code', only: REPOSITORY },
  { name: 'custom_generate', kind: 'code', only: REPOSITORY },
  { name: 'assistant_model', kind: 'model', only: REPOSITORY },
  { name: 'data_files', kind: 'file', only: URL },
] as const;

const COMMANDS = /^(?:subprocess\.\w+|os\.(?:system|popen|exec\w+|spawn\w+))$/;
const COMMAND_LINE =
  /(?:\b(?:huggingface-cli|hf) download|(?:^| )(?:--hf-repo|-hf|-hfr)) ([A-Za-z0-9][\w.-]*\/[\w.-]+)/;

const MENTIONS =
  /from_pretrained|hub_download|snapshot_download|cached_file|load_dataset|evaluate|hub\.|load_url|from_url|download|urlretrieve|urlopen|requests|httpx|kernel|pipeline|SentenceTransformer|CrossEncoder|SparseEncoder|create_model|whisper|clip|tiktoken|torchvision|custom_generate|from_preset|load_adapter|load_lora|load_textual|load_ip|vllm|WhisperModel|applications|KerasLayer|read_|scan_|fsspec|--hf-repo|-hf|assistant_model/;

/**
 * What a Python source fetches where it says so in constants; what it takes from its caller is the caller's to name. What runs
 * only as a script (`if __name__ == '__main__'`) no loader runs.
 * @throws WeighmarkError `limit-exceeded` for a source too long or too deep to be parsed.
 */
export function pythonFetches(text: string): readonly PythonFetch[] {
  if (!MENTIONS.test(text)) return [];
  if (!isParsed(text))
    throw new WeighmarkError('limit-exceeded', 'Python source too long or too deeply nested to be parsed');
  const python = parsePython(text);
  const reading: Reading = { python, names: namesOf(python), texts: textsOf(python) };
  const found: { readonly at: number; readonly fetched: Fetched }[] = [];
  python.top.cursor().iterate(({ node }) => {
    if (node.name === 'IfStatement' && isMainGuard(python, node)) return false;
    if (node.name !== 'CallExpression') return true;
    for (const fetched of fetchesOf(reading, node)) found.push({ at: node.from, fetched });
    return found.length < MOST;
  });
  return withLines(text, found);
}

const MOST = 1000;

/** The places rise: the text is gone through once. */
function withLines(
  text: string,
  found: readonly { readonly at: number; readonly fetched: Fetched }[],
): readonly PythonFetch[] {
  let [line, from] = [1, 0];
  return found.map(({ at, fetched }) => {
    for (let end = text.indexOf('\n', from); end >= 0 && end < at; end = text.indexOf('\n', from)) {
      line += 1;
      from = end + 1;
    }
    return { ...fetched, line };
  });
}

interface Reading {
  readonly python: Python;
  readonly names: ReturnType<typeof namesOf>;
  readonly texts: Texts;
}

function fetchesOf(reading: Reading, call: SyntaxNode): readonly Fetched[] {
  const [callee] = childrenOf(call);
  if (callee === undefined) return [];
  const path = resolve(reading.python, callee, reading.names) ?? lastNames(reading.python, callee);
  const beside = KEYWORDS.flatMap(({ name, kind, only }) => {
    const named = possibleTexts(reading.texts, argument(reading, call, name));
    return named.filter((text) => only.test(text)).map((target) => ({ target, kind }));
  });
  if (COMMANDS.test(path)) return [...beside, ...commandFetches(reading, call)];
  const rule = CALLS.find(({ test }) => test.test(path));
  if (rule === undefined || !isAsked(reading, call, rule)) return beside;
  const [said] = possibleTexts(
    reading.texts,
    argument(reading, call, 'revision') ?? argument(reading, call, 'code_revision'),
  );
  const fetched = targetsOf(reading, call, { rule, path }).map((target) => {
    const [repository = target, branch] = rule.only === TORCH ? target.split(':', 2) : [target];
    const revision = said ?? branch;
    return { target: repository, kind: rule.kind, ...(revision === undefined ? {} : { revision }) };
  });
  return [...beside, ...fetched];
}

/** A program that is started with words that name a repository, as a list or a line. */
function commandFetches({ python }: Reading, call: SyntaxNode): readonly Fetched[] {
  const words: string[] = [];
  call
    .getChild('ArgList')
    ?.cursor()
    .iterate(({ node }) => {
      if (node.name === 'String') words.push(constantText(python, node) ?? '');
      return node.name !== 'String';
    });
  const [, target] = COMMAND_LINE.exec(words.join(' ')) ?? [];
  return target === undefined ? [] : [{ target, kind: 'file' }];
}

/** The end of a name that is not known as a whole: `model.tokenizer.from_pretrained` → `.tokenizer.from_pretrained`. */
function lastNames(python: Python, callee: SyntaxNode): string {
  if (callee.name === 'VariableName') return nameOf(python, callee);
  const [base] = childrenOf(callee);
  const own = callee.lastChild?.name === 'PropertyName' ? nameOf(python, callee.lastChild) : '';
  const before = base?.name === 'MemberExpression' ? base.lastChild : (base ?? null);
  const word = before !== null && /^(?:VariableName|PropertyName)$/.test(before.name) ? nameOf(python, before) : '';
  return `${word}.${own}`;
}

function targetsOf(
  reading: Reading,
  call: SyntaxNode,
  { rule, path }: { rule: Call; path: string },
): readonly string[] {
  if (isFalse(reading, argument(reading, call, 'local_files_only'), true)) return [];
  if (rule.from.length === 0) return [path];
  for (const from of rule.from) {
    const node = typeof from === 'number' ? (argumentsOf(call)[from] ?? null) : argument(reading, call, from);
    const found = possibleTexts(reading.texts, node);
    if (found.length === 0) continue;
    const meant = found.filter((text) => rule.only === undefined || rule.only.test(text));
    return meant.filter((text) => rule.not?.test(text) !== true).map((text) => text.replace(/^hf[-_]hub:/, ''));
  }
  return [];
}

/** With `pretrained=True` or a text there; without the keyword nothing is fetched. */
function isAsked(reading: Reading, call: SyntaxNode, { ifSet, from }: Call): boolean {
  if (ifSet === undefined) return true;
  const [first] = from;
  const hub = first === undefined ? [] : possibleTexts(reading.texts, argumentsOf(call)[0] ?? null);
  if (hub.some((text) => /^hf[-_]hub:/.test(text))) return true;
  return ifSet.some((name) => {
    const value = argument(reading, call, name);
    return value !== null && !isFalse(reading, value, false);
  });
}

/** `truth`: is it true, in so many words; else: is it `False`, `None` or `0`. */
function isFalse({ python }: Reading, node: SyntaxNode | null, truth: boolean): boolean {
  const text = node === null ? '' : sourceOf(python, node);
  return truth ? text === 'True' : /^(?:False|None|0)$/.test(text);
}

/** The value of a keyword argument. */
function argument({ python }: Reading, call: SyntaxNode, name: string): SyntaxNode | null {
  const list = call.getChild('ArgList');
  const children = list === null ? [] : childrenOf(list);
  const at = children.findIndex(
    (child, index) =>
      child.name === 'VariableName' && children[index + 1]?.name === 'AssignOp' && sourceOf(python, child) === name,
  );
  return at < 0 ? null : (children[at + 2] ?? null);
}

function isMainGuard(python: Python, node: SyntaxNode): boolean {
  return /^if\s*\(?\s*__name__\s*==\s*["']__main__["']/.test(sourceOf(python, node));
}
