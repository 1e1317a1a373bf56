import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { checkPath, compareUtf8, unportable } from '../base/paths.ts';
import type { Digests } from './algorithm.ts';
import { hexOfOciDigest, ociDigest } from './hex.ts';
import { mediaTypeOf } from './media-type.ts';

/** What of a file its artifact's id binds. `sha256` is lower-case hex. */
export interface ManifestFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A file that was hashed, as its artifact's id binds it: of a million no objects of texts are made. */
export class SummedFile implements ManifestFile {
  readonly #file: Pick<ManifestFile, 'path' | 'sizeBytes'> & { readonly digests: Digests };

  constructor(file: Pick<ManifestFile, 'path' | 'sizeBytes'> & { readonly digests: Digests }) {
    this.#file = file;
  }

  get path(): string {
    return this.#file.path;
  }

  get sizeBytes(): number {
    return this.#file.sizeBytes;
  }

  /** @throws WeighmarkError `internal` if it was not hashed. */
  get sha256(): string {
    const { sha256 } = this.#file.digests;
    if (sha256 === undefined) throw new WeighmarkError('internal', 'a file was not hashed', { subject: this.path });
    return sha256;
  }
}

/** The file itself, where it says its SHA-256. */
export function summed(
  file: Pick<ManifestFile, 'path' | 'sizeBytes'> & { readonly digests: Digests; readonly sha256?: string },
): ManifestFile {
  return isSummed(file) ? file : new SummedFile(file);
}

function isSummed(file: Pick<ManifestFile, 'path' | 'sizeBytes'> & { readonly sha256?: string }): file is ManifestFile {
  return 'sha256' in file;
}

/** A JSON document to be stored by digest. */
export interface ManifestDocument {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  /** `sha256:<hex>` of `bytes`. */
  readonly digest: string;
}

/**
 * `weighmark-manifest/1` and `/2`, frozen. 2 is 1 with `org.opencontainers.image.title` beside the filepath, by which ORAS and its
 * kin name files, and a configuration that says what follows from the paths.
 */
export type ManifestVersion = 1 | 2;

/**
 * One ModelPack manifest, or above 8,000 files an index of path-range manifests. The digest of `top` is the artifact's id in
 * this version; `configs` and `parts` are stored beside it.
 */
export interface Manifest {
  readonly id: string;
  readonly top: ManifestDocument;
  readonly parts: readonly ManifestDocument[];
  readonly configs: readonly ManifestDocument[];
}

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const ARTIFACT_TYPE = 'application/vnd.cncf.model.manifest.v1+json';
const CONFIG_TYPE = 'application/vnd.cncf.model.config.v1+json';
export const FILEPATH = 'org.cncf.model.filepath';
export const TITLE = 'org.opencontainers.image.title';
export const VERSIONS: readonly ManifestVersion[] = [1, 2];
/** What is made of an artifact that has no id yet. */
export const NEWEST: ManifestVersion = 2;

/** @throws WeighmarkError `empty-artifact`, `name-unsafe`, `format-invalid` for a path that stands twice. */
export function buildManifest(files: readonly ManifestFile[], version: ManifestVersion = 1): Manifest {
  const sorted = files.toSorted((a, b) => compareUtf8(a.path, b.path));
  checkFiles(sorted);
  const built = chunk(sorted, LIMITS.manifestFiles).map((part) =>
    imageManifest(
      part.map((file) => new Layer(file)),
      version,
    ),
  );
  const configs = built.map(({ config }) => config);
  const manifests = built.map(({ manifest }) => manifest);
  const [only] = manifests;
  if (only !== undefined && manifests.length === 1) return { id: only.digest, top: only, parts: [], configs };
  const top = indexOf(manifests.map(descriptor));
  return { id: top.digest, top, parts: manifests, configs };
}

/** All ids of an artifact, by version: whatever names one of them means each. @throws as `buildManifest`. */
export function idsOf(files: readonly ManifestFile[]): readonly string[] {
  return idsIn(inAnyOrder(files), VERSIONS);
}

/**
 * The id alone, of which nothing is kept: the documents of a million files take hundreds of megabytes.
 * @throws as `buildManifest`.
 */
export function manifestId(files: readonly ManifestFile[], version: ManifestVersion = 1): string {
  return idsIn(inAnyOrder(files), [version])[0] ?? '';
}

function inAnyOrder(files: readonly ManifestFile[]): readonly ManifestFile[] {
  const sorted = inOrder(files) ? files : files.toSorted((a, b) => compareUtf8(a.path, b.path));
  checkFiles(sorted);
  return sorted;
}

function idsIn(sorted: readonly ManifestFile[], versions: readonly ManifestVersion[]): readonly string[] {
  const parts = versions.map((): Descriptor[] => []);
  for (let at = 0; at < sorted.length; at += LIMITS.manifestFiles) {
    const layers = sorted.slice(at, at + LIMITS.manifestFiles).map((file) => new Layer(file));
    for (const [index, version] of versions.entries())
      parts[index]?.push(described(imageManifestOf(layers, version).manifest, MANIFEST_TYPE));
  }
  return parts.map((made) => (made.length === 1 ? made[0] : indexOf(made))?.digest ?? '');
}

function inOrder(files: readonly ManifestFile[]): boolean {
  return files.every(({ path }, at) => at === 0 || compareUtf8(files[at - 1]?.path ?? '', path) <= 0);
}

function indexOf(manifests: readonly Descriptor[]): ManifestDocument {
  return document({ schemaVersion: 2, mediaType: INDEX_TYPE, artifactType: ARTIFACT_TYPE, manifests }, INDEX_TYPE);
}

/**
 * The files of one manifest of this profile, in either version; anything else a registry may hold is refused.
 * @throws WeighmarkError `format-invalid`; `name-unsafe` if its names are why nobody honest wrote it.
 */
export function parseManifest(bytes: Uint8Array): readonly ManifestFile[] {
  const manifest = parseStrictJsonObject(bytes, { maxBytes: LIMITS.manifestBytes, subject: 'the manifest' });
  const layers = arrayOf(manifest['layers'], 'layers');
  const files = layers.map(fileOfLayer);
  if (!VERSIONS.some((version) => titled(layers) === (version !== 1) && isWritten(files, version, bytes)))
    throw unportable(files.map(({ path }) => path)) ?? invalid('not in the form of weighmark-manifest/1 or /2');
  return files;
}

/** Only the first version has no titles, so of the two one is written to compare. */
function titled([layer]: readonly Json[]): boolean {
  return isJsonObject(layer) && isJsonObject(layer['annotations']) && layer['annotations'][TITLE] !== undefined;
}

function isWritten(files: readonly ManifestFile[], version: ManifestVersion, bytes: Uint8Array): boolean {
  const sorted = inAnyOrder(files);
  if (sorted.length > LIMITS.manifestFiles) return false;
  const layers = sorted.map((file) => new Layer(file));
  return Buffer.from(imageManifestOf(layers, version).manifest).equals(bytes);
}

/** The digests of an index's manifests, in order, or null for a plain manifest. @throws `format-invalid`. */
export function parseIndex(bytes: Uint8Array): readonly string[] | null {
  const index = parseStrictJsonObject(bytes, { maxBytes: LIMITS.manifestBytes, subject: 'the manifest' });
  if (index['mediaType'] !== INDEX_TYPE) return null;
  return arrayOf(index['manifests'], 'manifests').map((entry) => {
    const digest = isJsonObject(entry) ? entry['digest'] : undefined;
    if (typeof digest !== 'string') throw invalid('a descriptor has no digest');
    hexOfOciDigest(digest);
    return digest;
  });
}

function imageManifest(
  layers: readonly Layer[],
  version: ManifestVersion,
): { manifest: ManifestDocument; config: ManifestDocument } {
  const { config, manifest } = imageManifestOf(layers, version);
  return { manifest: written(manifest, MANIFEST_TYPE), config: written(config, CONFIG_TYPE) };
}

/** Their texts, of which the config's digest is in the manifest. */
function imageManifestOf(
  layers: readonly Layer[],
  version: ManifestVersion,
): { readonly manifest: string; readonly config: string } {
  const diffIds = layers.map(({ digest }) => `"${digest}"`).join(',');
  const said = JSON.stringify(version === 1 ? {} : configOf(layers));
  const config = `{"descriptor":{},"modelfs":{"type":"layers","diffIds":[${diffIds}]},"config":${said}}`;
  const head = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: ARTIFACT_TYPE,
    config: described(config, CONFIG_TYPE),
  };
  const texts = layers.map((layer) => layer.json(version)).join(',');
  return { manifest: `${JSON.stringify(head).slice(0, -1)},"layers":[${texts}]}`, config };
}

/** Endings that say by themselves what weights are, in ModelPack's words. */
const WEIGHTS: readonly (readonly [ending: string, format: string])[] = [
  ['.gguf', 'gguf'],
  ['.onnx', 'onnx'],
  ['.safetensors', 'safetensors'],
];

/** The format where all weights that a name tells are of one; nothing that a reader of formats would say. */
function configOf(files: readonly { readonly path: string }[]): Json {
  const found = WEIGHTS.filter(([ending]) => files.some(({ path }) => path.toLowerCase().endsWith(ending)));
  const [only] = found;
  return only === undefined || found.length > 1 ? {} : { format: only[1] };
}

/** A file's layer as JSON, of which both versions are made: of a million files the texts are most of the work. */
class Layer {
  readonly path: string;
  readonly digest: string;
  readonly #name: string;
  readonly #start: string;

  constructor({ path, sha256, sizeBytes }: ManifestFile) {
    this.path = path;
    this.digest = `sha256:${sha256}`;
    this.#name = JSON.stringify(path);
    this.#start = `{"mediaType":"${mediaTypeOf(path)}","digest":"${this.digest}","size":${sizeBytes},"annotations":{"${FILEPATH}":${this.#name}`;
  }

  json(version: ManifestVersion): string {
    return version === 1 ? `${this.#start}}}` : `${this.#start},"${TITLE}":${this.#name}}}`;
  }
}

/** Words of the frozen format. */
type Descriptor = { readonly mediaType: string; readonly digest: string; readonly size: number };

function descriptor(of: ManifestDocument): Descriptor {
  return { mediaType: of.mediaType, digest: of.digest, size: of.bytes.length };
}

/** The same of a document that is not kept: no bytes are made of it. */
function described(json: string, mediaType: string): Descriptor {
  return { mediaType, digest: ociDigest(json), size: Buffer.byteLength(json) };
}

function document(value: Json, mediaType: string): ManifestDocument {
  return written(JSON.stringify(value), mediaType);
}

function written(json: string, mediaType: string): ManifestDocument {
  const bytes = Buffer.from(json);
  return { bytes, mediaType, digest: ociDigest(bytes) };
}

function fileOfLayer(entry: Json): ManifestFile {
  if (!isJsonObject(entry) || !isJsonObject(entry['annotations'] ?? null)) throw invalid('a layer has no annotations');
  const { digest, size, annotations } = entry;
  const path = (annotations as { readonly [key: string]: Json })[FILEPATH];
  if (typeof digest !== 'string' || typeof size !== 'number' || typeof path !== 'string')
    throw invalid('a layer is not a described file');
  return { path, sizeBytes: size, sha256: hexOfOciDigest(digest) };
}

function checkFiles(sorted: readonly ManifestFile[]): void {
  if (sorted.length === 0) throw new WeighmarkError('empty-artifact', 'there is no file to describe');
  sorted.forEach((file, index) => {
    checkPath(file.path);
    if (sorted[index - 1]?.path === file.path) throw invalid(`the path ${JSON.stringify(file.path)} stands twice`);
    if (!Number.isSafeInteger(file.sizeBytes) || file.sizeBytes < 0) throw invalid('a size is not a whole number');
  });
}

function chunk<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

function arrayOf(value: Json | undefined, name: string): readonly Json[] {
  if (!Array.isArray(value)) throw invalid(`${name} is not a list`);
  return value as readonly Json[];
}

function invalid(why: string): WeighmarkError {
  return new WeighmarkError('format-invalid', `manifest: ${why}`);
}
