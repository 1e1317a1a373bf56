import { LIMITS } from '../../domain/base/limits.ts';
import { DOWNLOAD_NOTE, readDownloadNote } from '../../domain/metadata/location.ts';
import type { Fact } from '../../domain/metadata/types.ts';
import type { Files } from '../../domain/ports/files.ts';
import { inParallel } from './parallel.ts';

const NOTE_BYTES = 4096;
const AT_ONCE = 8;

/**
 * What `huggingface_hub` noted of each file that it downloaded: commit and checksum.
 * @param paths below the root, other files' among them
 */
export async function downloadNotes(
  root: string,
  paths: readonly string[],
  { files }: { readonly files: Files },
): Promise<readonly Fact[]> {
  const notes = paths.filter((path) => DOWNLOAD_NOTE.test(path)).slice(0, LIMITS.manifestFiles);
  const read = new Map<string, readonly Fact[]>();
  await inParallel(notes, AT_ONCE, async (path) => {
    const bytes = await files.readIfThere(`${root}/${path}`, NOTE_BYTES);
    if (bytes !== null) read.set(path, readDownloadNote({ path, bytes }));
  });
  return notes.flatMap((path) => read.get(path) ?? []);
}
