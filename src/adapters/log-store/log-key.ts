import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../domain/digest/hex.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { formatCheckpoint, type Checkpoint } from '../../domain/tlog/checkpoint.ts';
import {
  COSIGNATURE_ML_DSA_44,
  cosignedMessage,
  ED25519,
  formatNote,
  formatVkey,
  keyId,
  rawPublicKey,
} from '../../domain/tlog/note.ts';
import { fileError } from '../files/errors.ts';
import { writeFileAtomic } from '../files/write.ts';

/** What signs a log's checkpoints: Ed25519 and, where Node makes it, ML-DSA-44. Lives outside the registry. */
export interface LogKey {
  readonly vkeys: readonly string[];
  /** The signed note. Time in whole seconds since the epoch. */
  sign(checkpoint: Checkpoint, seconds: number): string;
}

/** Where the key of a log is kept unless the caller says otherwise. */
export function defaultLogKeyFile(configFolder: string, origin: string): string {
  return join(configFolder, 'log-keys', `${sha256Hex(origin).slice(0, 16)}.pem`);
}

/** Makes a key file (0600) unless there is one, whose key is then used. */
export async function ensureLogKey(file: string, origin: string): Promise<LogKey> {
  const there = await readKeyFile(file);
  if (there !== null) return logKeyOf(there, origin, file);
  const pem = generateKeys()
    .map((key) => key.export({ type: 'pkcs8', format: 'pem' }))
    .join('');
  await writeFileAtomic(file, pem, { mode: 0o600, exclusive: true });
  return logKeyOf(pem, origin, file);
}

/** @throws WeighmarkError `key-unusable` if there is none, or it is no log key. */
export async function loadLogKey(file: string, origin: string): Promise<LogKey> {
  const pem = await readKeyFile(file);
  if (pem !== null) return logKeyOf(pem, origin, file);
  throw new WeighmarkError('key-unusable', 'the key of this log is not here: only its holder can append', {
    subject: origin,
    facts: { looked: file },
    hint: 'pass it with `--log-key FILE` or WEIGHMARK_LOG_KEY',
  });
}

/** @throws WeighmarkError `key-unusable` unless the key signs all that readers of this log will ask for. */
export function requireOwnKey(
  key: LogKey,
  log: { readonly origin: string; readonly vkeys: readonly string[] },
): LogKey {
  if (log.vkeys.every((vkey) => key.vkeys.includes(vkey))) return key;
  const isPart = key.vkeys.every((vkey) => log.vkeys.includes(vkey));
  throw new WeighmarkError(
    'key-unusable',
    isPart
      ? 'the log is signed with ML-DSA-44 too, which this Node or this key file lacks'
      : 'this is not the key of this log',
    {
      subject: log.origin,
      facts: { log: log.vkeys.join(' '), key: key.vkeys.join(' ') },
      ...(isPart
        ? { hint: 'append with Node 24 or later, and the whole key file: readers would refuse what is signed in part' }
        : {}),
    },
  );
}

async function readKeyFile(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fileError(cause, file);
  }
}

function generateKeys(): readonly KeyObject[] {
  const classic = generateKeyPairSync('ed25519').privateKey;
  try {
    return [classic, generateKeyPairSync('ml-dsa-44').privateKey];
  } catch {
    return [classic];
  }
}

function logKeyOf(pem: string, origin: string, file: string): LogKey {
  const keys = (pem.match(/-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/g) ?? []).flatMap(readPrivateKey);
  if (!keys.some((key) => key.asymmetricKeyType === 'ed25519')) {
    throw new WeighmarkError('key-unusable', `${file} holds no Ed25519 private key`, { subject: file });
  }
  const signers = keys.map((key) => signerOf(key, origin));
  return {
    vkeys: signers.map((signer) => signer.vkey),
    sign(checkpoint, seconds) {
      const text = formatCheckpoint(checkpoint);
      return formatNote({
        text,
        signatures: signers.map((signer) => ({ name: origin, id: signer.id, signature: signer.sign(text, seconds) })),
      });
    },
  };
}

/** A key this Node does not know (ML-DSA before Node 24) is left out. */
function readPrivateKey(pem: string): readonly KeyObject[] {
  try {
    return [createPrivateKey(pem)];
  } catch {
    return [];
  }
}

function signerOf(
  key: KeyObject,
  origin: string,
): { vkey: string; id: string; sign(text: string, seconds: number): Uint8Array } {
  const type = key.asymmetricKeyType === 'ed25519' ? ED25519 : COSIGNATURE_ML_DSA_44;
  const raw = rawPublicKey(createPublicKey(key));
  return {
    vkey: formatVkey(origin, type, raw),
    id: keyId(origin, type, raw),
    sign: (text, seconds) =>
      type === ED25519 ? sign(null, Buffer.from(text), key) : cosign(key, text, { origin, seconds }),
  };
}

function cosign(key: KeyObject, text: string, { origin, seconds }: { origin: string; seconds: number }): Uint8Array {
  const message = cosignedMessage(text, { name: origin, type: COSIGNATURE_ML_DSA_44 }, seconds);
  if (message === null) throw new WeighmarkError('internal', 'not a checkpoint');
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(seconds));
  return Buffer.concat([time, sign(null, message, key)]);
}
