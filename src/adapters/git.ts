import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { WeighmarkError } from '../domain/base/errors.ts';
import type { Git } from '../domain/ports/git.ts';

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
const run = promisify(execFile);

export function createGit(cwd: string): Git {
  const git = async (...words: readonly string[]) => runGit(cwd, words);
  return {
    root: async () => (await git('rev-parse', '--show-toplevel').catch(nullOutside))?.replace(/\r?\n$/, '') ?? null,
    staged: async () =>
      paths(
        await git('diff', '--cached', '--name-only', '-z', '--diff-filter=ACMRT', '--no-ext-diff', '--no-textconv'),
      ),
    files: async () =>
      paths(await git('ls-files', '-z', '--cached', '--others', '--exclude-standard', '--full-name', ':/')),
  };
}

async function runGit(cwd: string, words: readonly string[]): Promise<string> {
  const settings = SAFE.flatMap((setting) => ['-c', setting]);
  const env = { ...process.env, GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0' };
  try {
    const { stdout } = await run('git', [...settings, ...words], {
      cwd,
      env,
      maxBuffer: MAX_OUTPUT_BYTES,
      encoding: 'utf8',
    });
    return stdout;
  } catch (cause) {
    throw new WeighmarkError('unreadable', 'git could not be asked', { cause });
  }
}

function nullOutside(): null {
  return null;
}

function paths(output: string): readonly string[] {
  return output.split('\0').filter((path) => path !== '');
}
