import { WeighmarkError } from '../../domain/base/errors.ts';
import { counted } from '../../domain/base/units.ts';
import { checkOf, verdictOf, type Finding, type Verdict } from '../../domain/base/verdict.ts';
import { NAMED } from '../../domain/records/derivation.ts';
import { comparisonKey, NORMALISATION, type Comparing } from '../../domain/records/projection.ts';
import { eachRecord } from './each-record.ts';
import { placeOf, withDatasets, type IndexedDataset } from './indexed.ts';
import type { DataPorts } from './locate.ts';
import { sharedFindings, type SharedPlace } from './shared.ts';

/** Steps that add columns: they are checked by those that were there before. */
export const PROJECTED = ['label', 'join'] as const;
export type Projected = (typeof PROJECTED)[number];

/** Keys that are held in memory, about 100 bytes each. */
const MAX_KEYS = 5_000_000;

/** Keys of a dataset's records by their positions; records without any of the columns have null. */
async function* keysOf(
  dataset: IndexedDataset,
  comparing: Comparing,
  ports: DataPorts,
): AsyncGenerator<{ readonly position: number; readonly key: string | null }> {
  for await (const { position, encoding } of eachRecord(dataset, ports))
    yield { position, key: comparisonKey(encoding, comparing) };
}

interface Kept {
  count: number;
  /** Of the first with this key. */
  readonly position: number;
}

async function countKeys(of: IndexedDataset, comparing: Comparing, ports: DataPorts) {
  const kept = new Map<string, Kept>();
  let without = 0;
  for await (const { position, key } of keysOf(of, comparing, ports)) {
    const before = key === null ? undefined : kept.get(key);
    if (key === null) without += 1;
    else if (before !== undefined) before.count += 1;
    else kept.set(key, { count: 1, position });
    if (kept.size > MAX_KEYS) throw tooMany();
  }
  return { kept, without };
}

function tooMany(): WeighmarkError {
  return new WeighmarkError('limit-exceeded', `more than ${MAX_KEYS} different records to compare by columns or text`, {
    hint: 'whole records are compared exactly without --columns and --normalised, however many there are',
  });
}

/**
 * Whether two datasets share no record as compared: a row that differs in another column, or in case and spacing, leaks all the
 * same. What was compared is said; what has none of the columns was not.
 */
export async function verifyApart(
  [a, b]: readonly [string, string],
  { comparing, shown, unicode }: { readonly comparing: Comparing; readonly shown: string; readonly unicode: string },
  ports: DataPorts,
): Promise<Verdict> {
  return withDatasets([a, b], ports, async ([left, right]) => {
    if (left === undefined || right === undefined) return verdictOf({ subject: shown, checks: [] });
    const { kept, without } = await countKeys(right, comparing, ports);
    let [shared, skipped]: [number, number] = [0, without];
    const named: SharedPlace[] = [];
    for await (const { position, key } of keysOf(left, comparing, ports)) {
      const other = key === null ? undefined : kept.get(key);
      if (key === null) skipped += 1;
      if (other === undefined) continue;
      shared += 1;
      if (named.length < NAMED) named.push({ positions: [position, other.position] });
    }
    const coverage = `${comparedBy(comparing, unicode)}${skipped === 0 ? '' : `; ${counted(skipped, 'record')} without these columns not compared`}`;
    const what = `no record of ${left.roots.records} is among the other ${right.roots.records} (${coverage})`;
    const share = ((100 * shared) / left.roots.records).toPrecision(2);
    const sum = (first: string): string =>
      `${shared} records are in both (${share} % of ${left.roots.records}; ${coverage}); first ${first}`;
    const findings = sharedFindings([left, right], named, sum);
    const evidence = findings.length > 0 ? [] : [{ what, data: { coverage, sets: [left.roots.set, right.roots.set] } }];
    return verdictOf({ subject: shown, checks: [checkOf('overlap', evidence, findings)] });
  });
}

function comparedBy({ columns, normalised }: Comparing, unicode: string): string {
  const by = columns === null ? 'whole records' : `columns ${columns.join(', ')}`;
  return normalised ? `${by}, texts under ${NORMALISATION}, Unicode ${unicode}` : `${by}, exactly`;
}

export interface ProjectedInput {
  readonly step: Projected;
  readonly before: readonly string[];
  readonly after: string;
  /** By which columns; null: all that the input has. */
  readonly columns: readonly string[] | null;
  readonly shown: string;
}

/**
 * Whether a dataset with more columns is what labelling or joining makes: a label leaves each record as often as it was, a join
 * takes each row's part from a record of the input. Of what was added nothing is said.
 */
export async function verifyProjected(input: ProjectedInput, ports: DataPorts): Promise<Verdict> {
  return withDatasets([...input.before, input.after], ports, async (datasets) => {
    const out = datasets.at(-1) as IndexedDataset;
    const [findings, data]: [Finding[], object[]] = [[], []];
    for (const before of datasets.slice(0, -1)) {
      const columns = input.columns ?? Object.keys(before.roots.columns ?? {});
      const finding = await stepFinding(input.step, [before, out], { columns, ports });
      if (finding !== null) findings.push(finding);
      data.push({ columns, in: before.roots.set });
    }
    const by = input.columns === null ? '' : `, of columns ${input.columns.join(', ')} alone`;
    const what = `derivation-verified: ${input.step} by ${counted(datasets.length - 1, 'input')}${by}, ${out.roots.records} records out`;
    const evidence =
      findings.length > 0 ? [] : [{ what, data: { step: input.step, inputs: data, out: out.roots.set } }];
    return verdictOf({ subject: input.shown, checks: [checkOf('derivation', evidence, findings)] });
  });
}

async function stepFinding(
  step: Projected,
  [before, out]: readonly [IndexedDataset, IndexedDataset],
  { columns, ports }: { readonly columns: readonly string[]; readonly ports: DataPorts },
): Promise<Finding | null> {
  const comparing = { columns, normalised: false };
  const { kept, without } = await countKeys(before, comparing, ports);
  let [offences, empty, first]: [number, number, number | null] = [0, without, null];
  for await (const { position, key } of keysOf(out, comparing, ports)) {
    const of = key === null ? undefined : kept.get(key);
    if (key === null) empty -= 1;
    const isOffence = key === null ? empty < 0 : of === undefined || (step === 'label' && of.count === 0);
    if (isOffence) offences += 1;
    if (isOffence) first ??= position;
    if (!isOffence && of !== undefined && step === 'label') of.count -= 1;
  }
  if (first !== null)
    return offence(
      step,
      [out, first],
      `${offences} records have values in ${columns.join(', ')} that were not there before`,
    );
  const lost = step === 'label' ? [...kept.values()].filter(({ count }) => count > 0) : [];
  const [one] = lost;
  return one === undefined ? null : offence(step, [before, one.position], `${lost.length} different records were lost`);
}

function offence(step: Projected, [of, position]: readonly [IndexedDataset, number], why: string): Finding {
  const { path, record } = placeOf(of.roots, position);
  return {
    code: 'derivation-mismatch',
    message: `not a ${step}: ${why}; first ${path}, record ${record}`,
    subject: of.root,
    facts: { position: String(position) },
  };
}
