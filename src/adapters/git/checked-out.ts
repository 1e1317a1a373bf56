import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { bytesSource } from '../../domain/base/source.ts';
import type { Blob, Conversions, IndexEntry } from '../../domain/ports/git.ts';
import { lookAt } from './batch.ts';
import { fieldsOf, rawPathOf, runGit } from './run.ts';

/** Attributes by which git itself makes other bytes of a blob on every machine; the value that says it does. */
const CONVERTING: Readonly<Record<string, RegExp>> = {
  'working-tree-encoding': /^(?!unspecified$|unset$)/,
  ident: /^set$/,
  eol: /^crlf$/,
};
/** `crlf` is what `text` was called before. */
const ASKED = [...Object.keys(CONVERTING), 'text', 'crlf'];

/** By the attributes in the index, not those in the work tree. */
export async function conversionsOf(root: string, entries: readonly IndexEntry[]): Promise<Conversions> {
  const always = new Set<IndexEntry>();
  const lineEnds = new Map<IndexEntry, 'text' | 'auto'>();
  if (entries.length === 0) return { always, lineEnds };
  const [attributes, isWanted] = await Promise.all([attributesOf(root, entries), wantsLineEnds(root)]);
  for (const entry of entries) {
    const values = attributes.get(rawPathOf(entry)) ?? UNSAID;
    if (values.size === 0 && !isWanted) continue;
    if ([...values].some(([name, value]) => CONVERTING[name]?.test(value) === true)) always.add(entry);
    const text = textOf(values, isWanted);
    if (text !== null) lineEnds.set(entry, text);
  }
  return { always, lineEnds };
}

const UNSAID: ReadonlyMap<string, string> = new Map();

/** Values by attribute, by raw path; what is unspecified is left out. */
async function attributesOf(
  root: string,
  entries: readonly IndexEntry[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const output = await runGit({
    cwd: root,
    words: ['check-attr', '--cached', '-z', '--stdin', ...ASKED],
    input: entries.map((entry) => `${rawPathOf(entry)}\0`).join(''),
    encoding: 'latin1',
  });
  const found = new Map<string, Map<string, string>>();
  for (const [path, name, value] of specified(output))
    found.set(path, (found.get(path) ?? new Map<string, string>()).set(name, value));
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

/** Whether line ends are a machine's to choose. https://git-scm.com/docs/gitattributes#_end_of_line_conversion */
function textOf(values: ReadonlyMap<string, string>, isWanted: boolean): 'text' | 'auto' | null {
  const text = values.get('text') ?? values.get('crlf');
  if (text === 'unset' || text === 'input' || values.get('eol') === 'lf') return null;
  if (text === undefined && !values.has('eol')) return isWanted ? 'auto' : null;
  return text === 'auto' ? 'auto' : 'text';
}

/** `core.autocrlf`: files without an attribute are converted too. */
async function wantsLineEnds(root: string): Promise<boolean> {
  const words = ['config', '--type=bool', '--get', 'core.autocrlf'];
  return (await runGit({ cwd: root, words }).catch(() => '')).trim() === 'true';
}

/**
 * What `git checkout` would write, into an empty folder where no attributes lie but the index's. Filter programs are off: what
 * they would make is not known.
 */
export async function eachCheckedOut<T extends IndexEntry>(
  root: string,
  { entries, lineEnds }: { readonly entries: readonly T[]; readonly lineEnds: boolean },
  visit: (entry: T, blob: Blob) => Promise<void>,
): Promise<void> {
  if (entries.length === 0) return;
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-checkout-'));
  try {
    const places = await checkOut(root, { folder, entries, lineEnds });
    for (const entry of entries) {
      const place = places.get(rawPathOf(entry));
      if (place === undefined) throw new WeighmarkError('unreadable', `git does not check out ${entry.path}`);
      const bytes = await readFile(join(folder, place));
      const looks = lookAt();
      looks.at(bytes);
      await visit(entry, { ...bytesSource(bytes), ...looks.seen() });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Names below `folder` by raw path: `--temp` gives each its own, so that no two fall together. */
async function checkOut(
  root: string,
  { folder, entries, lineEnds }: { folder: string; entries: readonly IndexEntry[]; lineEnds: boolean },
): Promise<ReadonlyMap<string, string>> {
  const gitFolder = (await runGit({ cwd: root, words: ['rev-parse', '--absolute-git-dir'] })).replace(/\r?\n$/, '');
  const named = process.env['GIT_INDEX_FILE'];
  const index = named === undefined || named === '' ? join(gitFolder, 'index') : named;
  const output = await runGit({
    cwd: folder,
    words: ['checkout-index', '--temp', '-z', '--stdin'],
    settings: [...(await withoutPrograms(root)), ...(lineEnds ? LINE_ENDS : [])],
    env: {
      GIT_DIR: gitFolder,
      GIT_WORK_TREE: folder,
      GIT_INDEX_FILE: isAbsolute(index) ? index : resolve(root, index),
    },
    input: entries.map((entry) => `${rawPathOf(entry)}\0`).join(''),
    encoding: 'latin1',
  });
  return new Map(
    fieldsOf(output).map((line) => {
      const tab = line.indexOf('\t');
      return [line.slice(tab + 1), line.slice(0, tab)] as const;
    }),
  );
}

const LINE_ENDS = ['core.autocrlf=true', 'core.safecrlf=false'];

/** Every filter program that the configuration names is set to none. */
async function withoutPrograms(root: string): Promise<readonly string[]> {
  const words = ['config', '-z', '--name-only', '--get-regexp', '^filter\\..*\\.(smudge|process|required)$'];
  const names = fieldsOf(await runGit({ cwd: root, words }).catch(() => ''));
  return [...new Set(names)].map((name) => `${name}=${name.endsWith('.required') ? 'false' : ''}`);
}
