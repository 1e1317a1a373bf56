import {
  checkDerivation,
  checkOverlap,
  type Derivation,
  type Derived,
  type Overlap,
} from '../../domain/records/derivation.ts';
import { checkOf, verdictOf, type Evidence, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import { listHashing, requireSameKey } from '../../domain/records/keys.ts';
import { parseRemovals, REMOVALS_BYTES } from '../../domain/records/removals.ts';
import { placeOf, withDatasets, type IndexedDataset } from './indexed.ts';
import { sharedFindings } from './shared.ts';
import type { DataPorts } from './locate.ts';

export interface DerivationInput {
  readonly step: Derivation;
  /** What went in, what came out: datasets, by absolute path. */
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly shown: string;
}

/** Whether datasets are what a step makes of others, recomputed from both: evidence, apart from anybody's claim of it. */
export async function verifyDerivation(input: DerivationInput, ports: DataPorts): Promise<Verdict> {
  return withDatasets([...input.before, ...input.after], ports, (datasets) => {
    const before = datasets.slice(0, input.before.length);
    const after = datasets.slice(input.before.length);
    const derived = checkDerivation(
      input.step,
      before.map(({ index }) => index),
      after.map(({ index }) => index),
    );
    return verdictOf({
      subject: input.shown,
      checks: [checkOf('derivation', evidenceOf(derived, before, after), findingsOf(derived, before, after))],
    });
  });
}

function evidenceOf(derived: Derived, before: readonly IndexedDataset[], after: readonly IndexedDataset[]): Evidence[] {
  if (derived.offences > 0) return [];
  const sets = (datasets: readonly IndexedDataset[]): readonly string[] => datasets.map(({ roots }) => roots.set);
  return [
    {
      what: `derivation-verified: ${derived.step}, ${derived.recordsIn} records in, ${derived.recordsOut} out`,
      data: {
        step: derived.step,
        in: sets(before),
        out: sets(after),
        records: [derived.recordsIn, derived.recordsOut],
      },
    },
  ];
}

function findingsOf(
  { step, offences, first }: Derived,
  before: readonly IndexedDataset[],
  after: readonly IndexedDataset[],
): readonly Finding[] {
  if (first === null) return [];
  const dataset = (first.side === 'out' ? after : before)[first.dataset];
  if (dataset === undefined) return [];
  const { path, record } = placeOf(dataset.roots, first.position);
  return [
    {
      code: 'derivation-mismatch',
      message: `not a ${step}: ${offences} records are not as it leaves them; first ${path}, record ${record}: ${first.why}`,
      subject: dataset.root,
      facts: { record: `blake3:${first.record}`, position: String(first.position) },
    },
  ];
}

/** Whether two datasets share no record, exactly; a leak between training and test data is one they share. */
export async function verifyDisjoint(
  [a, b]: readonly [string, string],
  shown: string,
  ports: DataPorts,
): Promise<Verdict> {
  return withDatasets([a, b], ports, ([left, right]) => {
    if (left === undefined || right === undefined) return verdictOf({ subject: shown, checks: [] });
    const overlap = checkOverlap(left.index, right.index);
    const evidence =
      overlap.records > 0
        ? []
        : [
            {
              what: `no record of ${left.roots.records} is among the other ${right.roots.records} (exact, whole records)`,
              data: { sets: [left.roots.set, right.roots.set] },
            },
          ];
    return verdictOf({
      subject: shown,
      checks: [checkOf('overlap', evidence, overlapFindings(overlap, [left, right]))],
    });
  });
}

function overlapFindings(
  { records, inFirst, named }: Overlap,
  both: readonly [IndexedDataset, IndexedDataset],
): readonly Finding[] {
  const of = both[0].roots.records;
  const share = ((100 * inFirst) / of).toPrecision(2);
  const sum = (first: string): string => `${records} records are in both (${share} % of ${of}); first ${first}`;
  return sharedFindings(both, named, sum);
}

/** Whether a dataset holds none of the records on a removal list. */
export async function verifyRemoved(dataset: string, list: string, shown: string, ports: DataPorts): Promise<Verdict> {
  const { key, records: removals } = parseRemovals(await ports.files.read(list, REMOVALS_BYTES));
  return withDatasets([dataset], ports, ([one]) => {
    if (one === undefined) return verdictOf({ subject: shown, checks: [] });
    requireSameKey(listHashing(key, one.roots), one.roots);
    const findings = removals.flatMap((record): readonly Finding[] => {
      const [position] = one.index.find(Buffer.from(record, 'hex'));
      if (position === undefined) return [];
      const { path, record: number } = placeOf(one.roots, position);
      return [
        {
          code: 'removed-record',
          message: `${path}, record ${number} was to be removed`,
          subject: path,
          facts: { record: `blake3:${record}`, position: String(position) },
        },
      ];
    });
    const evidence =
      findings.length > 0
        ? []
        : [
            {
              what: `none of ${removals.length} removed records is among ${one.roots.records}`,
              data: { set: one.roots.set },
            },
          ];
    return verdictOf({ subject: shown, checks: [checkOf('removed-records', evidence, findings)] });
  });
}
