import { dirname } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files } from '../../domain/ports/files.ts';

/**
 * Asked before the hours of hashing: whether files can be laid into a folder, or into the nearest one that is there.
 * @throws WeighmarkError `write-refused` with the way out given.
 */
export async function requireWritable(folder: string, wayOut: string, files: Files): Promise<void> {
  if ((await files.kindOf(folder)) === 'none' && dirname(folder) !== folder)
    return requireWritable(dirname(folder), wayOut, files);
  try {
    await files.requireWritable(folder);
  } catch (cause) {
    if (!(cause instanceof WeighmarkError) || cause.code !== 'write-refused') throw cause;
    throw new WeighmarkError(cause.code, cause.message, { subject: folder, hint: wayOut, cause });
  }
}
