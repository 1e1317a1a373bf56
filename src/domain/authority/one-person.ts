import type { VerifiedClaim } from '../claims/types.ts';
import { readPublicKey } from '../pki/keys.ts';
import type { Authority } from './authority.ts';
import type { Policy } from './types.ts';

/** A principal, with all others whose signatures are by the same key. */
export type PersonOf = (principal: string) => string;

/**
 * One key is one person, whatever vouches for it (security rule 12). A policy cannot name one key twice; but certificates can be
 * issued for a key that is another's, or for one key under two names, and only signatures show it.
 */
export function personOf(policy: Policy, claims: readonly VerifiedClaim[], authority: Authority): PersonOf {
  const certified = claims.filter(({ signer, keys }) => signer.kind === 'certificate' && keys !== undefined);
  if (certified.length === 0) return (principal) => principal;
  const holders = new Map<string, Set<string>>();
  const add = (key: string, principal: string): void =>
    void holders.set(key, (holders.get(key) ?? new Set()).add(principal));
  for (const { name, anchors } of policy.principals)
    for (const anchor of anchors) if (anchor.kind === 'key') add(readPublicKey(anchor.pem).fingerprint, name);
  for (const { signer, keys = [] } of certified) {
    const identity = authority.who(signer);
    if (typeof identity !== 'string') for (const key of keys.slice(0, 1)) add(key, identity.principal.name);
  }
  const people = joined([...holders.values()]);
  return (principal) => people.get(principal) ?? principal;
}

/** Sets that share a member are one: by member, the name of all. */
function joined(sets: readonly ReadonlySet<string>[]): ReadonlyMap<string, string> {
  const groups = new Map<string, ReadonlySet<string>>();
  for (const set of sets) {
    const all = new Set([...set].flatMap((each) => [...(groups.get(each) ?? [each])]));
    for (const each of all) groups.set(each, all);
  }
  return new Map(
    [...groups].map(([each, all]) => [each, all.size === 1 ? each : `${[...all].toSorted().join(' and ')} (one key)`]),
  );
}
