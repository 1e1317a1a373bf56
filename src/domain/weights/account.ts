import type { ListedWeights } from './list.ts';
import type { IdentifiedTensor } from './types.ts';

/** How the weights of one set are those of another: the root they share. */
export type SameBy = 'names' | 'multiset' | 'set';

/** Every tensor of a set held against those of another: nothing of either side is left out. */
export interface Accounting {
  /** Null: they are not the same. */
  readonly by: SameBy | null;
  /** Tensors that are the other's, by content. */
  readonly same: number;
  /** Names that both have, and whose tensors differ. */
  readonly changed: readonly string[];
  /** Names of the other's tensors that are nowhere here. */
  readonly missing: readonly string[];
  /** Names of tensors that are nowhere in the other. */
  readonly extra: readonly string[];
}

/**
 * Holds a set of weights to another. A name that both have must hold the same tensor, wherever else that may lie: two tensors that
 * were swapped are both changed. A name is the same below a further prefix, as wrappers add one (`model.`, `module.`): whoever
 * renames by a prefix alone swaps nothing unseen. Under other names tensors are told by their content alone.
 */
export function accountFor(own: ListedWeights, other: ListedWeights): Accounting {
  if (own.names === other.names) return { by: 'names', same: own.tensors.length, changed: [], missing: [], extra: [] };
  const named = namesakes(own.tensors, other.tensors);
  const changed = own.tensors.filter((tensor) => {
    const namesake = named.get(tensor.name);
    return namesake !== undefined && namesake.digest !== tensor.digest;
  });
  const changedHere = new Set(changed.map(({ name }) => name));
  const changedThere = new Set(changed.map(({ name }) => named.get(name)?.name));
  const [here, there] = [digestsOf(own), digestsOf(other)];
  const extra = own.tensors.filter(({ name, digest }) => !there.has(digest) && !changedHere.has(name));
  const missing = other.tensors.filter(({ name, digest }) => !here.has(digest) && !changedThere.has(name));
  const differ = changed.length + extra.length + missing.length > 0;
  return {
    by: differ ? null : own.multiset === other.multiset ? 'multiset' : 'set',
    same: own.tensors.filter(({ name, digest }) => there.has(digest) && !changedHere.has(name)).length,
    changed: changed.map(({ name }) => name),
    missing: missing.map(({ name }) => name),
    extra: extra.map(({ name }) => name),
  };
}

/** The one of several that has most of a set's tensors, and how they compare; null of none. */
export function nearestTo(
  own: ListedWeights,
  others: readonly ListedWeights[],
): { readonly other: ListedWeights; readonly accounting: Accounting } | null {
  const exact = others.find(({ names }) => names === own.names);
  const compared = (exact === undefined ? others : [exact]).map((other) => ({
    other,
    accounting: accountFor(own, other),
  }));
  const ranked = compared.toSorted((a, b) => rank(b.accounting) - rank(a.accounting));
  return ranked[0] ?? null;
}

function rank({ by, same, missing }: Accounting): number {
  return by === null ? same - missing.length / 2 : Number.MAX_SAFE_INTEGER;
}

function digestsOf({ tensors }: ListedWeights): ReadonlySet<string> {
  return new Set(tensors.map(({ digest }) => digest));
}

/** By names of the first: the second's tensor of that name, else the one below a prefix, if it is nobody else's. */
function namesakes(
  own: readonly IdentifiedTensor[],
  others: readonly IdentifiedTensor[],
): ReadonlyMap<string, IdentifiedTensor> {
  const exact = new Map(others.map((tensor) => [tensor.name, tensor]));
  const endings = byEndings(others);
  const below = own.flatMap(({ name }) => {
    const namesake = exact.has(name) ? undefined : (endings.get(name) ?? endingOf(name, exact));
    return namesake === undefined ? [] : [{ name, namesake }];
  });
  const claims = Map.groupBy(below, ({ namesake }) => namesake);
  const taken = new Set(own.map(({ name }) => name));
  const alone = [...claims].flatMap(([namesake, [first, ...more]]) =>
    first === undefined || more.length > 0 || taken.has(namesake.name) ? [] : [[first.name, namesake] as const],
  );
  const same = own.flatMap(({ name }) => {
    const namesake = exact.get(name);
    return namesake === undefined ? [] : [[name, namesake] as const];
  });
  return new Map([...same, ...alone]);
}

/** Parts of a name after which another may begin; deeper ones are no prefix that anybody adds. */
const MOST_PARTS = 4;

/** Each tensor by what is left of its name without its first parts; null where several have that left. */
function byEndings(tensors: readonly IdentifiedTensor[]): ReadonlyMap<string, IdentifiedTensor | null> {
  const found = new Map<string, IdentifiedTensor | null>();
  for (const tensor of tensors)
    for (const ending of endingsOf(tensor.name)) found.set(ending, found.has(ending) ? null : tensor);
  return found;
}

function endingsOf(name: string): readonly string[] {
  const parts = name.split('.');
  return Array.from({ length: Math.min(MOST_PARTS, parts.length - 1) }, (_, at) => parts.slice(at + 1).join('.'));
}

function endingOf(name: string, exact: ReadonlyMap<string, IdentifiedTensor>): IdentifiedTensor | undefined {
  return endingsOf(name)
    .map((ending) => exact.get(ending))
    .find((tensor) => tensor !== undefined);
}
