import { buildStatement } from '../../domain/claims/statement.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { subject } from '../../domain/claims/subjects.ts';
import { WeighmarkError, type Code } from '../../domain/base/errors.ts';
import { evaluate, given, logRule } from '../../domain/policy/evaluate.ts';
import { openPromotion, promotionHistory, unplacedWithdrawals, type Current } from '../../domain/policy/promotions.ts';
import { checkSeparation, joinActors } from '../../domain/policy/separation.ts';
import { PROMOTER_ROLE, type Environment, type Policy } from '../../domain/authority/types.ts';
import { buildPromotion } from '../../domain/authority/vsa.ts';
import type { ClaimSigner } from '../../domain/ports/signing.ts';
import type { LoggedLeaf } from '../../domain/ports/log.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { attachClaim } from '../registry/attach.ts';
import { ATTACHMENTS } from '../../domain/registry/referrer.ts';
import { checkOf, refusedCheck, verdictOf, type Check, type Verdict } from '../../domain/base/verdict.ts';
import { environmentOf, gather, type Gathered, type GatePorts } from './gate.ts';
import type { PinnedCheckpoint } from './log-freshness.ts';
import { pendingFinding } from '../registry/integrating.ts';
import { finishInterrupted } from '../registry/log.ts';
import { contentCheck, judgeSigner, verifierId } from './promote.ts';
import { readLog } from '../registry/gate-claims.ts';

export interface RollbackInput {
  readonly name: string;
  readonly policy: Policy;
  readonly policyBytes: Uint8Array;
  readonly environment: string;
  /** Tag or digest to go back to; `null`: withdraw, nothing is promoted; absent: what was promoted before. */
  readonly to?: string | null;
  readonly timestampAuthorities?: readonly string[];
  /** A checkpoint the caller brings: the log must continue it, and no memory is needed (security rule 18). */
  readonly pinned?: PinnedCheckpoint;
  readonly as?: string;
}

export interface RollbackOutcome {
  readonly verdict: Verdict;
  readonly name: string;
  readonly environment: string;
  /** What is promoted now; null: nothing. */
  readonly id: string | null;
  readonly from: string;
  readonly done: { readonly bundle: string; readonly by: string; readonly logged: LoggedLeaf } | null;
}

/** Age and order are why one rolls back in a hurry; what was promoted once need not prove them again. Nothing else is waived. */
const WAIVED: readonly Code[] = [
  'claim-stale',
  'no-verified-time',
  'not-promoted',
  'policy-mismatch',
  'promotion-expired',
];

/**
 * Back to an id that was promoted to this environment before, or to nothing. It is read back and judged like any promotion,
 * but for age and the environment before; never one that is revoked, nor one that only a broken glass let in. Logged.
 * @throws WeighmarkError `not-promoted` if there is nothing to go back from or to.
 */
export async function rollback(
  input: RollbackInput,
  ports: GatePorts,
  work: { registry: Registry; signer: () => Promise<ClaimSigner> },
): Promise<RollbackOutcome> {
  const environment = environmentOf(input.policy, input.environment);
  await finishInterrupted(work.registry);
  const now = await look(input, environment, {
    ports,
    registry: work.registry,
    reference: await anyPromoted(input, work.registry),
    withContent: false,
  });
  const history = promotionHistory(now.of, environment);
  const [current] = history;
  if (current === undefined) throw neverThere(input);
  const goal = input.to === null ? null : await goalOf(input, history, work.registry);
  const target = await look(input, environment, {
    ports,
    registry: work.registry,
    reference: goal?.id ?? current.id,
    withContent: goal !== null,
  });
  const checks = goal === null ? given('log', logRule(target.of)) : rollbackChecks(target, goal);
  const outcome = { name: input.name, environment: environment.name, id: goal?.id ?? null, from: current.id };
  const verdict = verdictOf({
    subject: `${input.name} in ${environment.name}`,
    id: target.id,
    checks: [...checks, checkOf('history', [historyEvidence(current, goal)], [])],
  });
  if (verdict.exitCode !== 0) return { ...outcome, verdict, done: null };
  return sign(input, { target, current, goal, environment, verdict, outcome }, { ...work, ports });
}

async function look(
  input: RollbackInput,
  environment: Environment,
  at: { ports: GatePorts; registry: Registry; reference: string; withContent: boolean },
): Promise<Gathered> {
  return gather(
    {
      ...input,
      environment,
      target: { name: input.name, reference: at.reference },
      withContent: at.withContent,
      needsFreshLog: true,
    },
    at.registry,
    at.ports,
  );
}

async function anyPromoted({ name, environment }: RollbackInput, registry: Registry): Promise<string> {
  const { entries } = await readLog(registry);
  const last = entries.matching({ kind: 'promotion', name, env: environment }).at(-1);
  if (last === undefined) throw neverThere({ name, environment });
  return last.leaf.manifest;
}

/** The named one if it was promoted here, else the newest other one; broken glass and withdrawals do not count. */
async function goalOf(input: RollbackInput, history: readonly Current[], registry: Registry): Promise<Current> {
  const earlier = history.filter(({ promotion }) => promotion.passed && !promotion.breakGlass);
  const id =
    typeof input.to === 'string'
      ? await registry.resolve(input.name, input.to)
      : earlier.find((each) => each.id !== history[0]?.id)?.id;
  const goal = earlier.find((each) => each.id === id);
  if (goal !== undefined) return goal;
  throw new WeighmarkError(
    'not-promoted',
    id === undefined
      ? `nothing else was ever promoted to ${input.environment}`
      : `${id} was never promoted to ${input.environment}`,
    { subject: input.name, hint: `withdraw with \`--to none\`, or promote something` },
  );
}

function rollbackChecks(target: Gathered, goal: Current): readonly Check[] {
  const revoked = target.of.revocations.ofClaim(goal.claim);
  const promotion = checkOf(
    'earlier promotion',
    [{ what: `promoted by ${goal.principal}, log entry ${goal.entry.index}` }],
    revoked === null ? [] : [{ code: 'revoked', message: `its promotion was revoked: ${revoked.reason}` }],
  );
  const before = given('promotion before', { evidence: [], findings: openPromotion(target.of, target.of.environment) });
  return [contentCheck(target), promotion, ...before, ...evaluate(target.of).checks.map(waived)];
}

function waived(check: Check): Check {
  if (check.passed) return check;
  const left = check.findings.filter(({ code }) => !WAIVED.includes(code));
  const set = check.findings.filter((finding) => !left.includes(finding));
  return checkOf(
    check.name,
    [...check.evidence, ...set.map(({ message }) => ({ what: `set aside: ${message}` }))],
    left,
  );
}

function historyEvidence(current: Current, goal: Current | null): { what: string } {
  return { what: goal === null ? `${current.id} is withdrawn` : `from ${current.id} back to ${goal.id}` };
}

interface Decided {
  readonly target: Gathered;
  readonly current: Current;
  readonly goal: Current | null;
  readonly environment: Environment;
  readonly verdict: Verdict;
  readonly outcome: Omit<RollbackOutcome, 'verdict' | 'done'>;
}

async function sign(
  input: RollbackInput,
  decided: Decided,
  work: { registry: Registry; signer: () => Promise<ClaimSigner>; ports: GatePorts },
): Promise<RollbackOutcome> {
  const { target, current, goal, environment, verdict, outcome } = decided;
  const about = goal ?? current;
  const predicate = buildPromotion({
    verifier: verifierId(input.policy, PROMOTER_ROLE, input.as),
    at: target.of.facts.now,
    origin: target.log.origin,
    name: input.name,
    environment: environment.name,
    policy: input.policy,
    inputs: [
      current.claim.bundle,
      ...unplacedWithdrawals(target.of, environment).map((claim) => claim.bundle),
      ...(goal === null ? orphanedIn(target) : [goal.claim.bundle, ...goal.promotion.inputs]),
    ],
    passed: goal !== null,
  });
  const bundle = await (
    await work.signer()
  ).sign(
    buildStatement(
      [subject('manifest', input.name, about.id.slice('sha256:'.length))],
      PREDICATES.promotion,
      predicate,
    ),
  );
  const signed = await judgeSigner(bundle, target.of, { role: PROMOTER_ROLE, keyless: work.ports.keyless });
  if ('refusal' in signed)
    return { ...outcome, verdict: verdictOf({ ...verdict, checks: [...verdict.checks, signed.refusal] }), done: null };
  const shared = goal === null ? [] : checkSeparation(target.of, joinActors(evaluate(target.of).actors, [], signed.by));
  if (shared.length > 0)
    return {
      ...outcome,
      verdict: verdictOf({ ...verdict, checks: [...verdict.checks, checkOf('separation', [], shared)] }),
      done: null,
    };
  if (goal !== null) await work.registry.putAttachment(input.name, about.id, ATTACHMENTS.policy, input.policyBytes);
  const logged = await attachClaim(
    { name: input.name, manifest: about.id, bundle, kind: 'promotion', env: environment.name },
    work.registry,
  );
  const done = { bundle: logged.leaf.bundle, by: signed.by, logged };
  if (logged.index === null) return { ...outcome, verdict: await waitingVerdict(verdict, work.registry), done };
  if (goal !== null) await work.registry.setTag(input.name, environment.name, goal.id);
  return { ...outcome, verdict, done };
}

/** Whoever withdraws says anew what nobody else hears: what is named here is an orphan no more. */
function orphanedIn({ of }: Gathered): readonly string[] {
  return (of.facts.log.orphans ?? []).flatMap(({ facts }) => facts?.['claim']?.slice('sha256:'.length) ?? []);
}

async function waitingVerdict(verdict: Verdict, registry: Registry): Promise<Verdict> {
  const waits = refusedCheck('log', [await pendingFinding('it is signed and stored', registry)]);
  return verdictOf({ ...verdict, checks: [...verdict.checks, waits] });
}

function neverThere({ name, environment }: { name: string; environment: string }): WeighmarkError {
  return new WeighmarkError('not-promoted', `nothing of ${name} is promoted to ${environment}`, { subject: name });
}
