import { PREDICATES } from '../claims/predicates.ts';
import { isFailedCheck } from '../claims/records-check.ts';
import type { Statement } from '../claims/types.ts';
import { isJsonObject } from '../base/json.ts';

/**
 * Whether a statement takes something away: a revocation, a withdrawal, an evaluation that is no pass, a scan that found
 * something, a list of records that must go, a check of records that failed. What of such a statement cannot be read counts
 * as a no.
 */
export function saysNo({ predicateType, predicate }: Statement): boolean {
  switch (predicateType) {
    case PREDICATES.revocation:
      return predicate['action'] !== 'reinstate' && predicate['action'] !== 'snapshot';
    case PREDICATES.promotion:
      return predicate['verificationResult'] !== 'PASSED';
    case PREDICATES.evaluation:
      return predicate['result'] !== 'PASSED' && predicate['result'] !== 'WARNED';
    case PREDICATES.vulns:
      return !isEmptyList(isJsonObject(predicate['scanner']) ? predicate['scanner']['result'] : undefined);
    case PREDICATES.scai:
      return namesFinding(predicate['attributes']);
    case PREDICATES['removed-records']:
      return true;
    case PREDICATES['records-check']:
      return isFailedCheck(predicate);
    default:
      return false;
  }
}

/** Predicate types whose statements can say no. */
export const DENIALS: readonly string[] = [
  PREDICATES.revocation,
  PREDICATES.promotion,
  PREDICATES.evaluation,
  PREDICATES.vulns,
  PREDICATES.scai,
  PREDICATES['removed-records'],
  PREDICATES['records-check'],
];

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function namesFinding(attributes: unknown): boolean {
  if (!Array.isArray(attributes)) return true;
  return attributes.some((entry) => {
    const attribute = isJsonObject(entry) ? entry['attribute'] : undefined;
    return typeof attribute !== 'string' || /^(?:WEIGHMARK_)?(?:FOUND|FINDING)_/i.test(attribute);
  });
}
