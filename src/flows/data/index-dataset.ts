import { sidecarsOf } from '../../domain/base/paths.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { formatRoots, ROOTS_BYTES, type Roots } from '../../domain/records/roots.ts';
import { locateDataset, type DataPorts, type Declared } from './locate.ts';

export interface IndexInput {
  /** Absolute path of a file or folder. */
  readonly root: string;
  readonly declared: Declared;
  /** The organisation's 32 secret bytes, or null. */
  readonly secret: Uint8Array | null;
  /** False: roots alone. */
  readonly keep: boolean;
}

export interface IndexOutcome {
  readonly roots: Roots;
  /** Where the roots were written. */
  readonly written: string;
  readonly index: string | null;
  /** Files of the folder that hold no records. */
  readonly leftOut: readonly string[];
}

/** Reads a dataset once and writes what it is, record by record, beside it; the index goes to the user's cache. */
export async function indexDataset(input: IndexInput, ports: DataPorts): Promise<IndexOutcome> {
  const dataset = await locateDataset(input.root, input.declared, ports.files);
  const { roots, index } = await ports.records.index(
    { files: dataset.files, reading: dataset.reading, secret: input.secret, keep: input.keep },
    ports,
  );
  const written = sidecarsOf(dataset.tree).records;
  await ports.files.write(written, boundedRoots(roots));
  const real = await ports.files.realPath(input.root);
  if (index !== null || ports.records.seen(roots, real) !== null) ports.records.remember(roots, real, dataset.files);
  const read = new Set(dataset.files.map(({ path }) => path));
  return {
    roots,
    written,
    index,
    leftOut: dataset.tree.entries.map(({ path }) => path).filter((path) => !read.has(path)),
  };
}

/** What nobody could read again is not written: each file has a place in the roots, about a million of them at most. */
function boundedRoots(roots: Roots): string {
  const text = formatRoots(roots);
  if (text.length <= ROOTS_BYTES) return text;
  throw new WeighmarkError('limit-exceeded', `the paths of ${roots.parts.length} files do not fit the file of roots`, {
    hint: 'index folders of it apart, or pack the files into tar files (WebDataset)',
  });
}
