import { globMatches } from '../domain/trust/glob.ts';
import { findingsOf } from '../domain/verdict.ts';
import { verify, type VerifyPorts } from './verify.ts';
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

export interface PolicyPorts {
  readonly files: Files;
  readonly versions: VersionMemory;
  /** The caller's own trust store, and what verifying a signature takes. */
  readonly verify: VerifyPorts;
}

/**
 * Reads a policy from outside of what it judges. A version below one that this user has seen under the same name is refused,
 * and so is one that is not signed by those the caller trusts for it.
 * @throws WeighmarkError `not-found`, `anchor-inside`, `policy-invalid`, `policy-rollback`, `signer-untrusted`, `digest-mismatch`…
 */
export async function loadPolicy(place: PolicyPlace, ports: PolicyPorts): Promise<{ readonly policy: Policy; readonly policyBytes: Uint8Array }> {
  await refuseInside(ports.files, place.path, place.inside);
  const policyBytes = await ports.files.read(place.path, LIMITS.policyBytes);
  const policy = parsePolicy(policyBytes, place.shown);
  await requireSigned(policy, place, ports);
  await refuseRollback(policy, place, ports.versions);
  return { policy, policyBytes };
}

/** Names under `policy/` in a trust entry's `for` are policies: whoever is trusted for one must have signed it. */
const POLICY_NAMES = 'policy/';

/**
 * Where the caller's trust names signers for this policy (`trust add boss --key … --for policy/acme`), the OMS signature
 * beside it must be one of theirs, over the very bytes that were read. Who trusts anybody for policies trusts no unsigned
 * one: it could call itself anything.
 */
async function requireSigned({ name, digest }: Policy, { path, shown }: PolicyPlace, ports: PolicyPorts): Promise<void> {
  const wanted = `${POLICY_NAMES}${name}`;
  const forPolicies = (await ports.verify.trust()).filter((entry) => entry.for?.startsWith(POLICY_NAMES) === true);
  if (forPolicies.length === 0) return;
  const signers = forPolicies.filter((entry) => globMatches(entry.for ?? '', wanted));
  if (signers.length === 0) throw new WeighmarkError('signer-untrusted', `nobody is trusted for the policy ${name}`, { subject: shown, hint: `who may sign it? \`weighmark trust add NAME --key FILE --for ${wanted}\`` });
  const { verdict, files } = await verify({ root: path, shown, name: wanted, algorithm: 'sha256' }, { ...ports.verify, trust: async () => signers });
  const [finding] = findingsOf(verdict);
  const hint = `${signers.map((entry) => entry.name).join(' or ')} signs it with \`weighmark sign ${shown}\``;
  if (finding !== undefined) throw new WeighmarkError(finding.code, `${shown}: ${finding.message}`, { subject: shown, hint, ...(finding.facts === undefined ? {} : { facts: finding.facts }) });
  if (verdict.exitCode !== 0) throw new WeighmarkError('nothing-to-verify', `nobody signed ${shown}`, { subject: shown, hint });
  const [file] = files;
  if (files.length !== 1 || `sha256:${file?.digests.sha256 ?? ''}` !== digest) throw new WeighmarkError('file-changed', `${shown} changed while it was read`, { subject: shown });
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
