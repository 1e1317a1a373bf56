import { WeighmarkError } from '../../domain/base/errors.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import type { IndexWatch, Records } from '../../domain/ports/records.ts';
import { formatRoots, parseRoots, ROOTS_BYTES } from '../../domain/records/roots.ts';
import { requireSecret } from '../../domain/records/keys.ts';
import { recordFiles } from './locate.ts';
import { forShell } from '../../domain/base/text.ts';

export interface ConfirmPorts extends IndexWatch {
  readonly files: Files;
  readonly records: () => Promise<Records>;
}

/**
 * The roots beside a dataset, read anew from the very files of this walk: what is to be signed was seen in this run.
 * @throws WeighmarkError `not-found` without roots, `digest-mismatch` if they are another state's.
 */
export async function confirmRoots(tree: Tree, secret: Uint8Array | null, ports: ConfirmPorts): Promise<string> {
  const bytes = await ports.files.readIfThere(sidecarsOf(tree).records, ROOTS_BYTES);
  const hint = `\`weighmark dataset index ${forShell(tree.root)}\` writes them`;
  if (bytes === null) throw new WeighmarkError('not-found', `${tree.root} has no record roots`, { hint });
  const before = parseRoots(bytes);
  const { reading, key } = before;
  const job = { files: recordFiles(tree, reading.format), reading, keep: false };
  const { roots } = await (await ports.records()).index({ ...job, secret: requireSecret(before, secret) }, ports);
  const text = formatRoots({ ...roots, key });
  if (Buffer.from(text).equals(bytes)) return text;
  throw new WeighmarkError('digest-mismatch', `the record roots beside ${tree.root} are those of another state`, {
    hint,
  });
}
