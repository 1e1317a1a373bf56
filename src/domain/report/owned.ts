import { PREDICATES } from '../claims/predicates.ts';
import type { ReportedClaim, ReportFacts } from './facts.ts';

/** Who answers for a version, and what a committee asks of it first; all from claims that count. */
export interface OwnedVersion {
  /** Who signed the newest provenance, else the newest ML-BOM; null: nobody who may. */
  readonly owner: string | null;
  /** As the newest ML-BOM says. */
  readonly version: string | null;
  readonly licences: readonly string[];
  /** `passed` if every evaluation did; null: none counts. */
  readonly evaluation: 'passed' | 'failed' | null;
  /** By when the newest evaluation existed, verified, RFC 3339; null where nobody but its signer says so. */
  readonly evaluated: string | null;
  /** Who approved it, each once. */
  readonly approvedBy: readonly string[];
}

export function ownedVersion({ claims, bom, evaluations, approvals }: ReportFacts): OwnedVersion {
  const newest = (type: string): ReportedClaim | undefined =>
    claims
      .filter(({ predicateType, counts }) => counts && predicateType === type)
      .toSorted((a, b) => (a.logIndex ?? -1) - (b.logIndex ?? -1))
      .at(-1);
  const passed = evaluations.every(({ result }) => result === 'PASSED');
  return {
    owner: (newest(PREDICATES.provenance) ?? newest(PREDICATES.bom))?.signer ?? null,
    version: bom?.version ?? null,
    licences: bom?.licences ?? [],
    evaluation: evaluations.length === 0 ? null : passed ? 'passed' : 'failed',
    evaluated: newest(PREDICATES.evaluation)?.time ?? null,
    approvedBy: [...new Set(approvals.filter(({ counts }) => counts).map(({ signer }) => signer))],
  };
}
