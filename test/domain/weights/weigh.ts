import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { bytesSource } from '../../../src/domain/base/source.ts';
import { readFormat } from '../../../src/domain/formats/index.ts';
import type { BomFile } from '../../../src/domain/metadata/types.ts';
import { weighArtifact, type WeighedSet, type WeightsFile } from '../../../src/flows/describe/weights.ts';

const files = createFiles();
const progress = { start: () => ({ advance: () => undefined, end: () => undefined }) };

export const hasher = await createHasher({ kernel: 'wasm' });

/** The sets of weights in a folder by name; hashed where they lie, or read through a source. */
export async function weighFolder(folder: string, placed: boolean): Promise<ReadonlyMap<string, WeighedSet>> {
  const tree = await files.walk(folder);
  return weighFiles(
    tree.entries.map(({ path, sizeBytes, location, stamp }) => ({
      path,
      sizeBytes,
      digests: {},
      open: () => files.open(location),
      ...(placed ? { place: { location, stamp, followLink: false } } : {}),
    })),
  );
}

/** The same of bytes in memory, by path. */
export async function weighBytes(
  bytes: Readonly<Record<string, Uint8Array>>,
): Promise<ReadonlyMap<string, WeighedSet>> {
  return weighFiles(
    Object.entries(bytes).map(([path, content]) => ({
      path,
      sizeBytes: content.length,
      digests: {},
      open: async () => ({ ...bytesSource(content), close: async () => undefined }),
    })),
  );
}

async function weighFiles(artifact: readonly WeightsFile[]): Promise<ReadonlyMap<string, WeighedSet>> {
  const described: BomFile[] = [];
  for (const { path, sizeBytes, open } of artifact) {
    const source = await open();
    described.push({ path, sizeBytes, digests: {}, report: await readFormat({ path, source }) });
    await source.close();
  }
  const sets = await weighArtifact(artifact, described, { hasher: async () => hasher, progress });
  return new Map(sets.map((set) => [set.name, set]));
}
