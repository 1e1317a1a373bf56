import { buildStatement } from '../../domain/claims/statement.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { subject } from '../../domain/claims/subjects.ts';
import { verifyClaim } from '../../domain/trust/verify-claim.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { evaluate, given, type Evaluation } from '../../domain/policy/evaluate.ts';
import { policyTrust } from '../../domain/authority/authority.ts';
import { whoMay } from '../../domain/authority/holders.ts';
import { ageStart, verifiedTime } from '../../domain/authority/time.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { saysNo } from '../../domain/authority/polarity.ts';
import type { Case } from '../../domain/policy/facts.ts';
import { openPromotion, promotionHistory, unplacedWithdrawals } from '../../domain/policy/promotions.ts';
import { checkSeparation, joinActors } from '../../domain/policy/separation.ts';
import { BREAK_GLASS_ROLE, PROMOTER_ROLE, type Environment, type Policy } from '../../domain/authority/types.ts';
import { breakGlassProperty, buildPromotion, policyUri } from '../../domain/authority/vsa.ts';
import type { ClaimSigner } from '../../domain/ports/signing.ts';
import type { LoggedLeaf } from '../../domain/ports/log.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { attachClaim } from '../registry/attach.ts';
import { ATTACHMENTS } from '../../domain/registry/referrer.ts';
import { checkOf, refusedCheck, verdictOf, type Check, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import { namedOtherwise } from '../../domain/trust/named-otherwise.ts';
import { breakGlassChecks } from './break-glass.ts';
import { pendingFinding, waitingNote } from '../registry/integrating.ts';
import { finishInterrupted } from '../registry/log.ts';
import { environmentOf, gather, type Gathered, type GatePorts, type GateTarget } from './gate.ts';
import type { PinnedCheckpoint } from './log-freshness.ts';

export interface PromoteInput {
  readonly target: GateTarget;
  readonly policy: Policy;
  /** The policy's exact bytes: stored by digest for the auditor. */
  readonly policyBytes: Uint8Array;
  readonly environment: string;
  readonly timestampAuthorities?: readonly string[];
  /** A checkpoint the caller brings: the log must continue it, and no memory is needed (security rule 18). */
  readonly pinned?: PinnedCheckpoint;
  readonly dryRun?: boolean;
  /** Which principal signs, where several may and the policy ties names to them. */
  readonly as?: string;
  /** Enter although rules refuse: for 24 hours, by who may, for this reason. */
  readonly breakGlass?: string;
}

export interface PromoteOutcome {
  readonly verdict: Verdict;
  readonly name: string;
  readonly id: string;
  readonly environment: string;
  /** Signed and stored; `index` null: it waits for the log's operator, and the verdict is `log-pending`. Null: refused, or only tried. */
  readonly promoted: { readonly bundle: string; readonly logged: LoggedLeaf; readonly by: string } | null;
}

/**
 * Reads the artifact back, verifies everything, asks the policy; only if all of it holds signs a VSA, stores the policy,
 * logs the promotion and moves the environment's tag. Refused: nothing changes, and the verdict has every reason.
 * @param signer asked for only once the verdict stands; null for a dry run.
 */
export async function promote(
  input: PromoteInput,
  ports: GatePorts,
  work: { registry: Registry; signer: () => Promise<ClaimSigner> },
): Promise<PromoteOutcome> {
  const { policy } = input;
  const environment = environmentOf(policy, input.environment);
  if (input.dryRun !== true) await finishInterrupted(work.registry);
  const gathered = await gather({ ...input, environment, needsFreshLog: true }, work.registry, ports);
  const evaluation = evaluate(gathered.of);
  const checks = [
    contentCheck(gathered),
    ...(input.breakGlass === undefined
      ? evaluation.checks
      : breakGlassChecks(gathered.of, evaluation.checks, input.breakGlass)),
    ...given('promotion before', { evidence: [], findings: openPromotion(gathered.of, environment) }),
  ];
  const verdict = verdictOf({ subject: shown(input), id: gathered.id, checks, notes: notesOf(gathered) });
  const outcome = { name: input.target.name, id: gathered.id, environment: environment.name };
  if (verdict.exitCode !== 0 || input.dryRun === true)
    return { ...outcome, verdict: await withWaiting(verdict, work.registry), promoted: null };
  const signed = await signPromotion(input, gathered, {
    evaluation,
    environment,
    signer: await work.signer(),
    keyless: ports.keyless,
  });
  if ('refusal' in signed)
    return { ...outcome, verdict: verdictOf({ ...verdict, checks: [...checks, signed.refusal] }), promoted: null };
  const promoted = await publish(input, gathered.id, { ...signed, registry: work.registry });
  const waits =
    promoted?.logged.index === null
      ? [refusedCheck('log', [await pendingFinding('its promotion is signed and stored', work.registry)])]
      : [];
  return { ...outcome, verdict: verdictOf({ ...verdict, checks: [...checks, signed.check, ...waits] }), promoted };
}

/** Who is refused learns that what is missing may only wait. */
async function withWaiting(verdict: Verdict, registry: Registry): Promise<Verdict> {
  const note = verdict.exitCode === 0 ? null : await waitingNote(registry);
  return note === null ? verdict : { ...verdict, notes: [...verdict.notes, note] };
}

interface Signed {
  readonly bundle: Uint8Array;
  /** Why the glass was broken, signed apart: a VSA has no place for it. */
  readonly reason: Uint8Array | null;
  readonly by: string;
  readonly check: Check;
}

interface Signing {
  readonly evaluation: Evaluation;
  readonly environment: Environment;
  readonly signer: ClaimSigner;
  readonly keyless: GatePorts['keyless'];
}

/** Signs, then verifies what was signed as any reader would: a signer who may not promote has promoted nothing. */
async function signPromotion(
  input: PromoteInput,
  gathered: Gathered,
  signing: Signing,
): Promise<Signed | { readonly refusal: Check }> {
  const { of } = gathered;
  const role = input.breakGlass === undefined ? PROMOTER_ROLE : BREAK_GLASS_ROLE;
  const verifier = verifierId(input.policy, role, input.as);
  const reason =
    input.breakGlass === undefined
      ? null
      : await signing.signer.sign(reasonPayload(gathered, { ...signing, verifier, reason: input.breakGlass }));
  const bundle = await signing.signer.sign(promotionPayload(input, gathered, { ...signing, verifier, reason }));
  const { keyless } = signing;
  const signed = await judgeSigner(bundle, of, { role, keyless, authorities: input.timestampAuthorities ?? [] });
  if ('refusal' in signed) return signed;
  const findings = checkSeparation(of, joinActors(signing.evaluation.actors, [], signed.by));
  if (findings.length > 0) return { refusal: checkOf('separation', [], findings) };
  const timeless = input.breakGlass === undefined ? timelessFinding(of, signed.claim) : timelessGlass(of, signed.claim);
  if (timeless !== null) return { refusal: refusedCheck('time', [timeless]) };
  return {
    bundle,
    reason,
    by: signed.by,
    check: checkOf('signer', [{ what: `promoted to ${signing.environment.name} by ${signed.by}` }], []),
  };
}

/** A promotion that every reader would refuse the moment it is made: its age is asked, and nobody but its signer says it. */
function timelessFinding({ environment, facts }: Case, claim: VerifiedClaim): Finding | null {
  if (environment.maxAgeMs === undefined || ageStart(claim) !== null) return null;
  return {
    code: 'no-verified-time',
    message: `${environment.name} has a maxAge, and nobody but its signer would say when it was promoted: no reader would accept it`,
    subject: facts.id,
    hint: "sign with `--tsa URL` (an authority of the policy's `timestampAuthorities`) or `--keyless`; or take `maxAge` out of the policy",
  };
}

/** A glass that no reader would find broken: it is whole again 24 hours after a time that somebody else vouches for (rule 13). */
function timelessGlass({ environment, facts }: Case, claim: VerifiedClaim): Finding | null {
  if (verifiedTime(claim) !== null) return null;
  return {
    code: 'no-verified-time',
    message: `a broken glass lasts 24 hours, and nobody but its signer would say when ${environment.name} was entered: no reader would accept it`,
    subject: facts.id,
    hint: "sign with `--tsa URL` (an authority of the policy's `timestampAuthorities`) or `--keyless`",
  };
}

/** Who signed, if it is somebody who may; else a refused check. */
export async function judgeSigner(
  bundle: Uint8Array,
  of: Case,
  { role, keyless, authorities = [] }: { role: string; keyless: GatePorts['keyless']; authorities?: readonly string[] },
): Promise<{ readonly by: string; readonly claim: VerifiedClaim } | { readonly refusal: Check }> {
  const outcome = await verifyClaim(bundle, {
    trust: policyTrust(of.policy),
    keyless,
    now: of.facts.now,
    timestampAuthorities: [...of.policy.timestampAuthorities, ...authorities],
  });
  const claim = outcome.claim;
  const identity = claim === undefined ? 'unknown' : of.authority.who(claim.signer);
  const roles = claim === undefined ? [] : of.authority.rolesOf(claim, of.facts.name).map(({ name }) => name);
  if (claim !== undefined && typeof identity !== 'string' && roles.includes(role))
    return { by: identity.principal.name, claim };
  const who =
    typeof identity === 'string' ? 'the policy does not name this signer' : `${identity.principal.name} is no ${role}`;
  return {
    refusal: refusedCheck('signer', [
      {
        code: 'wrong-signer',
        message: `${who} for ${of.facts.name}`,
        subject: of.facts.id,
        ...whoMay(
          of.policy.roles.filter(({ name }) => name === role),
          typeof identity === 'string' ? null : identity.principal.name,
        ),
      },
    ]),
  };
}

/** An SVR by whoever breaks the glass, for this id, environment and policy alone (rule 13). */
function reasonPayload(
  { of, id }: Gathered,
  { environment, verifier, reason }: Signing & { verifier: string; reason: string },
): Uint8Array {
  const { name, version, digest } = of.policy;
  const predicate = {
    verifier: {
      id: verifier,
      policies: [{ uri: policyUri({ name, version }), digest: { sha256: digest.slice('sha256:'.length) } }],
    },
    timeCreated: of.facts.now.toISOString(),
    properties: [breakGlassProperty(environment.name), `WEIGHMARK_REASON: ${reason}`],
  };
  return buildStatement(
    [subject('manifest', of.facts.name, id.slice('sha256:'.length))],
    PREDICATES.approval,
    predicate,
  );
}

function promotionPayload(
  input: PromoteInput,
  { of, id, log }: Gathered,
  { evaluation, environment, verifier, reason }: Signing & { verifier: string; reason: Uint8Array | null },
): Uint8Array {
  const [before] = promotionHistory(of, environment);
  const inputs = [
    ...evaluation.used.map(({ bundle }) => bundle),
    ...(before === undefined ? [] : [before.claim.bundle]),
    ...unplacedWithdrawals(of, environment).map(({ bundle }) => bundle),
    ...(reason === null ? [] : [sha256Hex(reason)]),
  ];
  const predicate = buildPromotion({
    verifier,
    inputs,
    origin: log.origin,
    name: input.target.name,
    environment: environment.name,
    policy: input.policy,
    at: of.facts.now,
    passed: true,
    breakGlass: input.breakGlass !== undefined,
  });
  return buildStatement(
    [subject('manifest', input.target.name, id.slice('sha256:'.length))],
    PREDICATES.promotion,
    predicate,
  );
}

/** What the promoter calls itself: what the policy ties to it, else the policy's own name. @throws WeighmarkError `usage`. */
export function verifierId(policy: Policy, role: string, as?: string): string {
  const names = policy.roles.find(({ name }) => name === role)?.principals ?? [];
  if (as !== undefined && !names.includes(as))
    throw new WeighmarkError('usage', `${as} is no ${role} of the policy`, { hint: `it has ${names.join(', ')}` });
  const candidates = policy.principals.filter(({ name }) => (as === undefined ? names.includes(name) : name === as));
  const ids = new Set(candidates.map((principal) => principal.ids[0]));
  if (ids.size > 1)
    throw new WeighmarkError('usage', `several may act as ${role}: who are you?`, {
      hint: `say --as ${names.join('|')}`,
    });
  return [...ids][0] ?? `weighmark:verifier/${policy.name}`;
}

interface Publishing extends Signed {
  readonly registry: Registry;
}

/** Policy first, then claim and log entry; the tag, which is only a cache, last. */
async function publish(
  input: PromoteInput,
  id: string,
  { registry, bundle, reason, by }: Publishing,
): Promise<PromoteOutcome['promoted']> {
  const { name } = input.target;
  await registry.putAttachment(name, id, ATTACHMENTS.policy, input.policyBytes);
  if (reason !== null) await attachClaim({ name, manifest: id, bundle: reason }, registry);
  const logged = await attachClaim({ name, manifest: id, bundle, kind: 'promotion', env: input.environment }, registry);
  if (logged.index !== null) await registry.setTag(name, input.environment, id);
  return { bundle: logged.leaf.bundle, logged, by };
}

/** What was not read is not right. */
export function contentCheck({ content }: Pick<Gathered, 'content'>): Check {
  return content?.check ?? refusedCheck('content', [{ code: 'unreadable', message: 'the content was not read' }]);
}

function notesOf({ collected, of, id }: Gathered): readonly string[] {
  const { strangers, claims, unread } = collected;
  const { name } = of.facts;
  const counted = of.index.about(id.slice('sha256:'.length), 'manifest').map(({ claim }) => claim);
  const described = counted.filter((claim) => of.authority.rolesOf(claim, name).length > 0);
  const onlyNo = claims.filter((claim) => claim.onlyNo !== undefined && !saysNo(claim.statement)).length;
  const open = new Set(unread.map(({ bundle }) => bundle)).size;
  return [
    ...(strangers.size === 0 ? [] : [`${strangers.size} claims are not by anyone the policy names, and were ignored`]),
    ...(onlyNo === 0
      ? []
      : [`${onlyNo} claims by people of the policy are not dated or not in order, and do not count`]),
    ...(open === 0 ? [] : [`${open} claims that may be by people of the policy cannot be read or proven here`]),
    ...namedOtherwise(
      described.map(({ statement }) => statement),
      name,
    ),
  ];
}

function shown({ target: { name, reference } }: PromoteInput): string {
  return `${name}${reference.startsWith('sha256:') ? '@' : ':'}${reference}`;
}
