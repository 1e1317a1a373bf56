import { WeighmarkError } from '../../domain/base/errors.ts';
import { sidecarsOf } from '../../domain/base/paths.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import type { IndexWatch, RecordFile, Records } from '../../domain/ports/records.ts';
import {
  checkReading,
  chooseFormat,
  formatOfName,
  FORMATS,
  type Format,
  type Reading,
} from '../../domain/records/reading.ts';
import { isRoots, parseRoots, ROOTS_BYTES, type Roots } from '../../domain/records/roots.ts';
import { forShell } from '../../domain/base/text.ts';

export interface DataPorts extends IndexWatch {
  readonly files: Files;
  readonly records: Records;
}

/** How the caller says records are read; what is not said follows from file names, never from content. */
export type Declared = Partial<Omit<Reading, 'profile'>> & { readonly profile?: Reading['profile'] };

export interface Dataset {
  readonly root: string;
  readonly tree: Tree;
  readonly reading: Reading;
  /** The files that hold records; the others of the folder are no part of the records. */
  readonly files: readonly RecordFile[];
}

/**
 * A dataset's files and how they are read.
 * @throws WeighmarkError `usage` if the format is not plain from the names, or none is of that format.
 */
export async function locateDataset(root: string, declared: Declared, files: Files): Promise<Dataset> {
  const tree = await files.walk(root, { allowSymlinks: true });
  const format = declared.format ?? formatOf(tree);
  const reading = { profile: 'typed' as const, ...declared, format };
  checkReading(reading);
  const all = recordFiles(tree, format);
  if (all.length === 0)
    throw new WeighmarkError('usage', `${root} holds no file whose name ends as ${format} files do`, { subject: root });
  return { root, tree, reading, files: all };
}

/** The files of a tree that hold records of a format: by name, in the order of paths; a single file whatever its name. */
export function recordFiles({ kind, entries }: Tree, format: Format): readonly RecordFile[] {
  return kind === 'file' ? entries : entries.filter(({ path }) => formatOfName(path) === format);
}

function formatOf(tree: Tree): Format {
  const formats = [...new Set(tree.entries.flatMap(({ path }) => formatOfName(path) ?? []))];
  const known = chooseFormat(formats);
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  throw new WeighmarkError('usage', `how ${tree.root} is read must be said: ${known.join(', ') || 'no name tells'}`, {
    subject: tree.root,
    hint: `say \`--as\` ${FORMATS.join(', ')}`,
  });
}

/** The roots that stand beside a dataset, as they were indexed. @throws WeighmarkError `not-found`, `format-invalid`. */
export async function rootsBeside(root: string, files: Files): Promise<Roots> {
  const kind = (await files.kindOf(root)) === 'directory' ? 'directory' : 'file';
  const bytes = await files.readIfThere(sidecarsOf({ root, kind }).records, ROOTS_BYTES);
  if (bytes !== null) return parseRoots(bytes);
  throw new WeighmarkError('not-found', `${root} has no record roots`, {
    subject: root,
    hint: `make them with \`weighmark dataset index ${forShell(root)}\``,
  });
}

/** Roots from a file of them, or from beside a dataset. */
export async function rootsAt(location: string, files: Files): Promise<Roots> {
  return (await rootsIn(location, files)) ?? rootsBeside(location, files);
}

/** Null for what is no file of roots. */
export async function rootsIn(location: string, files: Files): Promise<Roots | null> {
  if ((await files.kindOf(location)) === 'file') {
    const bytes = await files.readIfThere(location, ROOTS_BYTES).catch(() => null);
    if (bytes !== null && isRoots(bytes)) return parseRoots(bytes);
  }
  return null;
}
