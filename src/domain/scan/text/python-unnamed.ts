import type { SyntaxNode } from '@lezer/common';
import { resolve, type Names } from './python-names.ts';
import { argumentsOf, childrenOf, constantText, nameOf, sourceOf, type Python } from './python-tree.ts';

export interface Use {
  /** What is used; or what is said of it, where its name is not written. */
  readonly path: string;
  readonly node: SyntaxNode;
  readonly onImport: boolean;
  readonly unnamed?: true;
}

/** Modules that start processes or run text. */
const ACTING_MODULE = /^(?:os|posix|nt|subprocess|_posixsubprocess|builtins|ctypes|pty|runpy|commands)$/;
/** What only those modules call so. */
const ACTING_NAME =
  /^(?:system|popen|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?|fork_exec|startfile|Popen|getoutput|getstatusoutput|check_call|check_output|create_subprocess_(?:shell|exec)|CDLL)$/;
/** Calls that find modules and classes by what only a running program knows. */
const FINDS =
  /^(?:builtins\.__import__|importlib(?:\.\w+)*\.(?:import_module|__import__|find_spec|module_from_spec)|gc\.get_\w+)$/;

/**
 * Uses of what acts whose name the source does not write: an attribute of `os` by a computed name, every class there is, and
 * `x.system('id')` where the source hands `os` on as a value (an argument, an item, a variable of a loop), so that `x` may be it.
 */
export function unnamedUses(python: Python, names: Names): readonly Use[] {
  const [found, attributes]: [SyntaxNode[], SyntaxNode[]] = [[], []];
  let handedOn = false;
  python.top.cursor().iterate(({ node }) => {
    if (node.name === 'ImportStatement') return false;
    if (node.name === 'MemberExpression' && isOfAnyClass(python, node)) found.push(node);
    else if (
      node.name === 'CallExpression' &&
      (isCalledByComputedName(python, node, names) || isMadeOfText(python, node, names))
    )
      found.push(node);
    else if (node.name === 'CallExpression' && isActingAttribute(python, node, names)) attributes.push(node);
    handedOn ||= isHandedOn(python, node, names);
    return true;
  });
  return [...found, ...(handedOn ? attributes : [])].map((node) => ({
    path: `${sourceOf(python, node.name === 'CallExpression' ? (node.firstChild ?? node) : node).slice(0, 80)}, whose name is not written`,
    node,
    onImport: isOutside(node),
    unnamed: true,
  }));
}

function isOutside(node: SyntaxNode): boolean {
  for (let at = node.parent; at !== null; at = at.parent)
    if (at.name === 'FunctionDefinition' || at.name === 'LambdaExpression') return false;
  return true;
}

/** `().__class__.__base__.__subclasses__`, `object.__subclasses__`: every class of the program. */
function isOfAnyClass(python: Python, node: SyntaxNode): boolean {
  const property = node.lastChild;
  if (property?.name !== 'PropertyName' || nameOf(python, property) !== '__subclasses__') return false;
  return /(?:^object|\.__base__|\.(?:__mro__|__bases__)\[[^\]]*\]|\.mro\(\)\[[^\]]*\])$/.test(
    sourceOf(python, node.firstChild ?? node),
  );
}

/** `getattr(os, name)(…)`, `vars(os)[name](…)`: what is called is an attribute of an acting module by a name that is not written. */
function isCalledByComputedName(python: Python, call: SyntaxNode, names: Names): boolean {
  const callee = call.firstChild;
  if (callee?.name === 'CallExpression') return isComputedAttribute(python, callee, names);
  if (callee?.name !== 'MemberExpression' || callee.lastChild?.name === 'PropertyName') return false;
  const [base, , key = null] = childrenOf(callee);
  const from = base === undefined ? null : resolve(python, base, names);
  return from !== null && ACTING_MODULE.test(from) && constantText(python, key) === null;
}

function isComputedAttribute(python: Python, call: SyntaxNode, names: Names): boolean {
  const by = call.firstChild === null ? null : resolve(python, call.firstChild, names);
  const [owner, name] = argumentsOf(call);
  if (by !== 'builtins.getattr' || owner === undefined || name === undefined) return false;
  return ACTING_MODULE.test(resolve(python, owner, names) ?? '') && constantText(python, name) === null;
}

/** `FunctionType(compile(text, …), …)`: `exec` without its name. */
function isMadeOfText(python: Python, call: SyntaxNode, names: Names): boolean {
  const [code] = argumentsOf(call);
  if (code?.name !== 'CallExpression' || call.firstChild === null || code.firstChild === null) return false;
  return (
    /^types\.(?:Function|Lambda)Type$/.test(resolve(python, call.firstChild, names) ?? '') &&
    resolve(python, code.firstChild, names) === 'builtins.compile'
  );
}

/** `x.system('id')`, of an `x` that may be anything. */
function isActingAttribute(python: Python, call: SyntaxNode, names: Names): boolean {
  const callee = call.firstChild;
  const property = callee?.name === 'MemberExpression' ? callee.lastChild : null;
  if (property?.name !== 'PropertyName' || !ACTING_NAME.test(nameOf(python, property))) return false;
  return (
    callee?.firstChild != null && resolve(python, callee.firstChild, names) === null && argumentsOf(call).length > 0
  );
}

/** An acting module, or every module, as a value that is not asked for one of its own names at once. */
function isHandedOn(python: Python, node: SyntaxNode, names: Names): boolean {
  if (node.name === 'CallExpression') return isLookUp(python, node, names);
  const isValue = node.name === 'VariableName' || node.name === 'MemberExpression';
  if (!isValue || node.parent?.name === 'MemberExpression') return isAnyModule(python, node, names);
  if (node.nextSibling?.name === 'AssignOp') return false;
  return /^(?:os|posix|nt|subprocess|_posixsubprocess|builtins|ctypes|pty|sys\.modules)$/.test(
    resolve(python, node, names) ?? '',
  );
}

/** `sys.modules[name]`, `sys.modules.values()`. */
function isAnyModule(python: Python, node: SyntaxNode, names: Names): boolean {
  return node.name === 'MemberExpression' && resolve(python, node, names) === 'sys.modules';
}

function isLookUp(python: Python, call: SyntaxNode, names: Names): boolean {
  const by = call.firstChild === null ? null : resolve(python, call.firstChild, names);
  return (by !== null && FINDS.test(by)) || isComputedAttribute(python, call, names);
}
