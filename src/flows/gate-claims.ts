import type { VerifiedClaim } from '../domain/claims/types.ts';
import { verifyClaim, type Verification } from '../domain/claims/verify-claim.ts';
import { sha256Hex } from '../domain/digest/hex.ts';
import { WeighmarkError, type Code } from '../domain/errors.ts';
import { isProvenance, readInputs, readProvenance } from '../domain/lineage/provenance.ts';
import { LIMITS } from '../domain/limits.ts';
import type { LogEntry, Registry } from '../domain/ports.ts';
import type { Finding } from '../domain/verdict.ts';

/** Everything a registry holds that a decision about one artifact may rest on, verified. */
export interface Collected {
  readonly claims: readonly VerifiedClaim[];
  /** Hex digests of bundles that are surely nobody's who counts: reported, passed over. */
  readonly strangers: ReadonlySet<string>;
  /** Logged, but not there. */
  readonly findings: readonly Finding[];
  /** Exact bytes by hex SHA-256. */
  readonly bundles: ReadonlyMap<string, Uint8Array>;
}

/** The registry's log, read and proven once. */
export interface ReadLog {
  readonly origin: string;
  readonly remembered: boolean;
  readonly entries: readonly LogEntry[];
}

export async function readLog(registry: Registry): Promise<ReadLog> {
  const { log } = registry;
  return { origin: log.origin, remembered: log.remembered, entries: await log.entries(0, Number.MAX_SAFE_INTEGER) };
}

/** Promotions looked at per environment, newest first: junk by strangers can push a real one no further back. */
const PROMOTIONS_LOOKED_AT = 100;

/**
 * Verifies the claims of an artifact and of everything it descends from, by whatever name the log knows an ancestor;
 * promotions of its name; all revocations. Each bundle is verified once.
 * @throws WeighmarkError `claims-limit`.
 */
export async function collectClaims(target: { readonly name: string; readonly id: string }, log: ReadLog, collecting: { registry: Registry; verification: Verification }): Promise<Collected> {
  const state = newState(log, collecting);
  await follow(state, target);
  for (const { leaf } of relevantEntries(log, target.name)) await fetch(state, leaf.name, leaf.manifest);
  return { claims: [...state.verified.values()], strangers: state.strangers, findings: absentFindings(state, log, target), bundles: state.bundles };
}

interface State {
  readonly registry: Registry;
  readonly verification: Verification;
  /** Names under which the log knows a manifest. */
  readonly names: ReadonlyMap<string, ReadonlySet<string>>;
  readonly fetched: Set<string>;
  readonly bundles: Map<string, Uint8Array>;
  readonly verified: Map<string, VerifiedClaim>;
  readonly strangers: Set<string>;
  /** Bundles that this machine could not judge, by hex digest: they might say no. */
  readonly undecided: Map<string, Finding>;
}

function newState(log: ReadLog, { registry, verification }: { registry: Registry; verification: Verification }): State {
  const names = new Map<string, Set<string>>();
  for (const { leaf } of log.entries) names.set(leaf.manifest, (names.get(leaf.manifest) ?? new Set()).add(leaf.name));
  return { registry, verification, names, fetched: new Set(), bundles: new Map(), verified: new Map(), strangers: new Set(), undecided: new Map() };
}

/** Breadth-first over the digests that verified claims name as inputs. */
async function follow(state: State, target: { readonly name: string; readonly id: string }): Promise<void> {
  const seen = new Set([target.id]);
  await fetch(state, target.name, target.id);
  for (let queue = [target.id]; queue.length > 0 && seen.size <= LIMITS.lineageNodes;) {
    for (const id of queue) for (const name of state.names.get(id) ?? []) await fetch(state, name, id);
    const inputs = inputsOf([...state.verified.values()]);
    queue = inputs.filter((id) => !seen.has(id));
    for (const id of queue) seen.add(id);
  }
}

function inputsOf(claims: readonly VerifiedClaim[]): readonly string[] {
  return [...new Set(claims.flatMap(({ statement }) => readableInputs(statement)))];
}

function readableInputs(statement: VerifiedClaim['statement']): readonly string[] {
  try {
    const inputs = isProvenance(statement) ? readProvenance(statement).inputs : readInputs(statement.predicate['configuration']);
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
  for (const bytes of await claimsIfThere(state.registry, name, id)) await take(state, bytes);
}

async function take(state: State, bytes: Uint8Array): Promise<void> {
  const digest = sha256Hex(bytes);
  if (state.bundles.has(digest)) return;
  state.bundles.set(digest, bytes);
  if (state.bundles.size > LIMITS.claimsPerFile * 2) throw new WeighmarkError('claims-limit', `more than ${LIMITS.claimsPerFile * 2} claims in one lineage`);
  const outcome = await verifyClaim(bytes, { ...state.verification, maxBytes: LIMITS.signatureBytes });
  if (outcome.trusted) state.verified.set(digest, outcome.claim);
  else if (STRANGE.includes(outcome.refusal.code)) state.strangers.add(digest);
  else state.undecided.set(digest, outcome.refusal);
}

/** Reasons that stay the same whoever looks: the bundle is by nobody the policy names. Any other may be a lack of this machine. */
const STRANGE: readonly Code[] = ['signer-untrusted', 'identity-mismatch', 'signature-invalid', 'signature-malformed', 'claim-malformed', 'limit-exceeded'];

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
  const promotions = log.entries.filter(({ leaf }) => leaf.kind === 'promotion' && leaf.name === name);
  const byEnvironment = [...Map.groupBy(promotions, ({ leaf }) => leaf.env)].flatMap(([, entries]) => entries.slice(-PROMOTIONS_LOOKED_AT));
  return [...log.entries.filter(({ leaf }) => leaf.kind === 'revocation'), ...byEnvironment];
}

/** Every logged claim of the id, and every logged revocation, must be here (rule 8): what was left out might say no. */
function absentFindings(state: State, log: ReadLog, { id }: { readonly id: string }): readonly Finding[] {
  const needed = log.entries.filter(({ leaf }) => leaf.kind === 'revocation' || (leaf.kind === 'claim' && leaf.manifest === id));
  const absent = needed.filter(({ leaf }) => !state.bundles.has(leaf.bundle.slice('sha256:'.length)));
  const undecided = needed.flatMap(({ leaf }) => state.undecided.get(leaf.bundle.slice('sha256:'.length)) ?? []);
  return [...undecided, ...absent.map(({ index, leaf }) => ({
    code: 'claim-missing',
    message: `log entry ${index} is a ${leaf.kind} that the registry no longer holds`,
    subject: leaf.manifest,
    facts: { bundle: leaf.bundle },
  }) satisfies Finding)];
}

/** Logged revocations with their place in the log; a revocation that is not logged takes away all the same. */
export function revocationsOf(claims: readonly VerifiedClaim[], log: ReadLog, revocationType: string): readonly { claim: VerifiedClaim; index: number | null }[] {
  // Logged again is not said again: the first place counts.
  const indexes = new Map(log.entries.filter(({ leaf }) => leaf.kind === 'revocation').toReversed().map(({ index, leaf }) => [leaf.bundle.slice('sha256:'.length), index]));
  return claims.filter(({ statement }) => statement.predicateType === revocationType).map((claim) => ({ claim, index: indexes.get(claim.bundle) ?? null }));
}

