import { createHash } from 'node:crypto';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { compareUtf8 } from '../../domain/base/paths.ts';
import { readDockerIndex, readDockerManifest } from '../../domain/metadata/docker-models.ts';
import { ollamaName, readOllamaManifest } from '../../domain/metadata/ollama.ts';
import type { Files, Tree, TreeEntry } from '../../domain/ports/files.ts';
import type { Stored } from './stored.ts';

const MANIFEST_BYTES = 4 << 20;
const MANIFEST_DEPTH = 6;
const DOCKER_MANIFEST = /^(.*)\/manifests\/sha256\/([0-9a-f]{64})$/;

/** Manifests below a store's `manifests` folder, by location, as deep as they are made: HOST/NAMESPACE/MODEL/TAG, sha256/HEX. */
export async function manifestsOf(models: string, files: Files): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (folder: string, depth: number): Promise<void> => {
    for (const { name, kind } of await files.items(folder)) {
      if (kind === 'file') found.push(`${folder}/${name}`);
      else if (kind === 'directory' && depth < MANIFEST_DEPTH) await visit(`${folder}/${name}`, depth + 1);
    }
  };
  await visit(`${models}/manifests`, 0);
  return found;
}

/** Whether a path is a manifest in a store of Ollama or Docker Model Runner. */
export async function isManifest(path: string, files: Files): Promise<boolean> {
  const at = path.lastIndexOf('/manifests/');
  if (at < 0 || (await files.kindOf(path)) !== 'file') return false;
  return (await files.kindOf(`${path.slice(0, at)}/blobs`)) === 'directory';
}

/**
 * Where a signature of the model lies, and what else stands beside content: below a folder of its own in the store, which
 * Ollama and Docker Model Runner pass over, at the path that the manifest has below theirs.
 */
export function sealPlace(manifest: string): string {
  const at = manifest.lastIndexOf('/manifests/');
  return `${manifest.slice(0, at)}/weighmark/${manifest.slice(at + '/manifests/'.length)}`;
}

/**
 * The model behind a manifest: its layers by what they are, each with the digest the manifest states.
 * @throws WeighmarkError `format-invalid`, `limit-exceeded`, `unreadable`, `download-conflict`.
 */
export async function manifestModel(manifest: string, files: Files): Promise<Stored> {
  const [, docker, hex] = DOCKER_MANIFEST.exec(manifest) ?? [];
  if (docker !== undefined && hex !== undefined && (await files.kindOf(`${docker}/models.json`)) === 'file')
    return dockerModel(manifest, { store: docker, hex }, files);
  return ollamaModel(manifest, files);
}

async function dockerModel(
  manifest: string,
  { store, hex }: { readonly store: string; readonly hex: string },
  files: Files,
): Promise<Stored> {
  const bytes = await files.read(manifest, MANIFEST_BYTES);
  if (createHash('sha256').update(bytes).digest('hex') !== hex)
    throw new WeighmarkError('download-conflict', `${manifest} is not the manifest that its name says`, {
      subject: manifest,
      hint: 'pull the model again',
    });
  const listed = readDockerManifest(bytes, manifest);
  const index = await files.readIfThere(`${store}/models.json`, MANIFEST_BYTES);
  const tags = index === null ? [] : (readDockerIndex({ path: 'models.json', bytes: index }).get(hex) ?? []);
  const [, name = 'unnamed', version = hex.slice(0, 12)] = /^(.+?)(?::([^:/]+))?$/.exec(tags[0] ?? '') ?? [];
  return {
    store: 'docker-model-runner',
    name,
    version,
    location: manifest,
    sealedAt: sealPlace(manifest),
    files: listed.map(({ path, sha256 }) => ({ path, location: `${store}/blobs/sha256/${sha256}` })),
    recorded: listed.map(({ path, sha256, sizeBytes }) => ({
      path,
      algorithm: 'sha256',
      hex: sha256,
      sizeBytes,
      recordedBy: 'Docker Model Runner',
    })),
  };
}

async function ollamaModel(manifest: string, files: Files): Promise<Stored> {
  const at = manifest.lastIndexOf('/manifests/');
  if (at < 0) throw new WeighmarkError('format-invalid', `${manifest} does not lie in a store of Ollama`);
  const listed = readOllamaManifest(await files.read(manifest, MANIFEST_BYTES), manifest);
  const blobs = `${manifest.slice(0, at)}/blobs`;
  return {
    store: 'ollama',
    ...ollamaName(manifest.slice(at + '/manifests/'.length).split('/')),
    location: manifest,
    sealedAt: sealPlace(manifest),
    files: listed.map(({ path, blob }) => ({ path, location: `${blobs}/${blob}` })),
    recorded: listed.map(({ path, sha256, sizeBytes }) => ({
      path,
      algorithm: 'sha256',
      hex: sha256,
      sizeBytes,
      recordedBy: 'Ollama',
    })),
  };
}

/** Layers under the names of what they are, in the order of names. */
export async function layersAsTree(
  { location, sealedAt = location, files: placed = [] }: Stored,
  files: Files,
): Promise<Tree> {
  const entries: TreeEntry[] = [];
  for (const { path, location: blob } of placed) {
    if ((await files.kindOf(blob)) === 'none')
      throw new WeighmarkError('incomplete', `${location} names ${path}, whose blob is not there`, { subject: blob });
    const [entry] = (await files.walk(blob)).entries;
    if (entry === undefined) continue;
    const { location: at, sizeBytes, stamp } = entry;
    entries.push({ path, location: at, sizeBytes, stamp });
  }
  entries.sort((a, b) => compareUtf8(a.path, b.path));
  return { kind: 'directory', root: sealedAt, entries, sidecars: [], leftOut: [], followedLinks: false };
}
