import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { hear, type Heard, type Unread } from '../../domain/authority/speaker.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { isProvenance, readInputs, readProvenance } from '../../domain/lineage/provenance.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { UnreadEntry } from '../../domain/policy/facts.ts';
import type { MatchedArtifact } from '../../domain/claims/subjects.ts';
import type { LogEntries, LogEntry, LogLeaf } from '../../domain/tlog/leaf.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { artifactIn, namesOnly } from './known.ts';
import { parseCheckpoint } from '../../domain/tlog/checkpoint.ts';

/** Everything a registry holds that a decision about one artifact may rest on, verified. */
export interface Collected {
  /** By its manifest under the name it was asked for; null if that cannot be read there. */
  readonly own: MatchedArtifact | null;
  readonly claims: readonly VerifiedClaim[];
  /** Hex digests of bundles that are surely nobody's who counts: reported, passed over. */
  readonly strangers: ReadonlySet<string>;
  /** Logged about the artifact or anything it descends from, or to revoke anything, but not there. */
  readonly absent: readonly LogEntry[];
  /**
   * Logged so, or as a promotion, by somebody who is or may be one of those asked for, and not understood or not proven; and what
   * lies with these artifacts unlogged, where the signature shows whose it is: what is not proven anybody can put there.
   */
  readonly unread: readonly UnreadEntry[];
  /** Exact bytes by hex SHA-256. */
  readonly bundles: ReadonlyMap<string, Uint8Array>;
  /** `sha256:<hex>` of the artifact and of all it descends from, in the registry or not. */
  readonly lineage: ReadonlySet<string>;
  /** All ids of the artifact and of its ancestors, as far as they are in the registry. */
  readonly known: readonly MatchedArtifact[];
}

/** The registry's log, read and proven once. */
export interface ReadLog {
  readonly origin: string;
  /** The signed checkpoint whose entries these are; null for an empty log. */
  readonly checkpoint: string | null;
  readonly entries: LogEntries;
}

/** Under which names the log knows which ids, and what else the caller knows. */
export function placesIn(
  { entries }: Pick<ReadLog, 'entries'>,
  ...more: readonly { readonly name: string; readonly id: string }[]
): readonly { readonly name: string; readonly id: string }[] {
  return [...more, ...Array.from(entries, ({ leaf }) => ({ name: leaf.name, id: leaf.manifest }))];
}

/** @throws WeighmarkError `log-rollback` unless the checkpoint is of as many entries as were read. */
export async function readLog({ log }: Pick<Registry, 'log'>): Promise<ReadLog> {
  const { checkpoint, entries } = await log.read();
  const size = checkpoint === null ? 0 : parseCheckpoint(checkpoint).size;
  if (entries.length !== size)
    throw new WeighmarkError('log-rollback', 'the log lost entries while it was read', { subject: log.origin });
  return { origin: log.origin, checkpoint, entries };
}

/** Promotions looked at per environment, newest first: junk by strangers can push a real one no further back. */
const PROMOTIONS_LOOKED_AT = 100;

/**
 * Verifies the claims of an artifact and of everything it descends from, by whatever name the log knows an ancestor;
 * promotions of its name; all revocations. Each bundle is verified once.
 * @throws WeighmarkError `claims-limit`.
 */
export async function collectClaims(
  target: { readonly name: string; readonly id: string },
  log: ReadLog,
  collecting: Collecting,
): Promise<Collected> {
  const own = await artifactIn(collecting.registry, target.name, target.id);
  const state = { ...newState(log, collecting), own: { ...target, artifact: own } };
  let lineage = await follow(state, target);
  for (const { leaf } of relevantEntries(log, target.name)) await fetch(state, leaf.name, leaf.manifest);
  while (await fetchElsewhere(state, log, lineage)) lineage = await follow(state, target);
  const asked = collecting.versions === true ? await withVersions(state, lineage, log) : lineage;
  return {
    own,
    claims: [...state.verified.values()],
    strangers: state.strangers,
    absent: neededEntries(log, asked).filter((entry) => !state.bundles.has(hexOf(entry))),
    unread: unreadEntries(state, log, asked),
    bundles: state.bundles,
    lineage,
    known: [...new Set(state.known.values())],
  };
}

/** Pushes of a name that are looked through for one claim. */
const PLACES_LOOKED_AT = 100;

/**
 * An ancestor's claim may have come along with another artifact: its leaf names what it is about, and lies with a push of
 * that name, most likely the one before it in the log. True if any was found: it may lead further.
 */
async function fetchElsewhere(state: State, log: ReadLog, lineage: ReadonlySet<string>): Promise<boolean> {
  const before = state.bundles.size;
  for (const entry of neededEntries(log, lineage)) {
    if (state.bundles.has(hexOf(entry))) continue;
    const pushes = log.entries.matching({ kind: 'push', name: entry.leaf.name });
    const nearest = pushes.toSorted(
      (a, b) => Number(a.index > entry.index) - Number(b.index > entry.index) || b.index - a.index,
    );
    for (const place of new Set(nearest.map(({ leaf }) => leaf.manifest).slice(0, PLACES_LOOKED_AT))) {
      const bytes = (await claimsIfThere(state.registry, entry.leaf.name, place)).find(
        (each) => sha256Hex(each) === hexOf(entry),
      );
      if (bytes !== undefined) await take(state, bytes);
      if (bytes !== undefined) break;
    }
  }
  return state.bundles.size > before;
}

/**
 * Other versions of what it descends from, by every name: what is said of one may concern all, as records that must go do.
 * Returns the ids with theirs.
 */
async function withVersions(state: State, lineage: ReadonlySet<string>, log: ReadLog): Promise<ReadonlySet<string>> {
  const names = new Set([...lineage].flatMap((id) => namesOf(state, id)));
  const pushed = [...names].flatMap((name) => state.entries.matching({ kind: 'push', name }));
  const versions = pushed.map(({ leaf }) => leaf);
  for (const { name, manifest } of versions) await fetch(state, name, manifest);
  const all = new Set([...lineage, ...versions.map(({ manifest }) => manifest)]);
  while (await fetchElsewhere(state, log, all));
  return all;
}

export interface Collecting {
  /** Claims about other versions of the ancestors too. Default: no. */
  readonly versions?: boolean;
  readonly registry: Registry;
  readonly verification: Verification;
  /** What was verified already in the same way, by the hex digest of its bundle: for several artifacts in one run. */
  readonly heard?: Map<string, Heard>;
}

interface State {
  /** What is asked about, read once. */
  readonly own: { readonly name: string; readonly id: string; readonly artifact: MatchedArtifact | null };
  readonly registry: Registry;
  readonly verification: Verification;
  readonly entries: LogEntries;
  readonly heard: Map<string, Heard>;
  readonly fetched: Set<string>;
  readonly bundles: Map<string, Uint8Array>;
  readonly verified: Map<string, VerifiedClaim>;
  readonly strangers: Set<string>;
  /** By hex digest. */
  readonly unread: Map<string, Unread>;
  /** Where these lie, by hex digest. */
  readonly unreadAt: Map<string, { readonly name: string; readonly manifest: string }[]>;
  /** By every id. */
  readonly known: Map<string, MatchedArtifact>;
  /** By every id; read once it is asked for. */
  pushed?: Promise<ReadonlyMap<string, MatchedArtifact>>;
}

function newState(log: ReadLog, { registry, verification, heard = new Map() }: Collecting): Omit<State, 'own'> {
  return {
    registry,
    verification,
    entries: log.entries,
    heard,
    fetched: new Set(),
    bundles: new Map(),
    verified: new Map(),
    strangers: new Set(),
    unread: new Map(),
    unreadAt: new Map(),
    known: new Map(),
  };
}

/** Breadth-first over the digests that verified claims name as inputs. Returns all ids that were followed. */
async function follow(
  state: State,
  target: { readonly name: string; readonly id: string },
): Promise<ReadonlySet<string>> {
  const seen = new Set([target.id]);
  await fetch(state, target.name, target.id);
  for (let queue: readonly string[] = [target.id]; queue.length > 0 && seen.size <= LIMITS.lineageNodes;) {
    for (const id of queue) for (const name of namesOf(state, id)) await fetch(state, name, id);
    const ids = await Promise.all(queue.map((id) => idsAt(state, id, id === target.id ? target.name : undefined)));
    const inputs = inputsOf([...state.verified.values()]);
    queue = [...ids.flat(), ...inputs].filter((id) => !seen.has(id));
    for (const id of queue) seen.add(id);
  }
  return seen;
}

/** Names under which the log knows a manifest. */
function namesOf({ entries }: State, manifest: string): readonly LogLeaf['name'][] {
  return [...new Set(entries.matching({ manifest }).map(({ leaf }) => leaf.name))];
}

/** Pushes that are looked through for an artifact by an id that it was not pushed by. */
const PUSHES_LOOKED_AT = 1_000;

/** All ids of an artifact that is in the registry, under whichever of them. */
async function idsAt(state: State, id: string, name?: string): Promise<readonly string[]> {
  const before = state.known.get(id);
  if (before !== undefined) return before.ids ?? [];
  const names = [...(name === undefined ? [] : [name]), ...namesOf(state, id)];
  const found = (await firstIn(state, names, id)) ?? (await pushedOtherwise(state, names, id));
  if (found === null) return [];
  const { ids = [] } = found;
  const known = ids.map((each) => state.known.get(each)).find((each) => each !== undefined) ?? namesOnly(found);
  for (const each of [id, ...ids]) state.known.set(each, known);
  return ids;
}

async function firstIn(
  { registry, own }: State,
  names: readonly string[],
  id: string,
): Promise<MatchedArtifact | null> {
  for (const name of names) {
    const isOwn = name === own.name && id === own.id;
    const found = isOwn ? own.artifact : await artifactIn(registry, name, id);
    if (found !== null) return found;
  }
  return null;
}

/** An id that nothing was logged under: the same content may lie here under another. */
async function pushedOtherwise(state: State, names: readonly string[], id: string): Promise<MatchedArtifact | null> {
  if (names.length > 0) return null;
  state.pushed ??= readPushed(state);
  return (await state.pushed).get(id) ?? null;
}

async function readPushed({ registry, entries }: State): Promise<ReadonlyMap<string, MatchedArtifact>> {
  const found = new Map<string, MatchedArtifact>();
  const newest = entries.matching({ kind: 'push' }).slice(-PUSHES_LOOKED_AT).toReversed();
  for (const { leaf } of newest) {
    const { name, manifest } = leaf;
    const artifact = await artifactIn(registry, name, manifest);
    for (const id of artifact?.ids ?? []) if (artifact !== null && !found.has(id)) found.set(id, artifact);
  }
  return found;
}

function inputsOf(claims: readonly VerifiedClaim[]): readonly string[] {
  return [...new Set(claims.flatMap(({ statement }) => readableInputs(statement)))];
}

function readableInputs(statement: VerifiedClaim['statement']): readonly string[] {
  try {
    const inputs = isProvenance(statement)
      ? readProvenance(statement).inputs
      : readInputs(statement.predicate['configuration']);
    return inputs.flatMap(({ sha256 }) => (sha256 === null ? [] : [`sha256:${sha256}`]));
  } catch {
    return [];
  }
}

/** Fetches and verifies what one manifest carries; a manifest that is not there carries nothing. */
async function fetch(state: State, name: string, id: string): Promise<void> {
  const key = `${name}@${id}`;
  if (state.fetched.has(key)) return;
  state.fetched.add(key);
  for (const bytes of await claimsIfThere(state.registry, name, id)) {
    await take(state, bytes);
    if (state.unread.size === 0) continue;
    const digest = sha256Hex(bytes);
    if (state.unread.has(digest))
      state.unreadAt.set(digest, [...(state.unreadAt.get(digest) ?? []), { name, manifest: id }]);
  }
}

async function take(state: State, bytes: Uint8Array): Promise<void> {
  const digest = sha256Hex(bytes);
  if (state.bundles.has(digest)) return;
  state.bundles.set(digest, bytes);
  if (state.bundles.size > LIMITS.claimsPerFile * 2)
    throw new WeighmarkError('claims-limit', `more than ${LIMITS.claimsPerFile * 2} claims in one lineage`);
  const heard =
    state.heard.get(digest) ?? (await hear(bytes, { ...state.verification, maxBytes: LIMITS.signatureBytes }));
  if (state.heard.size < MOST_HEARD) state.heard.set(digest, heard);
  if (heard.standing === 'named') state.verified.set(digest, heard.claim);
  else if (heard.standing === 'unread') state.unread.set(digest, heard);
  else state.strangers.add(digest);
}

/** About 10 kB each: beyond these, claims met again are verified again. */
const MOST_HEARD = 10_000;

/** None for a manifest that is not there. */
export async function claimsIfThere(registry: Registry, name: string, id: string): Promise<readonly Uint8Array[]> {
  try {
    return await registry.claims(name, id);
  } catch (error) {
    if (error instanceof WeighmarkError && error.code === 'not-found') return [];
    throw error;
  }
}

function relevantEntries(log: ReadLog, name: string): readonly LogEntry[] {
  const promotions = log.entries.matching({ kind: 'promotion', name });
  const byEnvironment = [...Map.groupBy(promotions, ({ leaf }) => leaf.env)].flatMap(([, entries]) =>
    entries.slice(-PROMOTIONS_LOOKED_AT),
  );
  return [...log.entries.matching({ kind: 'revocation' }), ...byEnvironment];
}

function neededEntries(log: ReadLog, lineage: ReadonlySet<string>): readonly LogEntry[] {
  const claims = [...lineage].flatMap((manifest) => log.entries.matching({ kind: 'claim', manifest }));
  return [...log.entries.matching({ kind: 'revocation' }), ...claims].sort((a, b) => a.index - b.index);
}

function hexOf({ leaf }: LogEntry): string {
  return leaf.bundle.slice('sha256:'.length);
}

/** What was signed and cannot be judged might say no, as what was left out might (rule 8). */
function unreadEntries(state: State, log: ReadLog, lineage: ReadonlySet<string>): Collected['unread'] {
  if (state.unread.size === 0) return [];
  const entries = [...neededEntries(log, lineage), ...log.entries.matching({ kind: 'promotion' })];
  const logged = entries.flatMap((entry) => {
    const unread = state.unread.get(hexOf(entry));
    return unread === undefined ? [] : [{ ...unread, entry }];
  });
  const seen = new Set(logged.map(({ bundle }) => bundle));
  return [...logged, ...unloggedIn(state, lineage).filter(({ bundle }) => !seen.has(bundle))];
}

/** A no counts before it is logged; so does what may be one. */
function unloggedIn({ unread, unreadAt }: State, lineage: ReadonlySet<string>): readonly UnreadEntry[] {
  return [...unread.values()].flatMap((each) => {
    const place = unreadAt.get(each.bundle)?.find(({ manifest }) => lineage.has(manifest));
    if (!each.proven || place === undefined) return [];
    const leaf: LogLeaf = { v: 1, kind: 'claim', ...place, bundle: `sha256:${each.bundle}` };
    return [{ ...each, entry: { index: null, leaf } }];
  });
}

/** Logged revocations with their place in the log; a revocation that is not logged takes away all the same. */
export function revocationsOf(
  claims: readonly VerifiedClaim[],
  log: ReadLog,
  revocationType: string,
): readonly { claim: VerifiedClaim; index: number | null }[] {
  // Logged again is not said again: the first place counts.
  const indexes = new Map(
    log.entries
      .matching({ kind: 'revocation' })
      .toReversed()
      .map(({ index, leaf }) => [leaf.bundle.slice('sha256:'.length), index]),
  );
  return claims
    .filter(({ statement }) => statement.predicateType === revocationType)
    .map((claim) => ({ claim, index: indexes.get(claim.bundle) ?? null }));
}
