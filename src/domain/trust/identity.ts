import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { patternEngine } from '../base/pattern.ts';

/** Issuers whose workloads are named by certificate extensions (Fulcio OIDs), not by the SAN alone. */
export const GITHUB_ISSUER = 'https://token.actions.githubusercontent.com';
export const GITLAB_ISSUER = 'https://gitlab.com';

/**
 * An identity to compare byte for byte. Refused where two spellings could pass for one: non-ASCII, control characters,
 * user info, percent escapes, trailing dots (security rule 3).
 * @throws WeighmarkError `trust-invalid`.
 */
export function checkIdentity(identity: string): string {
  const why = identityProblem(identity);
  if (why !== undefined)
    throw new WeighmarkError('trust-invalid', `the identity ${JSON.stringify(identity.slice(0, 200))} ${why}`);
  return identity;
}

/** An OIDC issuer: https, or http on loopback; compared byte for byte. @throws WeighmarkError `trust-invalid`. */
export function checkIssuer(issuer: string): string {
  const why = identityProblem(issuer) ?? issuerProblem(issuer);
  if (why !== undefined)
    throw new WeighmarkError('trust-invalid', `the issuer ${JSON.stringify(issuer.slice(0, 200))} ${why}`);
  return issuer;
}

/**
 * Compiles an identity pattern on a linear-time engine, after `usePatterns`; it must match the whole identity (`^(?:…)$`).
 * @throws WeighmarkError `trust-invalid`.
 */
export function compilePattern(pattern: string): (text: string) => boolean {
  if (pattern === '' || Buffer.byteLength(pattern) > LIMITS.patternBytes) {
    throw new WeighmarkError('trust-invalid', `an identity pattern has 1 to ${LIMITS.patternBytes} characters`);
  }
  const compiled = compile(pattern);
  if (compiled(''))
    throw new WeighmarkError(
      'trust-invalid',
      `the identity pattern ${JSON.stringify(pattern)} matches even an empty identity`,
    );
  return (text) => text.length <= LIMITS.identityBytes && compiled(text);
}

function compile(pattern: string): (text: string) => boolean {
  const engine = patternEngine();
  if (engine === undefined) throw new WeighmarkError('internal', 'identity patterns cannot be compiled yet');
  try {
    return engine(pattern);
  } catch (cause) {
    throw new WeighmarkError(
      'trust-invalid',
      `the identity pattern ${JSON.stringify(pattern)} is not one RE2 understands`,
      { cause },
    );
  }
}

function identityProblem(text: string): string | undefined {
  if (text === '' || text.length > LIMITS.identityBytes) return 'is empty or too long';
  if (!/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text)) return 'holds characters outside printable ASCII';
  if (/%/.test(text)) return 'holds a percent escape';
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(text)?.[1];
  if (authority?.includes('@') === true) return 'holds user information';
  const host = authority ?? text.split('@').at(-1) ?? '';
  return host.replace(/:\d+$/, '').endsWith('.') ? 'ends its host name in a dot' : undefined;
}

function issuerProblem(issuer: string): string | undefined {
  if (!URL.canParse(issuer)) return 'is not a URL';
  const { protocol, hostname, search, hash } = new URL(issuer);
  if (search !== '' || hash !== '') return 'has a query or fragment';
  if (protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname)))
    return undefined;
  return 'is not an https URL';
}
