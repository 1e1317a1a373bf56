import { isJsonObject } from '../base/json.ts';
import { tryDerivation } from './derivation.ts';
import { PREDICATES, STEP_PREFIX } from './predicates.ts';
import type { Statement } from './types.ts';

const TITLES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    [PREDICATES.integrity]: 'OMS signature',
    [PREDICATES.bom]: 'ML-BOM',
    [PREDICATES.reference]: 'dataset description',
    [PREDICATES.evaluation]: 'evaluation',
    [PREDICATES.vulns]: 'scan',
    [PREDICATES.scai]: 'scan',
    [PREDICATES.approval]: 'approval',
    [PREDICATES.promotion]: 'promotion',
    [PREDICATES.revocation]: 'revocation',
    [PREDICATES['removed-records']]: 'removed records',
    [PREDICATES['records-absence']]: 'proof of absence',
    [PREDICATES['records-check']]: 'check of records',
    [PREDICATES.derivation]: 'verified derivation',
  }),
);

/** What kind of claim it is, for people: `provenance (train)`, `ML-BOM`, else its URI. */
export function titleOf({ predicateType, predicate }: Pick<Statement, 'predicateType' | 'predicate'>): string {
  if (predicateType === PREDICATES.derivation) {
    const { step, word } = tryDerivation({ predicateType, predicate }) ?? {};
    return step === undefined ? 'verified derivation that cannot be read' : `verified derivation (${step}: ${word})`;
  }
  if (predicateType !== PREDICATES.provenance) return TITLES.get(predicateType) ?? predicateType;
  const definition = predicate['buildDefinition'];
  const buildType =
    isJsonObject(definition) && typeof definition['buildType'] === 'string' ? definition['buildType'] : '';
  const step = buildType.startsWith(STEP_PREFIX) ? buildType.slice(STEP_PREFIX.length).split('/')[0] : buildType;
  return `provenance (${step})`;
}
