import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';

/** A file of a model that Ollama keeps: what it is, and the blob that holds it. */
export interface OllamaFile {
  /** What the layer's media type says it is: `model.gguf`, `template`. */
  readonly path: string;
  /** Name in `blobs/`: `sha256-<hex>`. */
  readonly blob: string;
  /** Lower-case hex, from the manifest. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

const NAMES: Readonly<Record<string, string>> = {
  model: 'model.gguf',
  projector: 'projector.gguf',
  adapter: 'adapter.gguf',
  template: 'template',
  system: 'system',
  prompt: 'template',
  params: 'params.json',
  license: 'LICENSE',
  messages: 'messages.json',
};
const LAYER = /^application\/vnd\.ollama\.image\.([a-z]+)$/;
const MOST_LAYERS = 1000;

/**
 * The files that a manifest of Ollama's store names.
 * @see https://github.com/ollama/ollama/blob/main/manifest/manifest.go
 * @throws WeighmarkError `format-invalid`: a layer that cannot be read is not passed over.
 */
export function readOllamaManifest(bytes: Uint8Array, subject: string): readonly OllamaFile[] {
  const manifest = parseStrictJsonObject(bytes, { code: 'format-invalid', subject, refuseCaseDuplicates: false });
  const layers = Array.isArray(manifest['layers']) ? (manifest['layers'] as readonly Json[]) : null;
  if (layers === null || layers.length === 0 || layers.length > MOST_LAYERS)
    throw new WeighmarkError('format-invalid', `${subject} is no manifest of Ollama`, { subject });
  const used = new Map<string, number>();
  const files = layers.map((layer) => fileOf(layer, subject, used));
  const config = manifest['config'];
  return isJsonObject(config) && config['digest'] !== '' && config['digest'] !== undefined
    ? [...files, { ...fileOf(config, subject, used), path: 'ollama-config.json' }]
    : files;
}

function fileOf(layer: Json, subject: string, used: Map<string, number>): OllamaFile {
  const [digest, size, mediaType] = isJsonObject(layer) ? [layer['digest'], layer['size'], layer['mediaType']] : [];
  const [, sha256] = /^sha256[:-]([0-9a-f]{64})$/.exec(typeof digest === 'string' ? digest : '') ?? [];
  if (sha256 === undefined || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw new WeighmarkError('format-invalid', `${subject} names a layer without digest or size`, { subject });
  const [, kind = 'layer'] = LAYER.exec(typeof mediaType === 'string' ? mediaType : '') ?? [];
  const name = NAMES[kind] ?? kind;
  const count = (used.get(name) ?? 0) + 1;
  used.set(name, count);
  const path = count === 1 ? name : name.replace(/(\.[a-z]+)?$/, `-${count}$1`);
  return { path, blob: `sha256-${sha256}`, sha256, sizeBytes: size };
}

/** What `ollama list` calls the model behind `manifests/HOST/NAMESPACE/MODEL/TAG`. */
export function ollamaName(parts: readonly string[]): { readonly name: string; readonly version: string } {
  const [tag = '', ...names] = parts.toReversed();
  const name = names
    .toReversed()
    .join('/')
    .replace(/^registry\.ollama\.ai\//, '')
    .replace(/^library\//, '');
  return { name, version: tag };
}
