import { madeOnce } from '../../base/made-once.ts';
import { HUGGING_FACE, JOBLIB, NUMPY, PYTHON, VALUES } from '../allow/core.ts';
import { GENSIM } from '../allow/gensim.ts';
import { LIBRARIES } from '../allow/libraries.ts';
import { PANDAS } from '../allow/pandas.ts';
import { modernName } from '../allow/python2.ts';
import { SCIPY } from '../allow/scipy.ts';
import { SKLEARN } from '../allow/sklearn.ts';
import { STATSMODELS } from '../allow/statsmodels.ts';
import { STANDARD_MODULES } from '../allow/stdlib.ts';
import { UFUNCS } from '../allow/ufuncs.ts';
import { TORCH_NN } from '../allow/torch-nn.ts';
import { TORCH, WEIGHTS_ONLY } from '../allow/torch.ts';
import { isDangerous, isDangerousModule, isEscapeAttribute } from '../deny.ts';

/** `allowed` by exact name; `review`: known, with effects that depend on its arguments, or of unknown origin; `block`: known or likely to do harm. */
export type NameState = 'allowed' | 'review' | 'block';

export interface NameJudgement {
  readonly state: NameState;
  /** The name Python 3 imports. */
  readonly name: string;
  /** True if a list says so; false if it is only unknown. */
  readonly known: boolean;
}

/** Known and harmless by themselves, but they hold or find other objects; those are judged on their own. */
const REVIEW: ReadonlySet<string> = new Set([
  'functools.partial',
  '_functools.partial',
  '_functools.reduce',
  'operator.itemgetter',
  '_operator.itemgetter',
  'logging.Logger',
  'weakref.ref',
  'types.MappingProxyType',
  'itertools.chain',
  'itertools.cycle',
  'functools.cmp_to_key',
  'numpy.vectorize',
  'numpy.lib.function_base.vectorize',
  'operator.attrgetter',
  '_operator.attrgetter',
  'operator.methodcaller',
  '_operator.methodcaller',
  'dataclasses.Field',
  'abc.ABCMeta',
  'enum.EnumMeta',
  'queue.Queue',
  'random.Random.random',
  'copyreg.constructor',
  'torch.storage._load_from_bytes',
  'numpy.core._ufunc_reconstruct',
  'numpy._core._ufunc_reconstruct',
  'fsspec.implementations.local.LocalFileSystem',
]);

/** Models of libraries and distributions: their pickles make them without a constructor and give them a state. */
const stateful = madeOnce(
  (): ReadonlySet<string> =>
    new Set([
      ...[SCIPY, LIBRARIES, GENSIM, STATSMODELS].flatMap(flatten),
      ...Object.keys(HUGGING_FACE)
        .flatMap((module) =>
          /deepspeed|training_args|trl\.|callbacks/.test(module)
            ? flatten({ [module]: HUGGING_FACE[module] ?? '' })
            : [],
        )
        .filter((name) => /(?:Config|Arguments|Plugin|Checkpoint)$/.test(name)),
      'pandas._libs.parsers.TextReader',
    ]),
);

const allowed = madeOnce(
  (): ReadonlySet<string> =>
    new Set(
      [
        PYTHON,
        VALUES,
        NUMPY,
        UFUNCS,
        JOBLIB,
        HUGGING_FACE,
        WEIGHTS_ONLY,
        TORCH,
        TORCH_NN,
        SKLEARN,
        SCIPY,
        PANDAS,
        LIBRARIES,
        GENSIM,
        STATSMODELS,
      ].flatMap(flatten),
    ),
);
/** Modules and names of the lists, and the keys that describe joblib's arrays and PyTorch's storages: what a pickle of any size is judged by. */
const words = madeOnce(
  (): ReadonlySet<string> =>
    new Set([
      ...[...allowed()].flatMap((full) => [
        full.slice(0, full.lastIndexOf('.')),
        full.slice(full.lastIndexOf('.') + 1),
      ]),
      'shape',
      'dtype',
      'order',
      'subclass',
      'allow_mmap',
      'numpy_array_alignment_bytes',
      'storage',
      'cpu',
    ]),
);
const loadable = madeOnce((): ReadonlySet<string> => new Set([...flatten(WEIGHTS_ONLY), ...tensorClasses()]));

/** True if the lists hold `owner.attribute` itself: `zoneinfo.ZoneInfo` and `_unpickle`. */
export function isAllowedPair(owner: string, attribute: string): boolean {
  return allowed().has(`${owner}.${attribute}`);
}

/** Names that start processes whatever package they are in; a Gaussian process is not one of them. */
const STARTS_PROCESSES =
  /(?:Popen|[Ss]ubprocess\w*|(?<!Gaussian|Dirichlet|Point|Poisson|Markov|Wiener|Decision|Stochastic)Process(?:Handler|Runner|Manager|Context)?|Shell|Command)$/;

function startsProcess(module: string, name: string): boolean {
  return (
    STARTS_PROCESSES.test(name) ||
    module.split('.').some((part) => /^_?(?:subprocess\w*|popen\w*|pty|ptyprocess|pexpect)$/.test(part))
  );
}

/** Judges one imported name. `torchScript`: inside a TorchScript archive, whose own classes are named `__torch__.…`. */
export function judgeName(module: string, name: string, torchScript = false): NameJudgement {
  const [modernModule, modern] = modernName(module, name);
  const full = `${modernModule}.${modern}`;
  if (allowed().has(full)) return { state: 'allowed', name: full, known: true };
  if (isDangerous(modernModule, modern) && !REVIEW.has(full)) return { state: 'block', name: full, known: true };
  if (REVIEW.has(full)) return { state: 'review', name: full, known: true };
  if (torchScript && /^__torch__(\.[\w$]+)*$/.test(modernModule)) return { state: 'allowed', name: full, known: true };
  if (isMethodOfAllowed(modernModule, modern)) return { state: 'review', name: full, known: true };
  const harmful = isStandard(modernModule) || !isClassLike(modern) || startsProcess(modernModule, modern);
  return { state: harmful ? 'block' : 'review', name: full, known: false };
}

/** A class of a library that its own pickles never call: with a path, a text, settings or a function it acts on them. */
export function isStateful(name: string): boolean {
  return stateful().has(name) && /^_*[A-Z]|^rv_|_gen$/.test(name.slice(name.lastIndexOf('.') + 1));
}

export function isStandard(module: string): boolean {
  return STANDARD_MODULES.has(module.split('.')[0] ?? '');
}

/** `Class.method` of an allowed class, as protocol 4 names functions kept by an object. */
export function isMethodOfAllowed(module: string, name: string): boolean {
  const [owner = '', ...path] = name.split('.');
  return path.length > 0 && allowed().has(`${module}.${owner}`) && path.every((part) => !isEscapeAttribute(part));
}

/** A text that a pickle may need again to name something: of the lists, or of a module known to be dangerous. */
export function isKnownWord(text: string): boolean {
  return text.length < 200 && (words().has(text) || isDangerousModule(text));
}

/** Whether `torch.load(weights_only=True)` accepts the name. */
export function isLoadable(module: string, name: string): boolean {
  return loadable().has(modernName(module, name).join('.'));
}

/**
 * A class by its shape, or a function that by its name only puts an object together again. In a dotted name every part
 * must be a class.
 */
export function isClassLike(name: string): boolean {
  return (
    /^_*[A-Z]\w*(\._*[A-Z]\w*)*$/.test(name) ||
    /^_*(pyx_unpickle|unpickle|reconstruct|rebuild|restore|newobj|newObj)_?\w*$/.test(name) ||
    /^\w+_(ctor|unpickle|reconstruct)$/.test(name)
  );
}

export function isPythonName(module: string, name: string): boolean {
  return /^[A-Za-z_]\w*(\.[A-Za-z_$]\w*)*$/.test(module) && /^[A-Za-z_]\w*(\.(<locals>|[A-Za-z_]\w*))*$/.test(name);
}

function flatten(table: Readonly<Record<string, string>>): string[] {
  return Object.entries(table).flatMap(([module, names]) => names.split(' ').map((name) => `${module}.${name}`));
}

/** `torch._tensor_classes`: one class for each storage type and place. */
function tensorClasses(): string[] {
  const names = ['Double', 'Float', 'Half', 'Long', 'Int', 'Short', 'Char', 'Byte', 'Bool', 'BFloat16'];
  return ['torch', 'torch.cuda', 'torch.sparse', 'torch.cuda.sparse'].flatMap((module) =>
    names.map((name) => `${module}.${name}Tensor`),
  );
}
