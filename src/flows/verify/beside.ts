import { OUTBOARD_FOLDER } from '../../domain/digest/outboard.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files } from '../../domain/ports/files.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';

/**
 * Under a policy the sidecar folder holds what weighmark writes there, as regular files, and nothing else: it is signed by
 * nobody, and travels with the artifact to where it is loaded (security rule 9).
 * @throws WeighmarkError `file-unsigned`.
 */
export async function refuseUnknownBeside(
  artifact: { readonly root: string; readonly kind: 'file' | 'directory' },
  files: Files,
): Promise<void> {
  const { folder } = sidecarsOf(artifact);
  const kind = await files.kindOf(folder);
  if (kind === 'none') return;
  if (kind !== 'directory') throw unknown(folder);
  for (const name of await files.names(folder)) {
    const place = `${folder}/${name}`;
    const found = await files.kindOf(place);
    if (name === OUTBOARD_FOLDER && found === 'directory') await refuseUnknownOutboards(place, files);
    else if (found !== 'file' || !KNOWN.has(name)) throw unknown(place);
  }
}

const KNOWN: ReadonlySet<string> = new Set(['files', 'records', 'weights', 'bom.cdx.json']);

async function refuseUnknownOutboards(folder: string, files: Files): Promise<void> {
  for (const name of await files.names(folder)) {
    const place = `${folder}/${name}`;
    if (!name.endsWith('.obao4') || (await files.kindOf(place)) !== 'file') throw unknown(place);
  }
}

function unknown(place: string): WeighmarkError {
  return new WeighmarkError(
    'file-unsigned',
    `${place} is not a file that weighmark writes there, and nobody signed it`,
    { subject: place, hint: 'remove it' },
  );
}
