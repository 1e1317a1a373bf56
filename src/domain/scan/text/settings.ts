import { parseAllDocuments, visit, type Document } from 'yaml';
import { leaveOut, report, type Spot } from '../session.ts';
import { judgeConfig, judgeTarget } from './configs.ts';
import { isConvention, judgeConventions } from './conventions.ts';
import { judgeTemplate } from './template.ts';

/** JSON as Python's reader takes it, with its three numbers that are none; undefined for anything else. */
export function readAsPython(text: string): unknown {
  for (const attempt of [
    text,
    text.replace(/"(?:[^"\\]|\\[^])*"|-?\bInfinity\b|\bNaN\b/g, (part) => (part.startsWith('"') ? part : 'null')),
  ])
    try {
      return JSON.parse(attempt) as unknown;
    } catch {
      continue;
    }
  return undefined;
}

/** What loaders read settings from, by name: one that cannot be read was not examined. */
const SETTINGS =
  /^(?:MLmodel|(?:(?!(?:ts|js)config)[\w-]*config\w*|hparams|params|modules|model_index|tokenizer|special_tokens_map|added_tokens|chat_template|conda|python_env|[\w.-]*index)\.(?:json|ya?ml))$/i;

export function judgeBrokenJson(spot: Spot, name: string, text: string): void {
  if (!/\.jsonl?$/i.test(name)) return /\{[{%]/.test(text) ? judgeTemplate(spot, name, text) : undefined;
  for (const [, target] of text.matchAll(/"_target_"\s*:\s*"([\w.]{1,200})"/g)) judgeTarget(spot, target);
  const template = /"chat_template"\s*:\s*("(?:[^"\\]|\\.){0,1000000}")/.exec(text)?.[1];
  if (template !== undefined) judgeTemplate(spot, 'chat_template', template);
  if (text.includes('"auto_map"')) report(spot, 'WM-CONFIG-001', 'auto_map in a configuration that is not valid JSON');
  report(spot, 'WM-FILE-006', 'not valid JSON', { severity: 'low' });
  if (SETTINGS.test(name)) leaveOut(spot, 'a configuration that is not valid JSON');
}

/**
 * A tag (after a break that PyYAML alone takes for one, too), an escape by which a word may be written, or one of the words that
 * are judged: a document without any says nothing to a loader, and to parse each would be most of the time that many small files
 * take.
 */
const SPEAKS =
  /(?:^|[\s\u0085,[{?:-])!|\\|template|jinja|auto_map|custom_|trust_remote_code|weight_map|target|py\/|download|parent_library|loader_module|_path|entry_points|predict|script|code_|model_config|class_name|replace|idx|runtime_env/im;

/** Every document with its tags as they resolve; what cannot be parsed is searched for what matters. */
export function judgeYaml(spot: Spot, name: string, text: string): void {
  for (const [, target] of text.matchAll(/^[ \t-]*_target_[ \t]*:[ \t]*['"]?([\w.]{1,200})/gm))
    judgeTarget(spot, target);
  if (!SETTINGS.test(name) && !isConvention(name) && !SPEAKS.test(text)) return;
  if (text.length > 4 << 20) return leaveOut(spot, `YAML beyond ${4 << 20} bytes is only searched`);
  const whole = judgeDocuments(spot, name, text);
  if (OTHER_BREAKS.test(text)) judgeDocuments(spot, name, text.replace(OTHER_BREAKS, '\n'));
  if (whole) return;
  report(spot, 'WM-FILE-006', 'not valid YAML', { severity: 'low' });
  if (hasPythonTag(text)) report(spot, 'WM-CONFIG-004', 'a tag that constructs Python objects');
  for (const [, loader] of text.matchAll(/^[ \t]*loader_module[ \t]*:[ \t]*['"]?([\w.]{1,200})/gm))
    judgeConfig(spot, { loader_module: loader });
  if (SETTINGS.test(name)) leaveOut(spot, 'a configuration that is not valid YAML');
}

/** What ends a line for PyYAML (YAML 1.1, 5.4), and with it a comment, and not for YAML 1.2. */
const OTHER_BREAKS = /\r(?!\n)|[\u0085\u2028\u2029]/gu;

/** False if some of it cannot be parsed. */
function judgeDocuments(spot: Spot, name: string, text: string): boolean {
  let whole = true;
  try {
    const documents = parseAllDocuments(text, { logLevel: 'silent', uniqueKeys: false });
    for (const document of 'empty' in documents ? [] : documents) {
      whole &&= document.errors.length === 0;
      judgeTags(spot, document);
      const value: unknown = document.toJS({ maxAliasCount: 1000 });
      judgeConfig(spot, value);
      judgeConventions(spot, name, value);
    }
  } catch {
    return false;
  }
  return whole;
}

/** True if a text has a tag of Python's, written with escapes or without. */
export function hasPythonTag(text: string): boolean {
  return PYTHON_TAG.test(text) || (text.includes('%') && PYTHON_TAG.test(withoutEscapes(text)));
}

/** A tag's escapes are undone in prefixes and in verbatim tags, too. @see PyYAML lib/yaml/scanner.py `scan_tag_uri` */
function withoutEscapes(tag: string): string {
  return tag.replace(/%([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const PYTHON_TAG = /!!?python\/|tag:yaml\.org,2002:python\//;
/** Tags of PyYAML for plain values. @see PyYAML lib/yaml/constructor.py */
const PLAIN_TAG = /^python\/(?:none|bool|str|unicode|bytes|int|long|float|complex|list|tuple|dict)$/;

function judgeTags(spot: Spot, document: Document): void {
  const seen = (_: unknown, node: { tag?: string }): void => {
    const tag = node.tag === undefined ? undefined : withoutEscapes(node.tag);
    const python =
      tag?.startsWith('tag:yaml.org,2002:python/') === true ? tag.slice(18) : tag?.replace(/^!+(?=python\/)/, '');
    if (python?.startsWith('python/') === true && !PLAIN_TAG.test(python))
      report(spot, 'WM-CONFIG-004', `the tag ${python.slice(0, 100)} constructs Python objects`);
  };
  visit(document, { Scalar: seen, Map: seen, Seq: seen });
}
