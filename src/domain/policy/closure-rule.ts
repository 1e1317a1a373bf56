import type { Finding } from '../base/verdict.ts';
import type { Lineage, Standing } from '../lineage/types.ts';
import { isSame } from './content-rules.ts';
import type { Case } from './facts.ts';
import { NOTHING, type RuleResult } from './required.ts';

/** Pinned by digest, and somebody who may vouches for it: a person, or the policy itself. */
const COVERED: ReadonlySet<Standing> = new Set(['attested', 'described', 'trusted-leaf', 'summary']);

/**
 * What the artifact's own files make a loader fetch: each must be an input its provenance declares by digest, attested by
 * somebody who may, or a trusted leaf. That the loader then fetches those very bytes is not shown by it.
 */
export function checkClosure(of: Case, lineage: Lineage): RuleResult {
  if (of.environment.closure === undefined) return NOTHING;
  const { fetched } = of.facts.content;
  if (fetched === undefined) return { ...NOTHING, findings: [unread(of)] };
  const edges = lineage.nodes.get(of.digest)?.edges ?? [];
  const findings = fetched.flatMap(({ name, where }): readonly Finding[] => {
    const inputs = edges.filter((edge) => isSame(edge, { name, sha256: null }));
    if (inputs.some(({ to, standing }) => to !== '' && COVERED.has(standing))) return [];
    const [input] = inputs;
    return [
      {
        code: input === undefined ? 'undeclared-input' : input.to === '' ? 'dependency-unpinned' : 'lineage-unattested',
        message: `${where} makes a loader fetch ${name}, which is ${input === undefined ? 'no input of its provenance' : 'attested by nobody'}`,
        subject: of.facts.id,
        facts: { fetched: name, where },
      },
    ];
  });
  const what =
    fetched.length === 0
      ? 'loading it fetches nothing'
      : `all of ${fetched.length} that loading it fetches are attested inputs`;
  return { ...NOTHING, findings, evidence: findings.length > 0 ? [] : [{ what }] };
}

function unread(of: Case): Finding {
  return {
    code: 'undeclared-input',
    message: 'what loading it fetches is not known: its files were not read',
    subject: of.facts.id,
  };
}
