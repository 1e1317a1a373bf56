import type { LogLeaf } from '../../domain/tlog/leaf.ts';
import { createAuthority } from '../../domain/authority/authority.ts';
import type { RevocationTarget } from '../../domain/authority/revocation.ts';
import { collectRevocations } from '../../domain/authority/revocations.ts';
import type { Policy } from '../../domain/authority/types.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { PREDICATES } from '../../domain/claims/predicates.ts';
import { mostToReinstate } from '../../domain/policy/evaluate.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { bundleFinder } from '../registry/door.ts';
import { readLog, revocationsOf } from '../registry/gate-claims.ts';
import { findOrphans } from './earlier-policies.ts';
import { loggedRevocations, revoke, type RevokeInput, type RevokeOutcome, type RevokePorts } from './revoke.ts';

/** What is said anew, and by whom it was said. */
export interface SaidAgain extends RevokeOutcome {
  readonly target: RevocationTarget;
  readonly reason: string;
}

/**
 * Says anew, by a revoker of today, every revocation whose speaker the policy does not hear any more, or who was lost since. The
 * first that is refused ends it. Empty: nothing is orphaned.
 * @throws WeighmarkError `wrong-signer`, and what reading the log throws.
 */
export async function revokeAgain(policy: Policy, ports: RevokePorts): Promise<readonly SaidAgain[]> {
  const log = await readLog(ports.registry);
  const { bundles, claims } = await loggedRevocations(log, policy, ports);
  const { timestampAuthorities } = policy;
  const verification = { keyless: ports.keyless, now: ports.clock.now(), timestampAuthorities };
  const found = await findOrphans({ registry: ports.registry, log, policy, verification, bundles, claims });
  const { doubts } = collectRevocations(revocationsOf(claims, log, PREDICATES.revocation), createAuthority(policy), {
    reinstate: mostToReinstate(policy),
  });
  const open = [
    ...found.flatMap(({ orphan: { target, claim } }) => (target === null ? [] : [{ target, bundle: claim.bundle }])),
    ...doubts.map(({ target, bundle }) => ({ target, bundle })),
  ];
  const said: SaidAgain[] = [];
  for (const { target, bundle } of open) {
    const leaf = log.entries.matching({ bundle: `sha256:${bundle}` })[0]?.leaf;
    const artifact = target.kind === 'artifact' && leaf !== undefined ? { name: leaf.name, id: leaf.manifest } : null;
    const reason = `again: sha256:${bundle}`;
    const input: RevokeInput = { action: 'revoke', target, reason, artifact, policy };
    said.push({ ...(await revoke(input, ports)), target, reason });
  }
  return said;
}

/**
 * One revoker's word that an entry of the log never had a bundle; it counts once as many say so as undoing a revocation takes.
 * @throws WeighmarkError `not-found` without such an entry, `usage` if the bundle is there, `wrong-signer`.
 */
export async function voidEntry(
  { index, reason, policy }: { readonly index: number; readonly reason: string; readonly policy: Policy },
  ports: RevokePorts,
): Promise<RevokeOutcome & { readonly target: RevocationTarget }> {
  const { origin, entries } = await readLog(ports.registry);
  const entry = entries.at(index);
  if (entry === undefined) throw new WeighmarkError('not-found', `the log has no entry ${index}`);
  const { leaf } = entry;
  if (await isThere(leaf, ports.registry))
    throw new WeighmarkError('usage', `the bundle of entry ${index} is there: it says what it says`, {
      subject: leaf.bundle,
      hint: 'what somebody said is taken back with `weighmark revoke --claim`',
    });
  const target: RevocationTarget = { kind: 'entry', origin, index, sha256: leaf.bundle.slice('sha256:'.length) };
  return { ...(await revoke({ action: 'revoke', target, reason, artifact: null, policy }, ports)), target };
}

async function isThere(leaf: LogLeaf, registry: Registry): Promise<boolean> {
  return (await bundleFinder(registry, Infinity)(leaf)) !== null;
}
