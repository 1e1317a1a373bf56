import { ByPath, pathOf, type Lookup } from '../../domain/base/by-path.ts';
import { cachedSource } from '../../domain/base/source.ts';
import { detect, readFormat } from '../../domain/formats/index.ts';
import type { FormatId } from '../../domain/formats/types.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import type { Stretch } from '../../domain/ports/hasher.ts';
import { readWeights } from '../../domain/weights/read.ts';
import { besideIn, weightsFilesOf, withFile, type WeightsFile } from './weights.ts';

/** Reading a smaller file once more costs less than looking at its header twice. */
const FROM_BYTES = 8 << 20;
/** Formats whose tensors lie in a file as they are, as a rule; those of others are made of what lies there. */
const PLACED: ReadonlySet<FormatId> = new Set([
  'safetensors',
  'gguf',
  'torch-zip',
  'torchscript',
  'onnx',
  'npy',
  'tflite',
]);

/**
 * Where tensors lie in the large files of a tree, by path, found before these are hashed: one read then gives the digests of
 * both. It is no more than a guess at what will be asked: what it misses is read again, what it has too much is not asked for.
 * @throws WeighmarkError `file-changed`, `unreadable`.
 */
export async function stretchesIn(
  tree: Tree,
  ports: { readonly files: Files },
): Promise<ReadonlyMap<string, readonly Stretch[]>> {
  const entries = tree.entries.filter(({ sizeBytes }) => sizeBytes >= FROM_BYTES);
  const byPath = new ByPath(weightsFilesOf({ ...tree, entries }, ports), pathOf);
  const found = new Map<string, Stretch[]>();
  for (const file of byPath.items)
    for (const { holder, ...stretch } of await placedIn(file, byPath)) {
      const held = found.get(holder);
      if (held === undefined) found.set(holder, [stretch]);
      else held.push(stretch);
    }
  return new Map([...found].map(([path, all]) => [path, apart(all, byPath.get(path)?.sizeBytes ?? 0)]));
}

async function placedIn(
  file: WeightsFile,
  byPath: Lookup<WeightsFile>,
): Promise<readonly (Stretch & { readonly holder: string })[]> {
  const { path } = file;
  const { tensors } = await withFile(file, async (opened) => {
    const source = cachedSource(opened);
    if (!PLACED.has((await detect({ path, source })).format)) return { tensors: [] };
    return readWeights(
      { path, source, beside: besideIn(byPath) },
      await readFormat({ path, source }, { countRows: false }),
    );
  });
  return tensors.flatMap(({ elements, sizeBytes }) => {
    if (elements.kind !== 'stretch') return [];
    const { file: holder = path, offset: start } = elements;
    return [{ holder, start, end: start + sizeBytes }];
  });
}

/** Those that do not reach into each other: views of one storage may, and no byte is worth hashing more than once. */
export function apart(stretches: readonly Stretch[], sizeBytes: number): readonly Stretch[] {
  const taken: Stretch[] = [];
  let from = 0;
  for (const stretch of stretches.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    if (stretch.start < from || stretch.end <= stretch.start || stretch.end > sizeBytes) continue;
    taken.push(stretch);
    from = stretch.end;
  }
  return taken;
}

/** BLAKE3 of stretches that were hashed with their files. */
export class StretchDigests {
  readonly #byPath = new Map<string, ReadonlyMap<string, Uint8Array>>();

  add(path: string, stretches: readonly Stretch[], digests: Uint8Array): void {
    const at = (index: number): Uint8Array => digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
    this.#byPath.set(path, new Map(stretches.map(({ start, end }, index) => [`${start} ${end}`, at(index)])));
  }

  get(path: string, { start, end }: Stretch): Uint8Array | undefined {
    return this.#byPath.get(path)?.get(`${start} ${end}`);
  }
}

const DIGEST_BYTES = 32;
