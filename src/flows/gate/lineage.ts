import { PREDICATES } from '../../domain/claims/predicates.ts';
import type { TrustEntry, VerifiedClaim } from '../../domain/claims/types.ts';
import type { WeightsLists } from '../../domain/claims/weights-lists.ts';
import { hear } from '../../domain/authority/speaker.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { openRevocations, touchedDigests } from '../../domain/policy/open-revocations.ts';
import type { UnreadEntry } from '../../domain/policy/facts.ts';
import { orphanFinding } from '../../domain/policy/orphans.ts';
import { BESIDE_LINEAGE, silences, unreadFinding } from '../../domain/policy/unread.ts';
import type { LogEntry } from '../../domain/tlog/leaf.ts';
import { checkLineage } from '../../domain/lineage/check.ts';
import { indexClaims } from '../../domain/lineage/index-claims.ts';
import { leavesByEveryId } from '../../domain/lineage/standing.ts';
import type { Lineage } from '../../domain/lineage/types.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { createAuthority, openAuthority, policyHearing } from '../../domain/authority/authority.ts';
import { given } from '../../domain/policy/evaluate.ts';
import { reaching } from '../../domain/authority/reach.ts';
import { knownBy, onlyFile } from '../../domain/claims/binding.ts';
import type { MatchedArtifact } from '../../domain/claims/subjects.ts';
import { collectRevocations, type LoggedRevocation } from '../../domain/authority/revocations.ts';
import type { Environment, Policy } from '../../domain/authority/types.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { checkOf, verdictOf, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import { findOrphans } from './earlier-policies.ts';
import type { GatePorts, Given } from './gate.ts';
import { collectClaims, placesIn, readLog, revocationsOf, type Collected } from '../registry/gate-claims.ts';
import { artifactIn, matched, revokedIn } from '../registry/known.ts';
import { boundWeights, listedBeside } from '../registry/weights-lists.ts';
import { findSidecars } from '../content/sidecars.ts';
import { identifyTree, type ResolvePorts } from '../registry/resolve-inputs.ts';
import { counted } from '../../domain/base/units.ts';

export interface LineageInput {
  /** As the user named it. */
  readonly shown: string;
  readonly place:
    | { readonly kind: 'path'; readonly location: string }
    | {
        readonly kind: 'registry';
        readonly name: string;
        readonly reference: string;
        readonly registry: Registry;
        readonly given?: Given;
      };
  /** Judged by its roles; null: by the caller's trust, in which everybody may say everything. */
  readonly policy: Policy | null;
  readonly environment: Environment | null;
  readonly timestampAuthorities: readonly string[];
}

export interface LineagePorts extends ResolvePorts, Pick<GatePorts, 'clock' | 'keyless' | 'versions'> {
  readonly trust: () => Promise<readonly TrustEntry[]>;
}

export interface LineageOutcome {
  readonly verdict: Verdict;
  readonly lineage: Lineage;
}

interface Found {
  readonly id: string;
  readonly name: string | null;
  /** The content of a single file, by which it is known too. */
  readonly aliases: readonly string[];
  /** Its files, and those of artifacts that were revoked. */
  readonly known: readonly MatchedArtifact[];
  readonly claims: readonly VerifiedClaim[];
  readonly revocations: readonly LoggedRevocation[];
  readonly weights: WeightsLists;
  readonly strangers: number;
  /** What is logged of it and its ancestors, but not there or not to be judged; null: there is no log. */
  readonly logged: (Pick<Collected, 'absent' | 'unread'> & { readonly origin: string }) | null;
  /** Claims in a folder that are not to be judged. */
  readonly beside: readonly UnreadEntry[];
  /** What was revoked under an earlier policy, and this one does not hear. */
  readonly orphans: readonly Finding[];
}

/** The verified graph of everything an artifact was made from, with all that is wrong with it. */
export async function lineage(input: LineageInput, ports: LineagePorts): Promise<LineageOutcome> {
  const { policy, environment } = input;
  const trust = policy === null ? await ports.trust() : policyHearing(policy);
  const authorities = [...(policy?.timestampAuthorities ?? []), ...input.timestampAuthorities];
  const now = ports.clock.now();
  const found = await find(input, { trust, keyless: ports.keyless, now, timestampAuthorities: authorities }, ports);
  const authority = policy === null ? openAuthority(trust) : createAuthority(policy);
  const known = knownBy(found.known);
  const index = indexClaims(found.claims, known);
  const said = collectRevocations(found.revocations, authority, {
    reinstate: environment?.revocations?.reinstate ?? 2,
  });
  const revocations = reaching(said, { claims: found.claims, known, authority, weights: found.weights });
  const graph = checkLineage(
    { root: found.id.slice('sha256:'.length), name: found.name, aliases: found.aliases, required: true },
    index,
    {
      authority,
      revocations,
      now,
      leaves: leavesByEveryId(policy?.leaves ?? [], known),
      summaries: policy?.summaries ?? [],
      maxDepth: environment?.lineage.maxDepth ?? LIMITS.lineageDepth,
      ...(environment?.lineage.maxAgeMs === undefined ? {} : { maxAgeMs: environment.lineage.maxAgeMs }),
    },
  );
  const silence = { origin: found.logged?.origin ?? '', revocations, policy, unasked: BESIDE_LINEAGE, id: found.id };
  const silent = [
    ...silences(found.logged ?? {}, silence),
    ...found.beside.flatMap(
      (each) => unreadFinding(silence, each, `claim ${(each.entry.index ?? 0) + 1}`, 'claim-malformed') ?? [],
    ),
  ];
  const digests = touchedDigests([found.id.slice('sha256:'.length), ...found.aliases], graph);
  const open = openRevocations(revocations, { id: found.id, digests, claims: index.all, copies: found.claims });
  return { verdict: verdictFor(input, { ...found, silent, open }, graph), lineage: graph };
}

function verdictFor(
  { shown, policy }: LineageInput,
  found: Found & { readonly silent: readonly Finding[]; readonly open: readonly Finding[] },
  graph: Lineage,
): Verdict {
  const what = `${counted(graph.nodes.size, 'artifact')}, ${counted(graph.depth, 'step')} deep, by ${counted(graph.used.length, 'claim')}`;
  const notes = found.strangers === 0 ? [] : [`${counted(found.strangers, 'claim')} by nobody trusted, ignored`];
  return verdictOf({
    subject: shown,
    id: found.id,
    checks: [
      checkOf('lineage', [{ what }], graph.findings),
      ...given('log', { evidence: [], findings: found.silent }),
      ...given('revocation', { evidence: [], findings: [...found.open, ...found.orphans] }),
    ],
    notes,
    notAsked: policy === null ? ['policy', 'content'] : ['content'],
  });
}

async function find({ place, policy }: LineageInput, verification: Verification, ports: LineagePorts): Promise<Found> {
  if (place.kind === 'path') return findBeside(place.location, verification, ports);
  const id = await place.registry.resolve(place.name, place.reference);
  const log = place.given?.log ?? (await readLog(place.registry));
  const collected =
    place.given?.collected ??
    (await collectClaims({ name: place.name, id }, log, { registry: place.registry, verification }));
  const { claims, strangers, absent, unread, known } = collected;
  const own = await artifactIn(place.registry, place.name, id);
  return {
    id,
    name: place.name,
    aliases: own === null ? [] : [onlyFile(own) ?? []].flat(),
    known: [...(own === null ? [] : [own]), ...(await revokedIn(place.registry, log.entries, collected)), ...known],
    claims,
    strangers: strangers.size,
    logged: { origin: log.origin, absent, unread },
    beside: [],
    orphans: await orphaned({ ...collected, registry: place.registry, log, verification }, policy),
    revocations: revocationsOf(claims, log, PREDICATES.revocation),
    weights: await boundWeights(claims, () => placesIn(log, { name: place.name, id }), {
      ...ports,
      registry: place.registry,
    }),
  };
}

/** Revocations that an earlier policy heard, and this one does not. */
async function orphaned(given: Omit<Parameters<typeof findOrphans>[0], 'policy'>, policy: Policy | null) {
  const found = policy === null ? [] : await findOrphans({ ...given, policy });
  return found
    .filter(({ orphan }) => orphan.claim.statement.predicateType === PREDICATES.revocation)
    .map(({ orphan, before }) => orphanFinding(orphan, before));
}

/** What lies in a folder might revoke anything, where it cannot be read. */
function besideAt(index: number, id: string): LogEntry {
  return { index, leaf: { v: 1, kind: 'revocation', name: '', manifest: id, bundle: id } };
}

/** A folder's `claims.jsonl` carries its ancestors' claims, so that its lineage verifies offline. */
async function findBeside(location: string, verification: Verification, ports: LineagePorts): Promise<Found> {
  const kind = (await ports.files.kindOf(location)) === 'file' ? 'file' : 'directory';
  const { id, files } = await identifyTree(location, location, ports);
  const sidecars = await findSidecars({ root: location, kind }, ports.files);
  const own = matched(id, files);
  const heard = await Promise.all(sidecars.claims.map(({ bytes }) => hear(bytes, verification)));
  const claims = heard.flatMap((each) => (each.standing === 'named' ? [each.claim] : []));
  const unread = heard.flatMap((each, index) =>
    each.standing === 'unread' ? [{ ...each, entry: besideAt(index, id) }] : [],
  );
  const revoking = claims.filter(({ statement }) => statement.predicateType === PREDICATES.revocation);
  return {
    id,
    name: null,
    aliases: [onlyFile(own) ?? []].flat(),
    known: [own],
    claims,
    strangers: heard.filter(({ standing }) => standing === 'stranger').length,
    logged: null,
    beside: unread,
    orphans: [],
    revocations: revoking.map((claim) => ({ claim, index: null })),
    weights: sidecars.weights === null ? new Map() : await listedBeside(sidecars.weights, ports),
  };
}
