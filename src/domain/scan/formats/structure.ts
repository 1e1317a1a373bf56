import { problemOf } from '../../formats/problem.ts';
import { READERS } from '../../formats/readers.ts';
import type {
  Findings,
  FormatId,
  MetadataItem,
  NamedSource,
  Operator,
  Problem,
  Reference,
} from '../../formats/types.ts';
import { isUnsafePath } from '../../formats/archive-path.ts';
import { windowSource, type Source } from '../../base/source.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import { judgeArrowText, judgeArrowValue } from './arrow.ts';
import { judgeGraphText, judgeHdf5Text, judgeTemplateText } from './carve.ts';
import { judgeEmbeddedPickle, judgeLoose } from './loose.ts';
import { severityOfOp } from './tensorflow.ts';

/** The rule a reader's problems fall under, by format. */
const RULE_OF: Readonly<Partial<Record<FormatId, string>>> = { safetensors: 'WM-SAFETENSORS-001', gguf: 'WM-GGUF-001' };
const RULE_OF_REFERENCE: Readonly<Partial<Record<FormatId, string>>> = {
  onnx: 'WM-ONNX-001',
  'saved-model': 'WM-TF-001',
  'tf-graph': 'WM-TF-001',
};
const CHUNK = 4 << 20;
const OVERLAP = 128;
const CHAT_TEMPLATE = /^tokenizer\.chat_templates?(\.|$)/;

/** Judges what the format's reader saw. False if the reader says that this is no such file. */
export async function judgeStructure(spot: Spot, file: NamedSource, format: FormatId): Promise<boolean> {
  if (format === 'hdf5' || format === 'saved-model') await judgeHdf5Text(spot, file.source);
  if (format === 'saved-model' || format === 'tf-graph') await judgeGraphText(spot, file.source);
  if (format === 'tflite') await judgeOperatorCodes(spot, file.source);
  if (format === 'arrow' || format === 'arrow-stream') await judgeArrowText(spot, file.source);
  const reader = READERS[format];
  if (reader === undefined) return true;
  const findings = await readSafely(() => reader(file, { countRows: false }), format);
  for (const problem of findings.problems ?? []) {
    judgeProblem(spot, format, problem);
    if (UNCLAIMED.has(problem.code) && problem.offset !== undefined)
      await judgeLoose(spot, file.source, problem.offset);
  }
  if (format === 'gguf' && findings.problems?.some(({ code }) => UNREAD.has(code)) === true)
    await judgeTemplateText(spot, file.source);
  for (const item of findings.metadata ?? []) {
    await judgeMetadata(spot, format, item);
    if (format === 'parquet') judgeArrowValue(spot, item);
    for (const value of textsOf(item)) await judgeEmbeddedPickle(spot, item.key, value);
  }
  if (format === 'hdf5') await judgeDatasets(spot, file.source, findings);
  for (const operator of findings.operators ?? []) judgeOperator(spot, format, operator);
  for (const reference of findings.references ?? []) judgeReference(spot, format, reference);
  return true;
}

const UNCLAIMED: ReadonlySet<Problem['code']> = new Set(['gap', 'trailing']);
const UNREAD: ReadonlySet<Problem['code']> = new Set(['limit', 'unsupported', 'malformed', 'truncated']);
/** Numbers that no writer produces, and that have overflowed readers' arithmetic. */
const OVERSIZED = /\b\d{13,}\b|impossible|too large to be true/;

function textsOf({ value }: MetadataItem): string[] {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((each) => typeof each === 'string');
}

/** Byte arrays of HDF5 that are pickles: PyTables and pandas unpickle them. */
async function judgeDatasets(spot: Spot, source: Source, { tensors }: Findings): Promise<void> {
  const bytes = (tensors?.items ?? []).filter(
    ({ dtype, offset }) => offset !== undefined && /^([UI]8|OPAQUE|STRING|VLEN)$/.test(dtype),
  );
  for (const { offset = 0, length = 0 } of bytes.slice(0, 10_000)) {
    await spot.session.examine(
      { ...spot, depth: spot.depth + 1 },
      { path: '', source: windowSource(source, offset, length) },
      { rawData: true },
    );
  }
}

async function readSafely(read: () => Promise<Findings>, format: FormatId): Promise<Findings> {
  try {
    return await read();
  } catch (error) {
    return { format, problems: [problemOf(error)] };
  }
}

function judgeProblem(spot: Spot, format: FormatId, problem: Problem): void {
  const message = `${problem.subject === undefined ? '' : `${problem.subject}: `}${problem.message}`;
  const at = problem.offset === undefined ? {} : { offset: problem.offset };
  if (problem.code === 'external-reference' && format === 'hdf5') return report(spot, 'WM-HDF5-001', message, at);
  if (problem.code === 'unsafe-path' && format === 'onnx') return report(spot, 'WM-ONNX-001', message, at);
  if (problem.code === 'external-reference') return;
  if (
    problem.code === 'limit' ||
    problem.code === 'unsupported' ||
    problem.code === 'malformed' ||
    problem.code === 'truncated'
  )
    leaveOut(spot, message, problem.offset);
  if (problem.code === 'limit' || problem.code === 'unsupported') return;
  if (OVERSIZED.test(message) && (format === 'gguf' || problem.code === 'overflow'))
    return report(spot, RULE_OF[format] ?? 'WM-FILE-006', message, { ...at, severity: 'high' });
  const rule = RULE_OF[format] ?? (problem.code === 'trailing' ? 'WM-FILE-005' : 'WM-FILE-006');
  report(spot, rule, message, at);
}

async function judgeMetadata(spot: Spot, format: FormatId, { key, value }: MetadataItem): Promise<void> {
  if (format === 'gguf' && CHAT_TEMPLATE.test(key)) {
    const { judgeTemplate } = await import('../text/template.ts');
    for (const template of Array.isArray(value) ? value : [value])
      if (typeof template === 'string') judgeTemplate(spot, key, template);
  } else if (typeof value === 'string' && CODE_TEXT.test(value.slice(0, 1 << 16))) {
    report(spot, format === 'safetensors' ? 'WM-SAFETENSORS-002' : 'WM-FILE-006', `the metadata ${key} holds code`);
  }
}

/** Text of a programming language that does something; a mention in prose does not match. */
const CODE_TEXT =
  /\b(__import__|eval|exec|os\.system|os\.popen|subprocess\.(run|Popen|call|check_output)|pickle\.loads|marshal\.loads|base64\.b64decode)\s*\(|<script[\s>]|^\s*import (os|subprocess|socket|sys)\b|!!python\/|__reduce__|javascript:/m;

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

function judgeOperator(spot: Spot, format: FormatId, { name, custom }: Operator): void {
  if (format === 'onnx' && /::(PyOp|PythonOp|PyCustomOp\w*|PythonOpGrad)$/.test(name))
    return report(spot, 'WM-ONNX-002', `the operator ${name} runs Python`, { severity: 'high' });
  if (format === 'saved-model' || format === 'tf-graph') return judgeGraphOp(spot, name);
  if (!custom) return;
  if (format === 'onnx') {
    const domain = name.slice(0, Math.max(0, name.lastIndexOf('::')));
    if (/^com\.microsoft::EPContext$/.test(name))
      return report(spot, 'WM-ONNX-002', 'an EPContext node loads a binary made for one kind of hardware');
    const known = KNOWN_DOMAINS.has(domain) || /^pkg\.(torch|onnxscript)(\.|$)/.test(domain);
    if (!known) report(spot, 'WM-ONNX-002', `the operator ${name} needs a library of its own`);
  } else if (format === 'tflite') judgeFlex(spot, name);
}

function judgeGraphOp(spot: Spot, name: string): void {
  const severity = severityOfOp(name);
  if (severity !== undefined) report(spot, 'WM-TF-001', `the graph uses ${name}`, { severity });
  else if (name.includes('>')) report(spot, 'WM-TF-002', `the graph uses the custom operator ${name}`);
}

/** Custom operators a model declares, used or not, by their names in its bytes: a reader can be kept from the table. */
async function judgeOperatorCodes(spot: Spot, source: Source): Promise<void> {
  for (let at = 0; at < source.size; at += CHUNK) {
    const text = Buffer.from(await source.read(at, CHUNK + OVERLAP)).toString('latin1');
    for (const [, name = ''] of text.matchAll(/\b(Flex[A-Z]\w{1,80})\0/g)) judgeFlex(spot, `custom:${name}`);
  }
}

function judgeFlex(spot: Spot, name: string): void {
  const op = /Flex(\w+)/.exec(name)?.[1];
  const severity = op === undefined ? undefined : severityOfOp(op);
  if (severity !== undefined)
    report(spot, 'WM-TF-001', `the Flex operator ${name} acts outside the graph`, { severity });
  else report(spot, 'WM-TFLITE-001', `the operator ${name}`, { severity: KNOWN_TFLITE.test(name) ? 'info' : 'medium' });
}

/** Custom operators of TensorFlow Lite's own and MediaPipe's published kernels. */
const KNOWN_TFLITE =
  /(TFLite_Detection_PostProcess|MaxPoolingWithArgmax2D|MaxUnpooling2D|Convolution2DTransposeBias|TransformLandmarks|TransformTensorBilinear|Landmarks2TransformMatrix|AudioSpectrogram|Mfcc|NumericVerify|TFSentencepieceTokenizeOp)$/;

function judgeReference(spot: Spot, format: FormatId, { kind, target, subject }: Reference): void {
  const message = `${subject === undefined ? '' : `${subject}: `}${kind} ${target.slice(0, 200)}`;
  if (format === 'hdf5' && kind === 'external-link') return report(spot, 'WM-HDF5-001', message);
  const outside = isUnsafePath(target) || /^\w+:\/\//.test(target);
  if (format === 'hdf5' && kind === 'external-data') return report(spot, 'WM-HDF5-001', message);
  if (outside) report(spot, RULE_OF_REFERENCE[format] ?? 'WM-ARCHIVE-009', message);
}
