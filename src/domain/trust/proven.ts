import type { Code } from '../base/errors.ts';
import { findingOf, type Finding } from '../base/verdict.ts';
import type { Signer, TrustAnchor, TrustEntry, VerifiedTime } from '../claims/types.ts';
import { mismatch, NOT_NAMED, type Mismatch } from './match.ts';

/** What cryptography says of a signature under one anchor. */
export interface Facts {
  readonly signer: Signer;
  readonly times: readonly VerifiedTime[];
}

export interface Proof extends Facts {
  readonly entry: TrustEntry;
  /** Null: the entry names this signer. */
  readonly difference: Mismatch | null;
}

/**
 * Asks every entry; the most telling refusal is kept for when none proves it. Entries that name the signer come first.
 * @param signedWith how it was signed, for the message that nobody of the kind is trusted: "with a key".
 */
export async function provenBy(
  entries: readonly TrustEntry[],
  prove: (anchor: TrustAnchor) => Promise<Facts>,
  signedWith: string,
): Promise<{ readonly proven: readonly Proof[]; readonly refusal: Finding }> {
  const proven: Proof[] = [];
  let refusal: Finding = { code: 'signer-untrusted', message: `signed ${signedWith}, and no such signer is trusted` };
  const others: string[] = [];
  for (const entry of entries) {
    try {
      const { signer, times } = await prove(entry.anchor);
      proven.push({ entry, signer, times, difference: mismatch(signer, entry.anchor, times) });
    } catch (error) {
      const finding = findingOf(error, 'signature-malformed');
      const trusted = finding.facts?.['trusted'];
      if (trusted !== undefined) others.push(`${entry.name} ${trusted}`);
      refusal = moreTelling(refusal, finding);
    }
  }
  if (refusal.facts?.['trusted'] !== undefined)
    refusal = { ...refusal, facts: { ...refusal.facts, trusted: listed(others) } };
  return { proven: proven.toSorted((a, b) => Number(a.difference !== null) - Number(b.difference !== null)), refusal };
}

const MOST_NAMED = 5;

/** By name and fingerprint, as the trust store and `keygen` print them. */
function listed(others: readonly string[]): string {
  const left = others.length - MOST_NAMED;
  return `${others.slice(0, MOST_NAMED).join(', ')}${left > 0 ? ` and ${left} more` : ''}`;
}

/** The signature is good; only whose it is, is not who was asked for. */
export function strangerFinding({ entry, difference }: Proof): Finding {
  const { what, expected, found } = difference ?? { what: 'identity', expected: '', found: '' };
  return {
    code: 'identity-mismatch',
    message: `the signature is good, but its ${what} is not the one trusted`,
    facts: { trusted: expected, signed: found, entry: entry.name },
    ...hintOn(what, found),
  };
}

/** A certificate of CI names the workflow, and by extensions the repository that called it; private instances may leave those out. */
function hintOn(what: string, found: string): Pick<Finding, 'hint'> {
  if (what === 'calling repository')
    return { hint: '`weighmark trust add NAME --github OWNER/REPO` trusts the repository that calls the workflow' };
  return what === 'repository' && found === NOT_NAMED
    ? {
        hint: 'the certificate names no repository, as `trust add --github` asks: trust its `--identity` and `--issuer`',
      }
    : {};
}

/** The signature existed by the earliest verified time; without any, it is judged now. */
export function trustedTime(times: readonly VerifiedTime[], now: Date): Date {
  const earliest = times.map(({ time }) => new Date(time)).toSorted((a, b) => a.getTime() - b.getTime())[0];
  return earliest ?? now;
}

/** A signature that does not fit its own named key says more than a key that is not ours. */
const TELLING: readonly Code[] = [
  'signer-untrusted',
  'trust-invalid',
  'trust-expired',
  'signature-malformed',
  'signature-invalid',
];

function moreTelling(a: Finding, b: Finding): Finding {
  return TELLING.indexOf(b.code) >= TELLING.indexOf(a.code) ? b : a;
}
