import type { SyntaxNode } from '@lezer/common';
import { WeighmarkError } from '../../base/errors.ts';
import type { Fetched } from '../../metadata/types.ts';
import { isParsed } from './python.ts';
import { namesOf, resolve } from './python-names.ts';
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
  /** Keyword without which, or with a false value, nothing is fetched. */
  readonly ifSet?: readonly string[];
}

const HUB = /^(?:hf-hub:|hf_hub:)?[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/;
/** torch hub's: `org/repo`, `org/repo:branch`. */
const TORCH = /^[\w.-]+\/[\w.-]+(?::[\w./-]+)?$/;
const URL = /^(?:https?|ftp|s3|gs):\/\//;

const CALLS: readonly Call[] = [
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
  { test: /(?:^|\.)load_dataset(?:_builder)?$/, kind: 'dataset', from: ['path', 0], only: HUB },
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

/** Keywords of any call that name code of another repository. */
const CODE_KEYWORDS = ['custom_pipeline', 'custom_generate'];

const MENTIONS =
  /from_pretrained|hub_download|snapshot_download|cached_file|load_dataset|evaluate|hub\.|load_url|from_url|download|urlretrieve|urlopen|requests|httpx|kernel|pipeline|SentenceTransformer|CrossEncoder|SparseEncoder|create_model|whisper|clip|tiktoken|torchvision|custom_generate/;

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
  const reading: Reading = { python, names: namesOf(python), constants: constantsOf(python) };
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
  /** Text that a name stands for, where every assignment to it says the same. */
  readonly constants: ReadonlyMap<string, string>;
}

function fetchesOf(reading: Reading, call: SyntaxNode): readonly Fetched[] {
  const [callee] = childrenOf(call);
  if (callee === undefined) return [];
  const path = resolve(reading.python, callee, reading.names) ?? lastNames(reading.python, callee);
  const code = CODE_KEYWORDS.flatMap((name) => {
    const target = textOf(reading, argument(reading, call, name));
    return target !== null && /^[\w.-]+\/[\w.-]+$/.test(target) ? [{ target, kind: 'code' as const }] : [];
  });
  const rule = CALLS.find(({ test }) => test.test(path));
  if (rule === undefined || !isAsked(reading, call, rule)) return code;
  const target = targetOf(reading, call, { rule, path });
  if (target === null) return code;
  const [repository = target, branch] = rule.only === TORCH ? target.split(':', 2) : [target];
  const said = textOf(reading, argument(reading, call, 'revision') ?? argument(reading, call, 'code_revision'));
  const revision = said ?? branch;
  return [...code, { target: repository, kind: rule.kind, ...(revision === undefined ? {} : { revision }) }];
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

function targetOf(reading: Reading, call: SyntaxNode, { rule, path }: { rule: Call; path: string }): string | null {
  if (isFalse(reading, argument(reading, call, 'local_files_only'), true)) return null;
  if (rule.from.length === 0) return path;
  for (const from of rule.from) {
    const node = typeof from === 'number' ? (argumentsOf(call)[from] ?? null) : argument(reading, call, from);
    const text = textOf(reading, node);
    if (text === null) continue;
    return rule.only === undefined || rule.only.test(text) ? text.replace(/^hf[-_]hub:/, '') : null;
  }
  return null;
}

/** With `pretrained=True` or a text there; without the keyword nothing is fetched. */
function isAsked(reading: Reading, call: SyntaxNode, { ifSet, from }: Call): boolean {
  if (ifSet === undefined) return true;
  const [first] = from;
  const hub = first === undefined ? null : textOf(reading, argumentsOf(call)[0] ?? null);
  if (hub !== null && /^hf[-_]hub:/.test(hub)) return true;
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

/** A constant, or a name that stands for one. */
function textOf({ python, constants }: Reading, node: SyntaxNode | null): string | null {
  if (node === null) return null;
  const text = constantText(python, node);
  if (text !== null) return text;
  const name = sourceOf(python, node);
  return /^(?:(?:self|cls)\.)?\w+$/.test(name) ? (constants.get(name.replace(/^(?:self|cls)\./, '')) ?? null) : null;
}

function constantsOf(python: Python): ReadonlyMap<string, string> {
  const found = new Map<string, string | null>();
  const say = (name: string, text: string | null): void =>
    void found.set(name, found.has(name) && found.get(name) !== text ? null : text);
  python.top.cursor().iterate(({ node }) => {
    if (node.name !== 'AssignStatement' && node.name !== 'ParamList') return;
    const children = childrenOf(node);
    for (const [at, child] of children.entries()) {
      const value = children.slice(at + 1).find(({ name }) => name !== 'TypeDef');
      if (value?.name !== 'AssignOp') continue;
      const name = child.name === 'MemberExpression' ? child.lastChild : child;
      if (name === null || !/^(?:VariableName|PropertyName)$/.test(name.name)) continue;
      say(nameOf(python, name), constantText(python, value.nextSibling));
    }
  });
  return new Map([...found].flatMap(([name, text]) => (text === null ? [] : [[name, text] as const])));
}

function isMainGuard(python: Python, node: SyntaxNode): boolean {
  return /^if\s*\(?\s*__name__\s*==\s*["']__main__["']/.test(sourceOf(python, node));
}
