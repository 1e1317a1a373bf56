import { pushAll } from '../../domain/base/lists.ts';
import type { Heard } from '../../domain/authority/speaker.ts';
import type { Policy } from '../../domain/authority/types.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { checkEnvironment } from '../gate/environment.ts';
import { environmentOf, type GatePorts } from '../gate/gate.ts';
import type { PinnedCheckpoint } from '../gate/log-freshness.ts';
import { readLog } from '../registry/gate-claims.ts';
import type { Looked } from './look.ts';
import { revocationsKnown } from './revoked.ts';

/** What must be promoted, and whom to ask. */
export interface PromotionQuestion {
  readonly policy: Policy;
  /** Null: any environment of the policy will do. */
  readonly environment: string | null;
  readonly timestampAuthorities?: readonly string[];
  readonly pinned?: PinnedCheckpoint;
  readonly registry: Registry;
  readonly ports: GatePorts;
}

export interface PromotionAnswer {
  /** Where it is promoted now. */
  readonly environments: readonly string[];
  readonly findings: readonly Finding[];
}

/**
 * Asks for one artifact after the other; the log is read once. What is revoked is told of everything; null for what
 * no policy speaks of otherwise.
 * @throws WeighmarkError `usage` for an environment the policy has not, and what reading the log throws.
 */
export async function promotions(
  question: PromotionQuestion,
): Promise<(looked: Looked) => Promise<PromotionAnswer | null>> {
  const { policy, environment, registry } = question;
  const wanted = environment === null ? policy.environments : [environmentOf(policy, environment)];
  const log = await readLog(registry);
  const given = { log, heard: new Map<string, Heard>() };
  const revokedBy = await revocationsKnown(question, log, given.heard);
  return async (looked) => {
    const { id, kind, idFrom } = looked.item;
    const revoked = revokedBy(looked);
    if (kind === 'other') return revoked.length === 0 ? null : { environments: [], findings: revoked };
    if (id === undefined) return { environments: [], findings: [...revoked, unidentified()] };
    const environments: string[] = [];
    const findings: Finding[] = [];
    for (const { name } of wanted) {
      if (log.entries.matching({ kind: 'promotion', manifest: id, env: name }).length === 0) continue;
      const { checks } = await checkEnvironment(
        { ...question, id, name: null, environment: name, given },
        registry,
        question.ports,
      );
      if (checks.every(({ passed }) => passed)) environments.push(name);
      else
        pushAll(
          findings,
          checks.flatMap((check) => (check.passed ? [] : check.findings)),
        );
    }
    if (environments.length > 0) return { environments, findings: [] };
    if (findings.some(({ code }) => code === 'revoked')) return { environments, findings };
    const others = findings.length > 0 ? findings : [never(id, { environment, idFrom })];
    return { environments, findings: [...revoked, ...others] };
  };
}

function never(
  id: string,
  { environment, idFrom }: { environment: string | null; idFrom: string | undefined },
): Finding {
  return {
    code: 'not-promoted',
    message: `it was never promoted${environment === null ? '' : ` to ${environment}`}`,
    subject: id,
    ...(idFrom === 'sealed' ? { facts: { id: "from its seal's list, not hashed" } } : {}),
  };
}

/** Nothing on this machine says which version it is, so nobody can have been asked about it. */
function unidentified(): Finding {
  return {
    code: 'not-promoted',
    message: 'nothing says which version it is, so none is known to be promoted',
    hint: '`weighmark inventory --hash` computes its id',
  };
}
