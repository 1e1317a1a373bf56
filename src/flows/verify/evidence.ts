import { describeSigner, describeTimes } from '../../domain/claims/signers.ts';
import { formatBytes } from '../../domain/base/units.ts';
import type { Evidence } from '../../domain/base/verdict.ts';
import type { TrustedSignature } from './bundles.ts';
import type { Content } from './question.ts';

export function contentEvidence(content: Content): Evidence {
  const bytes = content.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const wrong = new Set(content.findings.map(({ subject }) => subject)).size;
  const good = Math.max(
    0,
    content.files.length -
      content.findings.filter(({ code }) => code === 'digest-mismatch' || code === 'digest-conflict').length,
  );
  const data = {
    files: content.files.length,
    good,
    signed: content.signedCount,
    wrong,
    bytes,
    algorithms: content.algorithms,
  };
  return {
    what: `${good} of ${content.signedCount} files, ${formatBytes(bytes)} (${content.algorithms.join(', ') || 'shards'})`,
    data,
  };
}

export function signatureEvidence(
  { shown, claim, trustedBy, manifest }: TrustedSignature,
  by: string,
): readonly Evidence[] {
  const { signer, times, bundle } = claim;
  const anyone =
    signer.kind === 'certificate' &&
    trustedBy.every(({ anchor }) => anchor.kind === 'certificate' && anchor.identity === undefined);
  const who = describeSigner(signer);
  const what = `${shown} by ${who.startsWith(by) ? '' : `${by}, `}${who}${anyone ? ' (any certificate under this root)' : ''}`;
  const data = {
    bundle: `sha256:${bundle}`,
    signer,
    trustedAs: trustedBy.map(({ name }) => name),
    times,
    root: manifest.root,
    historic: manifest.historic,
  };
  const time = describeTimes(claim);
  return [{ what, data }, ...(time === '' ? [] : [{ what: time }])];
}
