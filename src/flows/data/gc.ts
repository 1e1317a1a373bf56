import type { Records } from '../../domain/ports/records.ts';
import type { Roots } from '../../domain/records/roots.ts';

export interface CollectedIndex {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Removes indexes from the user's cache: of one dataset, or all not used for so many days. They are made anew when needed. */
export async function collectIndexes(
  of: { readonly roots: Roots } | { readonly olderThanDays: number },
  records: Records,
  now: Date,
): Promise<readonly CollectedIndex[]> {
  if ('roots' in of) return records.removeIndexes((index) => index.path === records.locationOf(of.roots));
  const before = now.getTime() - of.olderThanDays * 86_400_000;
  return records.removeIndexes(({ usedMs }) => usedMs <= before);
}
