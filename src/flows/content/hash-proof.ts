import { checkProof, proveRange, type RangeProof } from '../../domain/digest/proof.ts';
import type { ByteRange } from '../../domain/digest/proven.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { Hasher } from '../../domain/ports/hasher.ts';
import type { Source } from '../../domain/base/source.ts';

export interface ProofPorts {
  readonly files: Files;
  readonly hasher: Hasher;
  readonly signal: AbortSignal;
}

/** Hashes the file and proves a range of it against its BLAKE3. @throws WeighmarkError `usage`, `limit-exceeded`, `file-changed`. */
export async function proveFileRange(location: string, range: ByteRange, ports: ProofPorts): Promise<RangeProof> {
  const file = await ports.files.open(location, { followLink: true });
  const [hashed] = await ports.hasher.hash([{ location, sizeBytes: file.size, stamp: file.stamp, followLink: true }], {
    algorithms: ['blake3'],
    outboardFromBytes: 0,
    signal: ports.signal,
  });
  const root = Buffer.from(hashed?.digests.blake3 ?? '', 'hex');
  const proof = await proveRange(
    { content: file, outboard: bytesSource(hashed?.outboard ?? new Uint8Array()), root, tree: ports.hasher.tree },
    range,
  );
  await file.close();
  return proof;
}

/** The bytes a proof proves for a digest known from elsewhere. @throws WeighmarkError `digest-mismatch`. */
export async function checkRangeProof(proof: RangeProof, blake3: string, hasher: Hasher): Promise<Uint8Array> {
  if (proof.blake3 !== blake3) {
    throw new WeighmarkError('digest-mismatch', 'the proof is about another file', {
      facts: { expected: `blake3:${blake3}`, proof: `blake3:${proof.blake3}` },
    });
  }
  return checkProof(proof, hasher.tree);
}

function bytesSource(bytes: Uint8Array): Source {
  return { size: bytes.length, read: async (offset, length) => bytes.slice(offset, offset + length) };
}
