/** Text shipped with the program: JSON Schemas, trusted roots, licence lists. */
export interface Assets {
  schema(name: string): Promise<string>;
  path(name: string): string;
}

/** Tells one other system. */
export interface Webhook {
  /** All that is ever shown of the address. */
  readonly host: string;
  /** @throws WeighmarkError `webhook-undelivered`, `interrupted`. */
  deliver(json: string): Promise<void>;
}

/** Packs evidence into a tar: parts of a folder registry as they stand, and documents beside them. */
export interface EvidencePacker {
  /** The tar appears under its name when it is whole. @throws WeighmarkError `write-refused`, `disk-full`. */
  pack(evidence: {
    readonly registry: string;
    readonly models: readonly string[];
    readonly files: readonly { readonly path: string; readonly content: string | Uint8Array }[];
    readonly target: string;
  }): Promise<void>;
}
