import { X509Certificate } from 'node:crypto';
import { IN_TOTO_PAYLOAD } from '../../domain/claims/predicates.ts';
import type { VerifiedTime } from '../../domain/claims/types.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { KeylessVerifier } from '../../domain/trust/keyless-verifier.ts';
import { readFulcioCertificate } from '../../domain/trust/fulcio.ts';
import { instanceOf } from '../../domain/trust/instance.ts';
import { readPublicKey, shownFingerprint } from '../../domain/pki/keys.ts';
import { requireBound, type Bound } from '../../domain/trust/log-binding.ts';
import { parseSigstoreBundle, type SigstoreBundle } from '../../domain/trust/sigstore-bundle.ts';
import { authorityFromPem, verifiedTime, type TimestampAuthority } from '../../domain/trust/timestamp-authority.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../domain/trust/trusted-root.ts';
import { type Proof, type ProofOptions, type Claimant, invalid } from './proof.ts';
import { proveByLibrary, orRefuse } from './library.ts';
import { signedBy, boundOf } from './signed-content.ts';
import { promisedTimes, provenEntries } from './log-entries.ts';

/** @param publicGoodRoot content of the built-in (or refreshed) trusted root. */
export function createKeylessVerifier(
  publicGoodRoot: () => Promise<string>,
): KeylessVerifier & { prove(bundle: Uint8Array, options: ProofOptions): Promise<Proof> } {
  const prove = async (bytes: Uint8Array, options: ProofOptions): Promise<Proof> =>
    orRefuse(async () => proveBundle(parseSigstoreBundle(bytes, LIMITS.signatureBytes), options, publicGoodRoot));
  return {
    prove,
    trustedRoot: publicGoodRoot,
    async verify(bytes, trustedRoot, artifact) {
      const { signer, times, payloadType, logEntries } = await prove(bytes, {
        ...(trustedRoot === undefined ? {} : { trustedRoot }),
        ...(artifact === undefined ? {} : { artifact }),
      });
      if (signer.kind !== 'oidc' || payloadType !== (artifact === undefined ? IN_TOTO_PAYLOAD : null))
        throw new WeighmarkError(
          'signature-malformed',
          `not a keyless signature over a ${artifact === undefined ? 'statement' : 'file'}`,
        );
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
  const signer = identityOf(leaf, options);
  requireThresholds(facts, options);
  return { ...content, ...facts, signer };
}

function identityOf(leaf: Uint8Array, { trustedRoot }: ProofOptions): Proof['signer'] {
  return {
    kind: 'oidc',
    instance: instanceOf(trustedRoot),
    ...readFulcioCertificate(leaf),
    notBefore: new Date(new X509Certificate(leaf).validFrom).toISOString(),
  };
}

function requireThresholds({ logEntries, times }: Facts, { logs, timeAuthorities }: ProofOptions): void {
  requireDistinct(
    logEntries.map(({ log }) => log),
    logs ?? 1,
    'transparency logs',
  );
  requireDistinct(
    times.map(({ authority }) => authority),
    Math.max(1, timeAuthorities ?? 1),
    'authorities on time',
  );
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

type Facts = Pick<Proof, 'times' | 'logEntries'>;

/**
 * Everything a bundle claims besides its signature, step by step; the first that fails refuses it. The library proves chain,
 * SCT, log inclusion and signature; what it lets through is refused before and after. RFC 3161 tokens are ours to prove: the
 * library knows ECDSA alone, and does not ask what the authority's certificate is for.
 */
async function proveWithRoot(bundle: SigstoreBundle, root: TrustedRoot, claimant: Claimant): Promise<Facts> {
  const signed = signedBy(bundle, claimant.key, claimant.options);
  requireEntriesBound(bundle, boundOf(bundle, signed, claimant));
  const times = [...provenTimestamps(bundle, root), ...promisedTimes(bundle, root)];
  if (claimant.certificate !== undefined) requireValidAt(claimant.certificate, times);
  await proveByLibrary(bundle, root, { signed, claimant, times });
  return { times, logEntries: provenEntries(bundle, root, times) };
}

function requireEntriesBound({ logEntries }: SigstoreBundle, bound: Bound): void {
  for (const entry of logEntries) requireBound(entry, bound);
}

function provenTimestamps(bundle: SigstoreBundle, root: TrustedRoot): readonly VerifiedTime[] {
  const times = timesBy(bundle, root.timestampAuthorities);
  if (times.length !== bundle.timestamps.length)
    throw invalid('a timestamp is not by an authority of the trusted root, or not over this signature');
  return times;
}

/** A certificate of ten minutes signs within them, whoever says when. */
function requireValidAt(leaf: Uint8Array, times: readonly VerifiedTime[]): void {
  const { validFrom, validTo } = new X509Certificate(leaf);
  const outside = times.find(({ time }) => new Date(time) < new Date(validFrom) || new Date(time) > new Date(validTo));
  if (times.length === 0) throw invalid('nobody the trusted root names says when it was signed');
  if (outside !== undefined) throw invalid('its certificate was not valid at the time of signing');
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
