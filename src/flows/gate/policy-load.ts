import { globMatches } from '../../domain/base/glob.ts';
import { findingsOf, type Finding } from '../../domain/base/verdict.ts';
import type { TrustEntry } from '../../domain/claims/types.ts';
import { verify, type VerifyPorts } from '../verify/verify.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { MAX_POLICY_VERSION } from '../../domain/policy/schema.ts';
import { parsePolicy } from '../../domain/policy/parse.ts';
import {
  peopleTrusted,
  peopleWhoSigned,
  signaturesWanted,
  type PolicySignature,
} from '../../domain/policy/policy-signers.ts';
import type { Policy } from '../../domain/authority/types.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { VersionMemory } from '../../domain/ports/trust.ts';
import { refuseInside } from '../../domain/trust/anchors.ts';
import { POLICY_NAMES } from '../../domain/trust/entry.ts';
import { forShell } from '../../domain/base/text.ts';

export interface PolicyPlace {
  /** Absolute. */
  readonly path: string;
  /** As the user wrote it. */
  readonly shown: string;
  /** Artifacts and registries at hand: a policy in one of them is not the caller's. */
  readonly inside: readonly string[];
  /** Only what it accepts is asked: it may hold suppressions alone. */
  readonly suppressionsAlone?: boolean;
}

export interface PolicyPorts {
  readonly files: Files;
  readonly versions: VersionMemory;
  /** The caller's own trust store, and what verifying a signature takes. */
  readonly verify: VerifyPorts;
}

export interface ReadPolicy {
  readonly policy: Policy;
  readonly policyBytes: Uint8Array;
  /** People whose signatures the caller's trust asked for; null: it names nobody for policies. */
  readonly signedBy: readonly string[] | null;
}

/**
 * Reads a policy from outside of what it judges. A version below one that this user has seen under the same name is refused,
 * and so is one that is not signed by those the caller trusts for it, as many as that trust asks for.
 * @throws WeighmarkError `not-found`, `anchor-inside`, `policy-invalid`, `policy-rollback`, `signer-untrusted`, `policy-signatures`, `digest-mismatch`…
 */
export async function loadPolicy(place: PolicyPlace, ports: PolicyPorts): Promise<ReadPolicy> {
  await refuseInside(ports.files, place.path, place.inside);
  const policyBytes = await ports.files.read(place.path, LIMITS.policyBytes);
  const policy = parsePolicy(policyBytes, place.shown, place);
  const signedBy = await requireSigned(policy, place, ports);
  await refuseRollback(policy, place, { versions: ports.versions, signed: signedBy !== null });
  return { policy, policyBytes, signedBy };
}

/**
 * Where the caller's trust names signers for this policy (`trust add boss --key … --for policy/acme --threshold 2`), so many
 * of them must have signed the very bytes that were read, each in a file of their own beside it. How many is said by the
 * caller's trust alone: nothing that comes with a policy lowers it. Who trusts anybody for policies trusts no unsigned one:
 * it could call itself anything.
 */
async function requireSigned(
  policy: Policy,
  { path, shown }: PolicyPlace,
  ports: PolicyPorts,
): Promise<readonly string[] | null> {
  const wanted = `${POLICY_NAMES}${policy.name}`;
  const forPolicies = (await ports.verify.trust()).filter((entry) => entry.for?.startsWith(POLICY_NAMES) === true);
  if (forPolicies.length === 0) return null;
  const signers = forPolicies.filter((entry) => globMatches(entry.for ?? '', wanted));
  if (signers.length === 0)
    throw new WeighmarkError('signer-untrusted', `nobody is trusted for the policy ${policy.name}`, {
      subject: shown,
      hint: `who may sign it? \`weighmark trust add NAME --key FILE --for ${forShell(wanted)}\``,
    });
  const threshold = signaturesWanted(signers);
  if (peopleTrusted(signers) < threshold)
    throw new WeighmarkError(
      'trust-invalid',
      `${threshold} people must sign the policy ${policy.name}, and ${peopleTrusted(signers)} are trusted for it`,
      { subject: shown },
    );
  const judged: readonly Judged[] = await Promise.all(
    (await signatureFiles(path, ports.files)).map((signature) =>
      judge({ policy, path, shown, signature, wanted }, signers, ports),
    ),
  );
  const people = peopleWhoSigned(judged.flatMap((each) => ('finding' in each ? [] : [each])));
  if (people.length >= threshold) return people;
  const names = signers.map(({ name }) => name);
  const refusals = judged.flatMap((each) => ('finding' in each ? [each.finding] : []));
  throw unsigned({
    shown,
    people,
    threshold,
    refusals,
    hint: `${names.join(' or ')} signs it with \`weighmark sign ${forShell(shown)}\`; each further one with \`--signature ${forShell(`${shown}.NAME.oms.sig`)}\``,
  });
}

type Judged = PolicySignature | { readonly finding: Finding };

interface Question {
  readonly policy: Policy;
  readonly path: string;
  readonly shown: string;
  readonly signature: string;
  /** `policy/NAME` */
  readonly wanted: string;
}

async function judge(
  { policy, path, shown, signature, wanted }: Question,
  signers: readonly TrustEntry[],
  ports: PolicyPorts,
): Promise<Judged> {
  const outcome = await verify(
    { root: path, shown, name: wanted, algorithm: 'sha256', signature },
    { ...ports.verify, trust: async () => signers },
  );
  const [finding] = findingsOf(outcome.verdict);
  if (outcome.verdict.exitCode !== 0 || outcome.signature === null)
    return { finding: finding ?? { code: 'signature-invalid', message: 'it does not hold' } };
  const [file] = outcome.files;
  if (outcome.files.length !== 1 || `sha256:${file?.digests.sha256 ?? ''}` !== policy.digest)
    return { finding: { code: 'file-changed', message: 'it changed while it was read' } };
  const { signer, keys } = outcome.signature.claim;
  return { signer, keys, trustedBy: outcome.signature.trustedBy };
}

const MOST_SIGNATURES = 100;

/** `<FILE>.sig`, `<FILE>.oms.sig`, and one for each further signer: `<FILE>.NAME.sig`. */
async function signatureFiles(path: string, files: Files): Promise<readonly string[]> {
  const cut = path.lastIndexOf('/') + 1;
  const start = `${path.slice(cut)}.`;
  const names = (await files.names(path.slice(0, cut))).filter(
    (name) => name.startsWith(start) && name.endsWith('.sig'),
  );
  if (names.length > MOST_SIGNATURES)
    throw new WeighmarkError('claims-limit', `more than ${MOST_SIGNATURES} signatures beside ${path}`, {
      subject: path,
    });
  return names.map((name) => `${path.slice(0, cut)}${name}`);
}

function unsigned({
  shown,
  people,
  threshold,
  refusals,
  hint,
}: {
  shown: string;
  people: readonly string[];
  threshold: number;
  refusals: readonly Finding[];
  hint: string;
}): WeighmarkError {
  const [finding] = refusals;
  const about = { subject: shown, hint };
  if (people.length > 0)
    return new WeighmarkError(
      'policy-signatures',
      `${shown} is signed by ${people.join(', ')}: ${people.length} of the ${threshold} people wanted`,
      about,
    );
  if (finding === undefined) return new WeighmarkError('nothing-to-verify', `nobody signed ${shown}`, about);
  return new WeighmarkError(finding.code, `${shown}: ${finding.message}`, { ...about, facts: finding.facts ?? {} });
}

/**
 * The line of versions is the policy's name at this place: two projects may both call theirs `prod`. Where the caller's trust
 * ties the name to signers it is the name alone, wherever an old copy may lie.
 */
async function refuseRollback(
  { name, version }: Policy,
  { path, shown }: PolicyPlace,
  { versions, signed }: { versions: VersionMemory; signed: boolean },
): Promise<void> {
  const line = signed ? `signed policy ${name}` : `policy ${name} ${path}`;
  const seen = await versions.highest(line);
  if (seen !== null && version < seen) {
    throw new WeighmarkError(
      'policy-rollback',
      `${shown} is version ${version} of the policy ${name}; version ${seen} was here before`,
      { subject: shown, hint: wayForward(seen, versions.keptIn(line)) },
    );
  }
  if (version !== seen) await versions.remember(line, version);
}

/** A version near the highest there may be leaves no room above it. */
function wayForward(seen: number, kept: string): string {
  const mistake = `if version ${seen} was a mistake, remove ${kept}`;
  return seen >= MAX_POLICY_VERSION
    ? `no version is higher: ${mistake}`
    : `a policy only goes forward: give the changed one version ${seen + 1} or higher; ${mistake}`;
}
