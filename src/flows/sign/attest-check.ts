import { buildRecordsCheck, type CheckedDataset } from '../../domain/claims/records-check.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import type { Verdict } from '../../domain/base/verdict.ts';
import type { Records } from '../../domain/ports/records.ts';
import { parseRoots } from '../../domain/records/roots.ts';
import { confirmRoots } from '../data/confirm.ts';
import { identifyTree } from '../registry/resolve-inputs.ts';
import { attest, type AttestOutcome, type AttestPorts } from './attest.ts';
import { baseName } from './oms-sign.ts';

export interface AttestCheckInput {
  /** What was asked: a step, `overlap`, `removed-records`. */
  readonly check: string;
  readonly verdict: Verdict;
  /** Absolute paths. */
  readonly of: readonly string[];
  readonly against: readonly string[];
  /** NAME:VERSION, of a single dataset. */
  readonly name?: string;
  readonly secret: Uint8Array | null;
}

export interface CheckPorts extends AttestPorts {
  readonly records: () => Promise<Records>;
  readonly signal: AbortSignal;
}

/**
 * Signs what a check of datasets came to, one claim beside each. The roots it names are read anew from the very files.
 * @throws WeighmarkError `digest-mismatch` where they are those of another state, and what `attest` throws.
 */
export async function attestCheck(input: AttestCheckInput, ports: CheckPorts): Promise<readonly AttestOutcome[]> {
  const { check, verdict, name } = input;
  const look = async (paths: readonly string[]): Promise<CheckedDataset[]> => {
    const seen: CheckedDataset[] = [];
    for (const path of paths) seen.push(await checkedDataset(path, input, ports));
    return seen;
  };
  const predicate = buildRecordsCheck({ check, verdict, of: await look(input.of), against: await look(input.against) });
  const outcomes: AttestOutcome[] = [];
  for (const ref of input.of) {
    const rest = { inputs: [], parameters: {}, metrics: {}, references: [], ...(name === undefined ? {} : { name }) };
    const type = { predicateType: PREDICATES['records-check'] };
    outcomes.push(await attest({ ref, type, predicate, ...rest }, ports));
  }
  return outcomes;
}

async function checkedDataset(path: string, { secret }: AttestCheckInput, ports: CheckPorts): Promise<CheckedDataset> {
  const tree = await ports.files.walk(path, { allowSymlinks: true });
  const { records, ordered, set } = parseRoots(await confirmRoots(tree, secret, ports));
  const { id } = await identifyTree(path, path, ports);
  return { name: baseName(path), id, records, ordered, set };
}
