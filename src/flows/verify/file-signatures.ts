import { describeSigner, describeTimes, nameOf } from '../../domain/claims/signers.ts';
import { verifyFileSignature } from '../../domain/trust/verify-file.ts';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { checkOf, verdictOf, type Check, type Evidence, type Finding } from '../../domain/base/verdict.ts';
import type { FoundBundle } from '../content/found.ts';
import {
  refused,
  type JudgedFileSignatures,
  type TrustedFileSignature,
  type VerifyOutcome,
  type VerifyPorts,
} from './types.ts';

/** Verifies each against the caller's trust, before any content is looked at; under a policy, whom it names for single files. */
export async function judgeFileSignatures(
  found: readonly FoundBundle[],
  verification: Verification,
  ports: VerifyPorts,
): Promise<JudgedFileSignatures> {
  const trust = found.length === 0 || ports.fileTrust === undefined ? verification.trust : await ports.fileTrust();
  const trusted: TrustedFileSignature[] = [];
  const refusals: Finding[] = [];
  for (const each of found) {
    const outcome = await verifyFileSignature(each.bytes, { ...verification, trust });
    if (outcome.trusted) trusted.push({ ...each, ...outcome.signature });
    else refusals.push({ ...outcome.refusal, subject: each.shown });
  }
  return { trusted, refusals: trust.length > 0 ? refusals : refusals.map(unasked) };
}

/** A policy that says nothing of single files accepts none. */
function unasked(refusal: Finding): Finding {
  return {
    ...refusal,
    code: 'policy-refused',
    message: 'it signs the bytes of one file and no statement, and no role of the policy may sign so',
    hint: 'a role with `signs: [file-signature]` may, or seal the file: `weighmark seal`',
  };
}

/** What trusted signatures of the file say of its digest. */
export function fileSignatureCheck(
  { trusted }: JudgedFileSignatures,
  sha256: string,
  { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
): Check {
  const differing = trusted.filter((each) => each.sha256 !== sha256);
  const findings = differing.map((each): Finding => ({
    code: 'digest-mismatch',
    message: `${path} is not the file that was signed (${each.shown})`,
    subject: path,
    facts: { signed: `sha256:${each.sha256}`, found: `sha256:${sha256}, ${sizeBytes} bytes` },
  }));
  return checkOf('file-signature', trusted.filter((each) => each.sha256 === sha256).map(evidenceOf), findings);
}

/** Signatures of strangers, and what is no signature, beside one that counts. */
export function fileSignatureNotes({ refusals }: JudgedFileSignatures): readonly string[] {
  return refusals.map(({ subject, message, code }) => `${subject ?? ''} does not count (${code}): ${message}`);
}

/**
 * Holds what was verified otherwise to the signatures of the file as well: one that lies under the file's own name and is of
 * other bytes contradicts. One that is shared by a folder may be of its neighbour.
 */
export function withFileSignatures(outcome: VerifyOutcome, root: string, judged: JudgedFileSignatures): VerifyOutcome {
  const [file] = outcome.files;
  const sha256 = file?.digests.sha256;
  if (file === undefined || sha256 === undefined || judged.trusted.length + judged.refusals.length === 0)
    return outcome;
  const own = judged.trusted.filter((each) => each.sha256 === sha256 || each.location.startsWith(`${root}.`));
  const checks = own.length === 0 ? [] : [fileSignatureCheck({ ...judged, trusted: own }, sha256, file)];
  const verdict = verdictOf({
    ...outcome.verdict,
    checks: [...outcome.verdict.checks, ...checks],
    notes: [...outcome.verdict.notes, ...fileSignatureNotes(judged)],
  });
  return verdict.outcome === 'verified' ? { ...outcome, verdict } : { ...refused(verdict), by: outcome.by };
}

function evidenceOf(signature: TrustedFileSignature): Evidence {
  const { shown, signer, times, trustedBy, bundle, sha256 } = signature;
  const by = nameOf(signer, trustedBy[0]);
  const who = describeSigner(signer);
  const time = describeTimes(signature);
  const what = `${shown} by ${who.startsWith(by) ? '' : `${by}, `}${who}: this file, under no name${time === '' ? '' : `, ${time}`}`;
  const data = { bundle: `sha256:${bundle}`, sha256, signer, trustedAs: trustedBy.map(({ name }) => name), times };
  return { what, data };
}
