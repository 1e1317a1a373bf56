import { PREDICATES } from '../claims/predicates.ts';
import type { Statement, VerifiedClaim } from '../claims/types.ts';
import { isHex256 } from '../digest/hex.ts';
import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject } from '../base/json.ts';
import { instantOf } from '../base/instant.ts';

/** What a revocation is about. Digests are lower-case hex. */
export type RevocationTarget =
  | { readonly kind: 'artifact'; readonly sha256: string }
  /** Version 2. Weights in whatever container: a root of a weights list, or the digest of one tensor (BLAKE3). */
  | { readonly kind: 'weights'; readonly blake3: string }
  /** By its bundle, and by what was signed (`pae`), so that the same signature wrapped anew is the same claim. */
  | { readonly kind: 'claim'; readonly sha256: string; readonly pae: string }
  /** A principal of the policy; its claims fall unless a verified time puts them before `since`. */
  | { readonly kind: 'principal'; readonly name: string; readonly since: string }
  /** A key by the SHA-256 of its SPKI DER, in whatever encoding; or a certificate by that of its own. */
  | { readonly kind: 'key'; readonly sha256: string; readonly since: string }
  /** Version 2. A Sigstore identity, whatever a policy calls it. */
  | { readonly kind: 'identity'; readonly issuer: string; readonly identity: string; readonly since: string }
  /** Version 2. An entry of the log that never had a bundle: what it was nobody can say, and it counts for nothing. */
  | EntryTarget;

export interface EntryTarget {
  readonly kind: 'entry';
  readonly origin: string;
  readonly index: number;
  /** Of the bundle that the entry names. */
  readonly sha256: string;
}

/** The predicate of `PREDICATES.revocation`, versions 1 and 2: the second has targets more. */
export interface Revocation {
  readonly action: 'revoke' | 'reinstate';
  readonly target: RevocationTarget;
  readonly reason: string;
}

/**
 * The version in which a target can be said: the lowest, so that older readers understand all that they can.
 * @throws WeighmarkError `claim-malformed` for what no reader understands: by a revoker it might revoke anything, and would stop
 * every decision.
 */
export function revocationPredicate({ action, target, reason }: Revocation): Readonly<Record<string, unknown>> {
  const predicate = { version: SINCE_VERSION_2.includes(target.kind) ? 2 : 1, action, target, reason };
  readRevocation({ statement: { predicateType: PREDICATES.revocation, predicate } });
  return predicate;
}

const SINCE_VERSION_2: readonly RevocationTarget['kind'][] = ['weights', 'identity', 'entry'];

type Said = Partial<Statement> & Pick<Statement, 'predicateType' | 'predicate'>;

/**
 * Fields that are not known are passed over, and the known ones obeyed.
 * @throws WeighmarkError `claim-malformed` for another version, or a known field that is missing or not as it should be.
 */
export function readRevocation({ statement }: { readonly statement: Said }): Revocation {
  const { version, action, target, reason } = statement.predicate;
  if (statement.predicateType !== PREDICATES.revocation || (version !== 1 && version !== 2))
    throw malformed('of an unknown version');
  if ((action !== 'revoke' && action !== 'reinstate') || typeof reason !== 'string' || reason === '')
    throw malformed('without action or reason');
  return { action, target: readTarget(target, version), reason };
}

export function targetKey(target: RevocationTarget): string {
  switch (target.kind) {
    case 'principal':
      return `principal ${target.name}`;
    case 'identity':
      return `identity ${target.issuer} ${target.identity}`;
    case 'entry':
      return `entry ${target.origin} ${target.index} ${target.sha256}`;
    case 'claim':
      return `claim ${target.pae}`;
    case 'weights':
      return `artifact ${weightsName(target.blake3)}`;
    case 'artifact':
    case 'key':
      return `${target.kind} ${target.sha256}`;
  }
}

/** What an artifact goes by because of its weights: told apart from every SHA-256. */
export function weightsName(blake3: string): string {
  return `blake3:${blake3}`;
}

/** For people. */
export function targetText(target: RevocationTarget): string {
  if (target.kind === 'principal') return `principal ${target.name}`;
  if (target.kind === 'identity') return `identity ${target.identity}`;
  if (target.kind === 'weights') return `weights ${weightsName(target.blake3)}`;
  return target.kind === 'entry' ? `log entry ${target.index}` : `${target.kind} sha256:${target.sha256}`;
}

function readTarget(value: unknown, version: 1 | 2): RevocationTarget {
  const { kind, sha256, blake3, name, since, pae, issuer, identity, origin, index } = isJsonObject(value) ? value : {};
  if (kind === 'artifact' && isHex256(sha256)) return { kind, sha256 };
  if (kind === 'claim' && isHex256(sha256) && isHex256(pae)) return { kind, sha256, pae };
  const isTime = typeof since === 'string' && !Number.isNaN(instantOf(since));
  if (kind === 'key' && isHex256(sha256) && isTime) return { kind, sha256, since };
  if (kind === 'principal' && typeof name === 'string' && isTime) return { kind, name, since };
  if (version === 1) throw malformed('without a target that can be understood');
  if (kind === 'weights' && isHex256(blake3)) return { kind, blake3 };
  if (kind === 'identity' && typeof issuer === 'string' && typeof identity === 'string' && isTime)
    return { kind, issuer, identity, since };
  const isPlace = typeof origin === 'string' && typeof index === 'number' && Number.isSafeInteger(index) && index >= 0;
  if (kind === 'entry' && isPlace && isHex256(sha256)) return { kind, origin, index, sha256 };
  throw malformed('without a target that can be understood');
}

function malformed(why: string): WeighmarkError {
  return new WeighmarkError('claim-malformed', `a revocation ${why}`);
}

export function isRevocation({ statement }: Pick<VerifiedClaim, 'statement'>): boolean {
  return statement.predicateType === PREDICATES.revocation;
}
