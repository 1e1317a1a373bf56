import { report, type Spot } from '../session.ts';
import { pushAll } from '../../base/lists.ts';

type Json = unknown;

const NODES = 1_000_000;
/** Framework modules whose classes and pure functions configurations name. */
const KERAS = /^(keras|tf_keras|tensorflow\.keras|tensorflow\.python\.keras)(\.|$)/;
/** Parts of keras that read, fetch, write or evaluate: no layer lives there. */
const ACTING =
  /^(keras|tf_keras|tensorflow\.keras)(\.src)?\.(utils|saving|models\.cloning|export|trainers|datasets|backend\.common|preprocessing|callbacks|distribution|wrappers|config)(\.|$)/;
const COMPANIONS =
  /^(keras_hub|keras_nlp|keras_cv|keras_core|tensorflow_addons|tensorflow_hub|tensorflow_probability)(\.|$)/;
const ACTING_NAMES: ReadonlySet<string> = new Set([
  'get_file',
  'load_model',
  'load_weights',
  'load_img',
  'save_img',
  'load_array',
  'deserialize',
  'deserialize_keras_object',
  'model_from_json',
  'model_from_config',
  'image_dataset_from_directory',
  'text_dataset_from_directory',
  'audio_dataset_from_directory',
  'timeseries_dataset_from_array',
  'enable_unsafe_deserialization',
  'set_backend',
  'plot_model',
  'model_to_dot',
  'register_keras_serializable',
  'custom_object_scope',
  'exec',
  'eval',
  'system',
  'popen',
  'open',
  '__import__',
  'compile',
  'getattr',
]);
const LOADING_LAYERS: ReadonlySet<string> = new Set(['TFSMLayer', 'TorchModuleWrapper', 'JaxLayer', 'FlaxLayer']);
const PATH_KEYS: ReadonlySet<string> = new Set([
  'vocabulary',
  'idf_weights',
  'filename',
  'filepath',
  'file_path',
  'vocabulary_file',
  'merges',
  'proto',
  'asset_path',
]);

/** True for a value shaped like a Keras configuration: a class name with its config. */
export function isKerasConfig(value: Json): boolean {
  return isObject(value) && typeof value['class_name'] === 'string' && ('config' in value || 'module' in value);
}

/** Judges a Keras configuration, of version 3 or of HDF5 files, wherever classes and functions are named in it. */
export function judgeKeras(spot: Spot, config: Json): void {
  const waiting: Json[] = [config];
  for (let value = waiting.pop(), seen = 0; waiting.length > 0 || value !== undefined; value = waiting.pop(), seen++) {
    if (seen > NODES) break;
    if (Array.isArray(value)) pushAll(waiting, value.slice(0, NODES));
    if (!isObject(value)) continue;
    judgeObject(spot, value);
    pushAll(waiting, Object.values(value));
  }
}

function judgeObject(spot: Spot, value: Record<string, Json>): void {
  const className = text(value['class_name']) ?? '';
  const module = text(value['module']);
  const config = isObject(value['config']) ? value['config'] : {};
  if (className === 'Lambda') judgeLambda(spot, config);
  if (className === '__lambda__') report(spot, 'WM-KERAS-001', 'a lambda with marshalled bytecode');
  if (LOADING_LAYERS.has(className))
    report(spot, 'WM-KERAS-003', `the layer ${className} loads another model or code by itself`);
  if (className !== '' && module !== undefined) judgeModule(spot, { module, className, target: text(value['config']) });
  const registered = text(value['registered_name']);
  if (registered?.includes('>') === true) report(spot, 'WM-KERAS-005', `the custom class ${registered} is needed`);
  if (registered === undefined && className.includes('>'))
    report(spot, 'WM-KERAS-005', `the custom class ${className.slice(0, 200)} is needed`);
  if (value['safe_mode'] === false || 'enable_unsafe_deserialization' in value)
    report(spot, 'WM-KERAS-002', 'the configuration switches safe mode off');
  for (const [key, entry] of Object.entries(value)) judgePath(spot, { key, entry, className });
}

/** Marshalled code is text (v3) or the first of a list (HDF5); a bare name is a registered function. */
function judgeLambda(spot: Spot, config: Record<string, Json>): void {
  const { function: code } = config;
  const marshalled =
    Array.isArray(code) ||
    (isObject(code) && text(code['class_name']) === '__lambda__') ||
    config['function_type'] === 'lambda';
  report(
    spot,
    'WM-KERAS-001',
    marshalled ? 'a Lambda layer with marshalled bytecode' : 'a Lambda layer that calls a named function',
    { severity: marshalled ? 'critical' : 'high' },
  );
}

function judgeModule(
  spot: Spot,
  { module, className, target }: { module: string; className: string; target: string | undefined },
): void {
  const named = className === 'function' ? (target ?? '') : className;
  if (ACTING.test(module) || ACTING_NAMES.has(named)) {
    if (!/Callback|Scheduler|Stopping/.test(named))
      report(spot, 'WM-KERAS-003', `the configuration names ${module}.${named}`);
    return;
  }
  if (KERAS.test(module)) return;
  if (
    module === 'builtins' &&
    /^(dict|list|tuple|set|str|int|float|bool|bytes|type|slice|Ellipsis|NoneType|__ellipsis__|__slice__|__tuple__|function)$/.test(
      named,
    )
  )
    return;
  if (COMPANIONS.test(module))
    return report(spot, 'WM-KERAS-005', `the class ${module}.${named} is needed`, { severity: 'low' });
  report(spot, 'WM-KERAS-002', `the configuration imports ${module}.${named}`);
}

function judgePath(spot: Spot, { key, entry, className }: { key: string; entry: Json; className: string }): void {
  const value = text(entry);
  if (!PATH_KEYS.has(key) || value === undefined || value === '') return;
  const path = /[/\\]|^[A-Za-z]:|^\w+:\/\/|\.\w{1,5}$/.test(value);
  if (path)
    report(
      spot,
      'WM-KERAS-004',
      `${className === '' ? key : `${className}.${key}`} is the path ${value.slice(0, 200)}`,
    );
}

function isObject(value: Json): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: Json): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
