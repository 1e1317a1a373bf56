import { WeighmarkError } from '../base/errors.ts';
import { isHex256 } from '../digest/hex.ts';
import { findingsOf, type Verdict } from '../base/verdict.ts';
import { isText, objectOf } from './provenance.ts';

type Predicate = Readonly<Record<string, unknown>>;

/** A dataset as a check saw it: its id, and the roots it was read to have in that run. */
export interface CheckedDataset {
  readonly name: string;
  /** `sha256:<hex>` of the manifest. */
  readonly id: string;
  readonly records: number;
  readonly ordered: string;
  readonly set: string;
}

export interface RecordsCheck {
  /** `split`, `overlap` and so on: what was asked. */
  readonly check: string;
  readonly verdict: Verdict;
  /** What went in, or what was compared with. */
  readonly against: readonly CheckedDataset[];
  /** What came out: all that are subjects of this claim or of its siblings. */
  readonly of: readonly CheckedDataset[];
}

/** What somebody saw when they recomputed a step or looked for shared records: evidence, apart from the claim of whoever did it. */
export function buildRecordsCheck({ check, verdict, against, of }: RecordsCheck): Predicate {
  const findings = findingsOf(verdict).map(({ code, message, facts = {} }) => ({ code, message, facts }));
  return {
    check,
    result: findings.length === 0 && verdict.exitCode === 0 ? 'PASSED' : 'FAILED',
    of: of.map(datasetJson),
    against: against.map(datasetJson),
    evidence: verdict.checks.flatMap(({ evidence }) => evidence.map(({ what }) => what)),
    findings,
  };
}

function datasetJson({ name, id, records, ordered, set }: CheckedDataset): Predicate {
  return { name, digest: { sha256: id.slice('sha256:'.length) }, records, ordered, set };
}

/** Anything that is no pass counts as a no. */
export function isFailedCheck(predicate: Predicate): boolean {
  return predicate['result'] !== 'PASSED';
}

/** @throws WeighmarkError `claim-malformed`. */
export function checkRecordsCheck(predicate: Predicate): void {
  const { check, result, of, against } = predicate;
  if (!isText(check)) throw malformed('it does not say what was checked');
  if (result !== 'PASSED' && result !== 'FAILED') throw malformed('its result is neither PASSED nor FAILED');
  for (const list of [of, against]) {
    if (!Array.isArray(list) || list.length === 0) throw malformed('it names no datasets');
    for (const each of list) {
      const { digest, set } = objectOf(each);
      if (!isHex256(objectOf(digest)['sha256']) || !isHex256(set)) throw malformed('a dataset in it has no digest');
    }
  }
}

function malformed(why: string): WeighmarkError {
  return new WeighmarkError('claim-malformed', `not a check of records: ${why}`);
}
