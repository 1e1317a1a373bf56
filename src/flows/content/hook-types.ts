import type { Finding } from '../../domain/base/verdict.ts';
import type { ListedFile } from '../../domain/digest/list.ts';
import type { Files, StatCache } from '../../domain/ports/files.ts';
import type { Git } from '../../domain/ports/git.ts';
import type { Hasher } from '../../domain/ports/hasher.ts';

export interface HookInput {
  /** As given on the command line; none: what git has staged. */
  readonly files: readonly string[];
  readonly cwd: string;
  readonly unsealed: 'warn' | 'error';
}

export interface HookPorts {
  readonly files: Files;
  readonly git: Git;
  readonly hasher: () => Promise<Hasher>;
  readonly cache: () => Promise<StatCache>;
}

export interface HookJob {
  readonly input: HookInput;
  readonly ports: HookPorts;
  /** Of the work tree; paths are from there. */
  readonly top: string;
}

/** One thing said about one staged file. Warnings do not stop a commit. */
export interface HookFinding extends Finding {
  readonly level: 'error' | 'warning';
}

export interface HookOutcome {
  readonly checked: number;
  /** Listed in a seal, unchanged since, and nothing to say of. */
  readonly unchanged: number;
  readonly findings: readonly HookFinding[];
}

/** A file to be judged, by path from the top, with what the nearest seal says of it. */
export interface Candidate {
  readonly shown: string;
  readonly input: HookInput;
  readonly sealed: ListedFile | null;
}

/** What was found of one file. */
export interface Judged {
  /** Listed in a seal, and the same since. */
  readonly unchanged: boolean;
  readonly findings: readonly HookFinding[];
  /** Listed in a seal, and not the same. */
  readonly changed?: boolean;
  readonly sizeBytes?: number;
  /** Of a blob. */
  readonly sha256?: string;
  /** Of a blob that was read: git takes it for binary. */
  readonly hasNul?: boolean;
  readonly isPointer?: boolean;
}
