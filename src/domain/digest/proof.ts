import { WeighmarkError } from '../base/errors.ts';
import { isJsonObject, parseStrictJson } from '../base/json.ts';
import { LIMITS } from '../base/limits.ts';
import type { Blake3Tree } from './blake3-tree.ts';
import { isHex256 } from './hex.ts';
import { CV_BYTES, groupCount, GROUP_BYTES, leftLeaves, PAIR_BYTES, PREFIX_BYTES } from './outboard.ts';
import type { ByteRange, Provable } from './proven.ts';

/**
 * A proof that these bytes stand there in a file with this BLAKE3, checkable without the file. `encoded` is bao-tree's
 * encoding (pre-order, 16 KiB groups) of the range and of the final group, which proves the length.
 * @see https://docs.rs/bao-tree
 */
export interface RangeProof extends ByteRange {
  readonly sizeBytes: number;
  /** Lower-case hex of the whole file's digest. */
  readonly blake3: string;
  readonly encoded: Uint8Array;
}

const FORMAT = 'weighmark-range-proof/1';

/** @throws WeighmarkError `digest-mismatch` if content or outboard do not lead to the root, `limit-exceeded`. */
export async function proveRange(parts: Provable, range: ByteRange): Promise<RangeProof> {
  const { size } = parts.content;
  if (range.start >= range.end || range.end > size)
    throw new WeighmarkError('usage', `there are no bytes ${range.start} to ${range.end} in ${size} bytes`);
  if (range.end - range.start > LIMITS.proofRangeBytes)
    throw new WeighmarkError('limit-exceeded', `a proof holds at most ${LIMITS.proofRangeBytes} bytes`);
  const pieces: Uint8Array[] = [];
  const source = {
    pair: (index: number) => parts.outboard.read(PREFIX_BYTES + index * PAIR_BYTES, PAIR_BYTES),
    group: (offset: number, length: number) => parts.content.read(offset, length),
  };
  await visitRange(
    { size, range, root: parts.root, tree: parts.tree },
    {
      pair: async (index) => keep(pieces, await source.pair(index)),
      group: async (offset, length) => keep(pieces, await source.group(offset, length)),
    },
  );
  return { ...range, sizeBytes: size, blake3: Buffer.from(parts.root).toString('hex'), encoded: Buffer.concat(pieces) };
}

/**
 * The proven bytes of the range. Whose digest it is, the caller must know and compare.
 * @throws WeighmarkError `digest-mismatch`.
 */
export async function checkProof(proof: RangeProof, tree: Blake3Tree): Promise<Uint8Array> {
  const target = new Uint8Array(proof.end - proof.start);
  let at = 0;
  const take = (length: number) => {
    if (at + length > proof.encoded.length) throw mismatch();
    return proof.encoded.subarray(at, (at += length));
  };
  await visitRange(
    { size: proof.sizeBytes, range: proof, root: Buffer.from(proof.blake3, 'hex'), tree },
    {
      pair: async () => take(PAIR_BYTES),
      group: async (offset, length) => copyInto(target, proof.start, { offset, bytes: take(length) }),
    },
  );
  if (at !== proof.encoded.length) throw mismatch();
  return target;
}

/** One line of JSON. */
export function formatProof(proof: RangeProof): string {
  const { sizeBytes, blake3, start, end } = proof;
  return `${JSON.stringify({ format: FORMAT, blake3, sizeBytes, start, end, encoded: Buffer.from(proof.encoded).toString('base64') })}\n`;
}

/** @throws WeighmarkError `format-invalid`. */
export function parseProof(bytes: Uint8Array): RangeProof {
  const value = parseStrictJson(bytes, { maxBytes: LIMITS.proofFileBytes });
  if (!isJsonObject(value)) throw malformed();
  const { format, blake3, sizeBytes, start, end, encoded, ...rest } = value;
  const whole = (number: unknown): number =>
    typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : Number.NaN;
  const range = { start: whole(start), end: whole(end), sizeBytes: whole(sizeBytes) };
  const sound =
    range.start < range.end && range.end <= range.sizeBytes && range.end - range.start <= LIMITS.proofRangeBytes;
  if (format !== FORMAT || !isHex256(blake3) || typeof encoded !== 'string' || !sound || Object.keys(rest).length > 0)
    throw malformed();
  return { ...range, blake3, encoded: Buffer.from(encoded, 'base64') };
}

interface Visit {
  readonly size: number;
  readonly range: ByteRange;
  readonly root: Uint8Array;
  readonly tree: Blake3Tree;
}

/** Where the nodes come from, in the order of the encoding. */
interface Nodes {
  pair(index: number): Promise<Uint8Array>;
  group(offset: number, length: number): Promise<Uint8Array>;
}

async function visitRange(how: Visit, nodes: Nodes): Promise<void> {
  const wanted = (start: number, end: number) => (start < how.range.end && end > how.range.start) || end >= how.size;
  const visit = async (first: number, leaves: number, index: number, expected: Uint8Array): Promise<void> => {
    const start = first * GROUP_BYTES;
    const end = Math.min(how.size, start + leaves * GROUP_BYTES);
    if (!wanted(start, end)) return;
    if (leaves === 1) return hold(groupValue(how, start, await nodes.group(start, end - start)), expected);
    const pair = await nodes.pair(index);
    const [left, right] = [pair.subarray(0, CV_BYTES), pair.subarray(CV_BYTES)];
    hold(how.tree.parent(left, right, index === 0), expected);
    const half = leftLeaves(leaves);
    await visit(first, half, index + 1, left);
    await visit(first + half, leaves - half, index + half, right);
  };
  await visit(0, groupCount(how.size), 0, how.root);
}

function groupValue(how: Visit, start: number, bytes: Uint8Array): Uint8Array {
  return how.size <= GROUP_BYTES ? how.tree.digest(bytes) : how.tree.subtree(bytes, start);
}

function hold(found: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(found, expected) !== 0) throw mismatch();
}

function keep(pieces: Uint8Array[], bytes: Uint8Array): Uint8Array {
  pieces.push(bytes);
  return bytes;
}

function copyInto(target: Uint8Array, start: number, group: { offset: number; bytes: Uint8Array }): Uint8Array {
  const from = Math.max(0, start - group.offset);
  const to = Math.min(group.bytes.length, start + target.length - group.offset);
  if (from < to) target.set(group.bytes.subarray(from, to), group.offset + from - start);
  return group.bytes;
}

function mismatch(): WeighmarkError {
  return new WeighmarkError('digest-mismatch', 'the proof does not lead to the digest it names');
}

function malformed(): WeighmarkError {
  return new WeighmarkError('format-invalid', `this is no ${FORMAT}`);
}
