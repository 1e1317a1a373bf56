import type { Registry } from '../../domain/ports/registry.ts';
import { findWeights, type FoundWeights } from '../registry/find-weights.ts';
import type { ListPorts } from '../registry/weights-lists.ts';
import { impactOf, type ImpactInput, type ImpactOutcome, type ImpactPorts } from './impact.ts';

export interface WeightsImpactInput extends Omit<ImpactInput, 'digest'> {
  /** Roots or tensor digests, BLAKE3 in lower-case hex. */
  readonly wanted: readonly string[];
}

export interface WeightsImpact extends Omit<ImpactOutcome, 'id'> {
  readonly weights: FoundWeights & { readonly blake3: readonly string[] };
}

/** Which sealed versions have these weights, whatever the container, and what was made from those. */
export async function impactOfWeights(
  { wanted, ...input }: WeightsImpactInput,
  registry: Registry,
  ports: ImpactPorts & ListPorts,
): Promise<WeightsImpact> {
  const verification = { ...input, keyless: ports.keyless, now: ports.clock.now() };
  const found = await findWeights(wanted, { registry, verification, hasher: ports.hasher });
  const digests = found.holders.map(({ id }) => id.slice('sha256:'.length));
  return { ...(await impactOf({ ...input, digests }, registry, ports)), weights: { blake3: wanted, ...found } };
}
