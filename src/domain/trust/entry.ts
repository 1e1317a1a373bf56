import type { CiIdentity, TrustAnchor, TrustEntry } from '../claims/types.ts';
import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { readCertificates } from '../pki/certificates.ts';
import { GITHUB_ISSUER, GITLAB_ISSUER, checkIdentity, checkIssuer, compilePattern } from './identity.ts';
import { readPublicKey } from '../pki/keys.ts';
import { parseTrustedRoot } from './trusted-root.ts';

/** An entry as options or a file spell it; `key`, `certificateChain` and `trustedRoot` are contents, not paths. */
export interface RawEntry {
  readonly name: string;
  readonly for?: string | undefined;
  /** Only with a `for` that names policies. */
  readonly threshold?: number | undefined;
  readonly key?: string | undefined;
  /** Day or time the key was retired. */
  readonly until?: string | undefined;
  readonly certificateChain?: string | undefined;
  readonly identity?: string | undefined;
  readonly identityRegexp?: string | undefined;
  readonly issuer?: string | undefined;
  readonly github?: CiIdentity | undefined;
  readonly gitlab?: CiIdentity | undefined;
  readonly trustedRoot?: string | undefined;
}

/** Names under this in `for` are policies: whoever is trusted for one must have signed it. */
export const POLICY_NAMES = 'policy/';

/** @throws WeighmarkError `trust-invalid` for anything ambiguous, contradictory or too vague to be trust. */
export function makeEntry(raw: RawEntry): TrustEntry {
  if (!/^[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}$/.test(raw.name)) {
    throw new WeighmarkError('trust-invalid', 'a trust name is 1 to 100 letters, digits and . _ @ + -', {
      subject: raw.name,
    });
  }
  if (raw.for !== undefined && !/^[a-z0-9*][a-z0-9._/*-]{0,254}$/.test(raw.for)) {
    throw new WeighmarkError('trust-invalid', '`for` is a pattern of artifact names, such as acme/*', {
      subject: raw.for,
    });
  }
  const { threshold } = raw;
  if (threshold !== undefined) checkThreshold(raw, threshold);
  return {
    name: raw.name,
    ...(raw.for === undefined ? {} : { for: raw.for }),
    ...(threshold === undefined ? {} : { threshold }),
    anchor: makeAnchor(raw),
  };
}

function checkThreshold(raw: RawEntry, threshold: number): void {
  if (raw.for?.startsWith(POLICY_NAMES) !== true)
    throw vague(raw, 'gives a threshold, which is for policies: `for: policy/NAME`');
  if (!Number.isInteger(threshold) || threshold < 1 || threshold > LIMITS.trustEntries)
    throw vague(raw, 'gives a threshold that is no number of people');
}

function makeAnchor(raw: RawEntry): TrustAnchor {
  const kinds = [raw.key, raw.certificateChain, raw.issuer ?? raw.github ?? raw.gitlab].filter(
    (kind) => kind !== undefined,
  );
  if (kinds.length !== 1)
    throw vague(raw, 'needs exactly one of a key, a certificate chain, or an identity with its issuer');
  if (raw.until !== undefined && raw.key === undefined) throw vague(raw, 'gives `until`, which goes with a key alone');
  if (raw.key !== undefined) return keyAnchor(raw, raw.key);
  if (raw.certificateChain !== undefined) return certificateAnchor(raw, raw.certificateChain);
  return oidcAnchor(raw);
}

function keyAnchor(raw: RawEntry, key: string): TrustAnchor {
  if (raw.identity !== undefined || raw.identityRegexp !== undefined || raw.trustedRoot !== undefined)
    throw vague(raw, 'names a key: an identity does not go with it');
  const { pem } = readPublicKey(key);
  return raw.until === undefined ? { kind: 'key', pem } : { kind: 'key', pem, until: checkTime(raw.until) };
}

/** RFC 3339 in UTC, or a day, of which it is the start. */
function checkTime(text: string): string {
  const time = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d{1,3})?Z)?$/.test(text)
    ? new Date(text)
    : new Date(Number.NaN);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new WeighmarkError('trust-invalid', '`until` is a time such as 2026-11-02 or 2026-11-02T10:00:00Z', {
    subject: text,
  });
}

function certificateAnchor(raw: RawEntry, pem: string): TrustAnchor {
  if (raw.identityRegexp !== undefined || raw.trustedRoot !== undefined)
    throw vague(raw, 'names a certificate chain: only an exact identity goes with it');
  const chain = readCertificates(pem).map(String).join('');
  return {
    kind: 'certificate',
    pem: chain,
    ...(raw.identity === undefined ? {} : { identity: checkIdentity(raw.identity) }),
  };
}

function oidcAnchor(raw: RawEntry): TrustAnchor {
  const named = [raw.identity, raw.identityRegexp].filter((name) => name !== undefined).length;
  if (named > 1) throw vague(raw, 'gives both an identity and a pattern');
  if (raw.github !== undefined && raw.gitlab !== undefined) throw vague(raw, 'names both GitHub and GitLab');
  if (named === 0 && raw.github === undefined && raw.gitlab === undefined)
    throw vague(raw, 'names an issuer, but nobody there');
  if (raw.identityRegexp !== undefined) compilePattern(raw.identityRegexp);
  return {
    kind: 'oidc',
    issuer: checkIssuer(raw.issuer ?? (raw.github === undefined ? GITLAB_ISSUER : GITHUB_ISSUER)),
    ...(raw.identity === undefined ? {} : { identity: checkIdentity(raw.identity) }),
    ...(raw.identityRegexp === undefined ? {} : { identityPattern: raw.identityRegexp }),
    ...(raw.github === undefined ? {} : { github: checkWorkload(raw.github) }),
    ...(raw.gitlab === undefined ? {} : { gitlab: checkWorkload(raw.gitlab) }),
    ...(raw.trustedRoot === undefined ? {} : { trustedRoot: checkTrustedRoot(raw.trustedRoot) }),
  };
}

function checkWorkload(workload: CiIdentity): CiIdentity {
  if (!/^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)+$/.test(workload.repository)) {
    throw new WeighmarkError('trust-invalid', 'a repository is OWNER/REPO', { subject: workload.repository });
  }
  for (const value of Object.values(workload)) if (value !== undefined) checkIdentity(value);
  if (workload.ref !== undefined && !workload.ref.startsWith('refs/')) {
    throw new WeighmarkError('trust-invalid', `the ref ${JSON.stringify(workload.ref)} is not complete`, {
      hint: `write \`refs/heads/${workload.ref}\` or \`refs/tags/${workload.ref}\``,
    });
  }
  return workload;
}

function checkTrustedRoot(json: string): string {
  parseTrustedRoot(json);
  return json;
}

function vague(raw: RawEntry, why: string): WeighmarkError {
  return new WeighmarkError('trust-invalid', `trust in ${raw.name} ${why}`, { subject: raw.name });
}
