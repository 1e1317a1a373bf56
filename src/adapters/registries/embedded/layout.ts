import { statSync, type BigIntStats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { parseStrictJsonObject, type Json } from '../../../domain/base/json.ts';
import { LIMITS } from '../../../domain/base/limits.ts';
import { readDescriptor, type Descriptor } from '../../../domain/registry/referrer.ts';
import { createFiles } from '../../files/index.ts';
import { writeFileAtomic } from '../../files/write.ts';
import { orHint } from '../../log-store/way-out.ts';

/** One OCI image layout a model. https://github.com/opencontainers/image-spec/blob/main/image-layout.md */
const REF_NAME = 'org.opencontainers.image.ref.name';
const LAYOUT_FILE = '{"imageLayoutVersion":"1.0.0"}';
const MAX_NAME_PARTS = 16;
const files = createFiles();

/** What an image layout lists. */
export interface Layout {
  readonly manifests: readonly Descriptor[];
  readonly byTag: ReadonlyMap<string, Descriptor>;
}

/** Lists read or written last, by their file's stamp: a list of many versions takes long to read. */
const kept = new Map<string, { readonly stamp: string; readonly layout: Layout }>();
const MAX_KEPT = 8;

/**
 * The layout's index.json; empty if there is none yet. It is written anew from what was read: nothing in it is passed over.
 * @throws WeighmarkError `unreadable`.
 */
export async function readLayout(layout: string): Promise<Layout> {
  const file = join(layout, 'index.json');
  const stamp = stampOf(file);
  const found = kept.get(file);
  if (found !== undefined && stamp !== null && found.stamp === stamp) return found.layout;
  const bytes = await orHint(files.readIfThere(file, LIMITS.layoutBytes), RESTORE);
  const read = layoutOf(bytes === null ? [] : descriptorsIn(bytes, file));
  if (stamp === stampOf(file)) keep(file, stamp, read);
  return read;
}

function layoutOf(manifests: readonly Descriptor[]): Layout {
  return {
    manifests,
    byTag: new Map(
      manifests.flatMap((each) => (tagOf(each) === undefined ? [] : [[tagOf(each) ?? '', each] as const])),
    ),
  };
}

function keep(file: string, stamp: string | null, layout: Layout): void {
  if (kept.size >= MAX_KEPT) kept.clear();
  if (stamp !== null) kept.set(file, { stamp, layout });
}

/**
 * Lists are replaced, never changed in place: another list is another inode or another time. Null if there is none. Asked
 * before each use of a list: a promise would cost more than the answer.
 */
function stampOf(file: string): string | null {
  const found = statIfThere(file);
  return found === undefined ? null : [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
}

function statIfThere(file: string): BigIntStats | undefined {
  try {
    return statSync(file, { bigint: true, throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

const RESTORE = 'restore it from a copy, or remove it and push again: blobs that are there are not sent twice';

function descriptorsIn(bytes: Uint8Array, file: string): readonly Descriptor[] {
  try {
    const { manifests } = parseStrictJsonObject(bytes, { subject: file, refuseCaseDuplicates: false });
    if (!Array.isArray(manifests)) throw new WeighmarkError('format-invalid', `${file} lists no manifests`);
    return manifests.map((entry: Json) => readDescriptor(entry) ?? noDescriptor(file));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new WeighmarkError('unreadable', `the list of what a model has cannot be read: ${why}`, {
      subject: file,
      hint: RESTORE,
      cause,
    });
  }
}

function noDescriptor(file: string): never {
  throw new WeighmarkError('format-invalid', `${file} lists what is no OCI descriptor`);
}

/**
 * Under the registry's lock. The `oci-layout` file comes last: then the layout is there. The list is one file, and written whole:
 * the image layout names `index.json` as the one entry point, tools look for a tag's `ref.name` there and in no index that it
 * names, and so does weighmark 0.1; a file that others may read at any time cannot be appended to in place, either. A push
 * changes it once.
 */
export async function writeLayout(layout: string, manifests: readonly Descriptor[]): Promise<void> {
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests };
  const file = join(layout, 'index.json');
  await writeFileAtomic(file, JSON.stringify(index));
  keep(file, stampOf(file), layoutOf(manifests));
  const marker = join(layout, 'oci-layout');
  if ((await files.readIfThere(marker, LIMITS.configBytes)) === null) await writeFileAtomic(marker, LAYOUT_FILE);
}

export function tagOf(descriptor: Descriptor): string | undefined {
  return descriptor.annotations?.[REF_NAME];
}

/** An index with the tag on this descriptor and nowhere else; the same array if that is so already. */
export function withTag(manifests: readonly Descriptor[], tag: string, descriptor: Descriptor): readonly Descriptor[] {
  const concerned = manifests.filter(
    (each) => tagOf(each) === tag || (each.digest === descriptor.digest && tagOf(each) === undefined),
  );
  if (concerned.length === 1 && tagOf(concerned[0] ?? descriptor) === tag && concerned[0]?.digest === descriptor.digest)
    return manifests;
  const { annotations: old = {}, ...rest } = descriptor;
  const tagged = { ...rest, annotations: { ...old, [REF_NAME]: tag } };
  return [
    ...manifests.filter(
      (each) => tagOf(each) !== tag && !(each.digest === descriptor.digest && tagOf(each) === undefined),
    ),
    tagged,
  ];
}

/** An index that lists the manifest, tagged or not. */
export function withManifest(manifests: readonly Descriptor[], descriptor: Descriptor): readonly Descriptor[] {
  return manifests.some((each) => each.digest === descriptor.digest) ? manifests : [...manifests, descriptor];
}

/** Names of all models below `models/`, in order. */
export async function modelNames(models: string): Promise<readonly string[]> {
  const found = await namedFolders(models, 'oci-layout');
  return found.map((parts) => parts.join('/')).toSorted();
}

/** Folders that hold blobs, those of models that were never finished among them. */
export async function layoutFolders(models: string): Promise<readonly string[]> {
  return (await namedFolders(models, 'blobs')).map((parts) => join(models, ...parts));
}

/** Folders below `models/` that hold an entry of that name, by the parts of their path. */
async function namedFolders(models: string, marker: string): Promise<readonly (readonly string[])[]> {
  const found: (readonly string[])[] = [];
  const visit = async (folder: string, parts: readonly string[]): Promise<void> => {
    if (parts.length > MAX_NAME_PARTS)
      throw new WeighmarkError('limit-exceeded', 'model names nested too deep', { subject: folder });
    const entries = await readdir(folder, { withFileTypes: true });
    if (parts.length > 0 && entries.some(({ name }) => name === marker)) found.push(parts);
    for (const entry of entries) {
      if (entry.isDirectory() && entry.name !== 'blobs' && !entry.name.startsWith('.'))
        await visit(join(folder, entry.name), [...parts, entry.name]);
    }
  };
  if (await exists(models)) await visit(models, []);
  return found;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
