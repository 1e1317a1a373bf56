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

/** A folder of this user's own, which nobody else can enter or replace, for as long as it is needed. */
export interface PrivatePlace {
  readonly folder: string;
  /** Takes the right to write from every folder in it. */
  protect(): Promise<void>;
  remove(): Promise<void>;
}

export interface PrivatePlaces {
  /** On the file system of `near` where that is safe, so that a copy can be a clone. @throws WeighmarkError `write-refused`. */
  open(near: string): Promise<PrivatePlace>;
}

/** Other programs, run because the user named them. */
export interface Processes {
  /**
   * With our own standard streams and environment; signals pass through to it.
   * @returns its exit code, or 128 and the number of the signal that ended it.
   * @throws WeighmarkError `not-found` if there is no such program, `usage` if it may not be run.
   */
  run(
    command: string,
    how: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> },
  ): Promise<number>;
  /** Writes to a file descriptor that this process was given. @throws WeighmarkError `usage` if it is not open for writing. */
  tell(descriptor: number, line: string): Promise<void>;
}
