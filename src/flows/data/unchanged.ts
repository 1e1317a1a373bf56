import { WeighmarkError } from '../../domain/base/errors.ts';
import type { RecordFile } from '../../domain/ports/records.ts';
import type { Roots } from '../../domain/records/roots.ts';
import { locateDataset, type DataPorts } from './locate.ts';
import { forShell } from '../../domain/base/text.ts';

type Ports = Pick<DataPorts, 'files' | 'records'>;

/**
 * Roots and an index speak of the files as they were indexed, so an answer from them needs the files to be so still: by size
 * and modification time, as `dataset part` has it.
 * @returns false where nobody saw them indexed at this place, as with a copy. @throws WeighmarkError `file-changed`.
 */
export async function requireIndexed(root: string, roots: Roots, ports: Ports): Promise<boolean> {
  const { files } = await locateDataset(root, roots.reading, ports.files);
  return requireSeen(root, { roots, files }, ports);
}

export async function requireSeen(
  root: string,
  { roots, files }: { readonly roots: Roots; readonly files: readonly RecordFile[] },
  ports: Ports,
): Promise<boolean> {
  const seen = ports.records.seen(roots, await ports.files.realPath(root));
  const odd = otherFile(roots, files);
  if (odd !== undefined) throw changed(odd, root);
  if (seen === null) return false;
  for (const [at, { path, sizeBytes, stamp }] of files.entries()) {
    const then = seen[at];
    const same = then?.path === path && then.sizeBytes === sizeBytes && then.modifiedNs === String(stamp.mtimeNs);
    if (!same) throw changed(path, root);
  }
  return true;
}

/** One that came or went; a dataset that is one file may be called anything. */
function otherFile({ parts }: Roots, files: readonly RecordFile[]): string | undefined {
  if (parts.length === 1 && files.length === 1) return undefined;
  return files.find(({ path }, at) => parts[at]?.path !== path)?.path ?? parts[files.length]?.path;
}

function changed(path: string, root: string): WeighmarkError {
  return new WeighmarkError('file-changed', `${path} is not as it was when it was indexed`, {
    subject: path,
    hint: `index it again: \`weighmark dataset index ${forShell(root)}\``,
  });
}
