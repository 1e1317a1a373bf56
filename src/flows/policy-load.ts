import { LIMITS } from '../domain/limits.ts';
import { parsePolicy } from '../domain/policy/parse.ts';
import type { Policy } from '../domain/policy/types.ts';
import type { Files } from '../domain/ports.ts';
import { refuseInside } from '../domain/trust/anchors.ts';

export interface PolicyPlace {
  /** Absolute. */
  readonly path: string;
  /** As the user wrote it. */
  readonly shown: string;
  /** Artifacts and registries at hand: a policy in one of them is not the caller's. */
  readonly inside: readonly string[];
}

/** @throws WeighmarkError `not-found`, `anchor-inside`, `policy-invalid`. */
export async function loadPolicy(place: PolicyPlace, files: Files): Promise<{ readonly policy: Policy; readonly policyBytes: Uint8Array }> {
  await refuseInside(files, place.path, place.inside);
  const policyBytes = await files.read(place.path, LIMITS.policyBytes);
  return { policy: parsePolicy(policyBytes, place.shown), policyBytes };
}
