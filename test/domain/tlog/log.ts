import { createHash } from 'node:crypto';
import { leafHash, nodeHash, type Hash } from '../../../src/domain/tlog/merkle.ts';
import { formatEntries, type ReadTile } from '../../../src/domain/tlog/tiles.ts';

export function leavesOf(count: number): Buffer[] {
  return Array.from({ length: count }, (_, at) => createHash('sha256').update(`leaf ${at}`).digest());
}

/** Tiles of a log in memory, by their definition: the hashes of whole subtrees of 256^level leaves. */
export function readerOf(leaves: readonly Uint8Array[]): ReadTile {
  return async ({ level, index, width }) => {
    if (level === 'entries') return formatEntries(leaves.slice(index * 256, index * 256 + width));
    const span = 256 ** level;
    const first = index * 256;
    return Buffer.concat(
      Array.from({ length: width }, (_, at) => wholeTree(leaves.slice((first + at) * span, (first + at + 1) * span))),
    );
  };
}

function wholeTree(leaves: readonly Uint8Array[]): Hash {
  let hashes = leaves.map(leafHash);
  while (hashes.length > 1) hashes = pairs(hashes).map(([left, right]) => nodeHash(left, right));
  return hashes[0] ?? Buffer.alloc(0);
}

function pairs(hashes: readonly Hash[]): (readonly [Hash, Hash])[] {
  return hashes.flatMap((hash, at) => (at % 2 === 0 ? [[hash, hashes[at + 1] ?? hash] as const] : []));
}
