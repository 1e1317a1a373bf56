import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { hexOfOciDigest, ociDigest } from '../../../domain/digest/hex.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import type { OpenFile } from '../../../domain/ports/files.ts';
import type { StoredFile } from '../../../domain/ports/registry.ts';
import { copyBatch } from '../../files/copy-batch.ts';
import { copyHashed } from '../../files/copy.ts';
import { fileError } from '../../files/errors.ts';
import { createFiles } from '../../files/index.ts';
import type { SmallCopy } from '../../files/small-copy.ts';
import { areFiles } from '../../files/stats.ts';
import { openFile } from '../../files/open.ts';
import { SHARED_FOLDER, removeQuietly, syncFolder, writeFileAtomic } from '../../files/write.ts';

const files = createFiles();

export function blobPath(layout: string, digest: string): string {
  return join(layout, 'blobs', 'sha256', hexOfOciDigest(digest));
}

export async function hasBlob(layout: string, digest: string): Promise<boolean> {
  try {
    return areThere(layout, [digest])[0] === true;
  } catch {
    return false;
  }
}

/** @throws WeighmarkError `digest-mismatch` if the bytes are not the digest's. */
export async function putBytes(layout: string, digest: string, bytes: Uint8Array): Promise<void> {
  if (ociDigest(bytes) !== digest)
    throw new WeighmarkError('digest-mismatch', 'the bytes are not what their digest says', { subject: digest });
  if (await hasBlob(layout, digest)) return;
  await writeFileAtomic(blobPath(layout, digest), bytes);
}

/**
 * A blob of its own, never a shared inode (security rule 21): a reflink where the file system can, else a copy. The bytes
 * hashed are the bytes written.
 * @throws WeighmarkError `file-changed` if they are not the digest's, `disk-full`, `write-refused`.
 */
export async function putFile(
  layout: string,
  digest: string,
  file: { location: string; sizeBytes: number },
): Promise<void> {
  if (await hasBlob(layout, digest)) return;
  const target = blobPath(layout, digest);
  const temporary = join(dirname(target), `.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await mkdir(dirname(target), { recursive: true, mode: SHARED_FOLDER });
    const found = await copyHashed(file.location, temporary);
    if (`sha256:${found}` !== digest) throw changed(file.location, digest, found);
    await rename(temporary, target);
    await syncFolder(dirname(target));
  } catch (cause) {
    await removeQuietly(temporary);
    throw writeError(cause, target);
  }
}

/** Many small files: all written and flushed, then renamed, then their folder synced. @throws as `putFile`. */
export async function putFiles(layout: string, files: readonly StoredFile[]): Promise<void> {
  const there = areThere(
    layout,
    files.map(({ digest }) => digest),
  );
  const absent = files.filter((_, at) => there[at] !== true);
  if (absent.length === 0) return;
  const folder = dirname(blobPath(layout, absent[0]?.digest ?? ''));
  const random = randomBytes(8 * absent.length);
  await mkdir(folder, { recursive: true, mode: SHARED_FOLDER }).catch((cause: unknown) =>
    Promise.reject(writeError(cause, folder)),
  );
  const copies = absent.map(({ digest, location, sizeBytes }, at) => ({
    from: location,
    temporary: join(folder, `.${random.toString('hex', 8 * at, 8 * at + 8)}.tmp`),
    to: blobPath(layout, digest),
    sizeBytes,
    sha256: hexOfOciDigest(digest),
  }));
  try {
    await copyBatch(copies, {
      folder,
      mode: 0o644,
      wrong: (of, found) => changed(of.from, `sha256:${of.sha256}`, found),
    });
    await syncFolder(folder);
  } catch (cause) {
    throw writeError(cause, folder);
  }
}

/** Asked of thousands: a promise each would cost more than the answer. */
export function areThere(layout: string, digests: readonly string[]): readonly boolean[] {
  return areFiles(digests.map((digest) => blobPath(layout, digest)));
}

/** Many small blobs, flushed at once. @throws as `getFile`. */
export async function getFiles(layout: string, files: readonly StoredFile[]): Promise<void> {
  const there = areThere(
    layout,
    files.map(({ digest }) => digest),
  );
  const lacking = files.find((_, at) => there[at] !== true);
  if (lacking !== undefined) throw lacks(lacking.digest);
  const [first] = files;
  if (first === undefined) return;
  const left = new Set(readdirSync(dirname(first.location)));
  for (const { location } of files) if (left.has(basename(location))) rmSync(location, { force: true });
  const copies = files.map(({ digest, location, sizeBytes }) => ({
    from: blobPath(layout, digest),
    temporary: location,
    to: location,
    sizeBytes,
    sha256: hexOfOciDigest(digest),
  }));
  const wrong = ({ from, sha256 }: SmallCopy, found: string | null) => notItsName(from, `sha256:${sha256}`, found);
  try {
    await copyBatch(copies, { folder: dirname(first.location), mode: 0o644, wrong });
  } catch (cause) {
    throw writeError(cause, dirname(first.location));
  }
}

function lacks(digest: string): WeighmarkError {
  return new WeighmarkError('not-found', 'the registry lacks a blob that the manifest names', { subject: digest });
}

function notItsName(blob: string, digest: string, found: string | null): WeighmarkError {
  return new WeighmarkError('digest-mismatch', 'a blob in the registry is not what its name says', {
    subject: blob,
    facts: { named: digest, found: found === null ? 'another size' : `sha256:${found}` },
  });
}

/** The way out: again a copy or reflink, the bytes hashed are the bytes written. @throws WeighmarkError `digest-mismatch`, `not-found`. */
export async function getFile(
  layout: string,
  digest: string,
  file: { location: string; sizeBytes: number },
): Promise<void> {
  const blob = blobPath(layout, digest);
  if (!(await hasBlob(layout, digest))) throw lacks(digest);
  try {
    await rm(file.location, { force: true });
    const found = await copyHashed(blob, file.location);
    if (`sha256:${found}` === digest) return;
    await rm(file.location, { force: true });
    throw notItsName(blob, digest, found);
  } catch (cause) {
    throw writeError(cause, file.location);
  }
}

/** Small blob as a whole, checked. @throws WeighmarkError `not-found`, `digest-mismatch`, `limit-exceeded`. */
export async function readBlob(layout: string, digest: string, maxBytes: number): Promise<Uint8Array> {
  const bytes = await files.read(blobPath(layout, digest), maxBytes);
  if (ociDigest(bytes) === digest) return bytes;
  throw notItsName(blobPath(layout, digest), digest, ociDigest(bytes).slice(7));
}

/** Random access; whoever reads it all checks the digest. @throws WeighmarkError `not-found`, `digest-mismatch` by size. */
export async function openBlob(layout: string, digest: string, sizeBytes: number): Promise<OpenFile> {
  const file = await openFile(blobPath(layout, digest));
  if (file.size === sizeBytes) return file;
  await file.close();
  throw new WeighmarkError('digest-mismatch', 'a blob in the registry has another size than its manifest says', {
    subject: digest,
    facts: { manifest: `${sizeBytes} bytes`, found: `${file.size} bytes` },
  });
}

function changed(location: string, digest: string, found: string | null): WeighmarkError {
  return new WeighmarkError('file-changed', `${location} changed while it was stored`, {
    subject: location,
    facts: { hashed: digest, stored: found === null ? 'another size' : `sha256:${found}` },
  });
}

function writeError(cause: unknown, target: string): WeighmarkError {
  const error = fileError(cause, target);
  return error.code === 'unreadable' && !(cause instanceof WeighmarkError)
    ? new WeighmarkError('write-refused', `cannot write ${error.message}`, { subject: target, cause })
    : error;
}
