import { join, resolve } from 'node:path';
import { pushAll } from '../../domain/base/lists.ts';
import type { Git, IndexEntry } from '../../domain/ports/git.ts';
import { withBlobs } from './batch.ts';
import { convertedPaths, eachCheckedOut } from './checked-out.ts';
import { fieldsOf, runGit } from './run.ts';

export function createGit(cwd: string): Git {
  const git = async (...words: readonly string[]) => runGit({ cwd, words });
  const line = async (...words: readonly string[]) => (await git(...words)).replace(/\r?\n$/, '');
  let asked: Promise<string> | undefined;
  const top = async () => (asked ??= line('rev-parse', '--show-toplevel'));
  let stores: ReturnType<Git['stores']> | undefined;
  return {
    root: async () => top().catch(() => null),
    staged: async () => stagedIn(await git('diff', '--cached', '--raw', '-z', ...PLAIN)),
    indexed: async (glob) => indexedIn(await git('ls-files', '-s', '-z', '--full-name', `:(top,glob)${glob}`)),
    withBlobs: async (work) => withBlobs({ cwd }, work),
    converted: async (entries) => convertedPaths(await top(), entries),
    eachCheckedOut: async (entries, visit) => eachCheckedOut(await top(), entries, visit),
    stores: async () => (stores ??= storesIn(cwd, line)),
    files: async () =>
      fieldsOf(await git('ls-files', '-z', '--cached', '--others', '--exclude-standard', '--full-name', ':/')),
  };
}

const PLAIN = ['--no-abbrev', '--no-renames', '--no-relative', '--diff-filter=ACMT', '--no-ext-diff', '--no-textconv'];
const KINDS: Readonly<Record<string, IndexEntry['kind']>> = { '100644': 'file', '100755': 'file', '120000': 'link' };

/** `:oldmode newmode oldoid newoid status`, then the path. https://git-scm.com/docs/diff-format */
function stagedIn(output: string): readonly IndexEntry[] {
  const fields = fieldsOf(output);
  const entries: IndexEntry[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const [, mode = '', oid = ''] = /^:[0-7]{6} ([0-7]{6}) [0-9a-f]+ ([0-9a-f]+) [A-Z]$/.exec(fields[at] ?? '') ?? [];
    pushAll(entries, entryOf(mode, oid, fields[at + 1]));
  }
  return entries;
}

/** `mode oid stage<TAB>path`. */
function indexedIn(output: string): readonly IndexEntry[] {
  return fieldsOf(output).flatMap((field) => {
    const [, mode = '', oid = '', path] = /^([0-7]{6}) ([0-9a-f]+) \d\t([^]*)$/.exec(field) ?? [];
    return entryOf(mode, oid, path);
  });
}

function entryOf(mode: string, oid: string, path: string | undefined): readonly IndexEntry[] {
  const kind = KINDS[mode];
  return kind === undefined || path === undefined ? [] : [{ path, kind, oid }];
}

async function storesIn(
  cwd: string,
  line: (...words: readonly string[]) => Promise<string>,
): Promise<{ lfs: string; annex: string }> {
  const common = resolve(cwd, await line('rev-parse', '--git-common-dir'));
  const storage = await line('config', '--get', 'lfs.storage').catch(() => '');
  return { lfs: storage === '' ? join(common, 'lfs') : resolve(common, storage), annex: join(common, 'annex') };
}
