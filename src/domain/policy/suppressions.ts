import { globMatches } from '../base/glob.ts';
import type { Suppression } from '../authority/types.ts';

/** What a scan found, as far as a suppression looks at it. */
export interface Suppressible {
  /** A scan rule's id. */
  readonly rule: string;
  /** Path inside the artifact; absent: unknown, and no suppression with a path applies. */
  readonly path?: string;
  /** Hex SHA-256 of the file; absent: unknown, and no suppression with a digest applies. */
  readonly sha256?: string;
}

export interface SuppressionScope {
  /** The artifact's name; null: unknown, and only suppressions for all models apply. */
  readonly name: string | null;
  readonly now: Date;
}

export interface Suppressed {
  readonly reason: string;
  /** RFC 3339. */
  readonly expires: string;
  /** An expired one changes nothing, and is only there to be said. */
  readonly state: 'active' | 'expired';
}

/** The policy's word on a finding, one in force before an expired one. Everything a suppression names must match. */
export function suppressionOf(
  suppressions: readonly Suppression[],
  found: Suppressible,
  { name, now }: SuppressionScope,
): Suppressed | null {
  const matching = suppressions.filter((each) => covers(each, found, name)).map((each) => stateOf(each, now));
  return matching.find(({ state }) => state === 'active') ?? matching[0] ?? null;
}

/** As a person reads it, after a finding. */
export function suppressionText({ reason, expires, state }: Suppressed): string {
  return state === 'active'
    ? `suppressed until ${expires.slice(0, 10)}: ${reason}`
    : `its suppression expired on ${expires.slice(0, 10)}: ${reason}`;
}

function covers({ rule, path, sha256, models }: Suppression, found: Suppressible, name: string | null): boolean {
  if (rule !== found.rule) return false;
  if (path !== undefined && (found.path === undefined || !globMatches(path, found.path))) return false;
  if (sha256 !== undefined && sha256 !== found.sha256) return false;
  return models === undefined || (name !== null && models.some((glob) => globMatches(glob, name)));
}

function stateOf({ reason, expires }: Suppression, now: Date): Suppressed {
  return { reason, expires, state: Date.parse(expires) > now.getTime() ? 'active' : 'expired' };
}
