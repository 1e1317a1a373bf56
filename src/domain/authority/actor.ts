import { differing, matchNames } from '../claims/oms-match.ts';
import { parseOms } from '../claims/oms.ts';
import { HISTORIC_OMS, PREDICATES } from '../claims/predicates.ts';
import { manifestOf } from '../claims/subjects.ts';
import type { Signer, Statement } from '../claims/types.ts';
import type { ClaimOutcome } from '../trust/verify-claim.ts';
import type { ManifestFile } from '../digest/manifest.ts';
import { timesSaid, type SaidTimes } from './time.ts';
import { resourceUri } from './vsa.ts';
import type { LogLeaf } from '../tlog/leaf.ts';
import type { Finding } from '../base/verdict.ts';

/** Who is behind a log entry: an entry's actor counts only through its bundle, verified now (security rule 17). */
export interface Actor extends SaidTimes {
  /** `unsigned`: a push that nobody signed. `absent`: the registry does not hold the bundle that the entry names. */
  readonly standing: 'verified' | 'unverified' | 'unsigned' | 'absent';
  /** What the caller's trust calls the signer; null unless verified. */
  readonly name: string | null;
  /** What the cryptography proves of the signer; there too where only trust is missing. */
  readonly signer: Signer | null;
  /** Why it is not verified; null if it is. */
  readonly finding: Pick<Finding, 'code' | 'message'> | null;
}

/** What an entry must be about. */
export interface EntryContext {
  readonly origin: string;
  /** Files of the pushed artifact; null if it is not here. Asked for only where a signature lists files. */
  readonly files: () => Promise<readonly ManifestFile[] | null>;
}

const NOBODY = { name: null, signer: null, time: null, claimedTime: null } as const;
export const UNSIGNED: Actor = { ...NOBODY, standing: 'unsigned', finding: null };
export const ABSENT: Actor = {
  ...NOBODY,
  standing: 'absent',
  finding: { code: 'claim-missing', message: 'the registry does not hold the claim that the entry names' },
};

/** The actor of an entry whose bundle was found and judged. A claim that says something else than the entry verifies nothing. */
export async function actorOf(leaf: LogLeaf, outcome: ClaimOutcome, context: EntryContext): Promise<Actor> {
  const signer = outcome.claim?.signer ?? null;
  const unverified = ({ code, message }: Finding): Actor => ({
    ...NOBODY,
    standing: 'unverified',
    signer,
    finding: { code, message },
  });
  if (!outcome.trusted) return unverified(outcome.refusal);
  if (!(await saysSo(leaf, outcome.claim.statement, context)))
    return unverified({ code: 'subject-mismatch', message: 'the signed claim says something else than the entry' });
  const names = [...new Set(outcome.trustedBy.map(({ name }) => name))];
  return { standing: 'verified', name: names.join(' or '), signer, ...timesSaid(outcome.claim), finding: null };
}

async function saysSo(leaf: LogLeaf, statement: Statement, { origin, files }: EntryContext): Promise<boolean> {
  const { predicateType, predicate } = statement;
  if (leaf.kind === 'revocation') return predicateType === PREDICATES.revocation;
  if (predicateType === PREDICATES.integrity || predicateType === HISTORIC_OMS)
    return signsAll(statement, await files());
  if (manifestOf(statement) !== leaf.manifest) return false;
  if (leaf.kind !== 'promotion') return true;
  return (
    predicateType === PREDICATES.promotion &&
    predicate['resourceUri'] === resourceUri({ origin, name: leaf.name, environment: leaf.env ?? '' })
  );
}

/** An OMS signature names files, not a manifest: each must be the artifact's. */
function signsAll(statement: Statement, files: readonly ManifestFile[] | null): boolean {
  if (files === null) return false;
  const signed = parseOms(statement);
  const { signed: there, missing } = matchNames(signed, files, files.length === 1);
  return missing.length === 0 && differing(signed, there, files).length === 0;
}
