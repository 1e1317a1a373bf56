import { WeighmarkError } from '../base/errors.ts';
import { openCheckpoint, type VerifiedCheckpoint } from './checkpoint.ts';
import { verifyInclusion, type Hash } from './merkle.ts';
import type { VerifierKey } from './note.ts';

/** `c2sp.org/tlog-proof@v1`: one entry is in the log of this checkpoint; verifies offline. https://c2sp.org/tlog-proof */
export interface InclusionProof {
  readonly index: number;
  readonly hashes: readonly Hash[];
  /** Signed checkpoint, byte for byte. */
  readonly checkpoint: string;
  /** Unauthenticated; ours holds the leaf, so that the file alone says what was logged. */
  readonly extra?: Uint8Array;
}

const HEADER = 'c2sp.org/tlog-proof@v1';
const MAX_HASHES = 63;
const PROOF_CHARS = 1 << 20;

export function formatProof({ index, hashes, checkpoint, extra }: InclusionProof): string {
  const extraLine = extra === undefined ? [] : [`extra ${Buffer.from(extra).toString('base64')}`];
  const lines = [HEADER, ...extraLine, `index ${index}`, ...hashes.map((hash) => Buffer.from(hash).toString('base64'))];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

/** @throws WeighmarkError `log-invalid`. */
export function parseProof(text: string): InclusionProof {
  const end = text.indexOf('\n\n');
  if (end < 0 || text.length > PROOF_CHARS) throw malformed();
  const lines = text.slice(0, end).split('\n');
  if (lines.shift() !== HEADER) throw malformed();
  const extra = lines[0]?.startsWith('extra ') === true ? base64(lines.shift()?.slice(6) ?? '') : undefined;
  const index = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '')?.[1];
  if (index === undefined || lines.length > MAX_HASHES) throw malformed();
  const hashes = lines.map(base64);
  return { index: Number(index), hashes, checkpoint: text.slice(end + 2), ...(extra === undefined ? {} : { extra }) };
}

/**
 * Proves that a leaf is in the log, offline.
 * @param leaf its Merkle leaf hash.
 * @throws WeighmarkError `log-invalid`, `log-key-mismatch`.
 */
export function verifyProof(
  proof: InclusionProof,
  leaf: Hash,
  keys: { log: readonly VerifierKey[]; witnesses?: readonly VerifierKey[] },
): VerifiedCheckpoint {
  const checkpoint = openCheckpoint(proof.checkpoint, keys.log, keys.witnesses);
  if (verifyInclusion(proof.hashes, { index: proof.index, hash: leaf }, checkpoint)) return checkpoint;
  throw new WeighmarkError('log-invalid', `the proof does not lead from entry ${proof.index} to the checkpoint`, {
    subject: checkpoint.origin,
  });
}

function base64(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw malformed();
  return new Uint8Array(bytes);
}

function malformed(): WeighmarkError {
  return new WeighmarkError('log-invalid', 'not a c2sp.org/tlog-proof@v1 file');
}
