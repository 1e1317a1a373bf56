import { WeighmarkError } from '../base/errors.ts';
import type { Blake3Tree } from './blake3-tree.ts';
import type { Source } from '../base/source.ts';
import { CV_BYTES, groupCount, GROUP_BYTES, leftLeaves, outboardBytes, PAIR_BYTES, PREFIX_BYTES } from './outboard.ts';

/** What a part is proven against: content and outboard are untrusted, the digest is known from a signature. */
export interface Provable {
  readonly content: Source;
  readonly outboard: Source;
  /** BLAKE3 of the whole content, 32 bytes. */
  readonly root: Uint8Array;
  readonly tree: Blake3Tree;
}

/** Half-open range of bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** Aligned blocks of outboard read at a time: the parents of one MiB of content. */
const BLOCK_BYTES = 4096;
const BLOCKS_KEPT = 256;

/**
 * A source that yields proven bytes only, so that any format reader can work on a part of a file: every read is checked
 * group by group against the root. The length is proven first, by the final group (security rule 10).
 * @throws WeighmarkError `digest-mismatch` here and from `read`, with the block that differs as a fact.
 */
export async function provenSource(parts: Provable): Promise<Source> {
  const size = parts.content.size;
  const pairs = await openPairs(parts.outboard, size);
  const prove = (range: ByteRange, each: (offset: number, bytes: Uint8Array) => void) =>
    walk({ ...parts, pairs, range, each });
  await prove({ start: Math.max(0, size - 1), end: Math.max(1, size) }, () => undefined);
  return {
    size,
    read: async (offset, length) => {
      const range = { start: offset, end: Math.max(offset, Math.min(size, offset + length)) };
      const target = new Uint8Array(range.end - range.start);
      if (target.length > 0) await prove(range, (at, bytes) => copyOverlap(target, range.start, { at, bytes }));
      return target;
    },
  };
}

/**
 * Proves a range of content and hands its groups out in order; memory does not grow with the range.
 * @throws WeighmarkError `digest-mismatch`.
 */
export async function verifyRange(
  parts: Provable,
  range: ByteRange,
  each: (offset: number, bytes: Uint8Array) => void = () => undefined,
): Promise<void> {
  const source = await provenSource(parts);
  for (let at = range.start; at < Math.min(range.end, source.size);) {
    const end = Math.min(range.end, source.size, (Math.floor(at / WINDOW_BYTES) + 1) * WINDOW_BYTES);
    each(at, await source.read(at, end - at));
    at = end;
  }
}

const WINDOW_BYTES = 4 << 20;

interface Walk extends Provable {
  readonly pairs: Pairs;
  readonly range: ByteRange;
  readonly each: (offset: number, bytes: Uint8Array) => void;
}

interface Node {
  readonly first: number;
  readonly leaves: number;
  /** Pre-order index among the parents. */
  readonly index: number;
  readonly expected: Uint8Array;
}

async function walk(how: Walk): Promise<void> {
  const leaves = groupCount(how.content.size);
  await visit(how, { first: 0, leaves, index: 0, expected: how.root });
}

async function visit(how: Walk, node: Node): Promise<void> {
  const start = node.first * GROUP_BYTES;
  if (start >= how.range.end || start + node.leaves * GROUP_BYTES <= how.range.start) return;
  if (node.leaves === 1) return visitGroup(how, node);
  const pair = await how.pairs.at(node.index);
  const [left, right] = [pair.subarray(0, CV_BYTES), pair.subarray(CV_BYTES)];
  if (!same(how.tree.parent(left, right, node.index === 0), node.expected))
    throw mismatch('its outboard does not lead to the signed digest', node, how.content.size);
  const half = leftLeaves(node.leaves);
  await visit(how, { first: node.first, leaves: half, index: node.index + 1, expected: left });
  await visit(how, { first: node.first + half, leaves: node.leaves - half, index: node.index + half, expected: right });
}

async function visitGroup(how: Walk, node: Node): Promise<void> {
  const offset = node.first * GROUP_BYTES;
  const length = Math.min(GROUP_BYTES, how.content.size - offset);
  const bytes = await how.content.read(offset, length);
  const whole = how.content.size <= GROUP_BYTES;
  const value = whole ? how.tree.digest(bytes) : how.tree.subtree(bytes, offset);
  if (bytes.length !== length || !same(value, node.expected))
    throw mismatch('it is not what was signed', node, how.content.size);
  how.each(offset, bytes);
}

function mismatch(message: string, node: Node, size: number): WeighmarkError {
  const start = node.first * GROUP_BYTES;
  const end = Math.min(size, start + node.leaves * GROUP_BYTES);
  return new WeighmarkError('digest-mismatch', message, { facts: { differs: `bytes ${start} to ${end}` } });
}

/** Parents by pre-order index, read in blocks and kept while they are near. */
interface Pairs {
  at(index: number): Promise<Uint8Array>;
}

async function openPairs(outboard: Source, size: number): Promise<Pairs> {
  const malformed = (why: string) => new WeighmarkError('digest-mismatch', `its outboard ${why}`);
  if (outboard.size !== outboardBytes(size)) throw malformed('is for content of another length');
  const prefix = await outboard.read(0, PREFIX_BYTES);
  if (new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true) !== BigInt(size))
    throw malformed('states another length');
  const blocks = new Map<number, Promise<Uint8Array>>();
  const blockAt = (at: number) => {
    const kept = blocks.get(at);
    if (kept !== undefined) return kept;
    if (blocks.size >= BLOCKS_KEPT) blocks.clear();
    const block = outboard.read(PREFIX_BYTES + at * BLOCK_BYTES, BLOCK_BYTES);
    blocks.set(at, block);
    return block;
  };
  return {
    at: async (index) => {
      const offset = (index * PAIR_BYTES) % BLOCK_BYTES;
      return (await blockAt(Math.floor((index * PAIR_BYTES) / BLOCK_BYTES))).subarray(offset, offset + PAIR_BYTES);
    },
  };
}

function copyOverlap(target: Uint8Array, start: number, group: { at: number; bytes: Uint8Array }): void {
  const from = Math.max(0, start - group.at);
  const to = Math.min(group.bytes.length, start + target.length - group.at);
  target.set(group.bytes.subarray(from, to), group.at + from - start);
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
