import type { VerifiedClaim } from '../claims/types.ts';

/** Clocks of signers, authorities and builders differ by this much without anybody lying. */
export const CLOCK_SKEW_MS = 60_000;

/** A time stated further ahead of the reader's clock than this is a wrong clock's, the writer's or the reader's. */
export const AHEAD_MS = 24 * 3_600_000;

/** Authorities whose word on time counts; a log's own does not (DESIGN 4.3). */
const COUNTED = ['rfc3161', 'rekor', 'witness'];

/** The earliest time by which the signature existed, in milliseconds; null: nobody says. */
export function verifiedTime(claim: VerifiedClaim): number | null {
  const times = claim.times.filter(({ source }) => COUNTED.includes(source)).map(({ time }) => Date.parse(time));
  const usable = times.filter((time) => !Number.isNaN(time));
  return usable.length === 0 ? null : Math.min(...usable);
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
  return Math.min(...starts);
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
  return TIME_FIELDS.map((path) => path.reduce(member, statement.predicate as unknown))
    .filter((time) => typeof time === 'string')
    .map((time) => Date.parse(time));
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
