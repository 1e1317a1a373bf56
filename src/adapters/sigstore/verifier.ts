import { createHash, X509Certificate, verify as verifySignature, type KeyObject } from 'node:crypto';
import type { SignedEntity, Verifier, VerifierOptions } from '@sigstore/verify';
import { preAuthEncoding } from '../../domain/claims/dsse.ts';
import { IN_TOTO_PAYLOAD } from '../../domain/claims/predicates.ts';
import type { Signer, VerifiedTime } from '../../domain/claims/types.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { KeylessVerifier } from '../../domain/trust/keyless-verifier.ts';
import { verifyDigest } from '../../domain/pki/ecdsa.ts';
import { readFulcioCertificate } from '../../domain/trust/fulcio.ts';
import { instanceOf } from '../../domain/trust/instance.ts';
import { curveOf, readPublicKey, shownFingerprint, type PublicKey } from '../../domain/pki/keys.ts';
import { requireBound, sha256, type Bound } from '../../domain/trust/log-binding.ts';
import { parseSigstoreBundle, type LogEntry, type SigstoreBundle } from '../../domain/trust/sigstore-bundle.ts';
import { authorityFromPem, verifiedTime, type TimestampAuthority } from '../../domain/trust/timestamp-authority.ts';
import { parseTrustedRoot, type TrustedLog, type TrustedRoot } from '../../domain/trust/trusted-root.ts';

/** A log entry that was proven: which log, and the place its inclusion proof names (null under a promise alone). */
export interface ProvenEntry {
  readonly log: string;
  readonly index: string | null;
}

/** What the cryptography of a bundle proves; whether the signer is wanted is for the caller's trust to say. */
export interface Proof {
  readonly signer: Extract<Signer, { kind: 'oidc' | 'key' }>;
  readonly times: readonly VerifiedTime[];
  readonly logEntries: readonly ProvenEntry[];
  /** The signed payload of a DSSE envelope; null for a message signature, which signs the artifact itself. */
  readonly payload: Uint8Array | null;
  readonly payloadType: string | null;
}

export interface ProofOptions {
  /** Content of trusted_root.json; absent with a certificate: the public-good instance. */
  readonly trustedRoot?: string;
  /** SPKI PEM: needed, and used, for a bundle that names a key. */
  readonly key?: string;
  /** SHA-256 of the artifact: needed for a message signature. */
  readonly artifact?: Uint8Array;
  /** Distinct logs and distinct authorities on time that must vouch for a certificate's signature; default 1 each. */
  readonly logs?: number;
  readonly timeAuthorities?: number;
}

/** @param publicGoodRoot content of the built-in (or refreshed) trusted root. */
export function createKeylessVerifier(
  publicGoodRoot: () => Promise<string>,
): KeylessVerifier & { prove(bundle: Uint8Array, options: ProofOptions): Promise<Proof> } {
  const prove = async (bytes: Uint8Array, options: ProofOptions): Promise<Proof> =>
    orRefuse(async () => proveBundle(parseSigstoreBundle(bytes, LIMITS.signatureBytes), options, publicGoodRoot));
  return {
    prove,
    async verify(bytes, trustedRoot) {
      const { signer, times, payloadType, logEntries } = await prove(
        bytes,
        trustedRoot === undefined ? {} : { trustedRoot },
      );
      if (signer.kind !== 'oidc' || payloadType !== IN_TOTO_PAYLOAD)
        throw new WeighmarkError('signature-malformed', 'not a keyless signature over a statement');
      return { signer, times, logEntries };
    },
    timestamps: async (bytes, authorities) =>
      orRefuse(async () => {
        const builtIn = parseTrustedRoot(await publicGoodRoot()).timestampAuthorities;
        return timesBy(parseSigstoreBundle(bytes, LIMITS.signatureBytes), [
          ...authorities.map(authorityFromPem),
          ...builtIn,
        ]);
      }),
  };
}

async function proveBundle(
  bundle: SigstoreBundle,
  options: ProofOptions,
  publicGoodRoot: () => Promise<string>,
): Promise<Proof> {
  const content = {
    payload: bundle.content.kind === 'dsse' ? bundle.content.payload : null,
    payloadType: bundle.content.kind === 'dsse' ? bundle.content.payloadType : null,
  };
  if (bundle.key.kind === 'key') return { ...content, ...(await proveKey(bundle, options)) };
  if (options.key !== undefined)
    throw new WeighmarkError('signer-untrusted', 'the bundle is signed by an identity, not by the key that is trusted');
  const root = parseTrustedRoot(options.trustedRoot ?? (await publicGoodRoot()));
  const { leaf } = bundle.key;
  const facts = await proveWithRoot(bundle, root, {
    key: new X509Certificate(leaf).publicKey,
    certificate: leaf,
    options,
  });
  const signer = {
    kind: 'oidc' as const,
    instance: instanceOf(options.trustedRoot),
    ...readFulcioCertificate(leaf),
    notBefore: new Date(new X509Certificate(leaf).validFrom).toISOString(),
  };
  requireDistinct(
    facts.logEntries.map(({ log }) => log),
    options.logs ?? 1,
    'transparency logs',
  );
  requireDistinct(
    facts.times.map(({ authority }) => authority),
    Math.max(1, options.timeAuthorities ?? 1),
    'authorities on time',
  );
  return { ...content, ...facts, signer };
}

/** Thresholds count authorities, never entries: one log or server can sign as often as it is asked (CVE-2026-49834). */
function requireDistinct(names: readonly string[], wanted: number, what: string): void {
  const distinct = new Set(names).size;
  if (distinct < wanted) throw invalid(`${distinct} ${what} of the trusted root vouch for it, and ${wanted} must`);
}

/** A key's signature stands alone; with a trusted root, all that the bundle adds must be proven too. */
async function proveKey(
  bundle: SigstoreBundle,
  options: ProofOptions,
): Promise<Pick<Proof, 'signer' | 'times' | 'logEntries'>> {
  if (options.key === undefined)
    throw new WeighmarkError('signer-untrusted', 'the bundle is signed by a key, and no key is trusted');
  const key = readPublicKey(options.key);
  const signer = { kind: 'key' as const, fingerprint: key.fingerprint, keyType: key.curve.name };
  const signed = signedBy(bundle, key.key, options);
  if (!signed.verifySignature(key.key))
    throw invalid(`the signature is not by the key ${shownFingerprint(key.fingerprint)}`);
  if (options.trustedRoot === undefined) return { signer, times: [], logEntries: [] };
  return {
    signer,
    ...(await proveWithRoot(bundle, parseTrustedRoot(options.trustedRoot), { key: key.key, publicKey: key, options })),
  };
}

interface Claimant {
  readonly key: KeyObject;
  readonly certificate?: Uint8Array;
  readonly publicKey?: PublicKey;
  readonly options: ProofOptions;
}

/**
 * The library proves chain, SCT, log inclusion and signature; what it lets through is refused before and after. RFC 3161
 * tokens are ours to prove: the library knows ECDSA alone, and does not ask what the authority's certificate is for.
 */
async function proveWithRoot(
  bundle: SigstoreBundle,
  root: TrustedRoot,
  claimant: Claimant,
): Promise<Pick<Proof, 'times' | 'logEntries'>> {
  const signed = signedBy(bundle, claimant.key, claimant.options);
  const bound = boundOf(bundle, signed, claimant);
  for (const entry of bundle.logEntries) requireBound(entry, bound);
  const times = timesBy(bundle, root.timestampAuthorities);
  if (times.length !== bundle.timestamps.length)
    throw invalid('a timestamp is not by an authority of the trusted root, or not over this signature');
  const promised = bundle.logEntries.flatMap((entry) => promisedTime(entry, root));
  const all = [...times, ...promised];
  if (claimant.certificate !== undefined) requireValidAt(claimant.certificate, all);
  await proveByLibrary(bundle, root, { signed, claimant, times: all });
  return { times: all, logEntries: bundle.logEntries.map((entry) => provenEntry(entry, root, all)) };
}

interface LibraryInput {
  readonly signed: SignedEntity['signature'];
  readonly claimant: Claimant;
  readonly times: readonly VerifiedTime[];
}

async function proveByLibrary(bundle: SigstoreBundle, root: TrustedRoot, input: LibraryInput): Promise<void> {
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

/** A certificate of ten minutes signs within them, whoever says when. */
function requireValidAt(leaf: Uint8Array, times: readonly VerifiedTime[]): void {
  const { validFrom, validTo } = new X509Certificate(leaf);
  const outside = times.find(({ time }) => new Date(time) < new Date(validFrom) || new Date(time) > new Date(validTo));
  if (times.length === 0) throw invalid('nobody the trusted root names says when it was signed');
  if (outside !== undefined) throw invalid('its certificate was not valid at the time of signing');
}

/** Fail closed: a log entry, a certificate transparency promise and a time, each by an authority of the trusted root. */
function keylessThresholds({ logs = 1 }: ProofOptions): VerifierOptions {
  return { tlogThreshold: logs, ctlogThreshold: 1, timestampThreshold: 1 };
}

/** A key needs no witness; those the bundle names are verified all the same. */
function keyThresholds(bundle: SigstoreBundle): VerifierOptions {
  return { tlogThreshold: bundle.logEntries.length, ctlogThreshold: 0, timestampThreshold: 0 };
}

/** The content of the bundle as the library asks for it, bound to the artifact and to the hash that goes with the key. */
function signedBy(
  bundle: SigstoreBundle,
  key: KeyObject,
  { artifact }: ProofOptions,
): SignedEntity['signature'] & { readonly digest: Uint8Array } {
  const { content } = bundle;
  const { hash } = curveOf(key, 'signature-invalid');
  const signature = Buffer.from(content.signature);
  if (content.kind === 'message' && (artifact === undefined || !Buffer.from(content.digest).equals(artifact)))
    throw invalid('it signs another artifact');
  const encoded = content.kind === 'dsse' ? preAuthEncoding(content.payload, content.payloadType) : null;
  const digest = encoded === null ? Buffer.from(artifact ?? []) : createHash('sha256').update(encoded).digest();
  return {
    digest,
    signature,
    compareSignature: (other) => signature.equals(other),
    compareDigest: (other) =>
      content.kind === 'dsse' ? Buffer.from(sha256(content.payload)).equals(other) : digest.equals(other),
    compareSignedDigest: (other) => digest.equals(other),
    verifySignature: (candidate) =>
      encoded === null
        ? verifyDigest(digest, candidate, signature)
        : verifySignature(hash, encoded, candidate, signature),
  };
}

function boundOf(
  bundle: SigstoreBundle,
  signed: { readonly digest: Uint8Array },
  { certificate, key }: Claimant,
): Bound {
  return {
    signedDigest: signed.digest,
    payloadDigest: bundle.content.kind === 'dsse' ? sha256(bundle.content.payload) : null,
    signature: bundle.content.signature,
    verifier: certificate === undefined ? { spki: key.export({ type: 'spki', format: 'der' }) } : { certificate },
  };
}

/** Tokens that verify under the authorities, each at most once an authority. */
function timesBy(bundle: SigstoreBundle, authorities: readonly TimestampAuthority[]): readonly VerifiedTime[] {
  return bundle.timestamps.flatMap((token) => {
    const found = authorities
      .map((authority) => verifiedTime(token, bundle.content.signature, authority))
      .find((time) => time !== null);
    return found === undefined || found === null ? [] : [found];
  });
}

/** Only under an inclusion promise is the log's time signed (CVE-2024-55655, CVE-2026-48816). */
function promisedTime(entry: LogEntry, root: TrustedRoot): VerifiedTime[] {
  if (!entry.hasPromise || entry.integratedTime === null || entry.integratedTime === 0) return [];
  return [
    { time: new Date(entry.integratedTime * 1000).toISOString(), source: 'rekor', authority: logOf(entry, root).name },
  ];
}

function provenEntry(entry: LogEntry, root: TrustedRoot, times: readonly VerifiedTime[]): ProvenEntry {
  const log = logOf(entry, root);
  requireOrigin(entry, log);
  const isInForce =
    times.length === 0 || times.some(({ time }) => log.validFrom <= new Date(time) && new Date(time) <= log.validTo);
  if (!isInForce) throw invalid('its log was not in force when it was signed');
  return { log: log.name, index: entry.provenIndex };
}

function logOf(entry: LogEntry, root: TrustedRoot): TrustedLog {
  const log = root.logs.find(({ id }) => Buffer.from(id).equals(entry.logId));
  if (log === undefined) throw invalid('its log is not one of the trusted root');
  return log;
}

/** The checkpoint is of this very log: the library accepts any part of its address for its name. */
function requireOrigin(entry: LogEntry, log: TrustedLog): void {
  if (entry.checkpoint === null) return;
  const [origin = '', size, root] = entry.checkpoint.split('\n', 3);
  if (entry.proofOf?.treeSize !== size || entry.proofOf?.rootHash !== root)
    throw invalid('its log proof is not about its checkpoint');
  // Rekor v1 adds its tree's number: `rekor.sigstore.dev - 1193050959916656506`.
  if (origin !== log.name && !(origin.startsWith(`${log.name} - `) && /^\d+$/.test(origin.slice(log.name.length + 3))))
    throw invalid('its log proof is of another log');
}

/** Any exception is a refusal with a code; what the libraries throw by mistake (TypeError, OpenSSL) is `signature-malformed`. */
async function orRefuse<T>(work: () => Promise<T>): Promise<T> {
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

function invalid(why: string): WeighmarkError {
  return new WeighmarkError('signature-invalid', `the signature is not proven: ${why}`);
}
