import { isAsStrong, type ProvenWord } from '../claims/derivation.ts';
import { SHOWN_STEPS, type DerivationRule } from '../authority/types.ts';
import { counted } from '../base/units.ts';
import type { Finding } from '../base/verdict.ts';
import type { Lineage, LineageEdge, LineageNode } from '../lineage/types.ts';
import type { Case } from './facts.ts';
import { NOTHING, type RuleResult } from './required.ts';

const WANTED: Readonly<Record<'recomputed' | 'nearest', ProvenWord>> = {
  recomputed: 'recomputed',
  nearest: 'nearest codes',
};

/**
 * Every step that the rule names, wherever it stands in the lineage, must have been recomputed by somebody who may say so, and at
 * least as well. It shows that the child is the honest outcome of that step, never that the parent is benign.
 */
export function checkDerivation(of: Case, lineage: Lineage): RuleResult {
  const rule = of.environment.derivation;
  if (rule === undefined) return NOTHING;
  const asked = [...lineage.nodes.values()].flatMap((node) => {
    const step = SHOWN_STEPS.find((each) => each === node.step);
    const wanted = step === undefined ? undefined : rule.steps[step];
    return wanted === undefined ? [] : [{ node, wanted: WANTED[wanted] }];
  });
  const findings = asked.flatMap(({ node, wanted }) => problemsOf(node, wanted, rule));
  const what =
    asked.length === 0
      ? 'no step in the lineage is one that must be recomputed'
      : `${counted(asked.length, 'step')} recomputed as well as the policy asks`;
  return { ...NOTHING, findings, evidence: findings.length > 0 ? [] : [{ what }] };
}

function problemsOf(node: LineageNode, wanted: ProvenWord, rule: DerivationRule): readonly Finding[] {
  const turned = node.edges.filter(({ verified }) => verified !== undefined);
  if (turned.length === 0) return [claimed(node, wanted, 'its provenance names no model that it was made from')];
  return turned.flatMap((edge) => {
    const heard = (edge.verified ?? []).filter(({ roles }) => rule.role === undefined || roles.includes(rule.role));
    const [best] = heard;
    if (best !== undefined && isAsStrong(best.word, wanted)) return [];
    const why =
      best === undefined
        ? `nobody ${rule.role === undefined ? 'who may say so' : `in the role ${rule.role}`} recomputed it from ${nameOf(edge)}`
        : `of ${nameOf(edge)} it is ${best.word}, says ${best.by}`;
    return [claimed(node, wanted, why)];
  });
}

function nameOf({ name, to }: LineageEdge): string {
  return name === '' ? `sha256:${to}` : name;
}

function claimed({ name, step, digest }: LineageNode, wanted: ProvenWord, why: string): Finding {
  return {
    code: 'derivation-claimed',
    message: `the ${step} of ${name === '' ? 'it' : name} must be ${wanted}, and ${why}`,
    subject: `sha256:${digest}`,
    facts: { step: step ?? '', wanted },
  };
}
