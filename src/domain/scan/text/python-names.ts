import type { SyntaxNode } from '@lezer/common';
import { argumentsOf, childrenOf, constantText, nameOf, sourceOf, type Python } from './python-tree.ts';

/** What names stand for in a source: by imports, assignments and defaults, wherever they are. */
export interface Names {
  readonly bound: Map<string, string>;
  /** Attributes that something was assigned to: `self.run = os.system`. */
  readonly attributes: Map<string, string>;
  /** Modules whose every name is imported. */
  readonly stars: string[];
}

const DEPTH = 40;
const BUILTINS: ReadonlySet<string> = new Set([
  'eval',
  'exec',
  'compile',
  '__import__',
  'getattr',
  'open',
  'vars',
  'dict',
  'object',
  'globals',
  'locals',
  'breakpoint',
]);

/** Reads what a source's names stand for. Two rounds: an alias of an alias may be used before it is written. */
export function namesOf(python: Python): Names {
  const names: Names = { bound: new Map(), attributes: new Map(), stars: [] };
  for (let round = 0; round < 2; round++)
    python.top.cursor().iterate(({ node }) => {
      if (node.name === 'ImportStatement') readImport(python, node, names);
      else if (node.name === 'AssignStatement' || node.name === 'NamedExpression') readAssignment(python, node, names);
      else if (node.name === 'ParamList') readDefaults(python, node, names);
    });
  return names;
}

function readImport(python: Python, node: SyntaxNode, names: Names): void {
  const [, from, rest = ''] =
    /^\s*(?:from\s+([\w.\s\\]+?)\s+)?import\s+([^]*)$/.exec(sourceOf(python, node).normalize('NFKC')) ?? [];
  const module = from?.replace(/[\s\\]/g, '');
  for (const part of rest
    .replace(/[()\\]/g, ' ')
    .replace(/#[^\n]*/g, ' ')
    .split(',')) {
    const [, name, alias] = /^\s*([\w.]+|\*)(?:\s+as\s+(\w+))?\s*$/.exec(part) ?? [];
    if (name === undefined) continue;
    if (name === '*' && module !== undefined) names.stars.push(module);
    else if (module !== undefined) names.bound.set(alias ?? name, `${module}.${name}`);
    else
      names.bound.set(
        alias ?? (name.split('.')[0] as string),
        alias === undefined ? (name.split('.')[0] as string) : name,
      );
  }
}

/** `a = b = value`, `x, y = f, g`, `self.x = value`. */
function readAssignment(python: Python, node: SyntaxNode, names: Names): void {
  const sides: SyntaxNode[][] = [[]];
  for (const child of childrenOf(node)) {
    if (child.name === 'AssignOp') sides.push([]);
    else if (child.name !== ',' && child.name !== 'TypeDef') sides.at(-1)?.push(child);
  }
  const values = sides.pop() ?? [];
  for (const targets of sides)
    for (const [at, target] of targets.entries()) {
      const value = values.length === targets.length ? values[at] : values[0];
      const path = value === undefined ? null : resolve(python, value, names);
      if (path === null) continue;
      if (target.name === 'VariableName') names.bound.set(nameOf(python, target), path);
      else if (target.name === 'MemberExpression' && target.lastChild?.name === 'PropertyName')
        names.attributes.set(nameOf(python, target.lastChild), path);
    }
}

function readDefaults(python: Python, node: SyntaxNode, names: Names): void {
  const children = childrenOf(node);
  for (const [at, child] of children.entries()) {
    const value = children[at + 2];
    if (child.name !== 'VariableName' || children[at + 1]?.name !== 'AssignOp' || value === undefined) continue;
    const path = resolve(python, value, names);
    if (path !== null) names.bound.set(nameOf(python, child), path);
  }
}

/** The full name of what an expression gives: `os.system` for any way to write it; null for what is not known. */
export function resolve(python: Python, node: SyntaxNode, names: Names, depth = 0): string | null {
  if (depth > DEPTH) return null;
  if (node.name === 'VariableName') return resolveName(nameOf(python, node), names);
  if (node.name === 'ParenthesizedExpression' || node.name === 'NamedExpression') {
    const inner = childrenOf(node).findLast(({ name }) => !/^[()]$/.test(name));
    return inner === undefined ? null : resolve(python, inner, names, depth + 1);
  }
  if (node.name === 'Decorator') return resolveDecorator(python, node, names);
  if (node.name === 'MemberExpression') return resolveMember(python, node, names, depth);
  if (node.name === 'CallExpression') return resolveCall(python, node, names, depth);
  if (node.name === 'ConditionalExpression' || node.name === 'BinaryExpression')
    return childrenOf(node).reduce<string | null>(
      (found, child) => found ?? resolve(python, child, names, depth + 1),
      null,
    );
  return null;
}

/** Its grammar has no expression for `@os.system`. */
function resolveDecorator(python: Python, node: SyntaxNode, names: Names): string | null {
  const [first = '', ...rest] = (/^@\s*([\w.]+)/.exec(sourceOf(python, node))?.[1] ?? '').normalize('NFKC').split('.');
  return rest.reduce<string | null>(
    (from, name) => (from === null ? null : step(from, name)),
    resolveName(first, names),
  );
}

function resolveName(name: string, { bound, stars }: Names): string | null {
  const path = bound.get(name);
  if (path !== undefined) return path;
  if (name === '__builtins__' || name === 'builtins') return 'builtins';
  if (BUILTINS.has(name)) return `builtins.${name}`;
  return stars.length > 0 ? `${stars[0] as string}.${name}` : null;
}

function resolveMember(python: Python, node: SyntaxNode, names: Names, depth: number): string | null {
  const [base] = childrenOf(node);
  const property = node.lastChild;
  if (base === undefined || property === null) return null;
  const from = resolve(python, base, names, depth + 1);
  if (property.name === 'PropertyName') {
    const name = nameOf(python, property);
    return from === null ? (names.attributes.get(name) ?? OF_ANY.get(name) ?? null) : step(from, name);
  }
  const key = constantText(python, childrenOf(node)[2] ?? null);
  return from === null || key === null ? null : item(from, key);
}

/** What any function holds: the names of its module, and with them Python's own. */
const OF_ANY: ReadonlyMap<string, string> = new Map([
  ['__globals__', 'builtins.globals()'],
  ['__builtins__', 'builtins'],
]);

/** Modules that other modules hold as an attribute of their own: `shutil.os`, `random._os`. */
const REACHED: ReadonlyMap<string, string> = new Map(
  ['os', 'sys', 'subprocess', 'ctypes', 'builtins', 'importlib'].flatMap((name) => [
    [name, name],
    [`_${name}`, name],
  ]),
);

/** An attribute: modules' own ways to themselves and to their dictionary lead nowhere new. */
function step(from: string, name: string): string {
  if (name === '__dict__' || name === '__globals__') return from;
  if (name === '__builtins__') return 'builtins';
  return REACHED.get(name) ?? `${from}.${name}`;
}

function item(from: string, key: string): string | null {
  if (from === 'sys.modules') return key;
  if (from === 'builtins.globals()') return key === '__builtins__' ? 'builtins' : key;
  return `${from}.${key}`;
}

/** Look up what a text names: `os:system`. */
const FINDS_BY_TEXT =
  /^(?:pkgutil\.resolve_name|pydoc\.locate|importlib\.util\.find_spec|_?imp(?:ortlib\._bootstrap)?\._gcd_import)$/;

function resolveCall(python: Python, node: SyntaxNode, names: Names, depth: number): string | null {
  const [callee] = childrenOf(node);
  const called = callee === undefined ? null : resolve(python, callee, names, depth + 1);
  const [first, second] = argumentsOf(node);
  const taken = takenByName(python, node, names, depth);
  if (called === null || taken !== null) return taken;
  const key = /\.(?:get|__getitem__|__getattribute__|setdefault|pop)$/.test(called)
    ? constantText(python, first ?? null)
    : null;
  if (key !== null) return item(called.slice(0, called.lastIndexOf('.')), key);
  if (called === 'builtins.globals' || called === 'builtins.locals') return 'builtins.globals()';
  if (first === undefined) return null;
  if (called === 'builtins.__import__' || /^importlib(?:\.\w+)*\.(?:import_module|__import__)$/.test(called)) {
    const module = constantText(python, first);
    return module === null ? null : called.endsWith('import_module') ? module : (module.split('.')[0] as string);
  }
  if (FINDS_BY_TEXT.test(called)) return constantText(python, first)?.replaceAll(':', '.') ?? null;
  if (
    called === 'builtins.vars' ||
    called === 'builtins.dict' ||
    called === 'functools.partial' ||
    called === 'functools.wraps' ||
    called === 'importlib.reload'
  )
    return resolve(python, first, names, depth + 1);
  if (
    !/^(?:builtins\.getattr|inspect\.getattr_static|(?:builtins\.)?object\.__getattribute__)$/.test(called) ||
    second === undefined
  )
    return null;
  const [owner, attribute] = [resolve(python, first, names, depth + 1), constantText(python, second)];
  return owner === null || attribute === null ? null : step(owner, attribute);
}

/** `operator.attrgetter('system')(os)` and `operator.methodcaller('system', …)(os)`. */
function takenByName(python: Python, node: SyntaxNode, names: Names, depth: number): string | null {
  const [maker] = childrenOf(node);
  const [of] = argumentsOf(node);
  if (maker?.name !== 'CallExpression' || of === undefined || maker.firstChild === null) return null;
  const by = resolve(python, maker.firstChild, names, depth + 1);
  if (by === null || !/^operator\.(?:attrgetter|methodcaller)$/.test(by)) return null;
  const [owner, name] = [resolve(python, of, names, depth + 1), constantText(python, argumentsOf(maker)[0] ?? null)];
  return owner === null || name === null ? null : step(owner, name);
}
