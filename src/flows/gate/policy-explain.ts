import { evaluate } from '../../domain/policy/evaluate.ts';
import type { Policy } from '../../domain/authority/types.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { verdictOf, type Verdict } from '../../domain/base/verdict.ts';
import { environmentOf, gather, type GatePorts, type GateTarget } from './gate.ts';

export interface ExplainInput {
  readonly target: GateTarget;
  readonly policy: Policy;
  /** Default: every environment. */
  readonly environment?: string;
  readonly timestampAuthorities?: readonly string[];
}

/** What the policy says of an artifact, rule by rule and environment by environment; nothing is signed or changed. */
export async function explain(input: ExplainInput, registry: Registry, ports: GatePorts): Promise<readonly Verdict[]> {
  const environments =
    input.environment === undefined ? input.policy.environments : [environmentOf(input.policy, input.environment)];
  const verdicts: Verdict[] = [];
  for (const environment of environments) {
    const gathered = await gather({ ...input, environment }, registry, ports);
    const content = gathered.content === null ? [] : [gathered.content.check];
    verdicts.push(
      verdictOf({ subject: environment.name, id: gathered.id, checks: [...content, ...evaluate(gathered.of).checks] }),
    );
  }
  return verdicts;
}
