import { WeighmarkError } from '../domain/errors.ts';
import { LIMITS } from '../domain/limits.ts';
import { parsePolicy } from '../domain/policy/parse.ts';
import type { Policy } from '../domain/policy/types.ts';
import type { Files, VersionMemory } from '../domain/ports.ts';
import { refuseInside } from '../domain/trust/anchors.ts';

export interface PolicyPlace {
  /** Absolute. */
  readonly path: string;
  /** As the user wrote it. */
  readonly shown: string;
  /** Artifacts and registries at hand: a policy in one of them is not the caller's. */
  readonly inside: readonly string[];
}

/**
 * Reads a policy from outside of what it judges. A version below one that this user has seen under the same name is refused.
 * @throws WeighmarkError `not-found`, `anchor-inside`, `policy-invalid`, `policy-rollback`.
 */
export async function loadPolicy(place: PolicyPlace, { files, versions }: { files: Files; versions: VersionMemory }): Promise<{ readonly policy: Policy; readonly policyBytes: Uint8Array }> {
  await refuseInside(files, place.path, place.inside);
  const policyBytes = await files.read(place.path, LIMITS.policyBytes);
  const policy = parsePolicy(policyBytes, place.shown);
  await refuseRollback(policy, place, versions);
  return { policy, policyBytes };
}

/** The line of versions is the policy's name at this place: two projects may both call theirs `prod`. */
async function refuseRollback({ name, version }: Policy, { path, shown }: PolicyPlace, versions: VersionMemory): Promise<void> {
  const line = `policy ${name} ${path}`;
  const seen = await versions.highest(line);
  if (seen !== null && version < seen) {
    throw new WeighmarkError('policy-rollback', `${shown} is version ${version} of the policy ${name}; version ${seen} was here before`, { subject: shown, hint: 'a policy only goes forward: give the changed one a higher version' });
  }
  if (seen === null || version > seen) await versions.remember(line, version);
}
