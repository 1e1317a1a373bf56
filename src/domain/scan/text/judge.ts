import { baseNameOf } from '../names.ts';
import { formatOfName, TEXT_FORMATS } from '../../formats/names.ts';
import type { FormatId, NamedSource } from '../../formats/types.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import type { Json } from '../../base/json.ts';
import { isMcpManifest } from '../../metadata/agents.ts';
import { agentTexts, isAgentsText } from './agents.ts';
import { judgeCharacters } from './characters.ts';
import { judgeBuildFile, judgeCode } from './code.ts';
import { judgeConfig } from './configs.ts';
import { judgeConventions } from './conventions.ts';
import { judgeTable } from './csv.ts';
import { judgeGraphAsText } from './graph-text.ts';
import { judgeDescription, judgeHidden } from './hidden.ts';
import { isDeceitful } from './instructions.ts';
import { isPmml, judgePmml } from './pmml.ts';
import { readText, TEXT_BYTES } from './read.ts';
import { judgeInstallerSettings, judgeRequirements } from './requirements.ts';
import { hasPythonTag, judgeBrokenJson, judgeYaml, readAsPython } from './settings.ts';
import { judgeSecrets } from './secrets.ts';
import { judgeTemplate } from './template.ts';

/** Files whose lines a build, a service or an installer runs. */
const BUILD_FILES =
  /^(?:docker|container|make|gnumake|just|proc|vagrant|rake)file(?:\.|$)|^package\.json$|\.(?:ya?ml|toml|cfg|ini|mk|dockerfile|service|desktop|hta|vbs|js)$/i;
/** What pip is given, by its usual names. */
const REQUIREMENTS = /(?:requirements|constraints)[^/]*\.(?:txt|in|pip)$|(?:^|\/)requirements\/[^/]+\.(?:txt|in)$/i;
/** A prompt that asks to keep itself private is no deceit. */
const CONFIDENTIAL =
  /\b(never|do not|don't|must not)\b[^.\n]{0,30}\b(reveal|disclose|share|mention|repeat|show|discuss|print|output)\b[^.\n]{0,30}\b((system|initial|hidden|internal) (prompt|instructions?|message|rules?|guidelines)|(your|these|this|the|my|our) (system )?(prompt|instructions?|rules|guidelines))\b[^.\n]*/gi;
const PARTS = 1 << 22;
/** Vocabularies list every character there is. */
const VOCABULARY = /^(vocab|merges|tokenizer\.json|added_tokens|special_tokens|unigram|dict|bpe)/i;

/** Judges a text file by its name and content. */
export async function judgeText(spot: Spot, file: NamedSource, format: FormatId): Promise<boolean> {
  if (format === 'csv' || format === 'tsv') await judgeTable(spot, file.source);
  const text = await readText(file.source);
  if (text === null) await judgeLarge(spot, file);
  else await judgeWhole(spot, { path: file.path, text, format });
  return true;
}

async function judgeWhole(
  spot: Spot,
  { path, text, format }: { path: string; text: string; format: FormatId },
): Promise<void> {
  const name = baseNameOf(path);
  judgeSecrets(spot, text);
  if (BUILD_FILES.test(name)) judgeBuildFile(spot, name, text);
  if (
    /^(?:pyproject\.toml|pip\.(?:conf|ini)|setup\.cfg|Pipfile|uv\.toml|poetry\.toml|\.?pydistutils\.cfg)$/i.test(name)
  )
    judgeInstallerSettings(spot, text);
  if (
    /\.(?:pbtxt|prototxt|textproto|pb\.txt|tfprototxt)$/i.test(name) ||
    /^\s*(?:saved_model_schema_version|node|meta_graphs|library)\b\s*[:{<[]/.test(text)
  )
    judgeGraphAsText(spot, text);
  if (/\.pmml$/i.test(name) || (format === 'xml' && isPmml(text))) judgePmml(spot, text);
  if (/\.(?:hta|vbs|vbe|jse|wsf|wsh)$/i.test(name)) report(spot, 'WM-FILE-004', 'a script of Windows');
  const agents = isAgentsText(path);
  if (agents || format === 'markdown' || /\.(?:md|mdx|markdown)$/i.test(name)) judgeHidden(spot, text, { agents });
  const instruction =
    agents ||
    format === 'jinja' ||
    (format !== 'html' &&
      format !== 'xml' &&
      format !== 'python' &&
      /prompt|template|system_?message|instruction/i.test(name));
  if (format !== 'csv' && format !== 'tsv' && format !== 'jsonl' && !VOCABULARY.test(name))
    judgeCharacters(spot, text, { what: 'the text', instruction });
  if (
    format !== 'yaml' &&
    hasPythonTag(text) &&
    !/\.(py|md|txt|ipynb|rst)$|^(?:METADATA|PKG-INFO|README|NEWS|CHANGES)$/i.test(name)
  )
    report(spot, 'WM-CONFIG-004', 'a tag that constructs Python objects');
  if (format === 'xml' && /<!ENTITY\s+(%\s*)?[\w.-]+\s+(SYSTEM|PUBLIC)\b/i.test(text))
    report(spot, 'WM-FILE-006', 'an XML entity fetches a file or address', { severity: 'high' });
  if (
    format === 'xml' &&
    /<net\b/.test(text) &&
    /\b(library|path)="[^"]{1,300}\.(so|dll|dylib)\b|<layer\b[^>]{0,500}\bversion="extension"/.test(text)
  )
    report(spot, 'WM-ONNX-002', 'a layer needs a library of its own');
  if (/\.svg$/i.test(name) && /<script[\s>]|\son\w{3,20}\s*=|javascript:/i.test(text))
    report(spot, 'WM-CODE-001', 'a picture with a script', { severity: 'medium' });
  if (
    format === 'jinja' ||
    /\.(jinja2?|j2)$/i.test(name) ||
    (/\.(template|tmpl|tpl)$/i.test(name) && /\{[{%]/.test(text))
  )
    judgeTemplate(spot, name, text);
  else if (format === 'python' || /\.pyw?$/i.test(name)) return judgeCode(spot, text, 'python');
  else if (format === 'script' || /\.(sh|bash|bat|cmd|ps1|vbs)$/i.test(name)) return judgeScript(spot, path, text);
  else if (
    format === 'json' ||
    format === 'safetensors-index' ||
    format === 'weights-manifest' ||
    format === 'notebook' ||
    /\.(json|ipynb)$/i.test(name)
  )
    return judgeJson(spot, path, text);
  else if (format === 'yaml' || name === 'MLmodel' || name === 'MLproject') judgeYaml(spot, name, text);
  else if (REQUIREMENTS.test(path)) judgeRequirements(spot, text);
  else if (/\.pth$/i.test(name) && /^import[ \t]/m.test(text))
    report(spot, 'WM-CODE-002', 'a path file that runs code whenever Python starts', { severity: 'high' });
  else if (instruction && !agents && isDeceitful(text.replace(CONFIDENTIAL, ' ')))
    report(spot, 'WM-TEMPLATE-003', 'the prompt tells a model to deceive its user');
}

/** A script under a model's name is a program in disguise. */
function judgeScript(spot: Spot, path: string, text: string): Promise<void> {
  if (text.startsWith('#!') && isModelName(path))
    report(spot, 'WM-FILE-003', 'a script under another name', { severity: 'high' });
  return judgeCode(spot, text, 'script');
}

/** Names of weights and of data: source files of any language may say by which program they are run. */
function isModelName(path: string): boolean {
  const named = formatOfName(path);
  if (named !== undefined) return !TEXT_FORMATS.has(named);
  return /\.(?:bin|model|dat|data|weights|ckpt|params|sav|mdl)$/i.test(path);
}

async function judgeJson(spot: Spot, path: string, text: string): Promise<void> {
  const name = baseNameOf(path);
  const value = readAsPython(text);
  if (value === undefined) return judgeBrokenJson(spot, name, text);
  judgeConfig(spot, value);
  judgeConventions(spot, name, value);
  if (isMcpManifest(path, value)) judgeManifest(spot, value);
  if (name.endsWith('.ipynb')) await judgeNotebook(spot, value);
}

/** Of tools for agents: what is written there is read as instructions, escaped or not. */
function judgeManifest(spot: Spot, value: { readonly [key: string]: Json }): void {
  for (const each of agentTexts(value)) {
    judgeCharacters(spot, each, { what: 'a description that an agent is shown', instruction: true });
    judgeDescription(spot, each);
    judgeHidden(spot, each, { agents: true });
  }
}

async function judgeNotebook(spot: Spot, value: unknown): Promise<void> {
  const cells =
    typeof value === 'object' && value !== null && 'cells' in value && Array.isArray(value.cells)
      ? (value.cells as unknown[])
      : [];
  for (const cell of cells.slice(0, 10_000)) {
    if (typeof cell !== 'object' || cell === null || !('source' in cell)) continue;
    const source = Array.isArray(cell.source) ? cell.source.join('') : String(cell.source);
    await judgeCode(spot, source, 'notebook');
  }
}

/** Large text is searched part by part; a configuration of this size is not one anybody loads. */
async function judgeLarge(spot: Spot, { path, source }: NamedSource): Promise<void> {
  for (let at = 0; at < source.size; at += PARTS - 4096)
    judgeSecrets(spot, Buffer.from(await source.read(at, PARTS)).toString('utf8'));
  const data = /\.(csv|tsv|tab|jsonl|ndjson|txt)$/i.test(path);
  if (!data) leaveOut(spot, `text beyond ${TEXT_BYTES} bytes is searched for secrets only`);
}
