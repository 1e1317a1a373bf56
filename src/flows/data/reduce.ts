import type { Files } from '../../domain/ports/files.ts';
import type { Records } from '../../domain/ports/records.ts';
import { formatReduced } from '../../domain/records/reduced.ts';
import { reduceOrder, reduceSet, shareOf } from '../../domain/records/share.ts';
import { readParts, readPlan, reducedFile, withPart } from './work-folder.ts';

export interface ReduceInput {
  readonly folder: string;
  /** Which of as many as there are parts. */
  readonly part: number;
}

export interface ReducePorts {
  readonly files: Files;
  readonly records: Records;
}

/**
 * One share of the set over all parts, and one part's place in the order: what needs all parts to be there. It follows from
 * them alone. @throws WeighmarkError `incomplete` naming those that are missing.
 */
export async function reduceParts({ folder, part }: ReduceInput, { files, records }: ReducePorts): Promise<string> {
  const plan = await readPlan(folder, files, part);
  const made = readParts(folder, plan, records);
  const share = shareOf(part, plan.parts.length, made.records);
  const tools = {
    hasher: records.hasher,
    eachPart: (visit: Parameters<Parameters<typeof reduceSet>[2]['eachPart']>[0]) =>
      plan.parts.forEach((_, at) => withPart(folder, at, records, visit)),
  };
  const branches = reduceSet(share, made.records, tools);
  const start = made.roots.slice(0, part).reduce((sum, roots) => sum + roots.records, 0);
  const nodes = withPart(folder, part, records, (index) => reduceOrder(index, start, records.hasher)) ?? [];
  const written = reducedFile(folder, part);
  const { bits, from: first } = share;
  await files.write(written, formatReduced({ parts: made.digest, bits, first, branches, nodes }), { mode: 0o600 });
  return written;
}
