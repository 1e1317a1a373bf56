import type { Actor } from '../../domain/authority/actor.ts';
import { findingOf, type Finding } from '../../domain/base/verdict.ts';
import type { Registry, RegistryEntry } from '../../domain/ports/registry.ts';
import type { LogLeaf } from '../../domain/tlog/leaf.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { actorsOf } from './log-actors.ts';

/** Who pushed a version, and when, as far as that is proven. */
export interface Pushed {
  readonly name: string;
  readonly id: string;
  /** Of the newest push in the log; null: it waits for the log's operator. */
  readonly index: number | null;
  readonly actor: Actor;
}

export interface Pushes {
  /** Versions whose push is logged or waits, in the order given. */
  readonly pushes: readonly Pushed[];
  /** Why nobody can say who pushed what; null if the log answers. */
  readonly problem: Finding | null;
}

/**
 * The newest push of each version. What a registry lists does not depend on its log or on anybody's trust: where those
 * cannot be read, only who and when are open.
 */
export async function pushesOf(
  versions: readonly RegistryEntry[],
  registry: Registry,
  verification: () => Promise<Verification>,
): Promise<Pushes> {
  try {
    return { pushes: await readPushes(versions, registry, await verification()), problem: null };
  } catch (error) {
    return { pushes: [], problem: findingOf(error) };
  }
}

interface Placed {
  readonly leaf: LogLeaf;
  readonly index: number | null;
}

async function readPushes(
  versions: readonly RegistryEntry[],
  registry: Registry,
  verification: Verification,
): Promise<readonly Pushed[]> {
  if (registry.log.origin === '' || versions.length === 0) return [];
  const wanted = new Set(versions.map(keyOf));
  const [only] = new Set(versions.map(({ name }) => name));
  const query = versions.every(({ name }) => name === only) && only !== undefined ? { name: only } : {};
  const all: readonly Placed[] = [
    ...(await registry.log.find(query)),
    ...(await registry.log.pending()).map((leaf) => ({ leaf, index: null })),
  ];
  const placed = all.filter(({ leaf }) => isOfPush(leaf) && wanted.has(leafKey(leaf)));
  const leaves = placed.map(({ leaf }) => leaf);
  const actors = await actorsOf(leaves, registry, verification);
  const said = placed.map((each, at) => ({ ...each, actor: actors[at] })).filter(hasActor);
  const byVersion = Map.groupBy(said, ({ leaf }) => leafKey(leaf));
  return versions.flatMap((version) => newestOf(version, byVersion.get(keyOf(version)) ?? []));
}

function isOfPush({ kind }: LogLeaf): boolean {
  return kind === 'push' || kind === 'claim';
}

type Said = Placed & { readonly actor: Actor };

function hasActor(each: Placed & { readonly actor: Actor | undefined }): each is Said {
  return each.actor !== undefined;
}

/** An OMS signature states no time; the other claims of the same signer about the same version may. */
function newestOf({ name, id }: RegistryEntry, said: readonly Said[]): readonly Pushed[] {
  const push = said.findLast(({ leaf }) => leaf.kind === 'push');
  if (push === undefined) return [];
  const { index, actor } = push;
  const own = said.filter((each) => actor.name !== null && each.actor.name === actor.name);
  const time = actor.time ?? own.find((each) => each.actor.time !== null)?.actor.time ?? null;
  const claimedTime = actor.claimedTime ?? own.find((each) => each.actor.claimedTime !== null)?.actor.claimedTime;
  return [{ name, id, index, actor: { ...actor, time, claimedTime: claimedTime ?? null } }];
}

function keyOf({ name, id }: RegistryEntry): string {
  return `${name}@${id}`;
}

function leafKey({ name, manifest }: LogLeaf): string {
  return `${name}@${manifest}`;
}
