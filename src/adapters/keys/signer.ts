import { createPublicKey, createSign, type KeyObject, type X509Certificate } from 'node:crypto';
import { preAuthPieces } from '../../domain/claims/dsse.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type {
  ClaimSigner,
  CommandSignerOptions,
  KeySignerOptions,
  LastingSignerOptions,
} from '../../domain/ports/signing.ts';
import type { Files } from '../../domain/ports/files.ts';
import { checkOwnChain } from '../../domain/pki/certificate-path.ts';
import { readTimestamp } from '../../domain/pki/rfc3161.ts';
import { certificateFingerprint, readCertificates } from '../../domain/pki/certificates.ts';
import { certificatesPemOf, publicPemOf } from '../../domain/pki/key-forms.ts';
import { curveOf, describeKey, omsHint, shownFingerprint } from '../../domain/pki/keys.ts';
import { keyFingerprint } from '../../domain/pki/spki.ts';
import { bundleOf, type KeyPart } from './bundle.ts';
import { commandSigner, type CommandWorld } from './command.ts';
import { readPrivateKey } from './private-key.ts';

/** Gets an RFC 3161 timestamp over a signature's bytes: a DER TimeStampResp. */
export type Timestamper = (signature: Uint8Array) => Promise<Uint8Array>;

/**
 * Signs with a private key in a file, alone or under a certificate chain (leaf first). The key is opened at once, so that a
 * wrong password, or a chain that nobody would accept, is found before hours of hashing.
 * @throws WeighmarkError `key-unusable`, `password-wrong`, `not-found`.
 */
export async function keySigner(
  files: Files,
  options: KeySignerOptions,
  timestamp?: Timestamper,
): Promise<ClaimSigner> {
  const key = await readPrivateKey(files, options.keyFile, async () => options.password());
  const { hash } = curveOf(key);
  return signerBy(files, createPublicKey(key), {
    options,
    timestamp,
    sign: async (pieces) => {
      const sign = createSign(hash);
      for (const piece of pieces) sign.update(piece);
      return Promise.resolve(sign.sign(key));
    },
  });
}

/**
 * Signs by a program that holds the key.
 * @throws WeighmarkError `usage`, `key-unusable`, `not-found`.
 */
export async function programSigner(
  files: Files,
  options: CommandSignerOptions,
  { world, timestamp }: { readonly world: CommandWorld; readonly timestamp?: Timestamper | undefined },
): Promise<ClaimSigner> {
  const key = await publicKeyOf(files, options);
  const sign = commandSigner(options.command, key, world);
  return signerBy(files, key, { options, timestamp, sign: async (pieces) => sign(Buffer.concat(pieces)) });
}

async function publicKeyOf(files: Files, options: CommandSignerOptions): Promise<KeyObject> {
  const { publicKeyFile, certificateChainFile } = options;
  if (publicKeyFile !== undefined) {
    const pem = publicPemOf(await files.read(publicKeyFile, LIMITS.keyFileBytes), 'key-unusable', publicKeyFile);
    return createPublicKey(pem);
  }
  const [leaf] = certificateChainFile === undefined ? [] : await chainIn(files, certificateChainFile);
  if (leaf !== undefined) return leaf.publicKey;
  throw new WeighmarkError('usage', '--key exec: needs the --public-key that its signatures are by');
}

interface Signing {
  readonly options: LastingSignerOptions;
  readonly timestamp: Timestamper | undefined;
  /** ECDSA over the bytes of the pieces, in DER. */
  readonly sign: (pieces: readonly Uint8Array[]) => Promise<Uint8Array>;
}

async function signerBy(files: Files, key: KeyObject, { options, timestamp, sign }: Signing): Promise<ClaimSigner> {
  const identity = await identityOf(files, key, options);
  return {
    description: identity.description,
    async sign(payload) {
      const signature = await sign(preAuthPieces(payload));
      const timestamps = timestamp === undefined ? [] : [await timestamp(signature)];
      for (const token of timestamps) requireUsable(token, identity.chain, options.refusal === true);
      return bundleOf({ key: identity.part, payload, signature, timestamps });
    },
  };
}

/** A certificate is judged at the time that the timestamp proves. */
function requireUsable(token: Uint8Array, chain: readonly X509Certificate[], refusal: boolean): void {
  if (chain.length > 0 && !refusal) checkUsable(chain, readTimestamp(token).time);
}

function checkUsable(chain: readonly X509Certificate[], at: Date | undefined, subject?: string): void {
  try {
    checkOwnChain(chain, at);
  } catch (cause) {
    if (!(cause instanceof WeighmarkError)) throw cause;
    throw new WeighmarkError('key-unusable', `nobody would accept what is signed so: ${cause.message}`, {
      ...(subject === undefined ? {} : { subject }),
      facts: cause.facts,
      hint: 'sign with a certificate that is valid and meant for signing, and its intermediates',
      cause,
    });
  }
}

interface Identity {
  readonly description: string;
  readonly part: KeyPart;
  readonly chain: readonly X509Certificate[];
}

async function identityOf(files: Files, key: KeyObject, options: LastingSignerOptions): Promise<Identity> {
  const { pem, fingerprint } = describeKey(key);
  const { certificateChainFile: chainFile } = options;
  if (chainFile === undefined)
    return { description: `key ${shownFingerprint(fingerprint)}`, part: { hint: omsHint(pem) }, chain: [] };
  const chain = await chainIn(files, chainFile);
  const leaf = chain[0];
  if (leaf === undefined || chain.length > LIMITS.certificatesPerBundle) {
    throw new WeighmarkError(
      'key-unusable',
      `${chainFile} holds more than ${LIMITS.certificatesPerBundle} certificates`,
      { subject: chainFile },
    );
  }
  if (keyFingerprint(leaf.publicKey) !== fingerprint) {
    throw new WeighmarkError('key-unusable', `the first certificate of ${chainFile} is for another key`, {
      subject: chainFile,
      hint: 'put the signing certificate first, then its intermediates',
    });
  }
  checkUsable(chain, options.refusal === true ? undefined : new Date(), chainFile);
  return {
    description: `certificate ${shownFingerprint(certificateFingerprint(leaf))}`,
    part: { chain: chain.map((certificate) => certificate.raw) },
    chain,
  };
}

async function chainIn(files: Files, location: string): Promise<readonly X509Certificate[]> {
  return readCertificates(certificatesPemOf(await files.read(location, LIMITS.keyFileBytes)), 'key-unusable');
}
