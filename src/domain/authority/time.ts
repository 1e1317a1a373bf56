import type { Finding } from '../base/verdict.ts';
import type { TrustAnchor, VerifiedClaim } from '../claims/types.ts';
import { sha256Hex } from '../digest/hex.ts';
import { greatest, least } from '../base/lists.ts';
import { instantOf } from '../base/instant.ts';

/** Clocks of signers, authorities and builders differ by this much without anybody lying. */
export const CLOCK_SKEW_MS = 60_000;

/** A time stated further ahead of the reader's clock than this is a wrong clock's, the writer's or the reader's. */
export const AHEAD_MS = 24 * 3_600_000;

/** Authorities whose word on time counts; a log's own does not (DESIGN 4.3). */
const COUNTED = ['rfc3161', 'rekor', 'witness'];

/** The earliest time by which the signature existed, in milliseconds; null: nobody says. */
export function verifiedTime(claim: Pick<VerifiedClaim, 'times'>): number | null {
  let earliest = Infinity;
  for (const { source, time } of claim.times) {
    const at = COUNTED.includes(source) ? Date.parse(time) : NaN;
    if (!Number.isNaN(at)) earliest = Math.min(earliest, at);
  }
  return earliest === Infinity ? null : earliest;
}

/**
 * Where a claim's age starts (rule 11): the earliest of verified time, certificate start, and the time it states itself,
 * since anybody can add a fresh timestamp to an old signature. Null without a verified time.
 */
export function ageStart(claim: VerifiedClaim): number | null {
  const verified = verifiedTime(claim);
  if (verified === null) return null;
  const certificate = claim.signer.kind === 'key' ? [] : [Date.parse(claim.signer.notBefore)];
  const starts = [verified, ...certificate, ...statedTimes(claim)].filter((time) => !Number.isNaN(time));
  return least(starts);
}

/** Fields by which the predicates that weighmark knows state when they were made. */
const TIME_FIELDS: readonly (readonly string[])[] = [
  ['timeVerified'],
  ['timeCreated'],
  ['runDetails', 'metadata', 'finishedOn'],
  ['metadata', 'scanFinishedOn'],
  ['metadata', 'timestamp'],
];

/** Times a claim gives for itself, in milliseconds; believed only where they make it older. */
export function statedTimes({ statement }: VerifiedClaim): readonly number[] {
  const times: number[] = [];
  for (const path of TIME_FIELDS) {
    const time = path.reduce(member, statement.predicate as unknown);
    if (typeof time === 'string') times.push(instantOf(time));
  }
  return times;
}

/** When a claim was made, RFC 3339. */
export interface SaidTimes {
  /** By when it was signed, as others than the signer say; null: nobody does, or it is not verified. */
  readonly time: string | null;
  /** As the verified claim itself says; null: it does not. */
  readonly claimedTime: string | null;
}

/** Of no claim neither is said. */
export function timesSaid(claim: VerifiedClaim | undefined): SaidTimes {
  if (claim === undefined) return { time: null, claimedTime: null };
  const stated = statedTimes(claim).find((time) => !Number.isNaN(time));
  return { time: rfc3339(verifiedTime(claim)), claimedTime: rfc3339(stated ?? null) };
}

function rfc3339(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString();
}

/** The latest time a claim states for itself, if that is further ahead of this clock than clocks differ; null: none is. */
export function statedAhead(claim: VerifiedClaim, now: Date): number | null {
  const latest = greatest(statedTimes(claim).filter((time) => !Number.isNaN(time)));
  return latest > now.getTime() + AHEAD_MS ? latest : null;
}

/** What a claim is told that states such a time: it does not count, and no other suffers for it. */
export function clockDisagrees(claim: VerifiedClaim, label: string, now: Date): Finding | null {
  const ahead = statedAhead(claim, now);
  if (ahead === null) return null;
  return {
    code: 'clock-disagrees',
    message: `the ${label} states a time far ahead of this machine's clock`,
    facts: { stated: new Date(ahead).toISOString(), clock: now.toISOString(), claim: `sha256:${claim.bundle}` },
    hint: 'set this clock; if it is right, the signer’s was wrong: it must be signed again',
  };
}

/** A clock behind a time that others vouched for cannot judge any age (rule 11). @param newest milliseconds. */
export function clockBehind(newest: number, now: Date): Finding | null {
  if (newest <= now.getTime() + CLOCK_SKEW_MS) return null;
  return {
    code: 'clock-behind',
    message: 'this clock is behind a time that was vouched for already',
    facts: { clock: now.toISOString(), vouched: new Date(newest).toISOString() },
    hint: 'set the clock; if whoever vouched was wrong, `weighmark trust forget-time`',
  };
}

/** The name under which the newest verified time is remembered: what the caller trusts, not what they call it. */
export function anchorKey(anchor: TrustAnchor): string {
  return sha256Hex(JSON.stringify(Object.entries(anchor).toSorted(([a], [b]) => (a < b ? -1 : 1))));
}

/** The newest verified time by anchor, in milliseconds. */
export function newestByAnchor(
  claims: readonly { readonly claim: Pick<VerifiedClaim, 'times'>; readonly anchor: string }[],
): ReadonlyMap<string, number> {
  const newest = new Map<string, number>();
  for (const { claim, anchor } of claims) {
    const time = verifiedTime(claim);
    if (time !== null && time > (newest.get(anchor) ?? 0)) newest.set(anchor, time);
  }
  return newest;
}

/** Days, rounded down, for people. */
export function daysOf(milliseconds: number): string {
  const hours = Math.floor(milliseconds / 3_600_000);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
