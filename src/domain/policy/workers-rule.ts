import { allReadAgain, workersIn } from '../bom/worker-digests.ts';
import { PREDICATES } from '../claims/predicates.ts';
import { acceptedOf, type Accepted, type Case } from './facts.ts';
import { NOTHING, type RuleResult } from './required.ts';

/**
 * Somebody whose BOM counts must have read every file. A seal of what workers hashed is signed by one who read a sample; sealing it
 * anew, or `--recheck all`, mends that.
 */
export function checkWorkerDigests(of: Case): RuleResult {
  if (of.environment.workerDigests === undefined) return NOTHING;
  const boms = acceptedOf(of, of.aboutContent, PREDICATES.bom);
  const [read] = boms.filter((bom) => saidBy(bom).every(allReadAgain));
  if (read !== undefined)
    return { ...NOTHING, evidence: [{ what: `all files read by ${read.principal}` }], used: [read] };
  const [first] = boms;
  const subject = of.facts.id;
  if (first === undefined)
    return {
      ...NOTHING,
      findings: [
        { code: 'digests-from-workers', message: 'no BOM by a trusted signer says who read the files', subject },
      ],
    };
  const message = `${first.principal} signed digests that workers found: ${saidBy(first).join('; ')}`;
  return { ...NOTHING, findings: [{ code: 'digests-from-workers', message, subject }] };
}

function saidBy({ claim }: Accepted): readonly string[] {
  return workersIn(claim.statement.predicate);
}
