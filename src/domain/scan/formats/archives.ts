import type { ZipContent } from '../containers/zip.ts';
import { pushAll } from '../../base/lists.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import { readText } from '../text/read.ts';
import { readAsPython } from '../text/settings.ts';
import { isDangerous } from '../deny.ts';
import { judgeTorchScript } from './torchscript.ts';

/** Judges what a zip file is for, by its members: torch.package, TorchScript, Keras, skops, NumPy archives. */
export async function judgeArchiveKind(spot: Spot, content: ZipContent): Promise<void> {
  const names = content.members.map(({ name }) => name);
  const has = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  if (has(/(^|\/)\.data\/(extern_modules|python_version|version)$/)) judgeTorchPackage(spot, names);
  if (content.torchScript) await judgeTorchScript(spot, content.members);
  if (has(/^schema\.json$/)) await judgeSkops(spot, content);
  if (has(/^__main__\.py$/))
    report(spot, 'WM-CODE-001', 'a Python zip application: it runs when it is given to Python', { severity: 'medium' });
  if (has(/^META-INF\/MANIFEST\.MF$/i) && has(/\.class$/)) report(spot, 'WM-FILE-004', 'a Java program');
}

function judgeTorchPackage(spot: Spot, names: readonly string[]): void {
  const modules = names.filter((name) => name.endsWith('.py'));
  if (modules.length === 0) return;
  report(
    spot,
    'WM-TORCH-002',
    `a torch.package with ${modules.length} Python modules, ${modules.slice(0, 3).join(', ')}`,
    { severity: 'high' },
  );
}

/** Types of scikit-learn, SciPy and NumPy that skops trusts by itself, and Python's own values. */
const TRUSTED = /^(sklearn|scipy|numpy|builtins|collections|xgboost|lightgbm|catboost|joblib)(\.|$)/;
/** Loaders that look up functions or call methods by name. */
const LOOKING_UP: ReadonlySet<string> = new Set([
  'MethodNode',
  'OperatorFuncNode',
  'FunctionNode',
  'PartialNode',
  'TypeNode',
  'ReduceNode',
  'ObjectNode',
  'JsonNode',
]);

async function judgeSkops(spot: Spot, { members }: ZipContent): Promise<void> {
  const member = members.find(({ name }) => name === 'schema.json');
  const text = member === undefined ? null : await readText(member.source);
  if (text === null) return;
  const schema = readAsPython(text);
  if (schema === undefined) return leaveOut(spot, 'a schema.json that is not valid JSON');
  const waiting: unknown[] = [schema];
  for (let seen = 0; waiting.length > 0 && seen < NODES; seen++) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null) continue;
    if ('__module__' in value && '__class__' in value && '__loader__' in value)
      judgeNode(spot, new Map<string, unknown>(Object.entries(value)));
    pushAll(waiting, Object.values(value));
  }
  if (waiting.length > 0) leaveOut(spot, `a schema.json of more than ${NODES} values`);
}

const NODES = 1_000_000;

function judgeNode(spot: Spot, node: ReadonlyMap<string, unknown>): void {
  const [module, name, loader] = [
    String(node.get('__module__')),
    String(node.get('__class__')),
    String(node.get('__loader__')),
  ];
  if (loader === 'OperatorFuncNode' || (loader === 'MethodNode' && !TRUSTED.test(module)))
    return report(spot, 'WM-SKOPS-001', `${loader} takes ${module}.${name}`);
  const content = node.get('content');
  if (
    loader === 'FunctionNode' &&
    typeof content === 'object' &&
    content !== null &&
    'module_path' in content &&
    'function' in content
  ) {
    const [from, called] = [String(content.module_path), String(content.function)];
    if (isDangerous(from, called) || !TRUSTED.test(from))
      return report(spot, 'WM-SKOPS-001', `FunctionNode names ${from}.${called}`);
  }
  const dangerous = isDangerous(module, name);
  if (TRUSTED.test(module) && !dangerous) return;
  report(spot, 'WM-SKOPS-001', `${LOOKING_UP.has(loader) ? loader : 'a node'} names ${module}.${name}`, {
    severity: dangerous ? 'high' : 'medium',
  });
}
