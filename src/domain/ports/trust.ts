import type { TrustEntry } from '../claims/types.ts';
import type { Settings } from '../trust/settings.ts';
import type { AllowedFile } from '../trust/store.ts';

/** The configuration files that count here, merged: the project's, if allowed, over the user's. */
export interface Configuration {
  readonly settings: Settings;
  /** The files behind it. */
  readonly sources: readonly string[];
  /** A project's file that was found and does not count: nobody allowed it, or it changed since. */
  readonly notAllowed?: string;
  /** Of the allowed project's file: what it names must still have these digests when it is read. Hex SHA-256 by absolute path. */
  readonly pinned?: ReadonlyMap<string, string>;
}

export interface UpdatedRoot {
  readonly location: string;
  readonly sha256: string;
  readonly changed: boolean;
}

/** The user's trust: who may sign. Kept in one file of the user's own configuration. */
export interface TrustStore {
  readonly location: string;
  /** Empty when there is no file yet. @throws WeighmarkError `trust-invalid`. */
  read(): Promise<{ readonly entries: readonly TrustEntry[]; readonly allowed: readonly AllowedFile[] }>;
  write(content: { readonly entries: readonly TrustEntry[]; readonly allowed: readonly AllowedFile[] }): Promise<void>;
  /** The same form as the file, for `trust export`. */
  format(entries: readonly TrustEntry[]): string;
  /** Refreshes the public-good Sigstore root by TUF. @throws WeighmarkError `network`, `trust-invalid`. */
  update(): Promise<UpdatedRoot>;
  /**
   * The same without a network: from a `trusted_root.json` the user brought. @throws WeighmarkError `trust-invalid` if it is
   * none, or lacks what is known already.
   */
  updateFrom(file: string): Promise<UpdatedRoot>;
}

/**
 * The newest time that others vouched for, by anchor: a clock behind it is wrong. What a signer states is never kept here, nor
 * this machine's own clock.
 */
export interface TimeMemory {
  /** Milliseconds since the epoch; null if none of them was seen. @throws WeighmarkError `config-invalid`. */
  newest(anchors: readonly string[]): Promise<number | null>;
  /** Never goes back; without a writable state folder nothing is kept. */
  remember(times: ReadonlyMap<string, number>): Promise<void>;
  /** The way out if an authority was wrong. False if there was nothing. */
  forget(): Promise<boolean>;
}

/** The highest versions this user has seen, of policies and of revocation snapshots: lower ones are a rollback. */
export interface VersionMemory {
  /** Null if none was seen. @throws WeighmarkError `config-invalid` if the memory cannot be read: never forgotten silently. */
  highest(line: string): Promise<number | null>;
  /** Never goes back. */
  remember(line: string, version: number): Promise<void>;
  /** The file that keeps it, for the user who must forget one: a version that was a mistake has no other way back. */
  keptIn(line: string): string;
}
