/** Makes one signature in one Sigstore bundle: a key, a certificate chain, or a keyless identity (with its witnesses). */
export interface ClaimSigner {
  /** For people: `key SHA256:9f2c…`, `keyless identity`. */
  readonly description: string;
  /** Signs the DSSE pre-authentication encoding of an in-toto payload. Returns the bundle (v0.3 JSON, one line, no LF). */
  sign(payload: Uint8Array): Promise<Uint8Array>;
}

/** What signing with a key that lasts needs, wherever the key is. */
export interface LastingSignerOptions {
  /** Signing certificate and its intermediates, PEM, leaf first. */
  readonly certificateChainFile?: string;
  /** RFC 3161 server that timestamps each signature. */
  readonly tsa?: string;
  /** What is signed says no (a revocation): it counts if its certificate was valid at some moment. */
  readonly refusal?: boolean;
}

export interface KeySignerOptions extends LastingSignerOptions {
  /** Private key: PEM, DER or JWK. */
  readonly keyFile: string;
  /** Asked only if the key is encrypted; null: none to be had. */
  password(): Promise<string | null>;
}

/** A program holds the key: an HSM's, a token's, a KMS's. */
export interface CommandSignerOptions extends LastingSignerOptions {
  /** Program and arguments, in one line: blanks separate, quotes keep together, no shell reads it. */
  readonly command: string;
  /** The key it signs with; absent: that of the first certificate. */
  readonly publicKeyFile?: string;
}

export interface KeylessSignerOptions {
  readonly identityTokenFile?: string;
  /** Sigstore signing config (JSON file); absent: the public-good instance's. */
  readonly signingConfigFile?: string;
  /** RFC 3161 server instead of the signing config's. */
  readonly tsa?: string;
  /** A person who can sign in with a browser: asked before anything becomes public, then told what to do. Absent: nobody. */
  readonly person?: { confirm(question: string): Promise<boolean>; tell(message: string): void };
}

export interface GeneratedKey {
  readonly privatePem: string;
  readonly publicPem: string;
  /** SHA-256 of the SPKI DER, lower-case hex. */
  readonly fingerprint: string;
}

/** Makes signers. A key is opened at once, a token is fetched when the first signature is made. */
export interface Signers {
  /** @throws WeighmarkError `key-unusable`, `password-wrong`, `not-found`. */
  key(options: KeySignerOptions): Promise<ClaimSigner>;
  /** Runs when something is signed. @throws WeighmarkError `usage`, `key-unusable`, `not-found`; signing: `key-unusable`. */
  command(options: CommandSignerOptions): Promise<ClaimSigner>;
  /** Signing throws WeighmarkError `network`, `key-unusable`; never with a token in the message. */
  keyless(options: KeylessSignerOptions): Promise<ClaimSigner>;
  /** A new P-256 pair, encrypted when there is a password. */
  generate(password: string | null): Promise<GeneratedKey>;
}
