import { Buffer } from 'node:buffer';
import { formatLeaf, type LogEntry } from '../tlog/leaf.ts';
import { EMPTY_ROOT, leafHash, nodeHash, type Hash } from '../tlog/merkle.ts';

/** RFC 6962 root, in hex, of the first `size` of these entries; null if there are fewer. */
export function rootOf(entries: readonly LogEntry[], size: number): string | null {
  if (size > entries.length) return null;
  const hashes = entries.slice(0, size).map(({ leaf }) => leafHash(formatLeaf(leaf)));
  return Buffer.from(size === 0 ? EMPTY_ROOT : treeHash(hashes)).toString('hex');
}

/** The left part is the largest power of two that leaves something for the right. */
function treeHash(hashes: readonly Hash[]): Hash {
  const [only] = hashes;
  if (only === undefined) return EMPTY_ROOT;
  if (hashes.length === 1) return only;
  const left = 2 ** (Math.ceil(Math.log2(hashes.length)) - 1);
  return nodeHash(treeHash(hashes.slice(0, left)), treeHash(hashes.slice(left)));
}
