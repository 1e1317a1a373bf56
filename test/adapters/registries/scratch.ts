import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { initRegistry, openRegistry, type RegistryDeps } from '../../../src/adapters/registries/index.ts';
import { ociDigest } from '../../../src/domain/digest/hex.ts';
import { buildManifest, type Manifest } from '../../../src/domain/digest/manifest.ts';
import type { LogLeaf } from '../../../src/domain/tlog/leaf.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';

export interface Scratch {
  readonly folder: string;
  /** Folder of the registry. */
  readonly place: string;
  readonly deps: RegistryDeps;
  /** Opens it anew, as another process of the same user would. */
  open(): Promise<Registry>;
}

/** A user with an empty home, and an initialised registry; gone after the test. */
export async function scratchRegistry(t: Pick<TestContext, 'after'>): Promise<Scratch> {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-registry-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const deps = { env: { HOME: join(folder, 'home') } };
  const place = join(folder, 'registry');
  await initRegistry(place, {}, deps);
  return { folder, place, deps, open: () => openRegistry(place, deps) };
}

export const NO_BUNDLE = `sha256:${'0'.repeat(64)}`;

export function leafOf(at: number, more: Partial<LogLeaf> = {}): LogLeaf {
  return {
    v: 1,
    kind: 'push',
    name: 'acme/enc',
    manifest: ociDigest(`manifest ${at}`),
    bundle: ociDigest(`bundle ${at}`),
    ...more,
  };
}

/** A tiny model: its content and manifest. */
export function modelOf(text: string): { content: Buffer; digest: string; manifest: Manifest } {
  const content = Buffer.from(text);
  const digest = ociDigest(content);
  return {
    content,
    digest,
    manifest: buildManifest([{ path: 'model.bin', sizeBytes: content.length, sha256: digest.slice(7) }]),
  };
}

export async function putModel(
  registry: Registry,
  name: string,
  { text, tag }: { text: string; tag?: string },
): Promise<string> {
  const { content, digest, manifest } = modelOf(text);
  await registry.putBytes(name, digest, content);
  for (const config of manifest.configs) await registry.putBytes(name, config.digest, config.bytes);
  await registry.putManifest(name, manifest.top, tag);
  return manifest.id;
}
