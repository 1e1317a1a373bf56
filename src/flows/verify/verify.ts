import { Buffer } from 'node:buffer';
import type { Verification } from '../../domain/trust/verify-claim.ts';
import { WeighmarkError, type Code } from '../../domain/base/errors.ts';
import { checkOf, findingOf, refusedCheck, verdictOf, type Check } from '../../domain/base/verdict.ts';
import type { FoundBundle, Sidecars } from '../content/found.ts';
import { findSidecars, LOOKED_FOR, LOOKED_FOR_FILE } from '../content/sidecars.ts';
import { judgeClock } from './clock.ts';
import { refuseUnknownBeside } from './beside.ts';
import { judgeBundles, type TrustedSignature } from './bundles.ts';
import type { Ahead } from './question.ts';
import { refused, type VerifyCase, type VerifyInput, type VerifyOutcome, type VerifyPorts } from './types.ts';
import { verifyByClaims } from './by-claims.ts';
import { judgeFileSignatures, withFileSignatures } from './file-signatures.ts';
import { beginContent, verifySigned } from './by-signature.ts';
import { pushAll } from '../../domain/base/lists.ts';

export { refused } from './types.ts';
export type { VerifyInput, VerifyOutcome, VerifyPorts } from './types.ts';

/**
 * Is the artifact what somebody trusted signed? Looks for signatures first (none: `nothing-to-verify`), then for trust,
 * then at the content, then which claims bind it. Anything unexpected is a refusal.
 * @throws WeighmarkError `not-found`, `usage`, `interrupted`; everything else is in the verdict.
 */
export async function verify(input: VerifyInput, ports: VerifyPorts): Promise<VerifyOutcome> {
  const place = await placeOf(input, ports);
  try {
    return await verifyPlace({ ...input, ...place }, ports);
  } catch (error) {
    if (!(error instanceof WeighmarkError) || THROWN.includes(error.code)) throw error;
    return refused(verdictOf({ subject: input.shown, checks: [refusedCheck('content', [findingOf(error)])] }));
  }
}

/** What is wrong with the question or the configuration, not with the artifact. */
const THROWN: readonly Code[] = [
  'interrupted',
  'usage',
  'not-found',
  'config-invalid',
  'config-not-allowed',
  'trust-invalid',
  'trust-unavailable',
  'anchor-inside',
];

async function verifyPlace(input: VerifyCase['input'], ports: VerifyPorts): Promise<VerifyOutcome> {
  const sidecars = await findSidecars(input, ports.files);
  if (allFound(sidecars).length === 0) {
    const lookedFor = input.kind === 'file' ? LOOKED_FOR_FILE : LOOKED_FOR;
    return refused(await (await import('./unsigned.ts')).describeUnsigned({ ...input, lookedFor }, ports));
  }
  const verification = await verificationOf(input, sidecars, ports);
  if (verification.trust.length === 0) return refused(verdictOf({ subject: input.shown, checks: [noTrust(sidecars)] }));
  const begun: Ahead[] = [];
  const onSignature = async (own: TrustedSignature) =>
    pushAll(begun, await beginContent(own, { input, sidecars }, ports));
  try {
    const bundles = await judgeBundles(sidecars, verification, { name: input.name ?? null, onSignature });
    const fileSignatures = await judgeFileSignatures(sidecars.fileSignatures, verification, ports);
    const counted = await judgeClock({ shown: input.shown, bundles, fileSignatures, verification, times: ports.times });
    if ('verdict' in counted) return counted;
    return await verifyJudged({ input, bundles: counted, sidecars, fileSignatures }, ports, begun[0] ?? null);
  } finally {
    for (const ahead of begun) ahead.stop();
  }
}

async function verifyJudged(
  { input, bundles, sidecars, fileSignatures }: VerifyCase,
  ports: VerifyPorts,
  ahead: Ahead | null,
): Promise<VerifyOutcome> {
  if (bundles.findings.length > 0)
    return refused(
      verdictOf({ subject: input.shown, checks: [checkOf('signature', [], bundles.findings)], notes: bundles.notes }),
    );
  if (input.underPolicy === true) await refuseUnknownBeside(input, ports.files);
  const { signature } = bundles;
  const of = { input, bundles, sidecars, fileSignatures };
  if (signature === null) return verifyByClaims(of, ports);
  return withFileSignatures(await verifySigned(of, { signature, ahead }, ports), input.root, fileSignatures);
}

export async function placeOf(
  input: VerifyInput,
  ports: Pick<VerifyPorts, 'files'>,
): Promise<{ root: string; kind: 'file' | 'directory' }> {
  const kind = await ports.files.kindOf(input.root);
  if (kind === 'file' || kind === 'directory') return { root: input.root, kind };
  if (kind === 'none')
    throw new WeighmarkError('not-found', `${input.shown}: there is no such file or folder`, { subject: input.shown });
  const root = await ports.files.realPath(input.root);
  if ((await ports.files.kindOf(root)) === 'directory') return { root, kind: 'directory' };
  throw new WeighmarkError('usage', `${input.shown} is a link or a special file: name the file itself`, {
    subject: input.shown,
  });
}

export async function verificationOf(
  input: VerifyInput,
  sidecars: Sidecars,
  ports: VerifyPorts,
): Promise<Verification> {
  const trust = await ports.trust();
  const timestamped = allFound(sidecars).some(({ bytes }) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('rfc3161'),
  );
  const timestampAuthorities = trust.length > 0 && timestamped ? await ports.timestampAuthorities() : [];
  return { trust, timestampAuthorities, keyless: ports.keyless, now: ports.clock.now(), name: input.name ?? null };
}

function allFound({ signatures, claims, fileSignatures }: Sidecars): readonly FoundBundle[] {
  return [...signatures, ...claims, ...fileSignatures];
}

function noTrust(sidecars: Sidecars): Check {
  const [first] = allFound(sidecars);
  return refusedCheck('trust', [
    {
      code: 'trust-missing',
      message: `${first?.shown ?? 'a signature'} is there, and nobody to trust was named`,
      hint: 'say whose signature counts: `--key FILE`, `--identity NAME --issuer URL`, or `weighmark trust add`',
    },
  ]);
}
