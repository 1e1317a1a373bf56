import { isOfOne } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import { firstOf, pushAll } from '../../domain/base/lists.ts';
import type { OmsManifest } from '../../domain/claims/oms.ts';
import { agrees, blobFacts } from '../../domain/metadata/store-digests.ts';
import { readDvc, readWandbManifest } from '../../domain/metadata/store-files.ts';
import { pick, type Fact } from '../../domain/metadata/types.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import { storeFacts } from '../bom/recorded.ts';
import { downloadNotes } from '../content/download-notes.ts';
import { largeFileReader } from '../content/large-files.ts';

const SHOWN = 5;

/** What download tools and stores recorded of the files of an artifact nobody signed. */
export async function recordedFacts(tree: Tree, ports: { readonly files: Files }): Promise<readonly Fact[]> {
  return [
    ...(await downloadNotes(tree.root, tree.leftOut, ports)),
    ...(await storeFacts(tree, ports)),
    ...(await notedFacts(tree, ports)),
    ...(await largeFileReader(ports)(tree)),
  ];
}

const READERS = [
  { pattern: /(?:^|\/)(?:[^/]+\.dvc|dvc\.lock)$/, read: readDvc },
  { pattern: /(?:^|\/)(?:wandb_)?manifest\.json$/, read: readWandbManifest },
] as const;
const NOTES = 10_000;

/** Notes that lie among the files: DVC's of single files, wandb's manifests. One that cannot be read says nothing. */
async function notedFacts({ entries }: Tree, { files }: { readonly files: Files }): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for (const { path, location } of entries) {
    const reader = READERS.find(({ pattern }) => pattern.test(path));
    if (reader === undefined || facts.length > NOTES) continue;
    try {
      const bytes = await files.readIfThere(location, LIMITS.documentBytes);
      if (bytes !== null) pushAll(facts, reader.read({ path, bytes }));
    } catch (error) {
      if (!isOfOne(error)) throw error;
    }
  }
  return facts;
}

/**
 * The recorded SHA-256 against the signed ones; files are not read again. A contradiction refuses nothing here: who signed said
 * what the bytes are, perhaps with `--accept-conflict`, and anybody can lay a record beside them.
 */
export async function recordedNotes(
  { algorithm, shardBytes, resources, ignorePaths }: OmsManifest,
  tree: Tree,
  ports: { readonly files: Files },
): Promise<readonly string[]> {
  if (algorithm !== 'sha256' || shardBytes !== null || tree.kind === 'file') return [];
  const named = new Set([...tree.leftOut, ...ignorePaths.filter((path) => !path.split('/').includes('..'))]);
  const facts = [...(await downloadNotes(tree.root, [...named], ports)), ...blobFacts(tree.entries)];
  const stated = pick(facts, 'digest').filter(({ value }) => value.algorithm === 'sha256');
  if (stated.length === 0) return [];
  const signed = new Map(resources.map(({ path, digest }) => [path, digest]));
  const compared = stated.flatMap(({ value }) => {
    const { path = '' } = value;
    const digest = signed.get(path);
    return digest === undefined ? [] : [{ path, isSame: agrees(value, digest) }];
  });
  const paths = [...new Set(compared.filter(({ isSame }) => !isSame).map(({ path }) => path))];
  const agree = new Set(compared.map(({ path }) => path)).size - paths.length;
  return [
    ...(agree > 0 ? [`${agree} ${agree === 1 ? 'file matches' : 'files match'} what a download tool recorded`] : []),
    ...(paths.length > 0
      ? [`download-conflict: ${firstOf(paths, SHOWN)}: signed as here, recorded otherwise by a download tool`]
      : []),
  ];
}
