import type { Heard } from '../../domain/authority/speaker.ts';
import { findingOf, refusedCheck, verdictOf, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import { environmentChecks } from './environment.ts';
import { newestPromotion } from '../../domain/policy/promotions.ts';
import { promotedUnder } from '../../domain/policy/promoted-under.ts';
import type { ClaimSigner } from '../../domain/ports/signing.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { readLog, type ReadLog } from '../registry/gate-claims.ts';
import { finishInterrupted } from '../registry/log.ts';
import { environmentOf, gather, type GatePorts } from './gate.ts';
import { promote, type PromoteInput, type PromoteOutcome } from './promote.ts';

export type PromoteAllInput = Omit<PromoteInput, 'target' | 'breakGlass'>;

/** One name that is in the environment, and what became of it. */
export interface Promotion {
  readonly name: string;
  /** `sha256:<hex>`; null where the log does not say which. */
  readonly id: string | null;
  /** `holds`: its promotion counts under this policy already, with no grace. */
  readonly result: 'holds' | 'promoted' | 'refused';
  readonly verdict: Verdict;
  readonly promoted: PromoteOutcome['promoted'];
}

/**
 * Everything that is in an environment now, promoted again under this policy, each judged like any promotion. What holds
 * already is left alone, what was withdrawn stays out, and one refusal keeps no other from being promoted.
 * @param work.signer asked for once, when something is to be signed.
 */
export async function promoteAll(
  input: PromoteAllInput,
  ports: GatePorts,
  work: { registry: Registry; signer: () => Promise<ClaimSigner> },
): Promise<readonly Promotion[]> {
  environmentOf(input.policy, input.environment);
  if (input.dryRun !== true) await finishInterrupted(work.registry);
  let opened: Promise<ClaimSigner> | undefined;
  const signer = () => (opened ??= work.signer());
  const log = await readLog(work.registry);
  const heard = new Map<string, Heard>();
  const done: Promotion[] = [];
  for (const place of placesIn(log, input.environment)) {
    const one = await again(place, { input, ports, work: { ...work, signer }, given: { log, heard } });
    if (one !== null) done.push(one);
  }
  return done;
}

interface Place {
  readonly name: string;
  /** Of that name and promoted there once: the walk starts with it. */
  readonly manifest: string;
}

function placesIn({ entries }: ReadLog, environment: string): readonly Place[] {
  const places = new Map<string, Place>();
  for (const { leaf } of entries.matching({ kind: 'promotion', env: environment }))
    places.set(leaf.name, { name: leaf.name, manifest: leaf.manifest });
  return [...places.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

interface Working {
  readonly input: PromoteAllInput;
  readonly ports: GatePorts;
  readonly work: { readonly registry: Registry; readonly signer: () => Promise<ClaimSigner> };
  readonly given: { readonly log: ReadLog; readonly heard: Map<string, Heard> };
}

/** Null: it was withdrawn. */
async function again(place: Place, working: Working): Promise<Promotion | null> {
  const { name } = place;
  try {
    const current = await currentOf(place, working);
    if (current === null) return null;
    if ('verdict' in current) return { name, promoted: null, ...current };
    const { input, ports, work } = working;
    const target = { name, reference: current.id };
    const { verdict, promoted } = await promote({ ...input, target }, ports, work);
    const isDone = verdict.exitCode === 0;
    return { name, id: current.id, result: isDone ? 'promoted' : 'refused', verdict, promoted };
  } catch (error) {
    const checks = [refusedCheck('promotion', [findingOf(error, 'unreadable')])];
    return { name, id: null, result: 'refused', verdict: verdictOf({ subject: name, checks }), promoted: null };
  }
}

/** What was promoted by nobody whom this policy lets promote is not passed over in silence. */
function refusedBy(subject: string, finding: Finding): Verdict {
  const hint = `\`weighmark log show ${subject} --kind promotion\` says who promoted it; by name: \`weighmark promote REF --env ENV\``;
  const shown =
    finding.code === 'not-promoted' ? { ...finding, message: `${finding.message} by those who may`, hint } : finding;
  return verdictOf({ subject, checks: [refusedCheck('promotion', [shown])] });
}

type Current = { readonly id: string } | Pick<Promotion, 'id' | 'result' | 'verdict'>;

async function currentOf({ name, manifest }: Place, { input, ports, work, given }: Working): Promise<Current | null> {
  const environment = environmentOf(input.policy, input.environment);
  const question = { ...input, environment, withContent: false, needsFreshLog: true, given };
  const first = await gather({ ...question, target: { name, reference: manifest } }, work.registry, ports);
  const newest = newestPromotion(first.of, environment);
  if ('finding' in newest) return { id: null, result: 'refused', verdict: refusedBy(name, newest.finding) };
  const { promotion, id } = newest.current;
  if (!promotion.passed) return null;
  const { of } =
    id === first.id ? first : await gather({ ...question, target: { name, reference: id } }, work.registry, ports);
  const checks = environmentChecks(of, false);
  const under = promotedUnder(of, promotion, false);
  const holds = 'standing' in under && under.standing === 'same' && checks.every(({ passed }) => passed);
  return holds ? { id, result: 'holds', verdict: verdictOf({ subject: `${name}@${id}`, id, checks }) } : { id };
}
