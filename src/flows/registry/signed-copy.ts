import { WeighmarkError, type Code } from '../../domain/base/errors.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { Hasher } from '../../domain/ports/hasher.ts';

/** What somebody trusted signed of an artifact's files. */
export interface SignedPairs {
  /** BLAKE3 by SHA-256 of the same file, lower-case hex. */
  readonly pairs: ReadonlyMap<string, string>;
  readonly hasher: () => Promise<Hasher>;
}

/** A blob that may be a file on this machine, and where it shall be copied to. */
interface BlobCopy {
  readonly blob: string | undefined;
  readonly location: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** What may be wrong with a blob: the registry then says so, by name. */
const OF_THE_BLOB: readonly Code[] = ['not-found', 'file-changed', 'special-file', 'symlink-refused', 'unreadable'];

/**
 * A clone or copy of a blob, through to the disk; what is hashed is the copy, by the digest that is cheap. False where there is
 * no such file or pair, or the bytes are not what was signed.
 * @throws WeighmarkError `disk-full`, `write-refused`, `interrupted`.
 */
export async function copySigned(
  { blob, location, sizeBytes, sha256 }: BlobCopy,
  { pairs, hasher }: SignedPairs,
  files: Files,
): Promise<boolean> {
  const blake3 = pairs.get(sha256);
  if (blob === undefined || blake3 === undefined) return false;
  try {
    await files.remove(location);
    await files.duplicate(blob, location, { followLink: false });
    const hashing = (await hasher()).hash([{ location, sizeBytes }], { algorithms: ['blake3'] });
    const [[hashed]] = await Promise.all([hashing, files.sync(location)]);
    return hashed?.digests.blake3 === blake3;
  } catch (error) {
    if (error instanceof WeighmarkError && OF_THE_BLOB.includes(error.code)) return false;
    throw error;
  }
}
