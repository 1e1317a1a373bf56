import { sidecarsOf } from '../../domain/base/paths.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { Records } from '../../domain/ports/records.ts';
import { trieHeap } from '../../domain/records/build.ts';
import { Frontier } from '../../domain/records/frontier.ts';
import type { Plan } from '../../domain/records/plan.ts';
import { parseReduced, REDUCED_BYTES, type Reduced } from '../../domain/records/reduced.ts';
import { formatRoots, joinColumns, type Part, type Roots } from '../../domain/records/roots.ts';
import { locateDataset } from './locate.ts';
import {
  fileChanged,
  missingParts,
  readParts,
  readPlan,
  reducedFile,
  requirePlanned,
  type MadeParts,
} from './work-folder.ts';

export interface MergeInput {
  readonly root: string;
  readonly folder: string;
}

/**
 * The roots of the whole dataset from what was reduced of its parts, written beside it: the same bytes as `indexDataset` writes.
 * @throws WeighmarkError `incomplete` naming what is missing, `file-changed` unless the dataset is as it was planned.
 */
export async function mergeParts(
  { root, folder }: MergeInput,
  { files, records }: { readonly files: Files; readonly records: Records },
): Promise<{ readonly roots: Roots; readonly written: string }> {
  const plan = await readPlan(folder, files);
  const dataset = await locateDataset(root, plan.reading, files);
  dataset.files.forEach((file, at) => {
    const planned = plan.files[at];
    if (planned?.path !== file.path) throw fileChanged(file.path);
    requirePlanned(planned, file.stamp);
  });
  const gone = plan.files[dataset.files.length];
  if (gone !== undefined) throw fileChanged(gone.path);
  const made = readParts(folder, plan, records);
  const reduced = await readReduced(folder, plan, { made, files });
  const { root: set } = trieHeap(
    reduced.flatMap(({ branches }) => branches),
    records.hasher,
  );
  const roots: Roots = {
    reading: plan.reading,
    hashing: plan.secret === null ? 'open' : 'keyed',
    key: plan.secret,
    records: made.records,
    distinct: set.distinct,
    ordered: Buffer.from(orderedRoot(reduced, made.records)).toString('hex'),
    set: Buffer.from(set.hash).toString('hex'),
    columns: joinColumns(made.roots.map(({ columns }) => columns)),
    parts: filesOf(plan, made.roots),
  };
  const written = sidecarsOf(dataset.tree).records;
  await files.write(written, formatRoots(roots));
  return { roots, written };
}

/** What was reduced of other parts than those that are there is as good as missing. */
async function readReduced(
  folder: string,
  { parts }: Plan,
  { made, files }: { readonly made: MadeParts; readonly files: Files },
): Promise<readonly Reduced[]> {
  const all: Reduced[] = [];
  const missing: number[] = [];
  for (const [part] of parts.entries()) {
    const bytes = await files.readIfThere(reducedFile(folder, part), REDUCED_BYTES);
    const reduced = bytes === null ? null : parseReduced(bytes);
    if (reduced === null || reduced.parts !== made.digest) missing.push(part);
    else all.push(reduced);
  }
  if (missing.length > 0) throw missingParts(missing, 'reduce');
  let next = 0;
  for (const { first, branches, bits } of all) {
    if (first !== next || bits !== all[0]?.bits) throw otherReduced();
    next += branches.length;
  }
  if (next !== 2 ** (all[0]?.bits ?? 0)) throw otherReduced();
  return all;
}

function orderedRoot(reduced: readonly Reduced[], records: number): Uint8Array {
  const order = new Frontier(0);
  for (const { nodes } of reduced)
    for (const { start, size, hash } of nodes) {
      if (start !== order.next) throw otherReduced();
      order.add(size, hash);
    }
  if (order.next !== records) throw otherReduced();
  return order.root();
}

function otherReduced(): WeighmarkError {
  return new WeighmarkError('format-invalid', 'the reduced parts do not follow each other', {
    hint: 'make them anew with `weighmark dataset reduce`',
  });
}

/** How many records each file has, whatever parts it was cut into. */
function filesOf({ files }: Plan, parts: readonly Roots[]): readonly Part[] {
  const counts = new Map<string, number>(files.map(({ path }) => [path, 0]));
  for (const { parts: pieces } of parts)
    for (const { path, records } of pieces) counts.set(path, (counts.get(path) ?? 0) + records);
  return [...counts].map(([path, records]) => ({ path, records }));
}
