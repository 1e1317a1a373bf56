import { sha256Hex } from '../digest/hex.ts';
import { RECORDS_FILE } from '../base/paths.ts';
import { counted } from '../base/units.ts';
import { findingOf, undecided, type Finding } from '../base/verdict.ts';
import { PREDICATES } from '../claims/predicates.ts';
import { readAbsence, readRemovedRecords, type RemovedRecords, type ShownRecords } from '../claims/removed-records.ts';
import { isSameHashing } from '../records/keys.ts';
import { listsNamed } from '../claims/subjects.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import type { Lineage } from '../lineage/types.ts';
import { datasetsIn } from './dataset-claims-rule.ts';
import { nameIn } from '../claims/names.ts';
import { acceptedOf, denialIn, type Case, type Denial } from './facts.ts';
import { NOTHING, unconfirmed, type RuleResult } from './required.ts';

/**
 * No dataset the artifact descends from may hold a record that somebody who may revoke wants gone. Absence is shown by proofs
 * against the roots that the dataset's own description binds; where nothing shows it, nobody knows.
 */
export function checkRemovedRecords(of: Case, lineage: Lineage): RuleResult {
  if (of.environment.removedRecords === undefined) return NOTHING;
  const { lists, findings } = listsOf(of);
  const wanted = lists.reduce((sum, { list }) => sum + list.records.length, 0);
  const datasets = wanted === 0 ? [] : datasetsOf(of, lineage);
  const all = [...findings, ...datasets.flatMap((digest) => datasetFindings(of, digest, lists))];
  const what =
    wanted === 0
      ? 'nobody wants a record removed'
      : `${counted(wanted, 'removed record')} in none of ${counted(datasets.length, 'dataset')}`;
  return { ...NOTHING, findings: all, evidence: all.length > 0 ? [] : [{ what, data: { datasets, records: wanted } }] };
}

interface Wanted {
  readonly list: RemovedRecords;
  readonly said: Denial;
}

/** Lists by whoever may or once might revoke, that were not taken back. */
function listsOf(of: Case): { readonly lists: readonly Wanted[]; readonly findings: readonly Finding[] } {
  const lists: Wanted[] = [];
  const findings: Finding[] = [];
  for (const said of of.facts.claims.flatMap((claim) => removalIn(of, claim))) {
    const { statement, bundle } = said.claim;
    try {
      lists.push({ list: readRemovedRecords(statement.predicate), said });
    } catch (error) {
      const { code, message } = findingOf(error, 'claim-malformed');
      findings.push(undecided({ code, message, subject: `sha256:${bundle}` }));
    }
  }
  return { lists, findings };
}

/** By a revoker of what is decided about, or of the dataset that the list is about. */
function removalIn(of: Case, claim: VerifiedClaim): readonly Denial[] {
  if (claim.statement.predicateType !== PREDICATES['removed-records']) return [];
  return denialIn(of, claim, [of.facts.name, nameIn(claim.statement)]);
}

/** What stands as a dataset anywhere along the lineage, and the artifact itself where it has records. */
function datasetsOf(of: Case, lineage: Lineage): readonly string[] {
  const own = rootsSigned(of, of.digest).length > 0 ? [of.digest] : [];
  return [...new Set([...datasetsIn(lineage), ...own])].toSorted();
}

/** SHA-256 of the record roots that those who may describe the dataset bound to it. */
function rootsSigned(of: Case, digest: string): readonly string[] {
  return acceptedOf(of, of.index.about(digest), PREDICATES.bom).flatMap(({ claim }) =>
    listsNamed(RECORDS_FILE, claim.statement),
  );
}

function datasetFindings(of: Case, digest: string, lists: readonly Wanted[]): readonly Finding[] {
  const shown = shownOf(of, digest);
  const subject = `sha256:${digest}`;
  const all = lists.flatMap(({ list, said }) =>
    list.records.map((record) => ({ record, said, state: stateOf(record, list, shown) })),
  );
  const states = all.filter(({ said }) => said.lost === null);
  const lost = new Set(all.flatMap(({ said, state }) => (said.lost === null || state === 'absent' ? [] : [said])));
  const held = states.filter(({ state }) => state === 'present');
  const open = states.filter(({ state }) => state === undefined);
  const finding = (message: string, { record, said }: (typeof all)[number]): Finding => ({
    code: 'removed-record',
    message,
    subject,
    facts: { record: `blake3:${record}`, ...keyFact(lists.find((each) => each.said === said)) },
    hint: 'prove it with `weighmark dataset prove DATASET --removed LIST`, and `weighmark attest` the proof',
  });
  const [first, unknown] = [held[0], open[0]];
  return [
    ...[...lost].map((said) => lostFinding(of, said)),
    ...(first === undefined
      ? []
      : [finding(`a dataset it was made from holds ${counted(held.length, 'removed record')}`, first)]),
    ...(unknown === undefined
      ? []
      : [
          undecided(
            finding(
              `nothing shows that a dataset it was made from is without ${counted(open.length, 'removed record')}`,
              unknown,
            ),
          ),
        ]),
  ];
}

/** A proof under another key than the list's is none. */
function keyFact(wanted: Wanted | undefined): Readonly<Record<string, string>> {
  return wanted === undefined || wanted.list.key === null ? {} : { key: wanted.list.key };
}

/** Whoever wants them gone was lost, and nothing shows that it was said before. */
function lostFinding(of: Case, said: Denial): Finding {
  const claim = `sha256:${said.claim.bundle}`;
  return {
    ...unconfirmed(of, said, 'wants records removed'),
    hint: `a revoker signs the same list with \`weighmark attest --type removed-records\`, or lifts it with \`weighmark revoke --claim ${claim}\``,
  };
}

/** What was proven of the dataset, against roots that were signed. */
function shownOf(of: Case, digest: string): readonly ShownRecords[] {
  const signed = new Set(rootsSigned(of, digest));
  return of.index.about(digest).flatMap(({ claim }) => {
    const proven = provenBy(claim);
    return proven !== null && signed.has(sha256Hex(proven.text)) ? [proven] : [];
  });
}

/** A proof speaks for itself, whoever signed the claim that brings it; one that does not hold brings nothing. */
function provenBy({ statement }: VerifiedClaim): ShownRecords | null {
  if (statement.predicateType !== PREDICATES['records-absence']) return null;
  try {
    return readAbsence(statement.predicate);
  } catch {
    return null;
  }
}

/** Hashes made in another way say nothing of each other; one that is there under whatever key is there. */
function stateOf(
  record: string,
  { hashing, key, profile }: RemovedRecords,
  shown: readonly ShownRecords[],
): 'present' | 'absent' | undefined {
  const alike = shown.filter(({ roots }) => roots.hashing === hashing && roots.reading.profile === profile);
  if (alike.some((each) => each.shown.get(record) === 'present')) return 'present';
  const isAbsent = alike.some(
    (each) => isSameHashing(each.roots, { hashing, key }) && each.shown.get(record) === 'absent',
  );
  return isAbsent ? 'absent' : undefined;
}
