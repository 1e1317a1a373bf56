import { report, type Spot } from '../session.ts';
import { unescapeOne } from './escapes.ts';
import { severityOfOp } from '../formats/tensorflow.ts';

/** A field and its text in protobuf's text format: literals in either quote, which join when they follow each other. */
const FIELD =
  /\b(op|output_stream|debug_urls|key|runtime|backend|op_library_filename)\s*:?\s*\[?\s*((?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')(?:\s*(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))*)/g;
const LITERAL = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'/g;
const FIELDS = 2_000_000;

/**
 * Operators of a TensorFlow graph in text, judged as those of a binary one.
 * @see https://protobuf.dev/reference/protobuf/textformat-spec/
 */
export function judgeGraphAsText(spot: Spot, text: string): void {
  let seen = 0;
  for (const [, field, literals = ''] of withoutComments(text).matchAll(FIELD)) {
    if (seen++ > FIELDS) return;
    const value = [...literals.matchAll(LITERAL)]
      .map(([, double, single]) => unescape(double ?? single ?? ''))
      .join('');
    if (field === 'op') judgeOp(spot, value);
    else if (TRITON.has(field ?? '')) judgeTriton(spot, field ?? '', value);
    else if (/^(?:file|grpc):\/\//.test(value)) report(spot, 'WM-TF-001', `the graph writes to ${value.slice(0, 200)}`);
  }
}

const TRITON: ReadonlySet<string> = new Set(['key', 'runtime', 'backend', 'op_library_filename']);
/** Backends that come with Triton or that NVIDIA publishes; any other is a library that lies beside the model. */
const BACKENDS =
  /^(?:|onnxruntime|tensorrt|tensorrtllm|tensorrt_plan|pytorch|libtorch|tensorflow|python|dali|fil|openvino|vllm|identity|repeat|square|ensemble)$/;

/**
 * What a server loads besides the model: an environment with its own Python, a backend, a library of operators.
 * @see https://github.com/triton-inference-server/common/blob/main/protobuf/model_config.proto
 */
function judgeTriton(spot: Spot, field: string, value: string): void {
  if (field === 'key' ? value === 'EXECUTION_ENV_PATH' : field === 'runtime' && value !== '')
    report(spot, 'WM-CONFIG-001', `${field === 'key' ? value : field} names what the server runs the model with`);
  else if (field === 'backend' && !BACKENDS.test(value))
    report(spot, 'WM-CONFIG-001', `the backend ${value.slice(0, 200)} is a library of its own`);
  else if (field === 'op_library_filename')
    report(spot, 'WM-TF-002', `operators come from the library ${value.slice(0, 200)}`);
}

/** A comment runs from `#` outside a literal to the end of its line. */
function withoutComments(text: string): string {
  return text.includes('#')
    ? text.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|#[^\n]*/g, (part) => (part.startsWith('#') ? ' ' : part))
    : text;
}

function judgeOp(spot: Spot, name: string): void {
  const severity = severityOfOp(name);
  if (severity !== undefined) report(spot, 'WM-TF-001', `the graph uses ${name}`, { severity });
  else if (name.includes('>')) report(spot, 'WM-TF-002', `the graph uses the custom operator ${name.slice(0, 200)}`);
}

function unescape(text: string): string {
  return text.replace(/\\(?:[xX][0-9a-fA-F]{1,2}|[0-7]{1,3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)/g, unescapeOne);
}
