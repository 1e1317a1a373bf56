import type { OmsManifest } from '../../domain/claims/oms.ts';
import { agrees, blobFacts } from '../../domain/metadata/store-digests.ts';
import { pick, type Fact } from '../../domain/metadata/types.ts';
import type { Files, Tree } from '../../domain/ports/files.ts';
import { downloadNotes } from '../content/download-notes.ts';

const SHOWN = 5;

/**
 * What a download tool noted beside the files, and what their blobs' names say: its word, which nobody signed.
 * @param ignored paths that a signature leaves out: its walk passes them over
 */
export async function recordedFacts(
  tree: Tree,
  ports: { readonly files: Files },
  ignored: readonly string[] = [],
): Promise<Fact[]> {
  const named = new Set([...tree.leftOut, ...ignored.filter((path) => !path.split('/').includes('..'))]);
  return [...(await downloadNotes(tree.root, [...named], ports)), ...blobFacts(tree.entries)];
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
  const facts = await recordedFacts(tree, ports, ignorePaths);
  const stated = pick(facts, 'digest').filter(({ value }) => value.algorithm === 'sha256');
  if (stated.length === 0) return [];
  const signed = new Map(resources.map(({ path, digest }) => [path, digest]));
  const compared = stated.filter(({ value }) => signed.has(value.path ?? ''));
  const differ = compared.filter(({ value }) => !agrees(value, signed.get(value.path ?? '') ?? ''));
  const paths = [...new Set(differ.map(({ value }) => value.path ?? ''))];
  const agree = new Set(compared.map(({ value }) => value.path ?? '')).size - paths.length;
  return [
    ...(agree > 0 ? [`${agree} ${agree === 1 ? 'file matches' : 'files match'} what a download tool recorded`] : []),
    ...(paths.length > 0
      ? [
          `download-conflict: ${paths.slice(0, SHOWN).join(', ')}${paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : ''}: signed as here, recorded otherwise by a download tool`,
        ]
      : []),
  ];
}
