import assert from 'node:assert/strict';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { Verifier, toSignedEntity, toTrustMaterial, type VerifierOptions } from '@sigstore/verify';
import type { ProofOptions } from '../../src/adapters/sigstore/proof.ts';
import { createKeylessVerifier } from '../../src/adapters/sigstore/verifier.ts';
import { WeighmarkError, type Code } from '../../src/domain/base/errors.ts';
import { makeInstance, type Instance } from '../adapters/sigstore/instance.ts';

/** One instance for all tests: keys are costly. */
export const instance: Instance = makeInstance();

export function verifierFor(trusted: Instance = instance): ReturnType<typeof createKeylessVerifier> {
  return createKeylessVerifier(async () => Promise.resolve(trusted.trustedRoot));
}

/** The bundle passes @sigstore/verify alone: without our layer it would be accepted. */
export function assertLibraryAccepts(
  bundle: Uint8Array,
  { trusted = instance, ...options }: VerifierOptions & { trusted?: Instance } = {},
): void {
  const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(trusted.trustedRoot)));
  new Verifier(material, options).verify(
    toSignedEntity(bundleFromJSON(JSON.parse(Buffer.from(bundle).toString('utf8')))),
  );
}

/** Refused with a code, and for the reason the test is about. */
export async function assertRefused(
  bundle: Uint8Array,
  expected: { code?: Code; reason: RegExp; trusted?: Instance; options?: ProofOptions },
): Promise<void> {
  await assert.rejects(verifierFor(expected.trusted).prove(bundle, expected.options ?? {}), (error) => {
    assert.ok(error instanceof WeighmarkError, `a refusal with a code, not ${String(error)}`);
    assert.equal(error.code, expected.code ?? 'signature-invalid', error.message);
    assert.match(`${error.message} ${error.cause instanceof Error ? error.cause.message : ''}`, expected.reason);
    return true;
  });
}

/** The members of a bundle that tests change. */
export interface BundleJson {
  readonly verificationMaterial: {
    readonly tlogEntries: (Record<string, unknown> & {
      logId: { keyId: string };
      inclusionProof: { checkpoint: { envelope: string } } & object;
    })[];
    readonly timestampVerificationData: { readonly rfc3161Timestamps: unknown[] };
  };
  readonly dsseEnvelope: { readonly signatures: object[] };
  readonly messageSignature: { readonly messageDigest: object };
}

/** Changes one bundle's JSON. */
export function changed(bundle: Uint8Array, change: (json: BundleJson) => void): Uint8Array {
  const json = JSON.parse(Buffer.from(bundle).toString('utf8')) as BundleJson;
  change(json);
  return Buffer.from(JSON.stringify(json));
}
