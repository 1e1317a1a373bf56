import { escapeToken } from '../base/pointer.ts';
import { huggingFacePurl } from './purl.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { fact, field, items, jsonOf, maybe, words, type MetadataFile } from './read.ts';
import { pick, type Fact } from './types.ts';

const SNAPSHOT =
  /(?:^|[/\\])(models|datasets)--([A-Za-z0-9][\w.-]*?)--([A-Za-z0-9][\w.-]*)[/\\]snapshots[/\\]([0-9a-f]{40})[/\\]?$/;

/** A Hugging Face cache names repository and commit in its folders: `models--org--name/snapshots/<commit>`. */
export function locationFacts(root: string): readonly Fact[] {
  const [, kind, organization, name, commit] = SNAPSHOT.exec(root) ?? [];
  if (organization === undefined || name === undefined || commit === undefined) return [];
  const id = `${organization}/${name}`;
  const source = { pointer: 'Hugging Face cache folder' };
  const purl = kind === 'models' ? huggingFacePurl(id, commit) : undefined;
  const url = `https://huggingface.co/${kind === 'datasets' ? 'datasets/' : ''}${id}/tree/${commit}`;
  return [
    fact('name', id, source),
    fact('version', commit, source),
    ...maybe('purl', purl, source),
    fact('reference', { type: 'distribution', url }, source),
  ];
}

export const DOWNLOAD_NOTE = /^\.cache\/huggingface\/download\/(.+)\.metadata$/;

/** `huggingface_hub`'s note on one download: commit, ETag (SHA-256 of an LFS file, else git's blob SHA-1), time. */
export function readDownloadNote(file: MetadataFile): readonly Fact[] {
  const path = DOWNLOAD_NOTE.exec(file.path)?.[1];
  const [commit, etag] = new TextDecoder().decode(file.bytes).split('\n');
  const at = (line: number): { file: string; pointer: string } => ({ file: file.path, pointer: `line ${line}` });
  if (path === undefined || commit === undefined || !/^[0-9a-f]{40}$/.test(commit)) return [];
  const algorithm = etag?.length === 64 ? 'sha256' : 'git-blob-sha1';
  const digest =
    etag !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(etag)
      ? [fact('digest', { path, algorithm, hex: etag, recordedBy: 'Hugging Face' }, at(2))]
      : [];
  return [fact('version', commit, at(1)), ...digest];
}

export const HUB_TREE = /^\.cache\/huggingface\/trees\/[0-9a-f]{40}\.json$/;

/** `huggingface_hub`'s list of a commit's files: SHA-256 of those in LFS, git's blob SHA-1 of the others. */
export function readHubTree(file: MetadataFile): readonly Fact[] {
  const value = jsonOf(file);
  const byPath = isJsonObject(value) && value['format_version'] === 1 ? value['files'] : undefined;
  if (isJsonObject(byPath)) return Object.entries(byPath).flatMap(([path, entry]) => keptFact(file, path, entry));
  const listed = isJsonObject(value) ? (value['tree'] ?? value['siblings'] ?? value['files']) : value;
  return items(listed).flatMap((item, index) => {
    const path = words(field(item, 'path') ?? field(item, 'rfilename'));
    const lfs = field(item, 'lfs');
    const hex = words(field(lfs, 'oid') ?? field(lfs, 'sha256') ?? field(item, 'oid') ?? field(item, 'blob_id'));
    if (path === undefined || hex === undefined || !/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(hex)) return [];
    const algorithm = hex.length === 64 ? 'sha256' : 'git-blob-sha1';
    const source = { file: file.path, pointer: `/${index}` };
    return [fact('digest', { path, algorithm, hex, recordedBy: 'Hugging Face' }, source)];
  });
}

/** As `huggingface_hub` 2 keeps it: of a file in LFS the blob is its pointer's, so only its SHA-256 says what it is. */
function keptFact({ path: from }: MetadataFile, path: string, entry: Json): readonly Fact[] {
  const sha256 = words(field(entry, 'lfs_sha256'));
  const stored = sha256 !== undefined || field(entry, 'xet_hash') !== undefined;
  const hex = stored ? sha256 : words(field(entry, 'blob_id'));
  if (hex?.length !== (stored ? 64 : 40) || !/^[0-9a-f]+$/.test(hex)) return [];
  const algorithm = stored ? 'sha256' : 'git-blob-sha1';
  const source = { file: from, pointer: `/files/${escapeToken(path)}` };
  return [fact('digest', { path, algorithm, hex, recordedBy: 'Hugging Face' }, source)];
}

/**
 * What the lists of a folder say together: each is of one commit, and stays when another one is downloaded over it. A file's own
 * note is the newest word on it; without one only what all lists say of it counts.
 */
export function treesBesideNotes(trees: readonly (readonly Fact[])[], notes: readonly Fact[]): readonly Fact[] {
  const noted = new Set(pick(notes, 'digest').map(({ value }) => value.path));
  const said = new Map<string, Set<string>>();
  const facts = trees.flatMap((tree) => pick(tree, 'digest'));
  for (const { value } of facts) said.set(value.path ?? '', (said.get(value.path ?? '') ?? new Set()).add(value.hex));
  const first = new Set<string>();
  return facts.filter(({ value: { path = '' } }) => {
    if (noted.has(path) || said.get(path)?.size !== 1 || first.has(path)) return false;
    return first.add(path);
  });
}
