import type { San } from '../pki/certificate.ts';
import type { CiIdentity, Signer, TrustAnchor, TrustEntry, VerifiedTime } from '../claims/types.ts';
import { GITHUB_ISSUER, GITLAB_ISSUER, compilePattern } from './identity.ts';
import { certificateFingerprint, readCertificates } from '../pki/certificates.ts';
import { globMatches } from '../base/glob.ts';
import { instanceOf } from './instance.ts';
import { readPublicKey } from '../pki/keys.ts';

type OidcSigner = Extract<Signer, { kind: 'oidc' }>;
type CertificateSigner = Extract<Signer, { kind: 'certificate' }>;
type KeyAnchor = Extract<TrustAnchor, { kind: 'key' }>;
type OidcAnchor = Extract<TrustAnchor, { kind: 'oidc' }>;
type CertificateAnchor = Extract<TrustAnchor, { kind: 'certificate' }>;

/** Why a signer is not who an anchor names: what was wanted and what the signature proves. Both may be hostile text. */
export interface Mismatch {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** The first entry that names this signer, or null: nobody the caller trusts. */
export function entryOf(
  signer: Signer,
  entries: readonly TrustEntry[],
  times: readonly VerifiedTime[] = [],
): TrustEntry | null {
  return entries.find((entry) => mismatch(signer, entry.anchor, times) === null) ?? null;
}

/**
 * The entries that count for an artifact of this name; null is an artifact without a signed name, for which an entry with
 * `for` does not count.
 */
export function entriesFor(entries: readonly TrustEntry[], name: string | null): readonly TrustEntry[] {
  return entries.filter((entry) => entry.for === undefined || (name !== null && globMatches(entry.for, name)));
}

/**
 * Null if the anchor names the signer, else the first difference. Everything is compared byte for byte: nothing is
 * normalised, no case folded (security rule 3).
 * @param times by when the signature is proven to exist; only a retired key asks.
 */
export function mismatch(signer: Signer, anchor: TrustAnchor, times: readonly VerifiedTime[] = []): Mismatch | null {
  if (signer.kind !== anchor.kind) return { what: 'kind of signer', expected: anchor.kind, found: signer.kind };
  if (signer.kind === 'key' && anchor.kind === 'key')
    return differs('key', readPublicKey(anchor.pem).fingerprint, signer.fingerprint) ?? retired(anchor, times);
  if (signer.kind === 'certificate' && anchor.kind === 'certificate') return certificateMismatch(signer, anchor);
  if (signer.kind === 'oidc' && anchor.kind === 'oidc') return oidcMismatch(signer, anchor);
  return { what: 'kind of signer', expected: anchor.kind, found: signer.kind };
}

/** A key that was retired speaks for what it signed before, if somebody else says that it was before (CVE-2026-54787). */
function retired({ until }: KeyAnchor, times: readonly VerifiedTime[]): Mismatch | null {
  if (until === undefined || times.some(({ time }) => Date.parse(time) <= Date.parse(until))) return null;
  return {
    what: 'time',
    expected: `by ${until}, when its key was retired`,
    found: times.map(({ time }) => time).toSorted()[0] ?? 'no verified time',
  };
}

function certificateMismatch(signer: CertificateSigner, anchor: CertificateAnchor): Mismatch | null {
  const roots = readCertificates(anchor.pem).map(certificateFingerprint);
  if (!roots.includes(signer.root)) return { what: 'root certificate', expected: roots.join(' '), found: signer.root };
  if (anchor.identity === undefined) return null;
  if (signer.sans.length > 1) return { what: 'number of names', expected: '1', found: String(signer.sans.length) };
  const names = signer.sans.length === 1 ? signer.sans.map((san) => san.value) : commonNames(signer.subject);
  return names.length === 1 && names[0] === anchor.identity
    ? null
    : { what: 'identity', expected: anchor.identity, found: names.join(' ') };
}

/** Everything that a certificate calls its holder: one of several names is no identity, and may be meant. */
export function namesInCertificate({ sans, subject }: Pick<CertificateSigner, 'sans' | 'subject'>): readonly string[] {
  return [...sans.map(({ value }) => value), ...commonNames(subject)];
}

/** A certificate without alternative names is named by the one common name of its subject. */
function commonNames(subject: string): string[] {
  return subject
    .split('\n')
    .filter((line) => line.startsWith('CN='))
    .map((line) => line.slice(3));
}

function oidcMismatch(signer: OidcSigner, anchor: OidcAnchor): Mismatch | null {
  return (
    differs('Sigstore instance', instanceOf(anchor.trustedRoot), signer.instance) ??
    differs('issuer', anchor.issuer, signer.issuer) ??
    (anchor.identity === undefined ? null : differs('identity', anchor.identity, typedName(signer.san))) ??
    (anchor.identityPattern === undefined ? null : patternMismatch(signer.san, anchor.identityPattern)) ??
    (anchor.github === undefined ? null : workloadMismatch(signer, anchor.github, githubWorkflow)) ??
    (anchor.gitlab === undefined ? null : workloadMismatch(signer, anchor.gitlab, gitlabPipeline)) ??
    (anchor.github === undefined && anchor.gitlab === undefined ? callerMismatch(signer) : null) ??
    unnamed(anchor)
  );
}

/** Fail closed: an anchor that names an issuer and nobody there matches no one. */
function unnamed(anchor: OidcAnchor): Mismatch | null {
  const named = anchor.identity ?? anchor.identityPattern ?? anchor.github ?? anchor.gitlab;
  return named === undefined ? { what: 'identity', expected: 'an identity', found: 'none was given' } : null;
}

/** A name in a form that e-mail addresses and URIs cannot share is no identity. */
function typedName(san: San): string {
  return san.type === 'email' || san.type === 'uri' ? san.value : `${san.type}:${san.value}`;
}

function patternMismatch(san: San, pattern: string): Mismatch | null {
  return compilePattern(pattern)(typedName(san))
    ? null
    : { what: 'identity', expected: `^(?:${pattern})$`, found: typedName(san) };
}

/**
 * Fulcio's extensions by their last arc: https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md. Those that begin with
 * `early` are GitHub's of before 2022, whose repository is OWNER/REPO.
 */
const EXTENSION = {
  earlyTrigger: '2',
  earlyRepository: '5',
  repository: '12',
  ref: '14',
  repositoryId: '15',
  workflow: '18',
  trigger: '20',
  environment: '23',
} as const;

/** Triggers that let a stranger's change run with the repository's identity. */
const OPEN_TRIGGERS = /^(?:pull_request.*|workflow_run|issue_comment|merge_request_event|external_pull_request_event)$/;

function workloadMismatch(
  signer: OidcSigner,
  want: CiIdentity,
  workflowUri: (repository: string, workflow: string) => string,
): Mismatch | null {
  const repository = `${forgeOf(signer.issuer)}/${want.repository}`;
  const ref = signer.extensions[EXTENSION.ref] ?? '';
  return (
    extension(signer, 'repository', repository) ??
    (want.repositoryId === undefined ? null : extension(signer, 'repositoryId', want.repositoryId)) ??
    (want.ref === undefined ? null : extension(signer, 'ref', want.ref)) ??
    (want.workflow === undefined
      ? null
      : extension(signer, 'workflow', `${workflowUri(repository, want.workflow)}@${ref}`)) ??
    (want.environment === undefined ? null : extension(signer, 'environment', want.environment)) ??
    triggerMismatch(signer.extensions[EXTENSION.trigger] ?? '', want.trigger)
  );
}

/**
 * A CI certificate's name is the reusable workflow's, whoever called it: named alone, it counts only where the caller's own
 * repository holds that workflow. For other callers an anchor names them by `github` or `gitlab`. A certificate that names no
 * caller (of a private instance, or an early one) is not one of another: its name is all there is, and is compared whole.
 */
function callerMismatch(signer: OidcSigner): Mismatch | null {
  if (signer.issuer !== GITHUB_ISSUER && signer.issuer !== GITLAB_ISSUER) return null;
  const callers = [signer.extensions[EXTENSION.repository], earlyRepository(signer)].filter(
    (each) => each !== undefined,
  );
  const other = callers.find((caller) => !signer.san.value.startsWith(`${caller}/`));
  if (other !== undefined)
    return {
      what: 'calling repository',
      expected: 'the one that holds the workflow (others: `trust add NAME --github OWNER/REPO`)',
      found: other,
    };
  const triggers = [EXTENSION.trigger, EXTENSION.earlyTrigger].map((arc) => signer.extensions[arc] ?? '');
  return triggers.map((found) => triggerMismatch(found, undefined)).find((each) => each !== null) ?? null;
}

function earlyRepository({ issuer, extensions }: OidcSigner): string | undefined {
  const repository = extensions[EXTENSION.earlyRepository];
  return repository === undefined ? undefined : `${forgeOf(issuer)}/${repository}`;
}

function triggerMismatch(found: string, want: string | undefined): Mismatch | null {
  if (want !== undefined) return differs('trigger', want, found);
  return OPEN_TRIGGERS.test(found)
    ? { what: 'trigger', expected: 'one that does not run strangers’ code', found }
    : null;
}

function githubWorkflow(repository: string, workflow: string): string {
  return `${repository}/${workflow.includes('/') ? workflow : `.github/workflows/${workflow}`}`;
}

function gitlabPipeline(repository: string, file: string): string {
  return `${repository}//${file}`;
}

/** Where the repositories of an issuer live: github.com's tokens come from another host than its repositories. */
function forgeOf(issuer: string): string {
  if (issuer === GITHUB_ISSUER) return 'https://github.com';
  if (issuer === GITLAB_ISSUER) return GITLAB_ISSUER;
  return issuer.replace(/\/_services\/token$/, '');
}

/** What stands for an extension that a certificate does not have. */
export const NOT_NAMED = '(none in the certificate)';

function extension(signer: OidcSigner, what: keyof typeof EXTENSION, expected: string): Mismatch | null {
  return differs(what, expected, signer.extensions[EXTENSION[what]] ?? NOT_NAMED);
}

function differs(what: string, expected: string, found: string): Mismatch | null {
  return expected === found ? null : { what, expected, found };
}
