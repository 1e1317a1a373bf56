import type { Finding } from '../base/verdict.ts';
import type { Promotion } from '../authority/vsa.ts';
import type { Case } from './facts.ts';

/** Longest time ahead for which promotions under an earlier policy may be let count. */
export const MOST_GRACE_MS = 30 * 86_400_000;

/** `same`: this policy, or another text of the same meaning; `grace`: let count until then. */
export type Under = { readonly standing: 'same' } | { readonly standing: 'grace'; readonly until: string };

/**
 * Does a promotion count under the policy in force? Meaning is compared, not bytes: the digest that the promotion names is
 * that of bytes which `promote` stored, and their meaning is recomputed. What is not stored, or not those bytes, is another
 * policy. Only the policy in force itself lets an earlier one count, for at most 30 days, and then only where the artifact is:
 * it opens no further environment. Break-glass is bound to the bytes (security rule 13). Revocations are never asked here:
 * whoever says no is heard under the policy in force.
 * @param lasting asked for `after`: a grace does not do.
 */
export function promotedUnder(of: Case, promotion: Promotion, lasting: boolean): Under | Finding {
  const { policy, facts } = of;
  const { policyDigest, breakGlass } = promotion;
  if (policyDigest === policy.digest) return { standing: 'same' };
  if (breakGlass) return mismatch(of, promotion, 'the glass was broken under another text of the policy');
  const meaning = facts.policies?.get(policyDigest);
  if (meaning !== undefined && meaning === policy.meaning) return { standing: 'same' };
  const grace = policy.accepts?.find(({ digest }) => digest === policyDigest);
  const where = promotion.environment ?? 'it';
  const under = `it was promoted to ${where} under another policy`;
  if (grace === undefined) return mismatch(of, promotion, under);
  const left = Date.parse(grace.until) - facts.now.getTime();
  const day = grace.until.slice(0, 10);
  if (left <= 0) return mismatch(of, promotion, `${under}, accepted until ${day}`);
  if (left > MOST_GRACE_MS)
    return mismatch(of, promotion, `${under}, and ${day} is more than 30 days ahead: no grace is that long`);
  return lasting
    ? mismatch(of, promotion, `${under}, accepted until ${day} where it is, and not for what comes after ${where}`)
    : { standing: 'grace', until: grace.until };
}

function mismatch({ facts, policy }: Case, { policyDigest, environment }: Promotion, message: string): Finding {
  return {
    code: 'policy-mismatch',
    message,
    subject: facts.id,
    facts: { promoted: policyDigest, policy: policy.digest },
    ...(environment === null
      ? {}
      : {
          hint: `promote again under this policy: \`weighmark promote ${facts.name}@${facts.id} --env ${environment}\`, everything at once \`weighmark promote --all --env ${environment}\`; docs/policy.md tells how to change a policy`,
        }),
  };
}
