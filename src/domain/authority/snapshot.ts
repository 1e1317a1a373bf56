import { PREDICATES } from '../claims/predicates.ts';
import type { VerifiedClaim } from '../claims/types.ts';
import { isHex256, sha256Hex } from '../digest/hex.ts';
import type { Finding } from '../base/verdict.ts';
import { isJsonObject } from '../base/json.ts';
import type { Authority } from './authority.ts';
import { REVOKER_ROLE } from './types.ts';
import { instantOf } from '../base/instant.ts';

/** A revoker's word that, of this log up to this size, nothing revoked was left out (security rule 19). */
export interface Snapshot {
  readonly version: number;
  readonly asOf: {
    readonly origin: string;
    readonly size: number;
    /** Hex of the tree's root. */ readonly root: string;
  };
  readonly expires: string;
  /** Version 2: how many revocations hold among those entries, and which. */
  readonly inForce?: InForce;
}

export interface InForce {
  readonly number: number;
  /** Hex SHA-256 of the lines `<hex SHA-256 of the bundle>\n`, sorted. */
  readonly sha256: string;
}

/** @param bundles hex SHA-256 of the bundles of the revocations that hold. */
export function inForceOf(bundles: readonly string[]): InForce {
  const lines = bundles.toSorted().map((bundle) => `${bundle}\n`);
  return { number: lines.length, sha256: sha256Hex(lines.join('')) };
}

export interface HeldSnapshot {
  readonly snapshot: Snapshot;
  readonly claim: VerifiedClaim;
}

export function buildSnapshot(snapshot: Snapshot): Readonly<Record<string, unknown>> {
  return { version: snapshot.inForce === undefined ? 1 : 2, action: 'snapshot', snapshot };
}

/** Null for anything that is no snapshot of version 1 or 2, field by field: it says yes, so nothing is passed over. */
export function readSnapshot({ statement }: VerifiedClaim): Snapshot | null {
  const { version, action, snapshot, ...others } = statement.predicate;
  if (
    statement.predicateType !== PREDICATES.revocation ||
    (version !== 1 && version !== 2) ||
    action !== 'snapshot' ||
    Object.keys(others).length > 0
  )
    return null;
  if (!isJsonObject(snapshot) || Object.keys(snapshot).length !== version + 2) return null;
  const { version: number, asOf, expires, inForce } = snapshot;
  const { origin, size, root } = isJsonObject(asOf) ? asOf : {};
  const whole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!whole(number) || !whole(size) || typeof origin !== 'string' || !isHex256(root)) return null;
  if (typeof expires !== 'string' || Number.isNaN(instantOf(expires))) return null;
  const held = { version: number, asOf: { origin, size, root }, expires };
  if (version === 1) return held;
  const { number: count, sha256 } = isJsonObject(inForce) ? inForce : {};
  return whole(count) && isHex256(sha256) ? { ...held, inForce: { number: count, sha256 } } : null;
}

/** The highest version by revokers, of this very log. */
export function newestSnapshot(
  claims: readonly VerifiedClaim[],
  authority: Authority,
  asked: { origin: string; rootAt: (size: number) => string | null; revoked: (claim: VerifiedClaim) => boolean },
): HeldSnapshot | null {
  const held = claims.flatMap((claim): HeldSnapshot[] => {
    const snapshot = readSnapshot(claim);
    const name = claim.statement.subject[0]?.name ?? '';
    if (
      snapshot === null ||
      snapshot.asOf.origin !== asked.origin ||
      asked.rootAt(snapshot.asOf.size) !== snapshot.asOf.root
    )
      return [];
    return authority.rolesOf(claim, name).some((role) => role.name === REVOKER_ROLE) && !asked.revoked(claim)
      ? [{ snapshot, claim }]
      : [];
  });
  return (
    held.toSorted(
      (a, b) => b.snapshot.version - a.snapshot.version || b.snapshot.asOf.size - a.snapshot.asOf.size,
    )[0] ?? null
  );
}

/**
 * Is the knowledge of revocations recent enough for a decision?
 * @param needed log index that the snapshot must cover: the promotion's.
 * @param highest highest version this user has seen; null: none.
 */
export function snapshotFindings(
  held: HeldSnapshot | null,
  asked: {
    now: Date;
    needed: number | null;
    highest: number | null;
    /** What holds here among so many entries; null: the environment does not ask that all of them are known. */
    inForce: ((size: number) => InForce) | null;
  },
): readonly Finding[] {
  const hint = 'a revoker makes one with `weighmark revoke --snapshot`';
  if (held === null)
    return [
      { code: 'revocations-stale', message: 'no revoker says that the revocations here are all there are', hint },
    ];
  const { snapshot } = held;
  if (instantOf(snapshot.expires) <= asked.now.getTime())
    return [{ code: 'revocations-stale', message: `the revokers’ snapshot expired on ${snapshot.expires}`, hint }];
  if (asked.highest !== null && snapshot.version < asked.highest) {
    return [
      {
        code: 'revocations-stale',
        message: `the revokers’ snapshot is version ${snapshot.version}; version ${asked.highest} was seen before`,
        hint,
      },
    ];
  }
  if (asked.needed !== null && snapshot.asOf.size <= asked.needed) {
    return [
      {
        code: 'revocations-stale',
        message: `the revokers’ snapshot is of ${snapshot.asOf.size} log entries, and does not reach the promotion (entry ${asked.needed})`,
        hint,
      },
    ];
  }
  return asked.inForce === null ? [] : completeness(snapshot, asked.inForce(snapshot.asOf.size));
}

function completeness({ inForce }: Snapshot, here: InForce): readonly Finding[] {
  const code = 'revocations-stale';
  const hint = 'a revoker makes a new one with `weighmark revoke --snapshot`';
  if (inForce === undefined)
    return [{ code, message: 'the revokers’ snapshot does not say which revocations are in force', hint }];
  if (inForce.number === here.number && inForce.sha256 === here.sha256) return [];
  const facts = {
    snapshot: `${inForce.number}, sha256:${inForce.sha256}`,
    here: `${here.number}, sha256:${here.sha256}`,
  };
  return [
    { code, message: 'the revocations in force here are not those that the revokers’ snapshot counted', facts, hint },
  ];
}
