import type { SignedEntity, Verifier, VerifierOptions } from '@sigstore/verify';
import type { VerifiedTime } from '../../domain/claims/types.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { SigstoreBundle } from '../../domain/trust/sigstore-bundle.ts';
import type { TrustedRoot } from '../../domain/trust/trusted-root.ts';
import type { ProofOptions, Claimant } from './proof.ts';

interface LibraryInput {
  readonly signed: SignedEntity['signature'];
  readonly claimant: Claimant;
  readonly times: readonly VerifiedTime[];
}

export async function proveByLibrary(bundle: SigstoreBundle, root: TrustedRoot, input: LibraryInput): Promise<void> {
  const [library, { bundleFromJSON }, { TrustedRoot: Root }] = await Promise.all([
    import('@sigstore/verify'),
    import('@sigstore/bundle'),
    import('@sigstore/protobuf-specs'),
  ]);
  const { key, certificate } = input.claimant;
  const material = library.toTrustMaterial(Root.fromJSON({ ...root.json, timestampAuthorities: [] }), () => ({
    publicKey: key,
    validFor: () => true,
  }));
  const entity = library.toSignedEntity(bundleFromJSON(bundle.json));
  const verifier: Verifier = new library.Verifier(
    material,
    certificate === undefined ? keyThresholds(bundle) : keylessThresholds(input.claimant.options),
  );
  verifier.verify({ ...entity, signature: input.signed, timestamps: earliestAsPromise(input.times) });
}

/**
 * The chain is judged at the earliest proven time: the signature existed by then. The library takes a time that it did not
 * verify itself in the form of a log entry under promise, and verifies the promises of all real entries.
 */
function earliestAsPromise(times: readonly VerifiedTime[]): SignedEntity['timestamps'] {
  const earliest = times.map(({ time }) => Date.parse(time)).toSorted((a, b) => a - b)[0];
  if (earliest === undefined) return [];
  const none = Buffer.alloc(0);
  const tlogEntry = {
    logIndex: '0',
    logId: { keyId: none },
    kindVersion: { kind: '', version: '' },
    integratedTime: String(Math.floor(earliest / 1000)),
    inclusionPromise: { signedEntryTimestamp: none },
    inclusionProof: undefined,
    canonicalizedBody: none,
  };
  return [{ $case: 'transparency-log', tlogEntry }];
}

/** Fail closed: a log entry, a certificate transparency promise and a time, each by an authority of the trusted root. */
function keylessThresholds({ logs = 1 }: ProofOptions): VerifierOptions {
  return { tlogThreshold: logs, ctlogThreshold: 1, timestampThreshold: 1 };
}

/** A key needs no witness; those the bundle names are verified all the same. */
function keyThresholds(bundle: SigstoreBundle): VerifierOptions {
  return { tlogThreshold: bundle.logEntries.length, ctlogThreshold: 0, timestampThreshold: 0 };
}

/** Any exception is a refusal with a code; what the libraries throw by mistake (TypeError, OpenSSL) is `signature-malformed`. */
export async function orRefuse<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof WeighmarkError) throw cause;
    const { VerificationError } = await import('@sigstore/verify');
    if (cause instanceof VerificationError)
      throw new WeighmarkError(
        'signature-invalid',
        `the keyless signature is not proven: ${REASONS[cause.code] ?? 'refused'} (${cause.code})`,
        { cause },
      );
    throw new WeighmarkError('signature-malformed', 'the keyless signature cannot be read', { cause });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  TLOG_ERROR: 'it is not in a trusted transparency log',
  TLOG_INCLUSION_PROOF_ERROR: 'the transparency log does not prove it',
  TLOG_INCLUSION_PROMISE_ERROR: 'the transparency log did not promise it',
  TLOG_MISSING_INCLUSION_ERROR: 'the transparency log does not prove it',
  TLOG_BODY_ERROR: 'the log entry is about something else',
  CERTIFICATE_ERROR:
    'its certificate is not from the trusted authority, was not valid at the time of signing, or is not in a certificate log',
  PUBLIC_KEY_ERROR: 'its key is not trusted',
  SIGNATURE_ERROR: 'the signature does not fit',
  TIMESTAMP_ERROR: 'no trusted authority says when it was signed',
};
