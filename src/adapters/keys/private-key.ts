import {
  createPrivateKey,
  generateKeyPairSync,
  type JsonWebKeyInput,
  type KeyObject,
  type PrivateKeyInput,
} from 'node:crypto';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { GeneratedKey } from '../../domain/ports/signing.ts';
import { isPrivate, keyFormOf, type KeyForm } from '../../domain/pki/key-forms.ts';
import { curveOf, publicHalf } from '../../domain/pki/keys.ts';

/** Asks for the password of an encrypted key; null where there is none to ask. */
export type AskPassword = () => Promise<string | null>;

/**
 * A P-256, P-384 or P-521 private key: PKCS#8 or SEC1 in PEM or DER, encrypted or not, or a JWK.
 * @throws WeighmarkError `key-unusable`, `password-wrong`, `not-found`, `unreadable`. Never with the key or password in it.
 */
export async function readPrivateKey(files: Files, location: string, askPassword: AskPassword): Promise<KeyObject> {
  const form = keyFormOf(await files.read(location, LIMITS.keyFileBytes));
  const input = privateInput(form, location);
  const key = isEncrypted(form)
    ? decrypt(input, location, await password(askPassword, location))
    : parse(input, location);
  curveOf(key);
  return key;
}

/** A new P-256 key pair; the private half in PKCS#8, encrypted (PBES2, AES-256) when there is a password. */
export function generateKey(secret: string | null): GeneratedKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const protection = secret === null ? {} : { cipher: 'aes-256-cbc', passphrase: secret };
  const privatePem = privateKey.export({ type: 'pkcs8', format: 'pem', ...protection }).toString();
  const { pem, fingerprint } = publicHalf(privateKey);
  return { privatePem, publicPem: pem, fingerprint };
}

function isEncrypted(form: KeyForm): boolean {
  if (form.kind === 'der') return form.what === 'encrypted';
  return (
    form.kind === 'pem' &&
    form.blocks.some(({ label, text }) => label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type: 4,ENCRYPTED/m.test(text))
  );
}

/** The one private key of a file as Node reads it. @throws WeighmarkError `key-unusable`. */
function privateInput(form: KeyForm, location: string): PrivateInput {
  const refuse = (what: string, hint?: string): WeighmarkError =>
    new WeighmarkError('key-unusable', `${location} is ${what}`, {
      subject: location,
      ...(hint === undefined ? {} : { hint }),
    });
  if (form.kind === 'foreign') throw refuse(form.what, form.hint ?? undefined);
  if (!isPrivate(form)) throw refuse(...publicRefusal(form));
  if (form.kind === 'jwk') return { key: { ...form.jwk }, format: 'jwk' };
  if (form.kind === 'der')
    return { key: Buffer.from(form.der), format: 'der', type: form.what === 'sec1' ? 'sec1' : 'pkcs8' };
  const [only, ...others] = form.blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  if (only === undefined || others.length > 0)
    throw refuse(`${others.length + 1} private keys, and which is meant cannot be seen`, 'write one of them to a file');
  if (/SIGSTORE|COSIGN/.test(only.label))
    throw refuse(
      'a cosign key, which only cosign can open',
      '`weighmark keygen` makes a key that cosign verifies too (`cosign verify-blob --key`)',
    );
  return { key: only.text, format: 'pem' };
}

function publicRefusal(form: KeyForm): readonly [string, string?] {
  const certificate =
    form.kind === 'pem'
      ? form.blocks.some(({ label }) => label === 'CERTIFICATE')
      : form.kind === 'der' && form.what === 'certificate';
  return certificate
    ? ['a certificate: signing needs its private key', '`--certificate-chain FILE --key KEY` signs under it']
    : ['a public key: signing needs the private one', '`weighmark keygen NAME` made both: NAME.key is the private one'];
}

type PrivateInput = PrivateKeyInput | JsonWebKeyInput;

function parse(input: PrivateInput, location: string): KeyObject {
  try {
    return createPrivateKey(input);
  } catch {
    throw new WeighmarkError('key-unusable', `${location} is not a private key that can be read`, {
      subject: location,
    });
  }
}

function decrypt(input: PrivateInput, location: string, passphrase: string): KeyObject {
  try {
    return createPrivateKey(input.format === 'jwk' ? input : { ...input, passphrase });
  } catch {
    throw new WeighmarkError('password-wrong', `the password does not open ${location}`, { subject: location });
  }
}

async function password(ask: AskPassword, location: string): Promise<string> {
  const answer = await ask();
  if (answer !== null) return answer;
  throw new WeighmarkError('password-wrong', `${location} is encrypted and no password was given`, {
    subject: location,
    hint: 'set WEIGHMARK_KEY_PASSWORD or WEIGHMARK_KEY_PASSWORD_FILE',
  });
}
