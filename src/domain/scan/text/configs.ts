import { isUnsafePath } from '../../formats/archive-path.ts';
import { isDangerous } from '../deny.ts';
import { isKerasConfig, judgeKeras } from '../formats/keras.ts';
import { isClassLike } from '../pickle/names.ts';
import { leaveOut, report, type Spot } from '../session.ts';
import { judgeTemplate } from './template.ts';

const NODES = 2_000_000;

/** MLflow's own flavours, by exact name; anything else is a module from elsewhere. */
const MLFLOW_LOADERS: ReadonlySet<string> = new Set(
  'catboost diviner dspy fastai gluon h2o johnsnowlabs keras langchain lightgbm llama_index mleap onnx openai paddle pmdarima promptflow prophet pyfunc.model pyspark.ml pytorch sentence_transformers shap sklearn spacy spark statsmodels tensorflow transformers xgboost'
    .split(' ')
    .map((name) => `mlflow.${name}`),
);
/** Frameworks whose classes Hydra and NeMo configurations name. A function, or anything elsewhere, is judged by itself. */
const TARGET_ROOTS =
  /^(nemo|nemo_automodel|megatron|torch\.(nn|optim|utils\.data)|torchaudio\.transforms|torchvision\.transforms|torchmetrics|pytorch_lightning|lightning|lightning_fabric|transformers|diffusers|omegaconf|hydra|hydra_plugins|timm|peft|apex\.optimizers|sentencepiece|audiocraft|uni2ts|gluonts|ldm|sgm|speechbrain|pyannote|monai)(\.|$)/;

/** Judges parsed JSON or YAML of any shape for the keys that make loaders run or fetch something. */
export function judgeConfig(spot: Spot, value: unknown): void {
  if (isKerasConfig(value)) judgeKeras(spot, value);
  const waiting: unknown[] = [value];
  for (let seen = 0; waiting.length > 0 && seen < NODES; seen++) {
    const next = waiting.pop();
    if (typeof next !== 'object' || next === null) continue;
    if (!Array.isArray(next)) judgeReplace(spot, next);
    if (!Array.isArray(next)) judgeImports(spot, next);
    if (!Array.isArray(next)) for (const [key, entry] of Object.entries(next)) judgeEntry(spot, key, entry);
    for (const entry of Object.values(next)) if (typeof entry === 'object' && entry !== null) waiting.push(entry);
  }
  if (waiting.length > 0) leaveOut(spot, `a configuration of more than ${NODES} values`);
}

function judgeEntry(spot: Spot, key: string, value: unknown): void {
  if (key === 'auto_map' && typeof value === 'object' && value !== null) judgeAutoMap(spot, value);
  else if (key === 'custom_pipelines' && typeof value === 'object' && value !== null)
    report(spot, 'WM-CONFIG-001', 'custom_pipelines names code');
  else if (key === 'trust_remote_code' && isTrue(value))
    report(spot, 'WM-CONFIG-001', 'trust_remote_code is switched on');
  else if (/template|jinja/i.test(key)) judgeTemplates(spot, key, value);
  else if (key === 'weight_map' && typeof value === 'object' && value !== null) judgeShards(spot, value);
  else if (key === '_target_' || key === '__target__') judgeTarget(spot, value);
  else if (/^py\/(object|type|function|reduce|newargs\w*|repr)$/.test(key)) judgeJsonPickle(spot, key, value);
  else if (key === 'download' && typeof value === 'string') judgeDownload(spot, value);
  else if (
    key === 'parent_library' &&
    typeof value === 'string' &&
    !/^(transformers|peft|diffusers|timm|torch)(\.|$)/.test(value)
  )
    report(spot, 'WM-CONFIG-001', `the base model's class comes from ${value.slice(0, 200)}`);
  else if (key === 'loader_module') judgeLoader(spot, value);
  else if (key === 'model_code_path' && typeof value === 'string')
    report(spot, 'WM-CONFIG-003', `the model is the code ${value.slice(0, 200)}`);
  else if (key === 'entry_points' && isObject(value) && spot.session.path.endsWith('MLproject'))
    judgeEntryPoints(spot, value);
  else if (
    (/^(?:predict|init_script|scoring_script|code_configuration)$/.test(key) &&
      typeof value === 'string' &&
      /\.py\b/.test(value)) ||
    (key === 'custom_generate' && isNamed(value))
  )
    report(spot, 'WM-CONFIG-001', `${key} names the code ${String(value).slice(0, 200)}`);
  else if (
    key === 'code' &&
    typeof value === 'string' &&
    /^[\w./-]+$/.test(value) &&
    spot.session.path.endsWith('MLmodel')
  )
    report(spot, 'WM-CONFIG-003', `code is imported from ${value}`, { severity: 'medium' });
  else if (key === 'model_config' && typeof value === 'string' && value.includes('class_name'))
    judgeEmbedded(spot, value);
  else if (isKerasConfig(value)) judgeKeras(spot, value);
}

/** What Python takes for true, and a text that says so. */
function isTrue(value: unknown): boolean {
  return typeof value === 'string' ? /^(?:true|yes|on|1)$/i.test(value) : value === true || value === 1;
}

/** A repository, a folder or a file, whose `generate.py` is imported. */
function isNamed(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || (Array.isArray(value) && value.length > 0);
}

/** `mlflow run` gives each command to a shell. */
function judgeEntryPoints(spot: Spot, points: object): void {
  for (const [name, point] of Object.entries(points))
    if (isObject(point) && 'command' in point)
      report(spot, 'WM-CONFIG-002', `the entry point ${name} runs ${String(point.command).slice(0, 200)}`, {
        severity: 'medium',
      });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

const DIFFUSERS_LIBRARIES =
  /^(diffusers|transformers|optimum|onnxruntime|peft|torch|k_diffusion|stable_diffusion|flax|paddlenlp|ppdiffusers)(\.|$)/;

/** What Diffusers, Sentence Transformers and latent diffusion import by the names in their own files. */
function judgeImports(spot: Spot, value: object): void {
  for (const [key, pair] of '_class_name' in value ? Object.entries(value) : []) {
    const [library, name, ...more]: readonly unknown[] = Array.isArray(pair) ? pair : [];
    if (
      typeof library !== 'string' ||
      typeof name !== 'string' ||
      more.length > 0 ||
      !/^[a-z_][\w.]*$/.test(library) ||
      !/^[A-Z]\w*$/.test(name)
    )
      continue;
    if (!DIFFUSERS_LIBRARIES.test(library))
      report(spot, 'WM-CONFIG-001', `${key} is the class ${library.slice(0, 100)}.${name.slice(0, 100)}`);
  }
  if ('target' in value && 'params' in value && typeof value.target === 'string') {
    const dot = value.target.lastIndexOf('.');
    if (isDangerous(value.target.slice(0, Math.max(0, dot)), value.target.slice(dot + 1)))
      report(spot, 'WM-CONFIG-002', `target is ${value.target.slice(0, 200)}`, { severity: 'critical' });
  }
  if (!('idx' in value) || !('path' in value) || !('type' in value) || typeof value.type !== 'string') return;
  if (!/^(sentence_transformers|torch\.nn|pylate|transformers)\./.test(value.type))
    report(spot, 'WM-CONFIG-001', `a module has the class ${value.type.slice(0, 200)}`);
}

/** jsonpickle imports what these keys name, and calls what `py/reduce` holds. */
function judgeJsonPickle(spot: Spot, key: string, value: unknown): void {
  if (key === 'py/reduce' || key === 'py/repr')
    return report(spot, 'WM-CONFIG-004', `jsonpickle calls what ${key} holds`, { severity: 'high' });
  if (typeof value !== 'string') return;
  const dot = value.lastIndexOf('.');
  const dangerous = isDangerous(value.slice(0, Math.max(0, dot)), value.slice(dot + 1));
  report(spot, 'WM-CONFIG-004', `jsonpickle imports ${value.slice(0, 200)}`, {
    severity: dangerous ? 'critical' : 'medium',
  });
}

/** Ultralytics downloads a dataset from a URL, and runs anything else: `bash …` in a shell, the rest as Python. */
function judgeDownload(spot: Spot, text: string): void {
  if (/^\s*bash\s/.test(text))
    return report(spot, 'WM-CONFIG-002', 'the download entry runs a shell script', { severity: 'high' });
  if (!/^\s*(from \w|import \w)|\bexec\s*\(|\beval\s*\(/m.test(text)) return;
  const shell =
    /\b(os\.(system|popen|exec\w*|spawn\w*|remove|unlink)|subprocess|pty|socket|ctypes|shutil\.rmtree|eval|exec|base64|marshal)\b/.test(
      text,
    );
  report(spot, 'WM-CONFIG-002', 'the download entry is Python code', { severity: shell ? 'high' : 'medium' });
}

function judgeAutoMap(spot: Spot, map: object): void {
  const names = Object.values(map)
    .flat()
    .filter((name): name is string => typeof name === 'string');
  const remote = names.find((name) => name.includes('--'));
  report(
    spot,
    'WM-CONFIG-001',
    remote === undefined
      ? `auto_map names the code ${names.slice(0, 3).join(', ')}`
      : `auto_map names the code ${remote} of another repository`,
  );
}

/** A normalizer or decoder of tokenizer.json that swaps text for words: honest ones handle spaces, quotes and accents. */
function judgeReplace(spot: Spot, value: object): void {
  if (!('type' in value) || value.type !== 'Replace' || !('content' in value) || typeof value.content !== 'string')
    return;
  if (/[A-Za-z]{3,}|https?:|\d{4,}/.test(value.content))
    report(spot, 'WM-TEXT-002', `it replaces text with ${JSON.stringify(value.content.slice(0, 80))}`);
}

/** Keras names a list of files where a layer lies in several. */
function judgeShards(spot: Spot, map: object): void {
  const outside = Object.values(map)
    .flatMap((place: unknown) => (Array.isArray(place) ? (place as unknown[]) : [place]))
    .find((name) => typeof name !== 'string' || isUnsafePath(name) || /^\w+:\/\//.test(name));
  if (outside !== undefined)
    report(spot, 'WM-CONFIG-005', `a shard lies at ${typeof outside === 'string' ? outside.slice(0, 200) : 'no path'}`);
}

/** A text, a list of {name, template}, or a map by name. */
function judgeTemplates(spot: Spot, key: string, value: unknown): void {
  if (typeof value === 'string') {
    if (key === 'chat_template' || /\{[{%]/.test(value)) judgeTemplate(spot, key, value);
  } else if (typeof value === 'object' && value !== null) {
    for (const entry of Object.values(value)) {
      if (typeof entry === 'string' && /\{[{%]/.test(entry)) judgeTemplate(spot, key, entry);
    }
  }
}

/** Hydra calls what `_target_` names; NeMo reads such files out of archives. */
export function judgeTarget(spot: Spot, value: unknown, key = '_target_'): void {
  if (typeof value !== 'string') return;
  const dot = value.lastIndexOf('.');
  const [module, name] = [value.slice(0, Math.max(0, dot)), value.slice(dot + 1)];
  const dangerous =
    isDangerous(module, name) ||
    isDangerous(value, '') ||
    isDangerous('builtins', value) ||
    isDangerous(module === '' ? 'builtins' : module, name);
  if (dangerous && !/^(torch\.utils\.data|lightning|pytorch_lightning)/.test(value))
    return report(spot, 'WM-CONFIG-002', `${key} is ${value}`, { severity: 'critical' });
  if (TARGET_ROOTS.test(value))
    return isClassLike(name)
      ? undefined
      : report(spot, 'WM-CONFIG-002', `${key} is the function ${value}`, { severity: 'medium' });
  report(spot, 'WM-CONFIG-002', `${key} is ${value}`, { severity: isClassLike(name) ? 'medium' : 'high' });
}

function judgeLoader(spot: Spot, value: unknown): void {
  if (typeof value === 'string' && !MLFLOW_LOADERS.has(value))
    report(spot, 'WM-CONFIG-003', `loader_module is ${value}`);
}

function judgeEmbedded(spot: Spot, text: string): void {
  try {
    judgeKeras(spot, JSON.parse(text));
  } catch {
    report(spot, 'WM-FILE-006', 'model_config is not valid JSON', { severity: 'low' });
  }
}
