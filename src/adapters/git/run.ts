import { execFile, spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { IndexEntry } from '../../domain/ports/git.ts';

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
  /** `latin1`: a byte a character, both ways, for paths may be any bytes. Default UTF-8. */
  readonly encoding?: 'utf8' | 'latin1';
}

/** Standard output as text. @throws WeighmarkError `unreadable`. */
export async function runGit(run: GitRun): Promise<string> {
  const { encoding = 'utf8' } = run;
  return new Promise((resolve, reject) => {
    const child = execFile(
      'git',
      wordsOf(run),
      { cwd: run.cwd, env: envOf(run), maxBuffer: MAX_OUTPUT_BYTES, encoding },
      (cause, stdout, stderr) => (cause === null ? resolve(stdout) : reject(unanswered(cause, stderr))),
    );
    child.stdin?.on('error', () => undefined).end(run.input ?? '', encoding);
  });
}

export function startGit(run: GitRun): ChildProcessWithoutNullStreams {
  return spawn('git', wordsOf(run), { cwd: run.cwd, env: envOf(run), stdio: ['pipe', 'pipe', 'pipe'] });
}

/** @param said what git wrote to standard error: its last line says why. */
export function unanswered(cause?: unknown, said = ''): WeighmarkError {
  const why = said.trim().split('\n').at(-1)?.slice(0, 300) ?? '';
  return new WeighmarkError('unreadable', `git could not be asked${why === '' ? '' : `: ${why}`}`, { cause });
}

function wordsOf({ words, settings = [] }: GitRun): string[] {
  return [...[...SAFE, ...settings].flatMap((setting) => ['-c', setting]), ...words];
}

/**
 * Replaced objects are a view of this clone: what is pushed is the object itself. `git --literal-pathspecs commit` tells its
 * hooks so too, and our own patterns would be names.
 */
function envOf({ env = {} }: GitRun): NodeJS.ProcessEnv {
  return {
    ...process.env,
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_LITERAL_PATHSPECS: '0',
    GIT_GLOB_PATHSPECS: '0',
    GIT_NOGLOB_PATHSPECS: '0',
    GIT_ICASE_PATHSPECS: '0',
    GIT_NO_LAZY_FETCH: '1',
    ...env,
  };
}

/** Values between NULs. */
export function fieldsOf(output: string): readonly string[] {
  return output.split('\0').filter((field) => field !== '');
}

/** As paths are told to git: a byte a character. */
export function rawPathOf({ path, rawPath }: Pick<IndexEntry, 'path' | 'rawPath'>): string {
  return rawPath ?? Buffer.from(path, 'utf8').toString('latin1');
}
