import { parseDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { OUTBOARD_FROM_BYTES } from '../../domain/digest/outboard.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Hasher } from '../../domain/ports/hasher.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import type { Staging, Stagings, TreeEntry } from '../../domain/ports/files.ts';
import { formatOutboards, outboardsOf, type StoredOutboard } from '../../domain/registry/outboards.ts';
import { ATTACHMENTS } from '../../domain/registry/referrer.ts';

/** An artifact in a registry. */
export interface Whose {
  readonly name: string;
  readonly id: string;
}

export interface MadeOutboard extends StoredOutboard {
  readonly location: string;
}

/** Where each large file's outboard goes while the file is hashed; undefined where there are no large files. */
export async function outboardPlaces(
  entries: readonly TreeEntry[],
  scratch: (() => Promise<Staging>) | undefined,
): Promise<{ readonly at: (entry: TreeEntry) => string | undefined; readonly staging: Staging } | undefined> {
  const large = entries.filter(({ sizeBytes }) => sizeBytes >= OUTBOARD_FROM_BYTES);
  if (scratch === undefined || large.length === 0) return undefined;
  const staging = await scratch();
  const places = new Map(large.map((entry, index) => [entry, staging.partOf(`outboard:${index}`)]));
  return { staging, at: (entry) => places.get(entry) };
}

/** The outboards that hashing left at their places, named by their own digests. */
export async function madeOutboards(
  files: readonly { readonly place: string | undefined; readonly blake3: string }[],
  hasher: Hasher,
): Promise<readonly MadeOutboard[]> {
  const made = files.flatMap(({ place, blake3 }) => (place === undefined ? [] : [{ location: place, blake3 }]));
  const hashed = await hasher.hash(
    made.map(({ location }) => ({ location })),
    { algorithms: ['sha256'] },
  );
  return made.map((each, index) => ({
    ...each,
    digest: `sha256:${hashed[index]?.digests.sha256 ?? ''}`,
    sizeBytes: hashed[index]?.sizeBytes ?? 0,
  }));
}

/** Blobs first, then the list that keeps them. */
export async function putOutboards(
  registry: Registry,
  { name, id }: Whose,
  made: readonly MadeOutboard[],
): Promise<void> {
  if (made.length === 0) return;
  const distinct = [...new Map(made.map((each) => [each.digest, each])).values()].toSorted((a, b) =>
    a.digest < b.digest ? -1 : 1,
  );
  for (const { digest, ...file } of distinct) await registry.putFile(name, digest, file);
  await registry.putAttachment(name, id, ATTACHMENTS.outboards, {
    bytes: Buffer.from(formatOutboards(made)),
    keeps: distinct,
  });
}

/** What outboards a registry has for these files, by the files' BLAKE3. */
export async function findOutboards(
  registry: Registry,
  { name, id }: Whose,
  files: readonly ListedFile[],
): Promise<ReadonlyMap<string, StoredOutboard>> {
  if (!files.some(({ sizeBytes }) => sizeBytes >= OUTBOARD_FROM_BYTES)) return new Map();
  const lists = await registry.attachments(name, id, ATTACHMENTS.outboards);
  return new Map(
    lists
      .filter((list) => list.length <= LIMITS.manifestBytes)
      .flatMap((list) => [...outboardsOf(files, Buffer.from(list).toString())]),
  );
}

/** A file's outboard from a registry; undefined if it is not there after all: then the whole file is hashed. */
export async function fetchOutboard(
  registry: Registry,
  name: string,
  { outboard, staging }: { outboard: StoredOutboard | undefined; staging: Staging },
): Promise<{ location: string; blake3: string } | undefined> {
  if (outboard === undefined) return undefined;
  const { digest, sizeBytes, blake3 } = outboard;
  const location = staging.partOf(digest);
  try {
    await registry.getFile(name, digest, { location, sizeBytes });
    return { location, blake3 };
  } catch (error) {
    if (error instanceof WeighmarkError && (error.code === 'not-found' || error.code === 'digest-mismatch'))
      return undefined;
    throw error;
  }
}

export interface OutboardCopy {
  readonly source: Registry;
  readonly target: Registry;
  readonly stagings: Stagings;
  /** Absolute path of a folder that need not exist. */
  readonly scratch: string;
}

/** Takes the outboards of a list along to another registry. */
export async function copyOutboards(
  { name, id }: Whose,
  list: Uint8Array,
  { source, target, stagings, scratch }: OutboardCopy,
): Promise<void> {
  const [digests] = await source.attachments(name, id, ATTACHMENTS.digestList);
  const files = digests === undefined ? [] : parseDigestList(digests);
  const staging = await stagings.open(scratch, 'outboards');
  try {
    const made: MadeOutboard[] = [];
    for (const outboard of outboardsOf(files, Buffer.from(list).toString()).values()) {
      const fetched = await fetchOutboard(source, name, { outboard, staging });
      if (fetched !== undefined) made.push({ ...outboard, location: fetched.location });
    }
    await putOutboards(target, { name, id }, made);
    await staging.discard();
  } finally {
    staging.release();
  }
}
