import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { bytesSource } from '../../domain/base/source.ts';
import type { Blob, IndexEntry } from '../../domain/ports/git.ts';
import { fieldsOf, runGit } from './run.ts';

/** Attributes by which git itself makes other bytes of a blob; the value that says it does. */
const CONVERTING: Readonly<Record<string, RegExp>> = {
  'working-tree-encoding': /^(?!unspecified$|unset$)/,
  ident: /^set$/,
  eol: /^crlf$/,
};

/** By the attributes in the index, not those in the work tree. */
export async function convertedPaths(root: string, entries: readonly IndexEntry[]): Promise<ReadonlySet<string>> {
  if (entries.length === 0) return new Set();
  const output = await runGit({
    cwd: root,
    words: ['check-attr', '--cached', '-z', '--stdin', ...Object.keys(CONVERTING)],
    input: entries.map(({ path }) => `${path}\0`).join(''),
  });
  const found = new Set<string>();
  for (const [path, name, value] of specified(output)) if (CONVERTING[name]?.test(value) === true) found.add(path);
  return found;
}

/** Path, attribute and value, of those that have one: of many files hardly any has, and of the others no texts are made. */
function* specified(output: string): Generator<readonly [path: string, name: string, value: string]> {
  for (let at = 0; at < output.length;) {
    const name = output.indexOf('\0', at) + 1;
    const value = output.indexOf('\0', name) + 1;
    const end = output.indexOf('\0', value);
    if (name === 0 || value === 0 || end < 0) return;
    if (!output.startsWith(UNSPECIFIED, value))
      yield [output.slice(at, name - 1), output.slice(name, value - 1), output.slice(value, end)];
    at = end + 1;
  }
}

const UNSPECIFIED = 'unspecified\0';

/**
 * What `git checkout` would write, into an empty folder where no attributes lie but the index's. Filter programs are off: what
 * they would make is not known.
 */
export async function eachCheckedOut<T extends IndexEntry>(
  root: string,
  entries: readonly T[],
  visit: (entry: T, blob: Blob) => Promise<void>,
): Promise<void> {
  if (entries.length === 0) return;
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-checkout-'));
  try {
    const places = await checkOut(root, folder, entries);
    for (const entry of entries) {
      const place = places.get(entry.path);
      if (place === undefined) throw new WeighmarkError('unreadable', `git does not check out ${entry.path}`);
      const bytes = await readFile(join(folder, place));
      await visit(entry, { ...bytesSource(bytes), sha256: createHash('sha256').update(bytes).digest('hex') });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names below `folder` by path: `--temp` gives each its own, so that no two fall together. */
async function checkOut(
  root: string,
  folder: string,
  entries: readonly IndexEntry[],
): Promise<ReadonlyMap<string, string>> {
  const gitFolder = (await runGit({ cwd: root, words: ['rev-parse', '--absolute-git-dir'] })).replace(/\r?\n$/, '');
  const named = process.env['GIT_INDEX_FILE'];
  const index = named === undefined || named === '' ? join(gitFolder, 'index') : named;
  const output = await runGit({
    cwd: folder,
    words: ['checkout-index', '--temp', '-z', '--stdin'],
    settings: await withoutPrograms(root),
    env: {
      GIT_DIR: gitFolder,
      GIT_WORK_TREE: folder,
      GIT_INDEX_FILE: isAbsolute(index) ? index : resolve(root, index),
    },
    input: entries.map(({ path }) => `${path}\0`).join(''),
  });
  return new Map(
    fieldsOf(output).map((line) => {
      const tab = line.indexOf('\t');
      return [line.slice(tab + 1), line.slice(0, tab)] as const;
    }),
  );
}

/** Every filter program that the configuration names is set to none. */
async function withoutPrograms(root: string): Promise<readonly string[]> {
  const words = ['config', '-z', '--name-only', '--get-regexp', '^filter\\..*\\.(smudge|process|required)$'];
  const names = fieldsOf(await runGit({ cwd: root, words }).catch(() => ''));
  return [...new Set(names)].map((name) => `${name}=${name.endsWith('.required') ? 'false' : ''}`);
}
