/** Every predicate type weighmark reads or writes (DESIGN 4.3). URIs of our own exist only in this file. */
export const PREDICATES = {
  integrity: 'https://model_signing/signature/v1.0',
  bom: 'https://cyclonedx.org/bom',
  provenance: 'https://slsa.dev/provenance/v1',
  reference: 'https://in-toto.io/attestation/reference/v0.1',
  evaluation: 'https://in-toto.io/attestation/test-result/v0.1',
  vulns: 'https://in-toto.io/attestation/vulns/v0.2',
  scai: 'https://in-toto.io/attestation/scai/v0.3',
  approval: 'https://in-toto.io/attestation/svr/v0.2',
  promotion: 'https://slsa.dev/verification_summary/v1',
  /** No standard exists (in-toto/attestation#67). */
  revocation: 'https://weighmark.dev/attestation/revocation/v1',
  /** Records of datasets (docs/datasets.md): what must be gone, what is proven to be, what a step was seen to make. */
  'removed-records': 'https://weighmark.dev/attestation/removed-records/v1',
  'records-absence': 'https://weighmark.dev/attestation/records-absence/v1',
  'records-check': 'https://weighmark.dev/attestation/records-check/v1',
  /** That a step was recomputed, apart from the claim of it (docs/weights.md). */
  derivation: 'https://weighmark.dev/attestation/derivation/v1',
} as const;

/** What says what a scanner found. */
export const SCANS: readonly string[] = [PREDICATES.vulns, PREDICATES.scai];

/** `model_signing` 0.2.0: files as subjects. Read, never written. */
export const HISTORIC_OMS = 'https://model_signing/Digests/v0.1';

export const STATEMENT_V1 = 'https://in-toto.io/Statement/v1';
export const STATEMENT_V01 = 'https://in-toto.io/Statement/v0.1';
export const IN_TOTO_PAYLOAD = 'application/vnd.in-toto+json';
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** What a policy's role signs that may sign a single file's bytes (a message signature has no statement, so no predicate). */
export const FILE_SIGNATURE = 'https://weighmark.dev/signature/file/v1';

/** What made an artifact out of others; the provenance claim's buildType is `STEP_PREFIX + step + '/v1'`. */
export const STEPS = [
  'preprocess',
  'train',
  'fine-tune',
  'adapter',
  'merge',
  'adapter-merge',
  'quantize',
  'convert',
  'cast',
  'reshard',
  'prune',
  'package',
] as const;
export type Step = (typeof STEPS)[number];
export const STEP_PREFIX = 'https://weighmark.dev/build/';

/** What an input was to the step, in `resolvedDependencies[].annotations.role`. */
export const ROLES = ['dataset', 'base-model', 'adapter', 'code', 'config', 'tokenizer', 'prompt', 'package'] as const;
export type Role = (typeof ROLES)[number];

export function buildTypeOf(step: Step): string {
  return `${STEP_PREFIX}${step}/v1`;
}

/** Who ran a step on somebody's own machine; CI systems are named by their own builder URI. */
export const LOCAL_BUILDER = 'https://weighmark.dev/builder/local/v1';
