import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { GeneratedKey } from '../../domain/ports/signing.ts';
import { curveOf, publicHalf } from '../../domain/pki/keys.ts';

/** Asks for the password of an encrypted key; null where there is none to ask. */
export type AskPassword = () => Promise<string | null>;

/**
 * A P-256, P-384 or P-521 private key: PKCS#8 or SEC1 PEM, encrypted or not.
 * @throws WeighmarkError `key-unusable`, `password-wrong`, `not-found`, `unreadable`. Never with the key or password in it.
 */
export async function readPrivateKey(files: Files, location: string, askPassword: AskPassword): Promise<KeyObject> {
  const pem = Buffer.from(await files.read(location, LIMITS.keyFileBytes)).toString('latin1');
  refuseForeignForms(pem, location);
  const key = isEncrypted(pem) ? decrypt(pem, location, await password(askPassword, location)) : parse(pem, location);
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

function isEncrypted(pem: string): boolean {
  return pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----') || /^Proc-Type: 4,ENCRYPTED/m.test(pem);
}

function refuseForeignForms(pem: string, location: string): void {
  if (/-----BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY-----/.test(pem)) {
    throw new WeighmarkError('key-unusable', `${location} is a cosign key, which only cosign can open`, {
      subject: location,
      hint: '`weighmark keygen` makes a key that cosign verifies too (`cosign verify-blob --key`)',
    });
  }
  if (/-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/.test(pem)) return;
  const what = pem.includes('-----BEGIN PUBLIC KEY-----')
    ? 'a public key: signing needs the private one'
    : 'not a private key in PEM form';
  throw new WeighmarkError('key-unusable', `${location} is ${what}`, { subject: location });
}

function parse(pem: string, location: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch {
    throw new WeighmarkError('key-unusable', `${location} is not a private key that can be read`, {
      subject: location,
    });
  }
}

function decrypt(pem: string, location: string, passphrase: string): KeyObject {
  try {
    return createPrivateKey({ key: pem, format: 'pem', passphrase });
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
