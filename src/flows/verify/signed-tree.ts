import { isIgnored } from '../../domain/claims/oms.ts';
import { ByPath, pathOf } from '../../domain/base/by-path.ts';
import type { Tree, TreeEntry, WalkOptions } from '../../domain/ports/files.ts';
import { SIDECARS } from '../../domain/base/paths.ts';
import type { Finding } from '../../domain/base/verdict.ts';
import type { HashTreePorts } from '../content/hash-tree.ts';
import type { TreeQuestion, ContentQuestion } from './question.ts';

/** The walk as the signature says it was made; a file it lists is looked at even where files are usually left out. */
export async function signedTree(question: TreeQuestion, ports: HashTreePorts): Promise<Tree> {
  const tree = await ports.files.walk(question.root, walkOptions(question));
  if (tree.kind === 'file') return tree;
  const present = new ByPath(tree.entries, pathOf);
  const hidden = question.manifest.resources
    .filter(({ path }) => !present.has(path) && isLeftOut(path, question, tree))
    .map(({ path }) => path);
  if (hidden.length === 0) return tree;
  const found = await Promise.all([...new Set(hidden)].map((path) => entryAt(question.root, path, ports)));
  return { ...tree, entries: [...tree.entries, ...found.filter((entry) => entry !== null)] };
}

function isLeftOut(path: string, question: TreeQuestion, tree: Tree): boolean {
  return (
    path !== '.' &&
    (isIgnored(path, [...SIDECARS, ...question.manifest.ignorePaths]) || tree.leftOut.includes(path)) &&
    !isIgnored(path, question.ignore)
  );
}

async function entryAt(root: string, path: string, ports: HashTreePorts): Promise<TreeEntry | null> {
  const location = `${root}/${path}`;
  if ((await ports.files.kindOf(location)) !== 'file') return null;
  const file = await ports.files.open(location);
  await file.close();
  return { path, location, sizeBytes: file.size, stamp: file.stamp };
}

/** A link that nobody signed is an unsigned file like any other: where those are accepted, it is passed over. */
function walkOptions(question: TreeQuestion): WalkOptions {
  const { allowSymlinks, manifest, ignore, ownNames, ignoreUnsignedFiles, underPolicy } = question;
  return {
    ...(ignoreUnsignedFiles ? { linksAt: new Set(manifest.resources.map(({ path }) => path)) } : {}),
    ...(underPolicy ? { bookkeeping: 'judged' } : {}),
    allowSymlinks: allowSymlinks || manifest.allowSymlinks,
    ignore: [...manifest.ignorePaths, ...ignore, ...ownNames],
    known: manifest.resources,
  };
}

/** Security rule 20: nothing came or went while the files were read; that none changed is the hasher's to see. */
export async function stillTheSame(
  question: ContentQuestion,
  before: Tree,
  ports: HashTreePorts,
): Promise<readonly Finding[]> {
  if (before.kind === 'file') return [];
  const listed = await ports.files.list(question.root, walkOptions(question));
  if (listed.length === before.entries.length && before.entries.every(({ path }, at) => path === listed[at])) return [];
  const after = new Set(listed);
  const gone = before.entries.filter(({ path }) => !after.delete(path) && !isLeftOut(path, question, before));
  return [...gone.map(({ path }) => path), ...after].map((path) => ({
    code: 'file-changed',
    message: `${path} came or went while the artifact was verified`,
    subject: path,
  }));
}
