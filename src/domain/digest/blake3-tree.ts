/** BLAKE3 node by node, for proofs about parts. Chaining values and digests are 32 bytes. */
export interface Blake3Tree {
  /** Digest of a whole. */
  digest(bytes: Uint8Array): Uint8Array;
  /** Chaining value of an aligned subtree that starts `offset` bytes into the whole and is not all of it. */
  subtree(bytes: Uint8Array, offset: number): Uint8Array;
  /** Parent of two chaining values; with `isRoot` the digest. */
  parent(left: Uint8Array, right: Uint8Array, isRoot: boolean): Uint8Array;
}
