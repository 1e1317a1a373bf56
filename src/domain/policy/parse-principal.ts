import type { CiIdentity, TrustAnchor } from '../claims/types.ts';
import { WeighmarkError } from '../base/errors.ts';
import { makeEntry } from '../trust/entry.ts';
import { usePatterns } from '../base/pattern-engine.ts';
import { timeOf } from './parse-rules.ts';
import type { RawFormer, RawPrincipal } from './raw.ts';
import type { FormerPrincipal, Principal } from '../authority/types.ts';

/** @throws WeighmarkError `policy-invalid` for an identity that is ambiguous, too vague or not readable. */
export function principalOf(name: string, raw: RawPrincipal, subject: string): Principal {
  usePatterns();
  const anchors = anchorInputs(raw).map((input) => anchorOf(name, input, subject));
  if (anchors.length === 0)
    throw new WeighmarkError('policy-invalid', `${subject}: the principal ${name} has no key and no identity`, {
      subject,
    });
  return { name, anchors, ids: raw.ids ?? [] };
}

/** @throws WeighmarkError `policy-invalid`, as for a principal. */
export function formerOf({ name, until, roles, ...raw }: RawFormer, subject: string): FormerPrincipal {
  const { anchors } = principalOf(name, raw, subject);
  return { name, anchors, until: timeOf(until), ...(roles === undefined ? {} : { roles }) };
}

type AnchorInput = Omit<Parameters<typeof makeEntry>[0], 'name'>;

function anchorInputs(raw: RawPrincipal): readonly AnchorInput[] {
  return [
    ...(raw.keys ?? []).map((key) => ({ key: pemOf(key) })),
    ...(raw.identities ?? []).map(({ issuer, identity, pattern, trustedRoot }) => ({
      issuer,
      identity,
      identityRegexp: pattern,
      trustedRoot,
    })),
    ...(raw.github ?? []).map((github: CiIdentity) => ({ github })),
    ...(raw.gitlab ?? []).map((gitlab: CiIdentity) => ({ gitlab })),
    ...(raw.certificates ?? []).map(({ chain, identity }) => ({ certificateChain: chain, identity })),
  ];
}

function anchorOf(name: string, input: AnchorInput, subject: string): TrustAnchor {
  try {
    return makeEntry({ name, ...input }).anchor;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new WeighmarkError('policy-invalid', `${subject}: the principal ${name}: ${why}`, { subject, cause });
  }
}

/** A key stands in the policy as PEM, or on one line as the base64 of its DER. */
function pemOf(key: string): string {
  if (key.includes('-----BEGIN')) return key;
  const lines = key.replace(/\s+/g, '').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PUBLIC KEY-----\n${lines.join('\n')}\n-----END PUBLIC KEY-----\n`;
}
