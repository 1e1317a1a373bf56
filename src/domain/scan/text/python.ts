import type { SyntaxNode } from '@lezer/common';
import { leaveOut, report, type Spot } from '../session.ts';
import type { Severity } from '../types.ts';
import { namesOf, resolve, type Names } from './python-names.ts';
import { unnamedUses, type Use } from './python-unnamed.ts';
import { argumentsOf, constantText, parsePython, sourceOf, type Python } from './python-tree.ts';

/** Starts a process, loads a library of machine code, or runs text. */
const ACTS =
  /^(?:(?:os|posix|nt)\.(?:system|popen[234]?|exec[lv]\w*|spawn\w*|posix_spawnp?|startfile|fork)|subprocess\.(?:run|Popen|call|check_call|check_output|getoutput|getstatusoutput)|_posixsubprocess\.fork_exec|commands\.get\w+|popen2\.\w+|asyncio(?:\.subprocess)?\.create_subprocess_\w+|asyncio\.\w+\.subprocess_\w+|pty\.spawn|pexpect\.(?:spawn|run\w*)|ctypes\.(?:CDLL|PyDLL|WinDLL|OleDLL|cdll|windll|oledll|pydll|pythonapi)(?:\.\w+)*|runpy\.run_\w+|builtins\.(?:eval|exec)|socket\.(?:socket|create_connection)|torch\.ops\.load_library|torch\.utils\.cpp_extension\.\w+|code\.(?:interact|InteractiveInterpreter|InteractiveConsole)|cffi\.FFI|win32api\.\w+|(?:setuptools\._)?distutils\.spawn\.(?:\w+\.)?spawn|(?:importlib\.machinery\.)(?:SourceFileLoader|SourcelessFileLoader|ExtensionFileLoader)|imp\.load_\w+|pip\.main|numpy\.ctypeslib\.load_library|numpy\.f2py\.compile|pandas\.eval|bdb\.Bdb|trace\.Trace|site\.addsitedir|torch\.classes\.load_library|sh\.[a-z]\w*|plumbum\.(?:cmd|local)(?:\.\w+)*|timeit\.timeit|cProfile\.run|pdb\.run\w*)$/;
/** Reaches files or the network, or loads pickles: for review, not for an alarm. */
const REACHES =
  /^(?:os\.(?:remove|unlink|removedirs|rmdir)|shutil\.rmtree|(?:pickle|_pickle|cPickle|dill|cloudpickle|joblib|marshal|shelve)\.(?:loads?|Unpickler|open)|requests\.(?:get|post|put|request)|zipimport\.zipimporter|httpx\.\w+|urllib\.request\.\w+|urllib2?\.urlopen)$/;
const DECODES =
  /^(?:base64\.(?:\w*decode\w*)|binascii\.(?:unhexlify|a2b_\w+)|(?:zlib|gzip|bz2|lzma)\.decompress|marshal\.loads?|codecs\.decode|builtins\.bytes\.fromhex|bytes\.fromhex|(?:requests|httpx)\.(?:get|post)|urllib\.request\.(?:urlopen|urlretrieve)|urllib2?\.urlopen)$/;
const RUNS_TEXT = /^(?:builtins\.(?:eval|exec|compile)|types\.(?:FunctionType|CodeType))$/;
const SHELL_TEXT =
  /\b(?:curl|wget)\b[^\n|]{0,300}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|\/dev\/tcp\/|\bnc\s+-\w*e\b|\bpowershell(?:\.exe)?\b[^\n]{0,100}\s-e(?:nc|ncodedcommand|c)?\s+[A-Za-z0-9+/=]{8,}|\bIEX\s*\(|\brm\s+-\w*[rR]\w*\s+(?:-\w+\s+)*(?:~|\$HOME|\/)(?=["'\s;*&|)]|$)/;

/** Classes whose methods run when a dataset or model is loaded. */
const LOADED_CLASS =
  /\b(?:GeneratorBasedBuilder|ArrowBasedBuilder|BeamBasedBuilder|DatasetBuilder|PreTrainedModel|PretrainedConfig|PreTrainedConfig|PreTrainedTokenizer\w*|Pipeline|PythonModel|BaseHandler|EndpointHandler|DiffusionPipeline|CustomNode|BasePredictor|ProcessorMixin|LogitsProcessor|ChatModel|ModelBase)\b/;
const CONVENTION_CLASS = /\b(?:class\s+(?:EndpointHandler|TritonPythonModel|Predictor|Model\s*:)|@hydra\.main\b)/;
/** Files that loaders import by their names: Transformers, servers, Python itself. */
const IMPORTED =
  /(?:^|\/)(?:__main__|__init__|handler|inference|predict|score|scoring|sitecustomize|usercustomize|conftest|generate|(?:modeling|configuration|tokenization|processing|image_processing|video_processing|feature_extraction|pipeline)\w*)\.py$/;
/** And by where they lie: Triton, Transformers, SageMaker, MLflow. */
const CONVENTION = /(?:^|\/)(?:\d+\/model\.py|(?:custom_generate|code)\/[\w/]+\.py)$/;

/** Judges what a Python source calls, by its syntax tree; true if loaders run it by themselves. */
export function judgePython(spot: Spot, text: string, what: 'python' | 'notebook' | 'script'): void {
  if (HIDING_CODEC.test(text))
    report(spot, 'WM-CODE-002', 'the source is written in an encoding that hides it', { severity: 'high' });
  if (!mayAct(/\P{ASCII}/u.test(text) ? text.normalize('NFKC') : text) && !maybeLoaded(text))
    return what === 'notebook' ? undefined : reportCode(spot, what, false);
  if (!isParsed(text)) return leaveOut(spot, 'Python source too long or too deeply nested to be parsed');
  const python = parsePython(text);
  const names = namesOf(python);
  const uses = [...usesOf(python, names), ...unnamedUses(python, names)].toSorted((a, b) => a.node.from - b.node.from);
  judgeHostile(spot, { python, names, uses, what });
  if (what !== 'notebook') judgeUses(spot, { python, names, uses, what });
}

/** A parser that tolerates errors takes its time over each; and Python itself refuses brackets nested beyond 200. */
const PARSED_CHARS = 1 << 20;
const NESTED = 1000;

export function isParsed(text: string): boolean {
  if (text.length > PARSED_CHARS) return false;
  let depth = 0;
  for (const [bracket] of text.matchAll(/[([{]|[)\]}]/g)) {
    depth = '([{'.includes(bracket) ? depth + 1 : Math.max(0, depth - 1);
    if (depth > NESTED) return false;
  }
  return true;
}

/** Names that act by themselves, or by which any other may be reached without being written. */
const MENTIONS =
  /\b(?:subprocess|_posixsubprocess|commands|popen2|asyncio|pty|pexpect|ctypes|runpy|socket|load_library|cpp_extension|cffi|win32api|timeit|cProfile|pdb|bdb|distutils|imp|pip|ctypeslib|f2py|addsitedir|trace|__subclasses__|attrgetter|methodcaller|pandas|httpx|urllib2?|__import__|importlib|import_module|__builtins__|builtins|globals|locals|vars|getattr|__dict__|__globals__|modules|FunctionType|CodeType|zipimport|pkgutil|pydoc|plumbum)\b|\b(?:import|from) sh\b|(?<!\.)\b(?:eval|exec)\b|(?<!\bre\.)\bcompile\b/;
/** Modules with few names that act among many that do not: both words are somewhere in a source that uses one. */
const PAIRS: readonly (readonly [module: RegExp, names: RegExp])[] = [
  [/\b(?:os|posix|nt)\b/, /\b(?:system|popen|exec[lv]|spawn|posix_spawn|startfile|fork|dup2|remove|unlink|rmdir)/],
  [/\bcode\b/, /\b(?:interact|Interactive(?:Interpreter|Console))\b/],
  [/\bshutil\b/, /\brmtree\b/],
  [/\b(?:_?pickle|cPickle|dill|cloudpickle|joblib|marshal|shelve)\b/, /\b(?:loads?|Unpickler|open)\b/],
  [/\brequests\b/, /\b(?:get|post|put|request)\b/],
];

/** A source without any of the words that every use of a name that acts is written with is not parsed. */
function mayAct(text: string): boolean {
  return MENTIONS.test(text) || PAIRS.some(([module, names]) => module.test(text) && names.test(text));
}

/** A class may be one that loaders construct: the tree tells. */
function maybeLoaded(text: string): boolean {
  return CONVENTION_CLASS.test(text) || (/^\s*class\s+\w+\s*\(/m.test(text) && LOADED_CLASS.test(text));
}

/** PEP 263, with codecs that make other text of the source. */
const HIDING_CODEC =
  /^(?:[^\n]*\n)?[ \t\f]*#.*?coding[:=][ \t]*(?:utf[-_]?7|unicode[-_]escape|raw[-_]unicode[-_]escape|punycode|idna|hz|iso[-_]?2022\w*)\b/i;

/** Every use of a name that acts, called or handed on; what defines or imports it does not use it. */
function usesOf(python: Python, names: Names): Use[] {
  const found: Use[] = [];
  const bodies: string[] = [];
  python.top.cursor().iterate(
    (cursor) => {
      if (cursor.name === 'FunctionDefinition' || cursor.name === 'LambdaExpression') bodies.push(cursor.name);
      if (cursor.name === 'ImportStatement') return false;
      if (!/^(?:VariableName|MemberExpression|CallExpression|Decorator)$/.test(cursor.name)) return true;
      const { node } = cursor;
      const path = isTarget(node) ? null : resolve(python, node, names);
      if (path === null || !(ACTS.test(path) || REACHES.test(path))) return true;
      found.push({ path, node, onImport: bodies.length === 0 || isInDefault(node) });
      return cursor.name === 'CallExpression';
    },
    (cursor) => {
      if (cursor.name === 'FunctionDefinition' || cursor.name === 'LambdaExpression') bodies.pop();
    },
  );
  return found;
}

/** The left side of an assignment, or the name a definition gives. */
function isTarget({ parent, nextSibling, name }: SyntaxNode): boolean {
  if (parent === null) return false;
  if (parent.name === 'FunctionDefinition' || parent.name === 'ClassDefinition') return name === 'VariableName';
  return (
    (parent.name === 'AssignStatement' || parent.name === 'ParamList' || parent.name === 'ArgList') &&
    nextSibling?.name === 'AssignOp'
  );
}

function isInDefault(node: SyntaxNode): boolean {
  for (let at: SyntaxNode | null = node; at !== null; at = at.parent) {
    if (at.name === 'ParamList' || at.name === 'Decorator') return true;
    if (at.name === 'Body' || at.name === 'LambdaExpression') return false;
  }
  return false;
}

function judgeUses(spot: Spot, { python, names, uses, what }: Hostile): void {
  const path = spot.member === '' ? spot.session.path : spot.member;
  const loading = !isLibrary(path) && isLoaded(python, names);
  const acting = uses.filter(({ path: used, unnamed }) => unnamed === true || ACTS.test(used));
  const first = acting.find(({ onImport }) => loading || isImported(path, onImport));
  if (first !== undefined) return reportUse(spot, python, first, { rule: 'WM-CODE-002', severity: 'high' });
  const any = acting[0] ?? uses[0];
  if (any !== undefined)
    return reportUse(spot, python, any, {
      rule: 'WM-CODE-001',
      severity: acting.length > 0 || loading ? 'medium' : 'low',
    });
  reportCode(spot, what, loading);
}

function reportCode(spot: Spot, what: string, loading: boolean): void {
  report(spot, 'WM-CODE-001', loading ? 'code that runs when the artifact is loaded' : `a ${what} file`, {
    severity: loading ? 'medium' : 'low',
  });
}

/** A module deep inside a package: what loads an artifact imports from its top, or by a convention's own folder. */
function isLibrary(path: string): boolean {
  return path.split('/').length > 2 && !CONVENTION.test(path);
}

function isImported(path: string, onImport: boolean): boolean {
  if (CONVENTION.test(path)) return true;
  return !isLibrary(path) && IMPORTED.test(path) && (onImport || !/(?:^|\/)__init__\.py$/.test(path));
}

function reportUse(
  spot: Spot,
  python: Python,
  { path, node }: Use,
  { rule, severity }: { rule: string; severity: Severity },
): void {
  report(spot, rule, `the code uses ${path.replace(/^builtins\./, '')}`, {
    offset: Buffer.byteLength(python.text.slice(0, node.from)),
    severity,
  });
}

/** True if a class in it is one that loaders construct, whatever its base is called here. */
function isLoaded(python: Python, names: Names): boolean {
  if (CONVENTION_CLASS.test(python.text)) return true;
  const bases: string[] = [];
  python.top.cursor().iterate(({ name, node }) => {
    const list = name === 'ClassDefinition' ? node.getChild('ArgList') : null;
    if (list === null) return;
    bases.push(sourceOf(python, list), ...argumentsOf(node).map((base) => resolve(python, base, names) ?? ''));
  });
  return bases.some((base) => LOADED_CLASS.test(base));
}

const RUNNER = /\b(?:eval|exec|compile|FunctionType|CodeType|getattr|builtins|__builtins__)\b/;

interface Hostile {
  readonly python: Python;
  readonly names: Names;
  readonly uses: readonly Use[];
  readonly what: string;
}

/** Code that decodes and runs what it hides, or gives control away: no loading script does this. */
function judgeHostile(spot: Spot, { python, names, uses, what }: Hostile): void {
  const tainted = RUNNER.test(python.text) ? taintedOf(python, names) : new Set<string>();
  const say = (node: SyntaxNode, does: string): void =>
    report(spot, 'WM-CODE-002', `the ${what} code ${does}`, {
      offset: Buffer.byteLength(python.text.slice(0, node.from)),
    });
  const network = uses.some(({ path }) => path.startsWith('socket.'));
  python.top.cursor().iterate(({ name, node }) => {
    if (name !== 'CallExpression') return;
    const callee = node.firstChild;
    const path = callee === null ? null : resolve(python, callee, names);
    if (path === null) return;
    if (RUNS_TEXT.test(path) && holds(node, python, names, tainted)) say(node, 'executes decoded text');
    else if (network && /^(?:os\.dup2|pty\.spawn)$/.test(path)) say(node, 'gives a shell to a network connection');
    else if (ACTS.test(path) && /\.recv(?:from)?\s*\(/.test(argumentText(python, node)))
      say(node, 'runs what it receives');
    else if (ACTS.test(path) && SHELL_TEXT.test(argumentText(python, node)))
      say(node, 'runs a command that fetches and runs, or deletes');
    else if (isComputed(python, node, path)) say(node, 'imports by computed name');
  });
}

/** Names that decoded or downloaded bytes are assigned to, directly or through each other. */
function taintedOf(python: Python, names: Names): ReadonlySet<string> {
  const tainted = new Set<string>();
  for (let round = 0; round < 3; round++)
    python.top.cursor().iterate(({ name, node }) => {
      if (name !== 'AssignStatement' && name !== 'WithStatement') return;
      const target = name === 'AssignStatement' ? node.firstChild : node.getChild('VariableName');
      if (target?.name === 'VariableName' && holds(node, python, names, tainted)) tainted.add(sourceOf(python, target));
    });
  return tainted;
}

/** True if decoded or downloaded bytes are somewhere in what the node is given. */
function holds(node: SyntaxNode, python: Python, names: Names, tainted: ReadonlySet<string>): boolean {
  const shallow = node.name === 'WithStatement';
  let found = false;
  const start = node.firstChild;
  node.cursor().iterate((cursor) => {
    if (found || (shallow && cursor.name === 'Body')) return false;
    if (cursor.from === start?.from && cursor.to === start.to && node.name !== 'WithStatement') return false;
    if (cursor.name === 'VariableName') found = tainted.has(python.text.slice(cursor.from, cursor.to));
    else if (cursor.name === 'CallExpression' && cursor.node.firstChild !== null) {
      const path = resolve(python, cursor.node.firstChild, names);
      found =
        (path !== null && DECODES.test(path)) || /^bytes\.fromhex$/.test(sourceOf(python, cursor.node.firstChild));
    }
    return !found;
  });
  return found;
}

function argumentText(python: Python, call: SyntaxNode): string {
  const list = call.getChild('ArgList');
  return list === null ? '' : sourceOf(python, list).slice(0, 10_000);
}

/** A module's or attribute's name that is pieced together: a plain literal, a variable or a field of one is not. */
function isComputed(python: Python, call: SyntaxNode, path: string): boolean {
  const args = argumentsOf(call);
  const name = /^(?:builtins\.__import__|importlib\.import_module)$/.test(path)
    ? args[0]
    : path === 'builtins.getattr'
      ? args[1]
      : undefined;
  if (name === undefined || name.name === 'String' || name.name === 'VariableName') return false;
  if (constantText(python, name) !== null && name.name !== 'ContinuedString') return true;
  return (
    path !== 'builtins.getattr' &&
    /\b(?:chr|b64decode|fromhex|unhexlify)\s*\(|\[\s*::\s*-1\s*\]/.test(sourceOf(python, name))
  );
}
