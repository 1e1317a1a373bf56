import type { Operator } from '../../formats/types.ts';
import { report, type Spot } from '../session.ts';
import { judgeBy } from './structure.ts';

/** Weights outside the artifact, and operators that run code or need libraries of their own. */
export const judgeOnnx = judgeBy({
  ruleOf: ({ code }) => (code === 'unsafe-path' ? 'WM-ONNX-001' : undefined),
  operator: judgeOperator,
  outsideRule: 'WM-ONNX-001',
});

/** ONNX Runtime's and converters' own domains, by exact name. */
const KNOWN_DOMAINS: ReadonlySet<string> = new Set([
  'com.microsoft',
  'com.microsoft.nchwc',
  'com.microsoft.experimental',
  'com.ms.internal.nhwc',
  'com.microsoft.dml',
  'ai.onnx',
  'ai.onnx.ml',
  'ai.onnx.training',
  'ai.onnx.preview.training',
  'org.pytorch.aten',
  'pkg.onnxscript.torch_lib',
  'pkg.onnxscript.torch_lib.common',
  'pkg.torch',
  'onnx_bisect',
  'mlfoundry',
]);

function judgeOperator(spot: Spot, { name, custom }: Operator): void {
  if (/::(PyOp|PythonOp|PyCustomOp\w*|PythonOpGrad)$/.test(name))
    return report(spot, 'WM-ONNX-002', `the operator ${name} runs Python`, { severity: 'high' });
  if (!custom) return;
  if (/^com\.microsoft::EPContext$/.test(name))
    return report(spot, 'WM-ONNX-002', 'an EPContext node loads a binary made for one kind of hardware');
  const domain = name.slice(0, Math.max(0, name.lastIndexOf('::')));
  const known = KNOWN_DOMAINS.has(domain) || /^pkg\.(torch|onnxscript)(\.|$)/.test(domain);
  if (!known) report(spot, 'WM-ONNX-002', `the operator ${name} needs a library of its own`);
}
