import type { ZipContent } from '../containers/zip.ts';
import { pushAll } from '../../base/lists.ts';
import { isEscapeAttribute } from '../deny.ts';
import { isClassLike, judgeName } from '../pickle/names.ts';
import { judgeRunText, RUN_TEXTS } from '../pickle/uses.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import { readText } from '../text/read.ts';
import { readAsPython } from '../text/settings.ts';

type Node = ReadonlyMap<string, unknown>;

const NODES = 1_000_000;
/** What skops itself writes for values of Python and NumPy; its loaders take no other class there. */
const VALUES =
  /^(?:builtins\.(?:NoneType|bool|bytearray|bytes|dict|float|function|int|list|method|object|set|slice|str|tuple|type)|collections\.(?:OrderedDict|defaultdict)|datetime\.(?:datetime|timedelta)|numpy(?:\.\w+)*\.(?:Generator|RandomState|MaskedArray|MT19937|PCG64|PCG64DXSM|Philox|SFC64|SeedSequence)|numpy\.(?:ndarray|dtype|bool_?|(?:u?int|float|complex)\d+|str_|bytes_|object_|void|datetime64|timedelta64)|scipy\.special(?:\._(?:special_)?ufuncs)?\.[a-z]\w*)$/;
/** Libraries whose functions are taken by models that are honest: scores, kernels, transformations. */
const LIBRARIES = /^(?:numpy|scipy|sklearn)(?:\.|$)/;
/** A function that by its name reaches a file or the network, or runs something. */
const REACHES =
  /load|read|open|file|fetch|download|url|save|write|dump|exec|eval|run|import|pickle|memmap|source|folder|path|test|spawn|process|parallel|^from/i;
/** Bit generators of NumPy: the loader takes any other attribute of `numpy.random`, too, and calls it in older versions. */
const BIT_GENERATORS: ReadonlySet<unknown> = new Set(['MT19937', 'PCG64', 'PCG64DXSM', 'Philox', 'SFC64']);

/** A skops file: each node of its schema names what is imported, and its loader says what is done with it. */
export async function judgeSkops(spot: Spot, { members }: ZipContent): Promise<void> {
  const member = members.find(({ name }) => name === 'schema.json');
  const text = member === undefined ? null : await readText(member.source);
  if (text === null) return;
  const schema = readAsPython(text);
  if (schema === undefined) return leaveOut(spot, 'a schema.json that is not valid JSON');
  const waiting: unknown[] = [schema];
  for (let seen = 0; waiting.length > 0 && seen < NODES; seen++) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null) continue;
    const node: Node = new Map<string, unknown>(Object.entries(value));
    if (node.has('__module__') && node.has('__class__') && node.has('__loader__')) judgeNode(spot, node);
    for (const key of RUN_TEXTS) if (node.has(key)) judgeRun(spot, key, node.get(key));
    pushAll(waiting, [...node.values()]);
  }
  if (waiting.length > 0) leaveOut(spot, `a schema.json of more than ${NODES} values`);
}

function judgeNode(spot: Spot, node: Node): void {
  const loader = String(node.get('__loader__'));
  const [module, name] = [String(node.get('__module__')), String(node.get('__class__'))];
  if (loader === 'OperatorFuncNode')
    return report(spot, 'WM-SKOPS-001', `${loader} takes ${module}.${name}`, {
      severity: name === 'itemgetter' ? 'medium' : 'high',
    });
  const content = partsOf(node.get('content'));
  if (loader === 'MethodNode') judgeMethod(spot, `${module}.${name}`, content.get('func'));
  if (loader === 'RandomGeneratorNode') judgeGenerator(spot, content);
  if (loader === 'FunctionNode' && content.has('module_path') && content.has('function'))
    judgeNamed(spot, loader, [String(content.get('module_path')), String(content.get('function'))]);
  judgeNamed(spot, loader, [module, name]);
}

function judgeNamed(spot: Spot, loader: string, [module, name]: readonly [string, string]): void {
  const { state, known } = judgeName(module, name);
  if ((state === 'allowed' && loader !== 'ConstructorFromReduceNode') || VALUES.test(`${module}.${name}`)) return;
  const dangerous = (state === 'block' && known) || /^joblib(?:\.|$)/.test(module);
  const called = state === 'block' && !isClassLike(name) && (!LIBRARIES.test(module) || REACHES.test(name));
  report(spot, 'WM-SKOPS-001', `${loader} names ${module}.${name}`, {
    severity: dangerous || (called && module !== '__main__') ? 'high' : 'medium',
  });
}

/** A method is taken from the object and kept: by a name of Python's own it leads out of it. */
function judgeMethod(spot: Spot, owner: string, method: unknown): void {
  const leads = typeof method !== 'string' || isEscapeAttribute(method) || REACHES.test(method);
  report(spot, 'WM-SKOPS-001', `MethodNode takes ${String(method).slice(0, 200)} of ${owner}`, {
    severity: leads ? 'high' : 'medium',
  });
}

function judgeGenerator(spot: Spot, content: Node): void {
  const named = partsOf(partsOf(partsOf(content.get('bit_generator')).get('content')).get('bit_generator'));
  const name = readAsPython(String(named.get('content')));
  if (!BIT_GENERATORS.has(name))
    report(spot, 'WM-SKOPS-001', `RandomGeneratorNode calls numpy.random.${String(name).slice(0, 200)}`);
}

/** The state that SciPy's distributions are given is run as text, whoever gives it. */
function judgeRun(spot: Spot, key: string, entry: unknown): void {
  const value = readAsPython(String(partsOf(entry).get('content')));
  if (typeof entry === 'object') judgeRunText(spot, { key, value: typeof value === 'string' ? value : 0, offset: 0 });
}

function partsOf(value: unknown): Node {
  return new Map<string, unknown>(typeof value === 'object' && value !== null ? Object.entries(value) : []);
}
