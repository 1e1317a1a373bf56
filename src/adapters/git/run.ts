import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { WeighmarkError } from '../../domain/base/errors.ts';

/** A repository's own configuration could name programs to run: every such setting is overridden. */
const SAFE = [
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'diff.external=',
  'core.pager=cat',
  'core.sshCommand=false',
  'protocol.allow=never',
];
const MAX_OUTPUT_BYTES = 256 << 20;

export interface GitRun {
  readonly cwd: string;
  readonly words: readonly string[];
  /** Settings beside those that keep git from running programs. */
  readonly settings?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Standard output as text. @throws WeighmarkError `unreadable`. */
export async function runGit(run: GitRun): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      'git',
      wordsOf(run),
      { cwd: run.cwd, env: envOf(run), maxBuffer: MAX_OUTPUT_BYTES, encoding: 'utf8' },
      (cause, stdout) => (cause === null ? resolve(stdout) : reject(unanswered(cause))),
    );
    child.stdin?.on('error', () => undefined).end(run.input ?? '');
  });
}

export function startGit(run: GitRun): ChildProcessWithoutNullStreams {
  return spawn('git', wordsOf(run), { cwd: run.cwd, env: envOf(run), stdio: ['pipe', 'pipe', 'pipe'] });
}

export function unanswered(cause?: unknown): WeighmarkError {
  return new WeighmarkError('unreadable', 'git could not be asked', { cause });
}

function wordsOf({ words, settings = [] }: GitRun): string[] {
  return [...[...SAFE, ...settings].flatMap((setting) => ['-c', setting]), ...words];
}

/** Replaced objects are a view of this clone: what is pushed is the object itself. */
function envOf({ env = {} }: GitRun): NodeJS.ProcessEnv {
  return {
    ...process.env,
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    ...env,
  };
}

/** Values between NULs. */
export function fieldsOf(output: string): readonly string[] {
  return output.split('\0').filter((field) => field !== '');
}
