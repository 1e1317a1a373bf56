import type { Finding } from '../base/verdict.ts';
import { PREDICATES } from '../claims/predicates.ts';
import { isFailedCheck } from '../claims/records-check.ts';
import type { Lineage } from '../lineage/types.ts';
import { denialIn, type Case } from './facts.ts';
import { checkRequired, NOTHING, unconfirmed, type RuleResult } from './required.ts';

/** What stands as a dataset anywhere along the lineage, in order. */
export function datasetsIn(lineage: Lineage): readonly string[] {
  const inputs = [...lineage.nodes.values()].flatMap(({ edges }) =>
    edges.filter(({ role, to }) => role === 'dataset' && to !== '').map(({ to }) => to),
  );
  return [...new Set(inputs)].toSorted();
}

/**
 * Claims that each dataset must have, such as a check that it shares no record with the test data. A check that somebody who
 * may sign it saw fail blocks, whatever others saw.
 */
export function checkDatasetClaims(of: Case, lineage: Lineage): RuleResult {
  const rules = of.environment.datasets?.require;
  if (rules === undefined) return NOTHING;
  const results = datasetsIn(lineage).flatMap((digest) => {
    const about = of.index.about(digest);
    const id = `sha256:${digest}`;
    const ofDataset: Case = { ...of, about, aboutContent: about, facts: { ...of.facts, id } };
    return [...rules.map((rule) => checkRequired(ofDataset, rule)), { ...NOTHING, findings: failedChecks(ofDataset) }];
  });
  return {
    evidence: results.flatMap(({ evidence }) => evidence),
    findings: results.flatMap(({ findings }) => findings),
    used: results.flatMap(({ used }) => used),
  };
}

/** Of every dataset it was made from, as long as the environment asks for claims about them. */
export function datasetDenials(of: Case, lineage: Lineage): readonly Finding[] {
  if (of.environment.datasets?.require === undefined) return [];
  return datasetsIn(lineage).flatMap((digest) =>
    failedChecks({ ...of, about: of.index.about(digest), facts: { ...of.facts, id: `sha256:${digest}` } }),
  );
}

/** Of this dataset, or of it and others at once. */
function failedChecks(of: Case): readonly Finding[] {
  const shared = of.index.ambiguousAbout(of.facts.id.slice('sha256:'.length));
  return [...of.about.map(({ claim }) => claim), ...shared].flatMap((claim) => {
    const { predicateType, predicate } = claim.statement;
    if (predicateType !== PREDICATES['records-check'] || !isFailedCheck(predicate)) return [];
    return denialIn(of, claim).map((said): Finding => {
      if (said.lost !== null) return unconfirmed(of, said, 'saw a check of a dataset fail');
      return {
        code: 'claim-negative',
        message: `${said.by} checked a dataset it was made from (${String(predicate['check']).slice(0, 60)}), and it failed`,
        subject: of.facts.id,
        facts: { claim: `sha256:${claim.bundle}` },
        hint: 'its signer takes the claim back with `weighmark revoke --claim`',
      };
    });
  });
}
