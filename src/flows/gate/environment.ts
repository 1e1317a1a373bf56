import { PREDICATES } from '../../domain/claims/predicates.ts';
import { checkNegatives, NOTHING } from '../../domain/policy/required.ts';
import { evaluate, given, lineageOf, logRule, policyCheck, revocationRule } from '../../domain/policy/evaluate.ts';
import { scanDenials } from '../../domain/policy/content-rules.ts';
import { datasetDenials } from '../../domain/policy/dataset-claims-rule.ts';
import type { Case } from '../../domain/policy/facts.ts';
import { checkRemovedRecords } from '../../domain/policy/removal-rule.ts';
import type { Lineage } from '../../domain/lineage/types.ts';
import { checkPromoted, newestPromotion, type Current } from '../../domain/policy/promotions.ts';
import type { Policy } from '../../domain/authority/types.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { checkOf, refusedCheck, type Check, type Finding } from '../../domain/base/verdict.ts';
import { whileBroken } from './break-glass.ts';
import { environmentOf, gather, type GatePorts, type Given } from './gate.ts';
import type { PinnedCheckpoint } from './log-freshness.ts';
import { readLog } from '../registry/gate-claims.ts';

export interface EnvironmentQuestion {
  /** `sha256:<hex>`, computed from the bytes in hand. */
  readonly id: string;
  /** All ids of the same content: whichever of them the registry has is asked about. */
  readonly ids?: readonly string[];
  /** Under which name it was asked for; null: the names it is promoted under are tried. */
  readonly name: string | null;
  readonly policy: Policy;
  readonly environment: string;
  /** Read the content back from the registry too: where it was not verified from files in hand. */
  readonly withContent?: boolean;
  /** Every rule of the environment as well, not only its promotion. */
  readonly withRules?: boolean;
  readonly timestampAuthorities?: readonly string[];
  /** A checkpoint the caller brings: the log must continue it. */
  readonly pinned?: PinnedCheckpoint;
  readonly given?: Given;
}

export interface EnvironmentAnswer {
  readonly checks: readonly Check[];
  /** The name that is promoted; null if none is. */
  readonly name: string | null;
}

/**
 * Is this very content what is promoted to the environment, now (security rules 16, 18, 19)? For `verify --env`, `pull --env`
 * and `audit`: whoever runs it trusts the policy, and nothing the registry says unsigned.
 */
export async function checkEnvironment(
  question: EnvironmentQuestion,
  registry: Registry,
  ports: GatePorts,
): Promise<EnvironmentAnswer> {
  const environment = environmentOf(question.policy, question.environment);
  const names = question.name === null ? await promotedNames(question, registry) : [question.name];
  const answers: EnvironmentAnswer[] = [];
  for (const name of names) {
    const gathered = await gather(
      {
        ...question,
        environment,
        target: { name, reference: await idIn(question, name, registry) },
        withContent: question.withContent === true || question.withRules === true,
        needsFreshLog: true,
      },
      registry,
      ports,
    );
    const checks = [
      ...(gathered.content === null ? [] : [gathered.content.check]),
      ...environmentChecks(gathered.of, question.withRules === true),
    ];
    const answer = { checks, name };
    if (checks.every(({ passed }) => passed)) return answer;
    answers.push(answer);
  }
  return answers[0] ?? { checks: [refusedCheck('promotion', [neverPromoted(question)])], name: null };
}

/** Asked when something enters, not while it stays: the environment before may have moved on. `revocation` is asked anew. */
const ENTRY_CHECKS = ['after', 'revocation'];

/** The checks that make an answer about an environment; shared with `audit`. */
export function environmentChecks(of: Case, withRules: boolean): readonly Check[] {
  const promoted = checkPromoted(of, of.environment, { lasting: false });
  const newest = newestPromotion(of, of.environment);
  const revocation = revocationRule(of, 'current' in newest ? newest.current.entry.index : null);
  const resting = 'current' in newest && promoted.findings.length === 0 ? inputFindings(of, newest.current) : [];
  const promotion = checkOf('promotion', promoted.evidence, [...promoted.findings, ...resting]);
  if (withRules) {
    const rules = evaluate(of).checks.filter(({ name }) => !ENTRY_CHECKS.includes(name));
    const isBroken = promotion.passed && 'current' in newest && newest.current.promotion.breakGlass;
    return [promotion, ...(isBroken ? whileBroken(rules) : rules), ...given('revocation', revocation)];
  }
  const lineage = lineageOf(of);
  const revoked = lineage.findings.filter(({ code }) => code === 'revoked' || code === 'weights-unlisted');
  return [
    policyCheck(of),
    ...given('log', logRule(of)),
    promotion,
    ...given('revocation', { evidence: revocation.evidence, findings: [...revocation.findings, ...revoked] }),
    ...denials(of, lineage),
  ];
}

/** What was said against it since, by those whom the environment asks. */
function denials(of: Case, lineage: Lineage): readonly Check[] {
  const said = {
    claims: checkNegatives(of),
    scan: scanDenials(of),
    'removed-records': checkRemovedRecords(of, lineage).findings,
    'dataset claims': datasetDenials(of, lineage),
  };
  return Object.entries(said).flatMap(([name, findings]) => given(name, { ...NOTHING, findings }));
}

/** What the promotion rests on must still be here and still count; the promotions before it need only be here. */
function inputFindings(of: Case, { promotion }: Current): readonly Finding[] {
  return promotion.inputs.flatMap((bundle): readonly Finding[] => {
    const claim = of.index.byBundle(bundle);
    const facts = { claim: `sha256:${bundle}` };
    if (claim === null)
      return [
        {
          code: 'claim-missing',
          message: 'a claim that its promotion rests on is not here',
          subject: of.facts.id,
          facts,
        },
      ];
    const revoked = claim.statement.predicateType === PREDICATES.promotion ? null : of.revocations.ofClaim(claim);
    return revoked === null
      ? []
      : [
          {
            code: 'revoked',
            message: `a claim that its promotion rests on no longer counts: ${revoked.reason}`,
            subject: of.facts.id,
            facts,
          },
        ];
  });
}

/** The id under which the content lies there. Nothing but one that is there can have been promoted. */
async function idIn({ id, ids = [] }: EnvironmentQuestion, name: string, registry: Registry): Promise<string> {
  for (const each of new Set([id, ...ids])) {
    const found = await registry.resolve(name, each).catch(unlessAbsent);
    if (found !== null) return found;
  }
  return id;
}

function unlessAbsent(error: unknown): null {
  if (error instanceof WeighmarkError && error.code === 'not-found') return null;
  throw error;
}

async function promotedNames(
  { id, ids = [], environment }: EnvironmentQuestion,
  registry: Registry,
): Promise<readonly string[]> {
  const { entries } = await readLog(registry);
  const all = new Set([id, ...ids]);
  const found = entries.matching({ kind: 'promotion', env: environment }).filter(({ leaf }) => all.has(leaf.manifest));
  return [...new Set(found.map(({ leaf }) => leaf.name))];
}

function neverPromoted({ id, environment }: EnvironmentQuestion): Finding {
  return { code: 'not-promoted', message: `it was never promoted to ${environment}`, subject: id };
}
