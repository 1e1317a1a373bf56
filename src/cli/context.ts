import type { Assets, Clock, Files, Hasher, KeylessVerifier, Progress, Registry } from '../domain/ports.ts';

/** What every command may use. Adapters are made on first use, so that `hash` never loads a Sigstore package. */
export interface Context {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly options: CommonOptions;
  readonly clock: Clock;
  readonly progress: Progress;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  files(): Promise<Files>;
  hasher(): Promise<Hasher>;
  assets(): Promise<Assets>;
  keyless(): Promise<KeylessVerifier>;
  registry(location?: string): Promise<Registry>;
  /** Reads standard input to the end, bounded. */
  stdin(maxBytes: number): Promise<Uint8Array>;
  /** Asks on the terminal; null where there is none. `secret` does not echo. */
  ask(question: string, options?: { secret?: boolean }): Promise<string | null>;
}

export interface CommonOptions {
  readonly format: string;
  readonly output?: string;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly progress: boolean;
  readonly jobs?: number;
  readonly offline: boolean;
  readonly registry?: string;
}
