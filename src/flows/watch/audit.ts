import type { Heard } from '../../domain/authority/speaker.ts';
import { given, logRule } from '../../domain/policy/evaluate.ts';
import type { Policy } from '../../domain/authority/types.ts';
import { newestPromotion } from '../../domain/policy/promotions.ts';
import { findingOf, checkOf, refusedCheck, verdictOf, type Check, type Verdict } from '../../domain/base/verdict.ts';
import type { LogEntries } from '../../domain/tlog/leaf.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import type { FeedIndex } from '../../domain/scan/feeds/match.ts';
import { rescan } from './audit-scan.ts';
import { environmentChecks } from '../gate/environment.ts';
import { gather, type Gathered, type GatePorts, type Given } from '../gate/gate.ts';
import { memoryOnce } from '../gate/memory-once.ts';
import { readLog, type ReadLog } from '../registry/gate-claims.ts';
import { logFreshness, type PinnedCheckpoint } from '../gate/log-freshness.ts';
import { weightsListsIn } from '../../domain/claims/weights-lists.ts';
import type { ListedWeights } from '../../domain/weights/list.ts';
import { readOnce } from '../registry/read-once.ts';
import { listsAt, type ListPorts } from '../registry/weights-lists.ts';
import { counted } from '../../domain/base/units.ts';

export interface AuditInput {
  readonly policy: Policy;
  readonly timestampAuthorities?: readonly string[];
  /** A checkpoint the caller brings: the log must continue it. */
  readonly pinned?: PinnedCheckpoint;
  /** What was verified already in this run under the same trust. */
  readonly heard?: Map<string, Heard>;
  /** Only these environments; default: all of the policy. */
  readonly environments?: readonly string[];
  /** What is known to be bad by now: everything promoted is held against it. */
  readonly feeds?: FeedIndex;
}

/** One thing that runs, looked at again. */
export interface AuditedPromotion {
  readonly name: string;
  readonly environment: string;
  /** `sha256:<hex>`; null if nothing is promoted there any more. */
  readonly id: string | null;
  readonly verdict: Verdict;
}

export interface AuditOutcome {
  readonly log: Verdict;
  readonly promotions: readonly AuditedPromotion[];
}

/**
 * Looks again at everything promoted: the log tile by tile, each artifact's bytes, its promotion, claims, ages, revocations,
 * what scans and feeds say of it by now, and the rules of its environment.
 */
export async function audit(input: AuditInput, registry: Registry, ports: GatePorts): Promise<AuditOutcome> {
  const tiles = await logCheck(registry);
  if (!tiles.passed) return { log: verdictOf({ subject: registry.location, checks: [tiles] }), promotions: [] };
  const read = await readLog(registry);
  const fresh = await freshnessCheck(read, input, { registry, ports });
  const reading: Given = { log: read, heard: input.heard ?? new Map() };
  const looking = { registry: readOnce(registry), ports: memoryOnce(ports) };
  const promotions: AuditedPromotion[] = [];
  for (const place of placesOf(read.entries, input))
    promotions.push(await auditOne(place, { input: { ...input, given: reading }, ...looking }));
  return { log: verdictOf({ subject: registry.location, checks: [tiles, fresh] }), promotions };
}

/** An old log hides what was withdrawn and revoked since: then nobody knows what runs (security rule 18). */
async function freshnessCheck(
  read: ReadLog,
  { policy, pinned }: AuditInput,
  { registry, ports }: { registry: Registry; ports: GatePorts },
): Promise<Check> {
  const findings = await logFreshness(read, { rule: policy.log, pinned, now: ports.clock.now() }, registry);
  const by =
    policy.log?.witnesses !== undefined
      ? 'witnesses say'
      : pinned !== undefined
        ? 'the checkpoint brought along says'
        : 'this machine remembers';
  return checkOf('log freshness', [{ what: `nothing was taken from the log, as far as ${by}` }], findings);
}

/** Reads and proves every tile. */
export async function logCheck(registry: Registry): Promise<Check> {
  try {
    const { size, root } = await registry.log.verify();
    return checkOf(
      'log',
      [
        {
          what: `log ${registry.log.origin}: ${counted(size, 'entry', 'entries')}, every tile read`,
          data: { origin: registry.log.origin, size, root },
        },
      ],
      [],
    );
  } catch (error) {
    return refusedCheck('log', [findingOf(error, 'log-invalid')]);
  }
}

interface PromotedPlace {
  readonly name: string;
  readonly environment: string;
  /** Some manifest of that name: the walk starts there, the newest promotion is found from the log. */
  readonly manifest: string;
}

function placesOf(log: LogEntries, { policy, environments }: AuditInput): readonly PromotedPlace[] {
  const known = new Set(environments ?? policy.environments.map(({ name }) => name));
  const places = new Map<string, PromotedPlace>();
  for (const { leaf } of log.matching({ kind: 'promotion' })) {
    if (leaf.env !== undefined && known.has(leaf.env))
      places.set(`${leaf.name} ${leaf.env}`, { name: leaf.name, environment: leaf.env, manifest: leaf.manifest });
  }
  return [...places.values()].toSorted((a, b) =>
    `${a.name} ${a.environment}` < `${b.name} ${b.environment}` ? -1 : 1,
  );
}

/** What auditing one place needs to know. */
interface Auditing {
  readonly input: AuditInput & { readonly given: Given };
  readonly registry: Registry;
  readonly ports: GatePorts;
}

async function auditOne(place: PromotedPlace, auditing: Auditing): Promise<AuditedPromotion> {
  const { name, environment } = place;
  const of = { name, environment };
  const subject = `${name} in ${environment}`;
  try {
    const { id, checks } = await checksOf(place, auditing);
    return { ...of, id, verdict: verdictOf({ subject, ...(id === null ? {} : { id }), checks }) };
  } catch (error) {
    const checks = [refusedCheck('promotion', [findingOf(error, 'unreadable')])];
    return { ...of, id: null, verdict: verdictOf({ subject, checks }) };
  }
}

/** What those who may speak of it signed that its weights are. */
async function listedWeights(
  place: { readonly name: string; readonly id: string },
  { of }: Gathered,
  ports: ListPorts & { readonly registry: Registry },
): Promise<readonly ListedWeights[]> {
  const counted = of.about.filter(({ claim }) => of.authority.rolesOf(claim, place.name).length > 0);
  const bound = counted.flatMap(({ claim }) => weightsListsIn(claim.statement));
  return [...(await listsAt(place, bound, ports)).values()].flat();
}

/** The newest promotion is found first; only then are its bytes read. */
async function checksOf(
  { name, environment, manifest }: PromotedPlace,
  { input, registry, ports }: Auditing,
): Promise<{ id: string | null; checks: readonly Check[] }> {
  const rules = input.policy.environments.find((each) => each.name === environment);
  if (rules === undefined) throw new Error(`the policy has no environment ${environment}`);
  const question = { ...input, environment: rules, needsFreshLog: true };
  const first = await gather(
    { ...question, target: { name, reference: manifest }, withContent: false },
    registry,
    ports,
  );
  const newest = newestPromotion(first.of, rules);
  if (!('current' in newest)) return { id: null, checks: [refusedCheck('promotion', [newest.finding])] };
  const { promotion, principal, entry, id } = newest.current;
  if (!promotion.passed) {
    const withdrawn = { what: `withdrawn by ${principal}, log entry ${entry.index}` };
    return { id: null, checks: [...given('log', logRule(first.of)), checkOf('promotion', [withdrawn], [])] };
  }
  const gathered =
    id === first.id
      ? await first.withContent()
      : await gather({ ...question, target: { name, reference: id } }, registry, ports);
  const content =
    gathered.content?.check ?? refusedCheck('content', [{ code: 'unreadable', message: 'the content was not read' }]);
  const files = content.passed ? (gathered.content?.files ?? []) : [];
  const weights = input.feeds === undefined ? [] : await listedWeights({ name, id }, gathered, { registry, ...ports });
  const scanned =
    files.length === 0
      ? []
      : await rescan({ ...input, name, environment: rules, files, weights }, registry, ports.clock);
  return { id, checks: [content, ...scanned, ...environmentChecks(gathered.of, !promotion.breakGlass)] };
}
