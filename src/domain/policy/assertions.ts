import type { Lineage } from '../lineage/types.ts';
import type { Finding } from '../base/verdict.ts';
import { compileAssertion } from './cel.ts';
import type { Case } from './facts.ts';
import { NOTHING, type RuleResult } from './required.ts';

/** The policy's own CEL, over verified data only: an error or anything but true refuses (rule 25). */
export function checkAssertions(of: Case, lineage: Lineage): RuleResult {
  if (of.environment.assert.length === 0) return NOTHING;
  const data = assertionData(of, lineage);
  const asked = of.environment.assert.map((rule) => ({ rule, answer: compileAssertion(rule.cel).ask(data) }));
  return {
    evidence: asked.filter(({ answer }) => answer.holds).map(({ rule }) => ({ what: `asserted: ${rule.message}` })),
    findings: asked
      .filter(({ answer }) => !answer.holds)
      .map(({ rule, answer }): Finding => ({
        code: 'policy-refused',
        message: `not so: ${rule.message} (${answer.why})`,
        subject: of.facts.id,
        facts: { cel: rule.cel },
      })),
    used: [],
  };
}

/** What an expression may speak of: claims by signers who may make them, the walked lineage, and what the bytes are. */
export function assertionData(of: Case, lineage: Lineage): Readonly<Record<string, unknown>> {
  const { facts, environment } = of;
  const claims = of.aboutContent.flatMap(({ claim }) => {
    const identity = of.authority.who(claim.signer);
    const roles = of.authority.rolesOf(claim, facts.name).map(({ name }) => name);
    if (typeof identity === 'string' || roles.length === 0 || of.revocations.ofClaim(claim) !== null) return [];
    return [
      {
        type: claim.statement.predicateType,
        predicate: claim.statement.predicate,
        principal: identity.principal.name,
        roles,
      },
    ];
  });
  const nodes = [...lineage.nodes.values()].map(({ digest, name, step, signedBy, edges }) => ({
    id: `sha256:${digest}`,
    name,
    step: step ?? '',
    signedBy: signedBy ?? '',
    inputs: edges.map(({ to, role, word }) => ({ id: to, role: role ?? '', word })),
  }));
  return {
    artifact: { id: facts.id, name: facts.name },
    environment: environment.name,
    claims,
    lineage: { nodes, depth: lineage.depth },
    files: [...facts.content.formats].map(([path, format]) => ({ path, format })),
  };
}
