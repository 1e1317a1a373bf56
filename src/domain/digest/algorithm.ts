export type HashAlgorithm = 'sha256' | 'blake3' | 'blake2b';

/** Lower-case hex digests of one file's whole content. */
export type Digests = Readonly<Partial<Record<HashAlgorithm, string>>>;
