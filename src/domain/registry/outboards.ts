import { isHex256 } from '../digest/hex.ts';
import { outboardBytes, OUTBOARD_FROM_BYTES } from '../digest/outboard.ts';
import type { ListedFile } from '../digest/list.ts';
import type { BlobRef } from './referrer.ts';

/**
 * Where the outboards of an artifact's large files are in a registry: an attachment that lists them, and whose manifest has
 * them as further layers. Nobody has to trust it: an outboard leads to its file's BLAKE3 or is of no use.
 */
export interface StoredOutboard extends BlobRef {
  /** Of the file it is about, lower-case hex. */
  readonly blake3: string;
}

const HEADER = 'weighmark-outboards/1';

/** After the header a line each: the file's BLAKE3, the outboard's SHA-256, sorted. The same files yield the same bytes. */
export function formatOutboards(outboards: readonly StoredOutboard[]): string {
  const lines = outboards.map(({ blake3, digest }) => `${blake3} ${digest.slice(7)}`);
  return `${[HEADER, ...new Set(lines.toSorted())].join('\n')}\n`;
}

/** Those in a list that belong to these files, by the files' BLAKE3. Anything malformed among them is left out. */
export function outboardsOf(files: readonly ListedFile[], list: string): ReadonlyMap<string, StoredOutboard> {
  const [header, ...lines] = list.split('\n');
  if (header !== HEADER) return new Map();
  const digests = new Map(
    lines
      .map((line) => line.split(' '))
      .filter(([blake3, sha256]) => isHex256(blake3) && isHex256(sha256))
      .map(([blake3 = '', sha256 = '']) => [blake3, sha256]),
  );
  return new Map(
    files.flatMap(({ blake3, sizeBytes }) => {
      const sha256 = digests.get(blake3);
      return sha256 === undefined || sizeBytes < OUTBOARD_FROM_BYTES
        ? []
        : [[blake3, { blake3, digest: `sha256:${sha256}`, sizeBytes: outboardBytes(sizeBytes) }] as const];
    }),
  );
}
