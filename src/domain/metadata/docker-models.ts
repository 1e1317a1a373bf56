import { checkPath } from '../base/paths.ts';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { field, items, jsonOf, words, type MetadataFile } from './read.ts';

/** A file of a model that Docker Model Runner keeps. */
export interface DockerFile {
  /** As it was called when it was packaged, else what its media type says it is. */
  readonly path: string;
  /** Lower-case hex: the name of its blob. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

const NAMES: Readonly<Record<string, string>> = {
  'gguf.v3': 'model.gguf',
  safetensors: 'model.safetensors',
  dduf: 'model.dduf',
  license: 'LICENSE',
  mmproj: 'projector.gguf',
  'chat.template.jinja': 'chat_template.jinja',
};
const LAYER = /^application\/vnd\.docker\.ai\.(.+)$/;
const FILE_PATH = 'org.cncf.model.filepath';
const CONFIG = 'docker-model-config.json';
const MOST_LAYERS = 10_000;

/**
 * The files that a manifest of its store names, its configuration among them.
 * @see https://github.com/docker/model-runner/blob/v1.2.9/pkg/distribution/types/config.go
 * @throws WeighmarkError `format-invalid`: a layer that cannot be read, or names a file twice, is not passed over;
 * `name-unsafe`.
 */
export function readDockerManifest(bytes: Uint8Array, subject: string): readonly DockerFile[] {
  const manifest = parseStrictJsonObject(bytes, { code: 'format-invalid', subject, refuseCaseDuplicates: false });
  const layers = items(manifest['layers']);
  if (layers.length === 0 || layers.length > MOST_LAYERS) throw invalid(subject, 'is no manifest of a model');
  const files = layers.map((layer, index) => fileOf(layer, subject, nameOf(layer, index)));
  const config = isJsonObject(manifest['config']) ? [fileOf(manifest['config'], subject, CONFIG)] : [];
  const all = [...files, ...config];
  if (new Set(all.map(({ path }) => path.toLowerCase())).size < all.length)
    throw invalid(subject, 'gives two files one name');
  return all;
}

function nameOf(layer: Json, index: number): string {
  const said = words(field(field(layer, 'annotations'), FILE_PATH));
  if (said !== undefined) return said;
  const [, kind = 'layer'] = LAYER.exec(words(field(layer, 'mediaType')) ?? '') ?? [];
  return index === 0 ? (NAMES[kind] ?? kind) : (NAMES[kind] ?? kind).replace(/(\.[a-z]+)?$/, `-${index}$1`);
}

function fileOf(layer: Json, subject: string, path: string): DockerFile {
  const [, sha256] = /^sha256:([0-9a-f]{64})$/.exec(words(field(layer, 'digest')) ?? '') ?? [];
  const size = field(layer, 'size');
  if (sha256 === undefined || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(subject, 'names a layer without digest or size');
  checkPath(path);
  return { path, sha256, sizeBytes: size };
}

function invalid(subject: string, why: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `${subject} ${why}`, { subject });
}

/** `models.json`: tags by the digest of the manifest, lower-case hex. What is none has no models. */
export function readDockerIndex(file: MetadataFile): ReadonlyMap<string, readonly string[]> {
  const found = items(field(jsonOf(file), 'models')).flatMap(
    (model): readonly (readonly [string, readonly string[]])[] => {
      const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(words(field(model, 'id')) ?? '') ?? [];
      const tags = items(field(model, 'tags')).flatMap((tag) => words(tag, 500) ?? []);
      return hex === undefined ? [] : [[hex, tags]];
    },
  );
  return new Map(found);
}
