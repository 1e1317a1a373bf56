import type { Signer, TrustEntry } from '../claims/types.ts';
import { signerKey } from '../authority/authority.ts';

/** A good signature over a policy, and everybody the caller's trust takes its signer for. */
export interface PolicySignature {
  readonly signer: Signer;
  /** Of the key that signed, where it is one that lasts. */
  readonly keys?: readonly string[] | undefined;
  readonly trustedBy: readonly TrustEntry[];
}

/**
 * The people who signed, each once: by whatever key, however often, under however many names of the trust store (security
 * rule 12). Entries `anna+laptop` and `anna+token` are one person; all who are known by a pattern only are one in all.
 * Where entries overlap, fewer are counted rather than more.
 */
export function peopleWhoSigned(signatures: readonly PolicySignature[]): readonly string[] {
  const seen = new Set<string>();
  const people: string[] = [];
  for (const { signer, keys = [], trustedBy } of signatures.toSorted((a, b) =>
    signerKey(a.signer) < signerKey(b.signer) ? -1 : 1,
  )) {
    const known = [
      `signer ${signerKey(signer)}`,
      ...keys.slice(0, 1).map((key) => `key ${key}`),
      ...trustedBy.map((entry) => `person ${personOf(entry)}`),
    ];
    const [first] = trustedBy;
    if (first !== undefined && !known.some((each) => seen.has(each))) people.push(personOf(first));
    for (const each of known) seen.add(each);
  }
  return people.toSorted();
}

/** How many must have signed: the most that any entry for the policy asks; no entry can ask for less than another. */
export function signaturesWanted(entries: readonly TrustEntry[]): number {
  return Math.max(1, ...entries.map(({ threshold }) => threshold ?? 1));
}

/** How many could. */
export function peopleTrusted(entries: readonly TrustEntry[]): number {
  return new Set(entries.map(personOf)).size;
}

function personOf({ name, anchor }: TrustEntry): string {
  const pattern =
    anchor.kind === 'oidc'
      ? anchor.identityPattern !== undefined
      : anchor.kind === 'certificate' && anchor.identity === undefined;
  return pattern ? '(known by a pattern)' : (name.split('+')[0] ?? name);
}
