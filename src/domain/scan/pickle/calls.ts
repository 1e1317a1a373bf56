import { globalName, isNode, type PickleCall, type PickleValue } from '../../formats/pickle/index.ts';
import { isEscapeAttribute } from '../deny.ts';
import { isAllowedPair, judgeName } from './names.ts';
import type { Severity } from '../types.ts';

/** What the arguments of a known callable add to its name: a finding, or `fine` if they make a doubtful one harmless. */
export type CallJudgement =
  { readonly rule: string; readonly severity: Severity; readonly message: string } | 'fine' | null;

type Check = (args: readonly PickleValue[]) => CallJudgement;

/** More than this for one object of a few bytes is an attack on memory. */
const ALLOCATION = 1 << 30;

const CHECKS: Readonly<Record<string, Check>> = {
  'builtins.getattr': ([target, name]) => judgeAttribute(target, name),
  'numpy.core._ufunc_reconstruct': (args) => judgeUfunc(args),
  'numpy._core._ufunc_reconstruct': (args) => judgeUfunc(args),
  'numpy.vectorize': (args) => (args.length === 0 ? 'fine' : null),
  'numpy.lib.function_base.vectorize': (args) => (args.length === 0 ? 'fine' : null),
  'operator.attrgetter': judgeGetter,
  '_operator.attrgetter': judgeGetter,
  'operator.methodcaller': judgeGetter,
  '_operator.methodcaller': judgeGetter,
  'operator.itemgetter': () => 'fine',
  '_operator.itemgetter': () => 'fine',
  'operator.getitem': ([generic]) => (isTyping(generic) ? 'fine' : null),
  '_operator.getitem': ([generic]) => (isTyping(generic) ? 'fine' : null),
  'types.GenericAlias': () => 'fine',
  '_functools.partial': ([held]) => (isNode(held) && held.kind === 'global' ? 'fine' : null),
  'functools.partial': ([held]) => (isNode(held) && held.kind === 'global' ? 'fine' : null),
  '_functools.reduce': ([join]) => (/^_?operator\.or_$/.test(globalName(join) ?? '') ? 'fine' : null),
  'functools.reduce': ([join]) => (/^_?operator\.or_$/.test(globalName(join) ?? '') ? 'fine' : null),
  'builtins.type': (args) => (args.length === 1 && !isActing(args[0]) ? 'fine' : null),
  // What they find is judged as an import of it.
  'dill._dill._load_type': ([name]) => (typeof name === 'string' ? 'fine' : null),
  'cloudpickle.cloudpickle._builtin_type': ([name]) => (typeof name === 'string' ? 'fine' : null),
  'dill._dill._eval_repr': ([text]) => (typeof text === 'string' && SINGLETON.test(text) ? 'fine' : null),
  'dateutil.tz.tz.tzfile': ([opened]) => judgeOpened('dateutil.tz.tz.tzfile', opened),
  'dateutil.tz._tzfile.tzfile': ([opened]) => judgeOpened('dateutil.tz._tzfile.tzfile', opened),
  'builtins.iter': (args) => (args.length === 1 && isCollection(args[0]) ? 'fine' : null),
  'torch.storage._load_from_bytes': ([bytes]) => (isNode(bytes) && bytes.kind === 'bytes' ? 'fine' : null),
  '_codecs.encode': ([, encoding]) => judgeEncoding(encoding),
  'builtins.bytearray': ([size]) => judgeAllocation('bytearray', size),
  'builtins.bytes': ([size]) => judgeAllocation('bytes', size),
  'torch._utils._rebuild_tensor': judgeTensor,
  'torch._utils._rebuild_tensor_v2': judgeTensor,
  'torch._utils._rebuild_tensor_v3': judgeTensor,
  'numpy.ndarray': ([shape]) => judgeAllocation('numpy.ndarray', productOf(shape)),
  'numpy.core.multiarray._reconstruct': ([, shape]) => judgeAllocation('numpy.ndarray', productOf(shape)),
  'numpy._core.multiarray._reconstruct': ([, shape]) => judgeAllocation('numpy.ndarray', productOf(shape)),
};

/** Its own pickles give a name and no file; a text in the file's place is a path that is opened. */
function judgeOpened(name: string, opened: PickleValue | undefined): CallJudgement {
  if (opened === undefined || opened === null) return null;
  const what = typeof opened === 'string' ? JSON.stringify(opened.slice(0, 80)) : 'a computed value';
  return { rule: 'WM-PICKLE-022', severity: 'high', message: `loading opens ${what} by ${name}` };
}

/** What dill writes by its text: it is run, and says nothing else. */
const SINGLETON = /^(?:Ellipsis|NotImplemented|range\(-?\d{1,40}, -?\d{1,40}(?:, -?\d{1,40})?\))$/;

/** An iterator over one of Python's own collections is pickled by a call of `iter`. */
function isCollection(value: PickleValue | undefined): boolean {
  return typeof value === 'string' || (isNode(value) && /^(?:list|tuple|dict|set|frozenset|bytes)$/.test(value.kind));
}

/** Callables that call or construct their first argument. */
export const CALLS_FIRST: ReadonlySet<string> = new Set([
  'copyreg._reconstructor',
  'copyreg.__newobj__',
  'dill._dill._create_array',
  'copyreg.__newobj_ex__',
  'torch._tensor._rebuild_from_type_v2',
  'numpy.core.multiarray._reconstruct',
  'numpy._core.multiarray._reconstruct',
  'torch._utils._rebuild_wrapper_subclass',
  'collections.defaultdict',
]);

export function judgeCall(name: string, call: PickleCall): CallJudgement {
  return Object.hasOwn(CHECKS, name) ? (CHECKS[name]?.(call.args) ?? null) : null;
}

/** `Optional[int]` is pickled as an item of `typing.Union`. */
function isTyping(value: PickleValue | undefined): boolean {
  return globalName(value)?.startsWith('typing.') === true;
}

/** Anything whose class could be of use to an attacker. */
function isActing(value: PickleValue | undefined): boolean {
  return isNode(value) && (value.kind === 'object' || value.kind === 'persistent' || value.kind === 'lost');
}

/** `getattr(Class, 'method')` is how Python pickles bound and nested things; anything with an escape is not. */
function judgeAttribute(target: PickleValue | undefined, name: PickleValue | undefined): CallJudgement {
  const from = globalName(target);
  if (from !== null && typeof name === 'string' && isAllowedPair(from, name)) return 'fine';
  if (from !== null && typeof name === 'string' && /^\w+$/.test(name) && !isEscapeAttribute(name)) {
    return { rule: 'WM-PICKLE-004', severity: 'medium', message: `loading takes the attribute ${name} of ${from}` };
  }
  const owner = ownerOf(target);
  if (owner !== null && typeof name === 'string' && /^\w+$/.test(name) && !isEscapeAttribute(name))
    return { rule: 'WM-PICKLE-004', severity: 'medium', message: `loading takes the attribute ${name} of ${owner}` };
  const what = typeof name === 'string' ? name : 'a computed name';
  return {
    rule: 'WM-PICKLE-001',
    severity: 'critical',
    message: `loading calls getattr(${from ?? 'a computed value'}, ${what})`,
  };
}

/** Whose methods may be kept: plain values, and objects of classes that are known. Whoever calls one is found by the call. */
function ownerOf(target: PickleValue | undefined): string | null {
  if (target === undefined) return null;
  if (!isNode(target)) return 'a plain value';
  if (target.kind !== 'object') return /^(?:bytes|list|dict|tuple|set)$/.test(target.kind) ? `a ${target.kind}` : null;
  const made = /^copy_?reg\._/.test(globalName(target.callee) ?? '') ? target.args[0] : target.callee;
  if (!isNode(made) || made.kind !== 'global' || made.module === null || made.name === null) return null;
  const { state, name } = judgeName(made.module, made.name);
  return state === 'allowed' ? `an object of ${name}` : null;
}

/** `attrgetter('x')` only keeps a name; what it is called with is found by the call. */
function judgeGetter(names: readonly PickleValue[]): CallJudgement {
  const plain = names.every(
    (name) => typeof name === 'string' && name.split('.').every((part) => !isEscapeAttribute(part)),
  );
  if (!plain) return null;
  const texts = names.filter((name) => typeof name === 'string').map((name) => name.slice(0, 80));
  return {
    rule: 'WM-PICKLE-004',
    severity: 'medium',
    message: `loading keeps what takes ${texts.join(', ')} of a value`,
  };
}

/** Takes any attribute of any module; honest pickles name a ufunc of NumPy or SciPy. */
function judgeUfunc([module, name]: readonly PickleValue[]): CallJudgement {
  const honest =
    typeof module === 'string' &&
    /^(numpy|numpy\.core\.umath|numpy\._core\.umath|scipy\.special|scipy\.special\._ufuncs)$/.test(module);
  if (honest && typeof name === 'string' && /^[a-z]\w*$/.test(name) && !isEscapeAttribute(name)) return 'fine';
  return {
    rule: 'WM-PICKLE-001',
    severity: 'critical',
    message: `loading fetches ${shown(module)}.${shown(name)} through numpy's ufunc reconstruction`,
  };
}

function shown(value: PickleValue | undefined): string {
  return typeof value === 'string' ? value : '(computed)';
}

function judgeEncoding(encoding: PickleValue | undefined): CallJudgement {
  if (
    encoding === undefined ||
    (typeof encoding === 'string' && /^(latin-?1|iso-?8859-?1|utf-?8|ascii)$/i.test(encoding))
  )
    return null;
  return { rule: 'WM-PICKLE-004', severity: 'medium', message: 'loading encodes text with an unusual codec' };
}

function judgeAllocation(what: string, size: PickleValue | undefined): CallJudgement {
  if ((typeof size !== 'number' && typeof size !== 'bigint') || size <= ALLOCATION) return null;
  return {
    rule: 'WM-PICKLE-014',
    severity: 'high',
    message: `loading makes a ${what} of ${size} elements out of nothing`,
  };
}

/** The last element a view reaches, by offset, sizes and strides, against the elements its storage has (CVE-2026-24747). */
function judgeTensor([storage, offset, sizes, strides]: readonly PickleValue[]): CallJudgement {
  if (!isNode(storage) || storage.kind !== 'persistent' || !isNode(storage.id) || storage.id.kind !== 'tuple')
    return null;
  const [kind, , , , elements, view] = storage.id.items;
  const [size, stride] = [integersOf(sizes), integersOf(strides)];
  if (
    kind !== 'storage' ||
    typeof elements !== 'number' ||
    (view !== undefined && view !== null) ||
    typeof offset !== 'number' ||
    size === null ||
    stride === null
  )
    return null;
  if (size.some((each) => each === 0)) return null;
  const last = size.reduce((sum, each, axis) => sum + (each - 1) * (stride[axis] ?? 0), offset);
  if (last < elements && offset >= 0 && [...size, ...stride].every((each) => each >= 0)) return null;
  return {
    rule: 'WM-TORCH-003',
    severity: 'high',
    message: `a tensor reaches element ${last} of a storage of ${elements}`,
  };
}

function integersOf(value: PickleValue | undefined): number[] | null {
  if (!isNode(value) || value.kind !== 'tuple' || value.items.length > 64) return null;
  const numbers = value.items.filter((each): each is number => typeof each === 'number');
  return numbers.length === value.items.length ? numbers : null;
}

function productOf(shape: PickleValue | undefined): PickleValue | undefined {
  if (!isNode(shape) || shape.kind !== 'tuple') return shape;
  return shape.items.reduce<number>(
    (product, size) => product * Number(typeof size === 'number' || typeof size === 'bigint' ? size : 1),
    1,
  );
}
