import { Buffer } from 'node:buffer';
import { bindingOf } from '../../domain/claims/binding.ts';
import { nameIn } from '../../domain/claims/names.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { namesOfWeights, weightsListsIn, type WeightsLists } from '../../domain/claims/weights-lists.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { isJsonObject } from '../../domain/base/json.ts';
import type { Hasher } from '../../domain/ports/hasher.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { ATTACHMENTS } from '../../domain/registry/referrer.ts';
import { parseWeightsList, type ListedWeights } from '../../domain/weights/list.ts';

export interface ListPorts {
  readonly hasher: () => Promise<Hasher>;
}

/** Somewhere an artifact may lie. */
interface Place {
  readonly name: string;
  /** `sha256:<hex>`. */
  readonly id: string;
}

/**
 * The weights lists that claims bind, as far as the registry holds them; none where nobody revoked weights, so that most
 * decisions read nothing. What cannot be read is not among them: whoever asks must not take it for a list without the weights.
 * @param places further names under which an id may lie, asked for if it matters. @throws WeighmarkError `network`.
 */
export async function boundWeights(
  claims: readonly VerifiedClaim[],
  places: () => readonly Place[],
  { registry, hasher }: ListPorts & { readonly registry: Registry },
): Promise<WeightsLists> {
  const lists = new Map<string, ReadonlySet<string>>();
  if (!claims.some(mayRevokeWeights)) return lists;
  const byId = Map.groupBy(places(), ({ id }) => id);
  for (const claim of claims) {
    const wanted = weightsListsIn(claim.statement).filter((each) => !lists.has(each));
    if (wanted.length === 0) continue;
    for (const place of placesOf(claim, byId))
      for (const [digest, sets] of await listsAt(place, wanted, { registry, hasher }))
        lists.set(digest, namesOfWeights(sets));
  }
  return lists;
}

function mayRevokeWeights({ statement: { predicateType, predicate } }: VerifiedClaim): boolean {
  const { target } = predicate;
  return predicateType === PREDICATES.revocation && isJsonObject(target) && target['kind'] === 'weights';
}

function placesOf({ statement }: VerifiedClaim, byId: ReadonlyMap<string, readonly Place[]>): readonly Place[] {
  const binding = bindingOf({ statement });
  if (binding.kind !== 'one') return [];
  const id = `sha256:${binding.digest}`;
  const names = new Set([nameIn(statement), ...(byId.get(id) ?? []).map(({ name }) => name)]);
  return [...names].map((name) => ({ name, id }));
}

/**
 * What lies with one artifact under the digests that a claim binds: lists that are what they say, by the SHA-256 of their bytes.
 * @throws WeighmarkError `network`.
 */
export async function listsAt(
  { name, id }: Place,
  wanted: readonly string[],
  { registry, hasher }: ListPorts & { readonly registry: Registry },
): Promise<ReadonlyMap<string, readonly ListedWeights[]>> {
  const found = new Map<string, readonly ListedWeights[]>();
  for (const bytes of await attachedLists({ name, id }, registry)) {
    const digest = sha256Hex(bytes);
    if (!wanted.includes(digest) || found.has(digest)) continue;
    const { tree } = await hasher();
    const sets = readList(bytes, (each) => tree.digest(each));
    if (sets !== null) found.set(digest, sets);
  }
  return found;
}

async function attachedLists({ name, id }: Place, registry: Registry): Promise<readonly Uint8Array[]> {
  try {
    return await registry.attachments(name, id, ATTACHMENTS.weights);
  } catch (error) {
    if (error instanceof WeighmarkError && error.code !== 'network' && error.code !== 'interrupted') return [];
    throw error;
  }
}

/** Null for bytes that are no list, whoever signed their digest. */
function readList(bytes: Uint8Array, blake3: (bytes: Uint8Array) => Uint8Array): readonly ListedWeights[] | null {
  try {
    return parseWeightsList(Buffer.from(bytes).toString('utf8'), blake3);
  } catch (error) {
    if (error instanceof WeighmarkError) return null;
    throw error;
  }
}

/** The list that lies beside an artifact on disk, by the digest of its bytes; nothing if it is no list. */
export async function listedBeside(bytes: Uint8Array, { hasher }: ListPorts): Promise<WeightsLists> {
  const { tree } = await hasher();
  const sets = readList(bytes, (each) => tree.digest(each));
  return sets === null ? new Map() : new Map([[sha256Hex(bytes), namesOfWeights(sets)]]);
}
