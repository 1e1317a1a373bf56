import { anchorKey, clockBehind, newestByAnchor, statedAhead } from '../../domain/authority/time.ts';
import { greatest } from '../../domain/base/lists.ts';
import { checkOf, verdictOf, type Finding } from '../../domain/base/verdict.ts';
import type { TimeMemory } from '../../domain/ports/trust.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import type { JudgedBundles, TrustedClaim } from './bundles.ts';
import { refused, type JudgedFileSignatures, type VerifyOutcome } from './types.ts';

export interface ClockQuestion {
  readonly shown: string;
  readonly bundles: JudgedBundles;
  readonly fileSignatures?: JudgedFileSignatures;
  readonly verification: Pick<Verification, 'trust' | 'now'>;
  readonly times: TimeMemory | undefined;
}

/**
 * Holds what was judged against time (security rule 11): a clock behind what others vouched for, now or before, judges nothing;
 * a claim that states a time far ahead of it does not count. Returns what counts, or the refusal.
 */
export async function judgeClock(question: ClockQuestion): Promise<JudgedBundles | VerifyOutcome> {
  const { shown, bundles, verification, times } = question;
  const overFile = question.fileSignatures?.trusted ?? [];
  const trusted = [...(bundles.signature === null ? [] : [bundles.signature]), ...bundles.claims];
  const timed = [...trusted, ...overFile.map((claim) => ({ claim, trustedBy: claim.trustedBy }))];
  const seen = newestByAnchor(
    timed.flatMap(({ claim, trustedBy }) => trustedBy.map(({ anchor }) => ({ claim, anchor: anchorKey(anchor) }))),
  );
  const anchors = verification.trust.map(({ anchor }) => anchorKey(anchor));
  const newest = greatest([...seen.values(), (await times?.newest(anchors)) ?? 0]);
  const behind = clockBehind(newest, verification.now);
  if (behind !== null) return refusedBy(shown, [behind], bundles);
  await times?.remember(seen);
  const spoiled = bundles.claims.filter(({ claim }) => statedAhead(claim, verification.now) !== null);
  if (spoiled.length === 0) return bundles;
  const claims = bundles.claims.filter((each) => !spoiled.includes(each));
  if (bundles.signature === null && claims.length + overFile.length === 0)
    return refusedBy(shown, spoiled.map(disagrees), bundles);
  return { ...bundles, claims, notes: [...bundles.notes, ...spoiled.map(noteOf)] };
}

function refusedBy(subject: string, findings: readonly Finding[], { notes }: JudgedBundles): VerifyOutcome {
  return refused(verdictOf({ subject, checks: [checkOf('clock', [], findings)], notes }));
}

function disagrees({ shown }: TrustedClaim): Finding {
  return {
    code: 'clock-disagrees',
    message: `${shown} states a time far ahead of this machine's clock`,
    subject: shown,
    hint: 'set this clock; if it is right, the signer’s was wrong: it must be signed again',
  };
}

function noteOf({ shown }: TrustedClaim): string {
  return `${shown} states a time far ahead of this machine's clock, and does not count (clock-disagrees)`;
}
