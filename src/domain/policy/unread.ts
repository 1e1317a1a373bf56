import { PREDICATES, SCANS } from '../claims/predicates.ts';
import type { Statement } from '../claims/types.ts';
import { readRevocation } from '../authority/revocation.ts';
import { DENIALS, saysNo } from '../authority/polarity.ts';
import { undecided, type Finding } from '../base/verdict.ts';
import type { LogEntry } from '../tlog/leaf.ts';
import type { Revocations } from '../authority/revocations.ts';
import type { Policy } from '../authority/types.ts';
import type { Case, LogFacts, UnreadEntry } from './facts.ts';

/** What is asked of what cannot be heard. */
export interface Silence {
  readonly origin: string;
  readonly revocations: Revocations;
  /** Null: nobody's roles are known, and anybody trusted might say anything. */
  readonly policy: Policy | null;
  /** Predicate types by which nothing is decided here, whatever they say. */
  readonly unasked: readonly string[];
  /** `sha256:<hex>` of what is judged. */
  readonly id: string;
}

export function silenceOf({ facts, revocations, policy, environment }: Case): Silence {
  return { origin: facts.log.origin, revocations, policy, unasked: unaskedIn(environment), id: facts.id };
}

function unaskedIn({ scan, removedRecords, datasets }: Case['environment']): readonly string[] {
  return [
    ...(scan === undefined ? SCANS : []),
    ...(removedRecords === undefined ? [PREDICATES['removed-records']] : []),
    ...(datasets?.require === undefined ? [PREDICATES['records-check']] : []),
  ];
}

/** What the log holds of others' words and nobody here can judge: each might be a no (security rule 8). */
export function silences(
  { absent = [], unread = [] }: Pick<LogFacts, 'absent' | 'unread'>,
  silence: Silence,
): readonly Finding[] {
  return [
    ...absent.filter((entry) => !isVoid(silence, entry)).map(absentFinding),
    ...unread
      .filter(({ entry }) => entry.leaf.kind !== 'promotion')
      .flatMap((each) => unreadFinding(silence, each, placeOf(each), 'claim-malformed') ?? []),
  ];
}

function placeOf({ entry }: UnreadEntry): string {
  return entry.index === null ? 'a claim that lies with it, and is not logged,' : `log entry ${entry.index}`;
}

/** So many revokers as it takes declared that this entry never had a bundle. */
export function isVoid({ origin, revocations }: Silence, { index, leaf }: LogEntry): boolean {
  return revocations.voided({ origin, index, sha256: leaf.bundle.slice('sha256:'.length) }, leaf.name);
}

export function absentFinding({ index, leaf }: LogEntry): Finding {
  return {
    code: 'claim-missing',
    message: `log entry ${index} is a ${leaf.kind} that the registry no longer holds`,
    subject: leaf.manifest,
    facts: { bundle: leaf.bundle },
    hint: `if it never was there, as many revokers as the policy says declare that with \`weighmark log void ${index}\``,
  };
}

/** Null if it can be no no: a revoker took it back by name, it says yes, or nobody it may be by could say no so. */
export function unreadFinding(
  silence: Silence,
  unread: UnreadEntry,
  what: string,
  code: Finding['code'],
): Finding | null {
  if (silence.revocations.lifted(unread.pae, unread.entry.leaf.name) || !mightDeny(silence, unread)) return null;
  const who = unread.names.join(' or ');
  const about = { subject: silence.id, facts: { claim: `sha256:${unread.bundle}`, why: unread.why.message } };
  if (unread.proven)
    return undecided({ code, message: `${what} is by ${who} and cannot be read: it might say no`, ...about });
  if (unread.names.length === 0)
    return undecided({ code: 'claims-limit', message: `${what} is too large to be read: it might say no`, ...about });
  return {
    code: 'signer-unverifiable',
    message: `${what} says to be by ${who}, which cannot be proven here: it might say no`,
    ...about,
    hint: 'newer trust may prove it: `weighmark trust update --from FILE`',
  };
}

function mightDeny({ policy, unasked }: Silence, { names, statement, entry }: UnreadEntry): boolean {
  if (statement !== null && !saysNo(statement)) return false;
  if (policy === null) return true;
  const isPossible = (name: string): boolean => names.length === 0 || names.includes(name);
  if ((policy.formerly ?? []).some(({ name }) => isPossible(name))) return true;
  const types = statement === null ? TYPES[entry.leaf.kind] : [statement.predicateType];
  if (statement === null ? entry.leaf.kind === 'revocation' : takesBackClaim(statement)) return true;
  const asked = types.filter((type) => !unasked.includes(type));
  return policy.roles.some(
    ({ principals, predicates }) => principals.some(isPossible) && predicates.some((type) => asked.includes(type)),
  );
}

/** Whoever signed a claim may take it back. */
function takesBackClaim(statement: Statement): boolean {
  try {
    return readRevocation({ statement }).target.kind === 'claim';
  } catch {
    return false;
  }
}

const RECORDS: readonly string[] = [PREDICATES['removed-records'], PREDICATES['records-check']];

/** What an ancestry alone does not rest on. */
export const BESIDE_LINEAGE: readonly string[] = [...SCANS, ...RECORDS];

const TYPES: Readonly<Record<LogEntry['leaf']['kind'], readonly string[]>> = {
  push: [],
  // Of what cannot be read nobody but its signer knows what it is, and who logs it least of all.
  claim: DENIALS,
  promotion: [PREDICATES.promotion],
  revocation: [PREDICATES.revocation],
};
