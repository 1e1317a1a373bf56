import { createAuthority, policyHearing } from '../../domain/authority/authority.ts';
import { reaching } from '../../domain/authority/reach.ts';
import { weightsName } from '../../domain/authority/revocation.ts';
import { collectRevocations } from '../../domain/authority/revocations.ts';
import { hear, type Heard } from '../../domain/authority/speaker.ts';
import type { Policy } from '../../domain/authority/types.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import { namesOfArtifact } from '../../domain/claims/names.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { namesOfWeights } from '../../domain/claims/weights-lists.ts';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { mostToReinstate } from '../../domain/policy/evaluate.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import type { GatePorts } from '../gate/gate.ts';
import { claimsIfThere, revocationsOf, type ReadLog } from '../registry/gate-claims.ts';
import { matched } from '../registry/known.ts';
import type { Looked } from './look.ts';

/** Whose word on what lies in which registry. */
interface Asked {
  readonly policy: Policy;
  readonly timestampAuthorities?: readonly string[];
  readonly registry: Registry;
  readonly ports: Pick<GatePorts, 'keyless' | 'clock'>;
}

/**
 * What the policy's revokers say of what lies here, in the registry or not, by any of its digests: ids, root, the only file, weights.
 * The log's revocations are read and verified once.
 */
export async function revocationsKnown(
  question: Asked,
  log: ReadLog,
  heard: Map<string, Heard>,
): Promise<(looked: Looked) => readonly Finding[]> {
  const logged = revocationsOf(await revocationsIn(question, log, heard), log, PREDICATES.revocation);
  const authority = createAuthority(question.policy);
  const collected = collectRevocations(logged, authority, { reinstate: mostToReinstate(question.policy) });
  const revocations = reaching(collected, { claims: logged.map(({ claim }) => claim), known: new Map(), authority });
  return (looked) => {
    if (revocations.inForce.length === 0) return [];
    const [found] = digestsOf(looked).flatMap((digest) => revocations.ofArtifact(digest) ?? []);
    if (found === undefined) return [];
    return [
      {
        code: 'revoked',
        message: `it was revoked by ${found.by}: ${found.reason}`,
        subject: looked.item.id ?? looked.item.location,
        facts: { claim: `sha256:${found.bundle}` },
      },
    ];
  };
}

async function revocationsIn(
  { policy, registry, timestampAuthorities = [], ports }: Asked,
  log: ReadLog,
  heard: Map<string, Heard>,
): Promise<readonly VerifiedClaim[]> {
  const entries = log.entries.matching({ kind: 'revocation' }).map(({ leaf }) => leaf);
  const wanted = new Set(entries.map(({ bundle }) => bundle));
  const verification = {
    trust: policyHearing(policy),
    keyless: ports.keyless,
    now: ports.clock.now(),
    timestampAuthorities: [...policy.timestampAuthorities, ...timestampAuthorities],
    maxBytes: LIMITS.signatureBytes,
  };
  const places = new Map(entries.map((leaf) => [`${leaf.name}@${leaf.manifest}`, leaf]));
  for (const { name, manifest } of places.values())
    for (const bytes of await claimsIfThere(registry, name, manifest)) {
      const digest = sha256Hex(bytes);
      if (wanted.has(`sha256:${digest}`) && !heard.has(digest)) heard.set(digest, await hear(bytes, verification));
    }
  return [...heard.values()].flatMap((each) => (each.standing === 'named' ? [each.claim] : []));
}

/** Of one file what is recorded of it too; a file of several is not what is revoked. */
function digestsOf({ item, files, weights }: Looked): readonly string[] {
  const own = files === null || item.id === undefined ? [] : namesOfArtifact(matched(item.id, files));
  const recorded = item.digests.filter(({ algorithm }) => algorithm === 'sha256').map(({ hex }) => hex);
  return [...own, ...(item.files === 1 ? recorded : []), ...[...namesOfWeights(weights)].map(weightsName)];
}
