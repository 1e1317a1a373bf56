import { WeighmarkError } from '../base/errors.ts';
import {
  canVerify,
  ED25519,
  parseNote,
  verifyNote,
  type Note,
  type VerifierKey,
  type VerifiedSignature,
} from './note.ts';
import type { Hash } from './merkle.ts';

/** C2SP tlog-checkpoint: origin, size, root; signed as a note. https://c2sp.org/tlog-checkpoint */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Hash;
}

/** A checkpoint whose log signatures verified in this run. */
export interface VerifiedCheckpoint extends Checkpoint {
  /** The signed note, byte for byte. */
  readonly note: string;
  /** Verified signatures of the given keys: the log's and, where asked for, witnesses'. */
  readonly signatures: readonly VerifiedSignature[];
}

export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** Reads the three lines; says nothing about signatures. @throws WeighmarkError `log-invalid`. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = '', size = '', root = ''] = text.split('\n');
  const hash = Buffer.from(root, 'base64');
  const wellFormed =
    origin !== '' && /^(?:0|[1-9]\d{0,15})$/.test(size) && hash.length === 32 && hash.toString('base64') === root;
  if (!wellFormed || !Number.isSafeInteger(Number(size)))
    throw new WeighmarkError('log-invalid', 'a malformed checkpoint');
  return { origin, size: Number(size), root: new Uint8Array(hash) };
}

/**
 * Verifies a checkpoint under its log's keys: every key this Node can use must have signed it, at least the Ed25519 one.
 * `witnesses` may have: their signatures are verified and reported.
 * @throws WeighmarkError `log-key-mismatch` if the log's keys did not sign it, `log-invalid` if malformed.
 */
export function openCheckpoint(
  text: string,
  logKeys: readonly VerifierKey[],
  witnesses: readonly VerifierKey[] = [],
): VerifiedCheckpoint {
  const note = parseNote(text);
  const checkpoint = parseCheckpoint(note.text);
  if (note.text.slice(0, -1).split('\n').includes(''))
    throw new WeighmarkError('log-invalid', 'a checkpoint with an empty line');
  requireLogKeys(note, checkpoint, logKeys);
  return { ...checkpoint, note: text, signatures: verifyNote(note, [...logKeys, ...witnesses]) };
}

function requireLogKeys(note: Note, checkpoint: Checkpoint, logKeys: readonly VerifierKey[]): void {
  const usable = logKeys.filter(canVerify);
  const signed = (key: VerifierKey) => note.signatures.some((line) => line.name === key.name && line.id === key.id);
  const ours =
    usable.every((key) => key.name === checkpoint.origin && signed(key)) && usable.some((key) => key.type === ED25519);
  if (ours) return;
  throw new WeighmarkError('log-key-mismatch', `the log's checkpoint is not signed by the key known for it`, {
    subject: checkpoint.origin,
    facts: {
      known: logKeys.map((key) => `${key.name}+${key.id}`).join(', ') || 'none',
      found: note.signatures.map((line) => `${line.name}+${line.id}`).join(', '),
    },
    hint: 'if the log really has a new key, learn it from its owner and pass it with `--log-vkey`',
  });
}
