import { createHash } from 'node:crypto';
import { canonicalJson } from '../base/json.ts';
import type { RawPolicy } from './raw.ts';

/** What says which text of the policy this is, until when it is in force, and what came before: not what it demands. */
const NOT_DEMANDS: readonly string[] = ['$schema', 'version', 'expires', 'accepts'];

/**
 * Digest of what a policy demands: of its values in one canonical form, whatever comments, order of keys or spelling of YAML
 * it is written with. Two policies with one meaning decide alike while both are in force. Never written into anything signed:
 * a promotion names the bytes, and this is recomputed from them.
 */
export function meaningOf(raw: RawPolicy): string {
  const demands = Object.fromEntries(Object.entries(raw).filter(([key]) => !NOT_DEMANDS.includes(key)));
  return `sha256:${createHash('sha256').update(canonicalJson(demands)).digest('hex')}`;
}
