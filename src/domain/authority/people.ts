/** Somebody who said something that is counted. */
export interface Counted {
  readonly principal: string;
  /** Only a pattern names the signer: it could be anybody who matches. */
  readonly pattern: boolean;
  /** The signing key's fingerprints, where it is one that lasts. */
  readonly keys?: readonly string[] | undefined;
}

/**
 * Each person once (security rule 12): by key material first, since one key in two hands is one key, whatever vouches for it;
 * then by principal; of those whom only a pattern names, one in all.
 */
export function distinctPeople<T extends Counted>(all: readonly T[]): readonly T[] {
  const seen = new Set<string>();
  return all.filter(({ principal, pattern, keys = [] }) => {
    const names = [pattern ? 'pattern' : `principal ${principal}`, ...keys.slice(0, 1).map((key) => `key ${key}`)];
    const isNew = !names.some((name) => seen.has(name));
    for (const name of names) seen.add(name);
    return isNew;
  });
}
