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
  update(): Promise<{ readonly location: string; readonly sha256: string; readonly changed: boolean }>;
}

/** The highest versions this user has seen, of policies and of revocation snapshots: lower ones are a rollback. */
export interface VersionMemory {
  /** Null if none was seen. @throws WeighmarkError `config-invalid` if the memory cannot be read: never forgotten silently. */
  highest(line: string): Promise<number | null>;
  /** Never goes back. */
  remember(line: string, version: number): Promise<void>;
}
