import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { Signers } from '../../domain/ports/signing.ts';

export interface KeygenOutcome {
  readonly privateKey: string;
  readonly publicKey: string;
  /** SHA-256 of the SPKI DER, lower-case hex. */
  readonly fingerprint: string;
  readonly encrypted: boolean;
  /** The public key as a policy's `keys:` has it: base64 of the SPKI DER. */
  readonly spki: string;
}

/**
 * Makes a P-256 key pair: `<base>.key` (mode 0600) and `<base>.pub`. Nothing is ever overwritten.
 * @throws WeighmarkError `already-exists`, `write-refused`, `disk-full`.
 */
export async function keygen(
  input: { base: string; password: string | null },
  ports: { files: Files; signers: Pick<Signers, 'generate'> },
): Promise<KeygenOutcome> {
  const privateKey = `${input.base}.key`;
  const publicKey = `${input.base}.pub`;
  await refuseExisting(input.base, ports.files);
  const pair = await ports.signers.generate(input.password);
  await ports.files.write(privateKey, pair.privatePem, { mode: 0o600, exclusive: true });
  await ports.files.write(publicKey, pair.publicPem, { mode: 0o644, exclusive: true });
  const spki = pair.publicPem.replaceAll(/-----[A-Z ]+-----|\s/g, '');
  return { privateKey, publicKey, fingerprint: pair.fingerprint, encrypted: input.password !== null, spki };
}

/** Asked before a password is. @throws WeighmarkError `already-exists`. */
export async function refuseExisting(base: string, files: Files): Promise<void> {
  for (const path of [`${base}.key`, `${base}.pub`])
    if ((await files.kindOf(path)) !== 'none')
      throw new WeighmarkError('already-exists', `${path} is already there, and a key is never overwritten`, {
        subject: path,
        hint: 'give another name: `weighmark keygen NAME`',
      });
}
