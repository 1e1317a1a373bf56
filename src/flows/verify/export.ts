import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files, Staging, Stagings } from '../../domain/ports/files.ts';
import { requireWritable } from '../registry/pull.ts';
import type { ContentFile } from './question.ts';

export interface ExportPorts {
  readonly files: Files;
  readonly stagings: Stagings;
}

/**
 * Writes verified files to a new folder, read-only: what a server should load (security rule 20). The bytes are hashed as
 * they are written, so that what is there is what was verified; the folder appears whole or not at all.
 * @throws WeighmarkError `file-changed`, `already-exists`, `name-unsafe`, `disk-full`, `write-refused`.
 */
export async function exportVerified(files: readonly ContentFile[], target: string, ports: ExportPorts): Promise<void> {
  requireWritable(files);
  const staging = await ports.stagings.open(target, 'verified');
  try {
    for (const [at, file] of files.entries()) await exportFile(file, `${at}`, { staging, files: ports.files });
    await staging.publish();
  } catch (error) {
    await staging.discard();
    throw error;
  }
}

async function exportFile(
  { path, location, digests }: ContentFile,
  part: string,
  { staging, files }: { staging: Staging; files: Files },
): Promise<void> {
  if (digests.sha256 === undefined)
    throw new WeighmarkError('usage', 'only what was verified by SHA-256 can be written out', {
      hint: 'add `--algorithm all`',
    });
  const temporary = staging.partOf(part);
  await files.remove(temporary);
  const written = await files.copy(location, temporary);
  if (written !== digests.sha256)
    throw new WeighmarkError('file-changed', `${path} changed after it was verified`, { subject: path });
  await staging.settle(part, path);
}
