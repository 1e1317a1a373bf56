import { huggingFacePurl } from './purl.ts';
import { isJsonObject } from '../base/json.ts';
import { fact, field, items, jsonOf, maybe, words, type MetadataFile } from './read.ts';
import type { Fact } from './types.ts';

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
