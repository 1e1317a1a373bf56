import { buildStatement } from '../../domain/claims/statement.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { subject } from '../../domain/claims/subjects.ts';
import { ociDigest } from '../../domain/digest/hex.ts';
import type { Code } from '../../domain/base/errors.ts';
import { evaluate, type Evaluation } from '../../domain/policy/evaluate.ts';
import { APPROVER_ROLE, type Policy } from '../../domain/authority/types.ts';
import { approvalProperty, policyUri } from '../../domain/authority/vsa.ts';
import type { ClaimSigner } from '../../domain/ports/signing.ts';
import type { LoggedLeaf } from '../../domain/ports/log.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { attachClaim } from '../registry/attach.ts';
import { pendingFinding } from '../registry/integrating.ts';
import { finishInterrupted } from '../registry/log.ts';
import { refusedCheck, verdictOf, type Check, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import { environmentOf, gather, type Gathered, type GatePorts, type GateTarget } from './gate.ts';
import type { PinnedCheckpoint } from './log-freshness.ts';
import { judgeSigner, verifierId } from './promote.ts';

export interface ApproveInput {
  readonly target: GateTarget;
  readonly policy: Policy;
  readonly environment: string;
  readonly timestampAuthorities?: readonly string[];
  /** A checkpoint the caller brings: the log must continue it, and no memory is needed (security rule 18). */
  readonly pinned?: PinnedCheckpoint;
  readonly as?: string;
}

/** What a person sees before the question: the id, what was verified, what the policy still wants. */
export interface ApprovalView {
  readonly id: string;
  readonly verdict: Verdict;
  readonly lineage: Evaluation['lineage'];
}

export interface ApproveOutcome extends ApprovalView {
  /** Null: the person said no, or the content is not what the id says. */
  readonly approved: { readonly bundle: string; readonly by: string; readonly logged: LoggedLeaf } | null;
  /** False: it cannot be approved, whatever anybody says. */
  readonly asked: boolean;
  /** It is signed, and waits for the log's operator. */
  readonly waiting?: Finding;
}

/** What no approval is for: taken back, or judged from a log that may be an old one. */
const NEVER: readonly Code[] = [
  'revoked',
  'weights-unlisted',
  'log-freshness-unknown',
  'log-rollback',
  'log-fork',
  'clock-behind',
];

/** Of approvals that were revoked with their approver another one is the remedy, not the obstacle. */
function isBeyondApproval(check: Check): boolean {
  if (check.passed) return false;
  return check.findings.some(
    ({ code }) => NEVER.includes(code) && !(check.name === APPROVALS_CHECK && code === 'revoked'),
  );
}

const APPROVALS_CHECK = 'approvals';

/**
 * Shows what would be approved and what is still missing, asks, then signs the id, never a tag. Content or lineage that
 * fails is shown; content that is not what the id says, what is revoked, and a log of unknown age cannot be approved at all.
 * @param work.confirm asked once, with everything there is to see.
 */
export async function approve(
  input: ApproveInput,
  ports: GatePorts,
  work: { registry: Registry; signer: () => Promise<ClaimSigner>; confirm: (view: ApprovalView) => Promise<boolean> },
): Promise<ApproveOutcome> {
  const environment = environmentOf(input.policy, input.environment);
  await finishInterrupted(work.registry);
  const gathered = await gather({ ...input, environment, needsFreshLog: true }, work.registry, ports);
  const evaluation = evaluate(gathered.of);
  const checks = [...(gathered.content === null ? [] : [gathered.content.check]), ...evaluation.checks];
  const view = {
    id: gathered.id,
    verdict: verdictOf({ subject: `${input.target.name}@${gathered.id}`, id: gathered.id, checks }),
    lineage: evaluation.lineage,
  };
  const broken = gathered.content?.check.passed !== true || checks.some(isBeyondApproval);
  if (broken) return { ...view, approved: null, asked: false };
  if (!(await work.confirm(view))) return { ...view, approved: null, asked: true };
  const role = environment.approvals?.role ?? APPROVER_ROLE;
  const bundle = await (await work.signer()).sign(payloadOf(input, gathered, verifierId(input.policy, role, input.as)));
  const signed = await judgeSigner(bundle, gathered.of, { role, keyless: ports.keyless });
  if ('refusal' in signed)
    return {
      ...view,
      verdict: verdictOf({ ...view.verdict, checks: [...checks, signed.refusal] }),
      approved: null,
      asked: true,
    };
  const { personOf } = gathered.of;
  const makers = [...evaluation.lineage.makers].map(personOf);
  if (environment.approvals !== undefined && makers.includes(personOf(signed.by)))
    return {
      ...view,
      verdict: verdictOf({ ...view.verdict, checks: [...checks, ownWork(view.id, signed.by)] }),
      approved: null,
      asked: true,
    };
  const logged = await attachClaim({ name: input.target.name, manifest: gathered.id, bundle }, work.registry);
  const waiting =
    logged.index === null ? { waiting: await pendingFinding('the approval is signed and stored', work.registry) } : {};
  return { ...view, approved: { bundle: ociDigest(bundle), by: signed.by, logged }, asked: true, ...waiting };
}

/** An approval that no reader would count is not stored: whoever gave it would take it for given. */
function ownWork(id: string, by: string): Check {
  return refusedCheck('signer', [
    {
      code: 'separation-of-duties',
      message: `${by} took a step, described an input or signed a BOM along the way: an approval by ${by} would not count`,
      subject: id,
      hint: 'somebody else of that role approves; `weighmark lineage` shows who did what',
    },
  ]);
}

/** An SVR claim: who approves, for which environment, under which policy. */
function payloadOf({ target, policy, environment }: ApproveInput, { of, id }: Gathered, verifier: string): Uint8Array {
  const predicate = {
    verifier: {
      id: verifier,
      policies: [{ uri: policyUri(policy), digest: { sha256: policy.digest.slice('sha256:'.length) } }],
    },
    timeCreated: `${of.facts.now.toISOString().slice(0, 19)}Z`,
    properties: [approvalProperty(environment)],
  };
  return buildStatement([subject('manifest', target.name, id.slice('sha256:'.length))], PREDICATES.approval, predicate);
}
