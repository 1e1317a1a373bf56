import type { Statement } from '../../domain/claims/types.ts';
import { bindingOf } from '../../domain/claims/binding.ts';
import { weightsListsIn } from '../../domain/claims/weights-lists.ts';
import { parseBundle } from '../../domain/claims/bundle.ts';
import { parseStatement } from '../../domain/claims/statement.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Registry, RegistryEntry } from '../../domain/ports/registry.ts';
import type { ListedWeights } from '../../domain/weights/list.ts';
import { verifyClaim, type Verification } from '../../domain/trust/verify-claim.ts';
import { describeSigner } from '../../domain/claims/signers.ts';
import { artifactIn } from './known.ts';
import { claimsIfThere } from './gate-claims.ts';
import { listsAt, type ListPorts } from './weights-lists.ts';

/** By what the weights that were asked for are those of a set: a root, or one tensor alone. */
export interface WeightsMatch {
  readonly set: string;
  readonly by: 'names' | 'multiset' | 'set' | 'tensor';
  readonly tensor?: string;
}

/** A sealed version that has them. */
export interface WeightsHolder extends RegistryEntry {
  /** Who bound the list, if trusted; null: somebody did, and nobody here says who that is. */
  readonly signedBy: string | null;
  readonly matches: readonly WeightsMatch[];
}

export interface FoundWeights {
  readonly holders: readonly WeightsHolder[];
  /** Sealed versions whose list cannot be read here: they may have them all the same. */
  readonly unexamined: readonly (Pick<RegistryEntry, 'name' | 'id'> & { readonly why: string })[];
}

export interface FindPorts extends ListPorts {
  readonly registry: Registry;
  /** Whose word counts; for whoever lists, nobody's is needed to find what there is. */
  readonly verification: Verification;
}

/**
 * Every version of a registry whose signed list of weights has one of these digests: a root of any of the three kinds, or a tensor.
 * @param wanted BLAKE3, lower-case hex. @throws WeighmarkError `network`.
 */
export async function findWeights(wanted: readonly string[], ports: FindPorts): Promise<FoundWeights> {
  const holders: WeightsHolder[] = [];
  const unexamined: FoundWeights['unexamined'][number][] = [];
  for (const entry of await ports.registry.list()) {
    const { name, id } = entry;
    const bound = await listsBoundTo(entry, ports);
    if (bound.size === 0) continue;
    const lists = await listsAt(entry, [...bound.keys()], ports);
    const found = [...lists].flatMap(([digest, sets]) => {
      const matches = sets.flatMap((set) => matchesIn(set, new Set(wanted)));
      return matches.length === 0 ? [] : [{ signedBy: bound.get(digest) ?? null, matches }];
    });
    const best = found.find(({ signedBy }) => signedBy !== null) ?? found[0];
    if (best !== undefined) holders.push({ ...entry, ...best });
    else if (lists.size < bound.size) unexamined.push({ name, id, why: 'its signed list of weights is not here' });
  }
  return { holders, unexamined };
}

/** Lists that claims about this very artifact bind, with who signed, where that is somebody trusted. */
async function listsBoundTo(
  { name, id }: RegistryEntry,
  { registry, verification }: FindPorts,
): Promise<ReadonlyMap<string, string | null>> {
  const ids = new Set([id, ...((await artifactIn(registry, name, id))?.ids ?? [])]);
  const bound = new Map<string, string | null>();
  for (const bytes of await claimsIfThere(registry, name, id)) {
    const statement = statementIn(bytes);
    const lists = statement === null ? [] : weightsListsIn(statement);
    const binding = statement === null ? null : bindingOf({ statement });
    if (lists.length === 0 || binding?.kind !== 'one' || !ids.has(`sha256:${binding.digest}`)) continue;
    const outcome = await verifyClaim(bytes, verification);
    const by = outcome.trusted ? describeSigner(outcome.claim.signer) : null;
    for (const each of lists) bound.set(each, bound.get(each) ?? by);
  }
  return bound;
}

function statementIn(bytes: Uint8Array): Statement | null {
  try {
    return parseStatement(parseBundle(bytes, LIMITS.signatureBytes).payload);
  } catch (error) {
    if (error instanceof WeighmarkError) return null;
    throw error;
  }
}

/** The strongest root that is meant; else the tensors that are, each once. */
export function matchesIn(
  { name, tensors, ...roots }: ListedWeights,
  wanted: ReadonlySet<string>,
): readonly WeightsMatch[] {
  const by = (['names', 'multiset', 'set'] as const).find((kind) => wanted.has(roots[kind]));
  if (by !== undefined) return [{ set: name, by }];
  return tensors
    .filter(({ digest }) => wanted.has(digest))
    .map((tensor) => ({ set: name, by: 'tensor', tensor: tensor.name }));
}
