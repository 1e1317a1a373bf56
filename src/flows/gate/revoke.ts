import { PREDICATES } from '../../domain/claims/predicates.ts';
import { buildStatement } from '../../domain/claims/statement.ts';
import { onlyFile } from '../../domain/claims/binding.ts';
import { subject, type MatchedArtifact } from '../../domain/claims/subjects.ts';
import { artifactIn } from '../registry/known.ts';
import type { VerifiedClaim } from '../../domain/claims/types.ts';
import { verifyClaim } from '../../domain/trust/verify-claim.ts';
import { buildManifest } from '../../domain/digest/manifest.ts';
import { ociDigest, sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { isTooLarge, looseEnvelope } from '../../domain/claims/loose-envelope.ts';
import { actOf, paeDigest } from '../../domain/claims/dsse.ts';
import { canonicalJson } from '../../domain/base/json.ts';
import { createAuthority, policyHearing, policyTrust, signerKey } from '../../domain/authority/authority.ts';
import { whoMay } from '../../domain/authority/holders.ts';
import { revocationPredicate, type RevocationTarget } from '../../domain/authority/revocation.ts';
import { collectRevocations } from '../../domain/authority/revocations.ts';
import { hear } from '../../domain/authority/speaker.ts';
import { mostToReinstate } from '../../domain/policy/evaluate.ts';
import { buildSnapshot, inForceOf, newestSnapshot, type Snapshot } from '../../domain/authority/snapshot.ts';
import { REVOKER_ROLE, type Policy } from '../../domain/authority/types.ts';
import type { ClaimSigner } from '../../domain/ports/signing.ts';
import type { LoggedLeaf } from '../../domain/ports/log.ts';
import type { Registry } from '../../domain/ports/registry.ts';
import { ATTACHMENTS } from '../../domain/registry/referrer.ts';
import { attachClaim } from '../registry/attach.ts';
import type { GatePorts } from './gate.ts';
import { claimsIfThere, readLog, revocationsOf, type ReadLog } from '../registry/gate-claims.ts';
import { requireFreshLog, type PinnedCheckpoint } from './log-freshness.ts';

/** Name under which a registry keeps what is said about signers and the log, which are no artifacts. */
export const REVOCATIONS_NAME = 'weighmark-revocations';

export interface RevokeInput {
  readonly action: 'revoke' | 'reinstate';
  readonly target: RevocationTarget;
  readonly reason: string;
  /** The artifact it concerns, where it concerns one: its name and id. */
  readonly artifact: { readonly name: string; readonly id: string } | null;
  readonly policy: Policy;
}

export interface RevokeOutcome {
  readonly bundle: string;
  readonly by: string;
  readonly logged: LoggedLeaf;
}

export interface RevokePorts extends Pick<GatePorts, 'clock' | 'keyless'> {
  readonly registry: Registry;
  readonly signer: ClaimSigner;
}

/**
 * Signs and logs that something no longer counts, or counts again. The signer must be a revoker of the policy; of a claim,
 * its own signer may say so too.
 * @throws WeighmarkError `wrong-signer` before anything is stored.
 */
export async function revoke(input: RevokeInput, ports: RevokePorts): Promise<RevokeOutcome> {
  const note = input.artifact === null ? noteFor(input.target) : null;
  const place = note ?? (input.artifact as NotePlace);
  const predicate = revocationPredicate(input);
  const known = note === null ? await artifactIn(ports.registry, place.name, place.id) : null;
  const bundle = await ports.signer.sign(statementAbout(place, predicate, known));
  const by = await revokerOf(bundle, input, ports);
  await refuseRepeated(bundle, place, ports.registry);
  await note?.store(ports.registry);
  await keepPolicy(place, input.policy, ports.registry);
  const logged = await attachClaim(
    { name: place.name, manifest: place.id, bundle, kind: 'revocation' },
    ports.registry,
  );
  return { bundle: ociDigest(bundle), by, logged };
}

/** By a key whose signatures are drawn from what they sign, the same words are the same signature: logged again it says nothing. */
async function refuseRepeated(bundle: Uint8Array, { name, id }: NotePlace, registry: Registry): Promise<void> {
  const act = actIn(bundle);
  const same = (await claimsIfThere(registry, name, id)).find((each) => actIn(each) === act);
  const [entry] = same === undefined ? [] : await registry.log.find({ bundle: ociDigest(same), kind: 'revocation' });
  if (entry !== undefined)
    throw new WeighmarkError(
      'usage',
      `log entry ${entry.index} is this very signature: repeated, it says nothing new`,
      { hint: 'with another `--reason TEXT` it is said anew' },
    );
}

function actIn(bundle: Uint8Array): string | null {
  const envelope = looseEnvelope(bundle, LIMITS.signatureBytes);
  const [signature] = envelope?.signatures ?? [];
  return envelope === null || signature === undefined ? null : actOf(envelope.payloads[0].payload, signature);
}

export interface SnapshotInput {
  readonly policy: Policy;
  /** How long it holds, in milliseconds. */
  readonly validMs: number;
  /** A checkpoint the caller brings: the log must continue it. */
  readonly pinned?: PinnedCheckpoint;
}

/**
 * A revoker's snapshot of all that is revoked as of now (rule 19): one version above the newest. It vouches for the log, so
 * it is never made from one that could be an old one.
 * @throws WeighmarkError `wrong-signer`, `log-freshness-unknown`, `log-rollback`, `log-fork`, `clock-behind`.
 */
export async function takeSnapshot(
  { policy, validMs, pinned }: SnapshotInput,
  ports: RevokePorts,
): Promise<RevokeOutcome & { readonly snapshot: Snapshot }> {
  const log = await readLog(ports.registry);
  await requireFreshLog(log, { rule: policy.log, pinned, now: ports.clock.now() }, ports.registry);
  const size = log.entries.length;
  const version = ((await latestSnapshot(log, policy, ports))?.version ?? 0) + 1;
  const root = log.entries.rootAt(size) ?? '';
  const asksAll = policy.environments.some(({ revocations }) => revocations?.complete === true);
  const snapshot: Snapshot = {
    version,
    asOf: { origin: log.origin, size, root },
    expires: new Date(ports.clock.now().getTime() + validMs).toISOString(),
    ...(asksAll ? { inForce: inForceOf(await revocationsInForce(log, policy, ports)) } : {}),
  };
  const place = noteFor(snapshot.asOf);
  const bundle = await ports.signer.sign(statementAbout(place, buildSnapshot(snapshot)));
  const by = await revokerOf(bundle, { policy }, ports);
  await place.store(ports.registry);
  const logged = await attachClaim(
    { name: place.name, manifest: place.id, bundle, kind: 'revocation' },
    ports.registry,
  );
  return { bundle: ociDigest(bundle), by, logged, snapshot };
}

/** Bundles of the revocations that hold, as every reader under this policy counts them. */
async function revocationsInForce(log: ReadLog, policy: Policy, ports: RevokePorts): Promise<readonly string[]> {
  const { claims } = await loggedRevocations(log, policy, ports);
  const logged = revocationsOf(claims, log, PREDICATES.revocation);
  return collectRevocations(logged, createAuthority(policy), { reinstate: mostToReinstate(policy) }).inForce;
}

async function latestSnapshot(log: ReadLog, policy: Policy, ports: RevokePorts): Promise<Snapshot | null> {
  const { claims } = await loggedRevocations(log, policy, ports);
  const asked = { origin: log.origin, rootAt: (size: number) => log.entries.rootAt(size), revoked: () => false };
  return newestSnapshot(claims, createAuthority(policy), asked)?.snapshot ?? null;
}

/** Every logged revocation that is there: its bytes, and the claims of those by anyone of the policy, now or formerly. */
export async function loggedRevocations(
  log: ReadLog,
  policy: Policy,
  ports: RevokePorts,
): Promise<{ bundles: ReadonlyMap<string, Uint8Array>; claims: readonly VerifiedClaim[] }> {
  const bundles = new Map<string, Uint8Array>();
  const claims: VerifiedClaim[] = [];
  const revocations = log.entries.matching({ kind: 'revocation' }).map(({ leaf }) => leaf);
  const wanted = new Set(revocations.map(({ bundle }) => bundle));
  const places = new Map(revocations.map((leaf) => [`${leaf.name}@${leaf.manifest}`, leaf] as const));
  for (const { name, manifest } of places.values())
    for (const bytes of await claimsIfThere(ports.registry, name, manifest)) {
      const digest = sha256Hex(bytes);
      if (!wanted.has(`sha256:${digest}`) || bundles.has(digest)) continue;
      bundles.set(digest, bytes);
      const heard = await hear(bytes, {
        trust: policyHearing(policy),
        keyless: ports.keyless,
        now: ports.clock.now(),
        timestampAuthorities: policy.timestampAuthorities,
        maxBytes: LIMITS.signatureBytes,
      });
      if (heard.standing === 'named') claims.push(heard.claim);
    }
  return { bundles, claims };
}

/** A claim of an artifact as a target, by its bundle's digest. @throws WeighmarkError `not-found`. */
export async function claimTarget(
  sha256: string,
  artifact: NonNullable<RevokeInput['artifact']>,
  registry: Registry,
): Promise<RevocationTarget> {
  const bundles = await registry.claims(artifact.name, artifact.id);
  const bundle = bundles.find((bytes) => sha256Hex(bytes) === sha256);
  if (bundle === undefined)
    throw new WeighmarkError('not-found', `${artifact.name} has no claim sha256:${sha256}`, {
      hint: `\`weighmark show ${artifact.name}@${artifact.id}\` lists them`,
    });
  const envelope = looseEnvelope(bundle, LIMITS.signatureBytes);
  if (envelope === null && isTooLarge(bundle, LIMITS.signatureBytes)) return { kind: 'claim', sha256, pae: sha256 };
  if (envelope === null)
    throw new WeighmarkError('signature-malformed', `sha256:${sha256} holds no signed statement, and says nothing`);
  return { kind: 'claim', sha256, pae: paeDigest(envelope.payloads[0].payload) };
}

/** The policy under which it counts lies with it: whoever changes the policy learns what would cease to count. */
async function keepPolicy({ name, id }: NotePlace, { bytes }: Policy, registry: Registry): Promise<void> {
  if (bytes !== undefined) await registry.putAttachment(name, id, ATTACHMENTS.policy, bytes);
}

interface NotePlace {
  readonly name: string;
  readonly id: string;
}

interface Note extends NotePlace {
  store(registry: Registry): Promise<void>;
}

/** Says with an artifact's id by what other digests it is known, so that who names it by those hears of it too. */
function statementAbout(
  place: NotePlace,
  predicate: Readonly<Record<string, unknown>>,
  known: MatchedArtifact | null = null,
): Uint8Array {
  const file = known === null ? null : onlyFile(known);
  const subjects = [
    subject('manifest', place.name, place.id.slice('sha256:'.length)),
    ...(known?.root === undefined ? [] : [subject('root', place.name, known.root)]),
    ...(file === null ? [] : [subject('file', [...(known?.files?.keys() ?? [])][0] ?? '', file)]),
  ];
  return buildStatement(subjects, PREDICATES.revocation, predicate);
}

/** What is no artifact gets a small one that says what it is: claims in a registry refer to manifests only. */
function noteFor(about: unknown): Note {
  const bytes = new TextEncoder().encode(canonicalJson(about));
  const manifest = buildManifest([{ path: 'about.json', sizeBytes: bytes.length, sha256: sha256Hex(bytes) }]);
  const store = async (registry: Registry): Promise<void> => {
    await registry.putBytes(REVOCATIONS_NAME, ociDigest(bytes), bytes);
    for (const config of manifest.configs) await registry.putBytes(REVOCATIONS_NAME, config.digest, config.bytes);
    await registry.putManifest(REVOCATIONS_NAME, manifest.top);
  };
  return { name: REVOCATIONS_NAME, id: manifest.id, store };
}

/** The principal who signed, if its word counts. @throws WeighmarkError `wrong-signer`. */
async function revokerOf(
  bundle: Uint8Array,
  { policy, ...input }: Pick<RevokeInput, 'policy'> & Partial<RevokeInput>,
  ports: RevokePorts,
): Promise<string> {
  const authority = createAuthority(policy);
  const claim = await readSigned(bundle, policy, ports);
  const identity = claim === null ? 'unknown' : authority.who(claim.signer);
  if (claim === null || typeof identity === 'string')
    throw new WeighmarkError('wrong-signer', 'the policy does not name this signer');
  const name = claim.statement.subject[0]?.name ?? '';
  if (authority.rolesOf(claim, name).some((role) => role.name === REVOKER_ROLE)) return identity.principal.name;
  if (input.action === 'revoke' && input.target?.kind === 'claim' && (await isOwn(claim, { ...input, policy }, ports)))
    return identity.principal.name;
  throw new WeighmarkError('wrong-signer', `${identity.principal.name} is no ${REVOKER_ROLE} of the policy`, {
    ...whoMay(
      policy.roles.filter((role) => role.name === REVOKER_ROLE),
      identity.principal.name,
    ),
  });
}

/** True if the claim to be revoked is by the same signer. */
async function isOwn(
  claim: VerifiedClaim,
  { target, artifact, policy }: Pick<RevokeInput, 'policy'> & Partial<RevokeInput>,
  ports: RevokePorts,
): Promise<boolean> {
  if (target?.kind !== 'claim' || artifact === null || artifact === undefined) return false;
  const bundles = await ports.registry.claims(artifact.name, artifact.id);
  const revoked = bundles.find((bytes) => sha256Hex(bytes) === target.sha256);
  const other = revoked === undefined ? null : await readSigned(revoked, policy, ports);
  return other !== null && signerKey(other.signer) === signerKey(claim.signer);
}

async function readSigned(bundle: Uint8Array, policy: Policy, ports: RevokePorts): Promise<VerifiedClaim | null> {
  const outcome = await verifyClaim(bundle, {
    trust: policyTrust(policy),
    keyless: ports.keyless,
    now: ports.clock.now(),
  });
  return outcome.claim ?? null;
}
