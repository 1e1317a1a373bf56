import { WEIGHTS_FILE } from '../base/paths.ts';
import { pushAll } from '../base/lists.ts';
import type { ListedWeights } from '../weights/list.ts';
import { listsNamed } from './subjects.ts';
import type { Statement } from './types.ts';

/** By the SHA-256 of a weights list's bytes: every root and tensor digest in it (BLAKE3, lower-case hex). */
export type WeightsLists = ReadonlyMap<string, ReadonlySet<string>>;

/** The SHA-256 of each weights list that a statement binds; none where a subject cannot be read. */
export function weightsListsIn(statement: Pick<Statement, 'subject'>): readonly string[] {
  try {
    return listsNamed(WEIGHTS_FILE, statement);
  } catch {
    return [];
  }
}

/** Everything by which weights of a list may be called: the three roots of each set, and each tensor. */
export function namesOfWeights(sets: readonly ListedWeights[]): ReadonlySet<string> {
  const names: string[] = [];
  for (const { names: byName, multiset, set, tensors } of sets) {
    names.push(byName, multiset, set);
    pushAll(
      names,
      tensors.map(({ digest }) => digest),
    );
  }
  return new Set(names);
}
