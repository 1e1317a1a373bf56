import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJsonObject, type Json } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import { checkPath, compareUtf8, unportable } from '../base/paths.ts';
import { hexOfOciDigest, ociDigest } from './hex.ts';
import { mediaTypeOf } from './media-type.ts';

/** What of a file its artifact's id binds. `sha256` is lower-case hex. */
export interface ManifestFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A JSON document to be stored by digest. */
export interface ManifestDocument {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  /** `sha256:<hex>` of `bytes`. */
  readonly digest: string;
}

/**
 * `weighmark-manifest/1`, frozen: one ModelPack manifest, or above 8,000 files an index of path-range manifests. The
 * digest of `top` is the artifact's id; `configs` and `parts` are stored beside it.
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

/** @throws WeighmarkError `empty-artifact`, `name-unsafe`, `format-invalid` for a path that stands twice. */
export function buildManifest(files: readonly ManifestFile[]): Manifest {
  const sorted = files.toSorted((a, b) => compareUtf8(a.path, b.path));
  checkFiles(sorted);
  const built = chunk(sorted, LIMITS.manifestFiles).map(imageManifest);
  const configs = built.map(({ config }) => config);
  const manifests = built.map(({ manifest }) => manifest);
  const [only] = manifests;
  if (only !== undefined && manifests.length === 1) return { id: only.digest, top: only, parts: [], configs };
  const top = indexOf(manifests.map(descriptor));
  return { id: top.digest, top, parts: manifests, configs };
}

/**
 * The id alone, of which nothing is kept: the documents of a million files take hundreds of megabytes.
 * @throws as `buildManifest`.
 */
export function manifestId(files: readonly ManifestFile[]): string {
  const sorted = inOrder(files) ? files : files.toSorted((a, b) => compareUtf8(a.path, b.path));
  checkFiles(sorted);
  const entries: Json[] = [];
  for (let at = 0; at < sorted.length; at += LIMITS.manifestFiles) {
    const { manifest } = imageManifest(sorted.slice(at, at + LIMITS.manifestFiles));
    if (sorted.length <= LIMITS.manifestFiles) return manifest.digest;
    entries.push(descriptor(manifest));
  }
  return indexOf(entries).digest;
}

function inOrder(files: readonly ManifestFile[]): boolean {
  return files.every(({ path }, at) => at === 0 || compareUtf8(files[at - 1]?.path ?? '', path) <= 0);
}

function indexOf(manifests: readonly Json[]): ManifestDocument {
  return document({ schemaVersion: 2, mediaType: INDEX_TYPE, artifactType: ARTIFACT_TYPE, manifests }, INDEX_TYPE);
}

/**
 * The files of one manifest of this profile; anything else a registry may hold is refused.
 * @throws WeighmarkError `format-invalid`; `name-unsafe` if its names are why nobody honest wrote it.
 */
export function parseManifest(bytes: Uint8Array): readonly ManifestFile[] {
  const manifest = parseStrictJsonObject(bytes, { maxBytes: LIMITS.manifestBytes, subject: 'the manifest' });
  const layers = arrayOf(manifest['layers'], 'layers');
  const files = layers.map(fileOfLayer);
  const rebuilt = buildManifest(files);
  if (!Buffer.from(rebuilt.top.bytes).equals(bytes))
    throw unportable(files.map(({ path }) => path)) ?? invalid('not in the form of weighmark-manifest/1');
  return files;
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

function imageManifest(files: readonly ManifestFile[]): { manifest: ManifestDocument; config: ManifestDocument } {
  const digests = files.map((file) => `sha256:${file.sha256}`);
  const config = document({ descriptor: {}, modelfs: { type: 'layers', diffIds: digests }, config: {} }, CONFIG_TYPE);
  const manifest = document(
    {
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType: ARTIFACT_TYPE,
      config: descriptor(config),
      layers: files.map(layer),
    },
    MANIFEST_TYPE,
  );
  return { manifest, config };
}

function layer(file: ManifestFile): Json {
  return {
    mediaType: mediaTypeOf(file.path),
    digest: `sha256:${file.sha256}`,
    size: file.sizeBytes,
    annotations: { [FILEPATH]: file.path },
  };
}

function descriptor(of: ManifestDocument): Json {
  return { mediaType: of.mediaType, digest: of.digest, size: of.bytes.length };
}

function document(value: Json, mediaType: string): ManifestDocument {
  const bytes = Buffer.from(JSON.stringify(value));
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
