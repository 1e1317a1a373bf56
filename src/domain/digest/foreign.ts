import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { checkPath, compareUtf8, unportable } from '../base/paths.ts';
import { hexOfOciDigest } from './hex.ts';
import { FILEPATH, TITLE, parseManifest, type ManifestFile } from './manifest.ts';

/**
 * The files of any OCI manifest that holds some: this profile's, else what KitOps, ORAS, ModelPack's clients, Docker Model Runner and
 * their kin push. A raw layer is one file; a tar layer is one too, named as the archive it is, which is opened where archives
 * are looked into. In path order.
 * @throws WeighmarkError `format-invalid` with a way out, `name-unsafe`, `empty-artifact`.
 */
export function readManifest(bytes: Uint8Array): readonly ManifestFile[] {
  try {
    return parseManifest(bytes);
  } catch (error) {
    if (!(error instanceof WeighmarkError && ['format-invalid', 'empty-artifact'].includes(error.code))) throw error;
    return readForeign(bytes);
  }
}

interface Layer {
  readonly mediaType: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  /** As an annotation says; null: only the media type says what it is. */
  readonly path: string | null;
  readonly archive: '' | '.tar' | '.tar.gz' | '.tar.zst';
}

const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
/** Where a file's path stands, the surest first: ModelPack, what it was called before, ORAS. */
const PATHS = [FILEPATH, 'org.cnai.model.filepath', TITLE];
const UNPACK = 'io.deis.oras.content.unpack';

function readForeign(bytes: Uint8Array): readonly ManifestFile[] {
  const manifest = parseStrictJsonObject(bytes, {
    maxBytes: LIMITS.manifestBytes,
    subject: 'the manifest',
    refuseCaseDuplicates: false,
  });
  const maker = makerOf(manifest['config']);
  const { layers } = manifest;
  if (!Array.isArray(layers)) throw unreadable(maker, 'it has no layers');
  if (layers.length > LIMITS.manifestFiles) throw unreadable(maker, `it has more than ${LIMITS.manifestFiles} layers`);
  const read = layers.map((layer: Json) => layerOf(layer, maker)).filter(({ mediaType }) => mediaType !== EMPTY_TYPE);
  if (read.length === 0) throw new WeighmarkError('empty-artifact', `the manifest, ${maker}, holds no files`);
  const files = named(read).map(({ path, layer: { sizeBytes, sha256 } }) => ({ path, sizeBytes, sha256 }));
  return distinct(files, maker);
}

function layerOf(entry: Json, maker: string): Layer {
  const { mediaType, digest, size, annotations } = isJsonObject(entry) ? entry : {};
  if (typeof mediaType !== 'string' || typeof digest !== 'string' || !Number.isSafeInteger(size) || Number(size) < 0)
    throw unreadable(maker, 'a layer says neither its type, digest nor size');
  if (!digest.startsWith('sha256:'))
    throw unreadable(maker, `a layer is named by ${digest.slice(0, 20)}, not by SHA-256`);
  const notes = isJsonObject(annotations) ? annotations : {};
  const path = PATHS.map((key) => notes[key]).find((value) => typeof value === 'string' && value !== '');
  return {
    mediaType,
    sha256: hexOfOciDigest(digest),
    sizeBytes: Number(size),
    path: typeof path === 'string' ? path.replace(/^(?:\.\/)+/, '').replace(/\/+$/, '') : null,
    archive: isLooseFile(mediaType, notes) ? '' : archiveOf(mediaType),
  };
}

/** ORAS calls a plain file a tar layer; a folder that it packed says so. */
function isLooseFile(mediaType: string, notes: { readonly [key: string]: Json }): boolean {
  return (
    mediaType.startsWith('application/vnd.oci.image.layer.') && notes[TITLE] !== undefined && notes[UNPACK] !== 'true'
  );
}

function archiveOf(mediaType: string): Layer['archive'] {
  const [, packing] = /\.tar(?:[.+](gzip|zstd)(?:-[a-z]+)?)?$/.exec(mediaType) ?? [null, null];
  if (packing === null) return '';
  return packing === undefined ? '.tar' : packing === 'gzip' ? '.tar.gz' : '.tar.zst';
}

/** What layers without a path are, by their media types. */
const NAMES: readonly (readonly [type: RegExp, stem: string, ending: string])[] = [
  [/gguf/, 'model', '.gguf'],
  [/safetensors/, 'model', '.safetensors'],
  [/dduf/, 'model', '.dduf'],
  [/mmproj|projector/, 'model', '.mmproj'],
  [/license/, 'LICENSE', ''],
  [/template/, 'template', '.jinja'],
];

interface Named {
  readonly path: string;
  readonly layer: Layer;
}

/** Several of one name are numbered, as shards are. */
function named(layers: readonly Layer[]): readonly Named[] {
  const words = layers.map((layer) => (layer.path === null ? wordsFor(layer) : null));
  const counts = Map.groupBy(
    words.filter((word) => word !== null),
    ({ stem, ending }) => `${stem}${ending}`,
  );
  const seen = new Map<string, number>();
  return layers.map((layer, at) => {
    const word = words[at] ?? null;
    if (word === null) return { path: withEnding(layer.path ?? '', layer.archive), layer };
    const key = `${word.stem}${word.ending}`;
    const number = (seen.get(key) ?? 0) + 1;
    seen.set(key, number);
    const of = counts.get(key)?.length ?? 1;
    const part = of === 1 ? '' : `-${pad(number)}-of-${pad(of)}`;
    return { path: `${word.stem}${part}${word.ending}`, layer };
  });
}

function wordsFor({ mediaType, archive }: Layer): { readonly stem: string; readonly ending: string } {
  const known = archive === '' ? NAMES.find(([type]) => type.test(mediaType)) : undefined;
  if (known !== undefined) return { stem: known[1], ending: known[2] };
  const [subtype = ''] = /[^/]*$/.exec(mediaType) ?? [];
  const words = subtype.replace(/\.tar(?:[.+].*)?$/, '').split(/[^a-z0-9]+/i);
  const stem = words.findLast((word) => /^[a-z]{2,}$/i.test(word) && !DULL.has(word)) ?? 'layer';
  return { stem, ending: archive };
}

const DULL = new Set(['raw', 'content', 'json', 'octet', 'stream', 'vnd', 'diff']);

function withEnding(path: string, archive: Layer['archive']): string {
  const isNamedSo = archive === '' || path.endsWith(archive) || (archive === '.tar.gz' && path.endsWith('.tgz'));
  return isNamedSo ? path : `${path}${archive}`;
}

function pad(number: number): string {
  return String(number).padStart(5, '0');
}

function distinct(files: readonly ManifestFile[], maker: string): readonly ManifestFile[] {
  const byPath = new Map<string, ManifestFile>();
  for (const file of files) {
    checkPath(file.path);
    const before = byPath.get(file.path);
    if (before !== undefined && before.sha256 !== file.sha256)
      throw unreadable(maker, `two of its layers are ${JSON.stringify(file.path)}`);
    byPath.set(file.path, file);
  }
  const problem = unportable([...byPath.keys()]);
  if (problem !== null) throw problem;
  return [...byPath.values()].toSorted((a, b) => compareUtf8(a.path, b.path));
}

/** Whose it is, by its configuration's type. */
const MAKERS: readonly (readonly [type: RegExp, maker: string])[] = [
  [/kitops/, 'a ModelKit of KitOps'],
  [/docker\.ai/, 'a model of Docker Model Runner'],
  [/cncf\.model|cnai\.model/, 'a model of a ModelPack client'],
  [/ollama|docker\.container\.image/, 'an image of Docker or Ollama'],
  [/oci\.image\.config/, 'a container image'],
];

function makerOf(config: Json | undefined): string {
  const type = isJsonObject(config) && typeof config['mediaType'] === 'string' ? config['mediaType'] : '';
  return MAKERS.find(([pattern]) => pattern.test(type))?.[1] ?? 'an artifact of another tool';
}

function unreadable(maker: string, why: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `the manifest is ${maker}, and cannot be read: ${why}`, {
    hint: 'pull it with the tool that pushed it, and look at the folder: `weighmark verify ./FOLDER`',
  });
}
