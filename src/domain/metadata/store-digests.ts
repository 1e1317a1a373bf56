import { Buffer } from 'node:buffer';
import { isJsonObject, type Json } from '../base/json.ts';
import { fact, folderOf, jsonOf, parseYaml, textOf, words, type MetadataFile } from './read.ts';
import type { Fact, FactSource, StatedDigest } from './types.ts';

/** A file of the tree, and where its bytes really lie. */
interface Placed {
  readonly path: string;
  readonly location: string;
}

/** The Hub's cache names a blob by its ETag: SHA-256 of an LFS file, else git's blob SHA-1. */
const HUB_BLOB = /[/\\]blobs[/\\]([0-9a-f]{64}|[0-9a-f]{40})$/;
/** Ollama names its blobs by algorithm and digest. */
const OLLAMA_BLOB = /(?:^|[/\\])sha256-([0-9a-f]{64})$/;

/** torch hub has the first eight digits in a checkpoint's name (`check_hash`); a date is none. @see torch.hub.HASH_REGEX */
const TORCH_CHECKPOINT = /[/\\]hub[/\\]checkpoints[/\\][^/\\]*-(?!(?:19|20)\d{6}\.)([0-9a-f]{8})\.pth?$/;
const TORCH = 'torch hub';

/** Whether a file's own digest is the one that was recorded: of torch hub's, its first digits. */
export function agrees({ hex, recordedBy }: Pick<StatedDigest, 'hex' | 'recordedBy'>, own: string): boolean {
  return own === hex || (recordedBy === TORCH && hex.length === 8 && own.startsWith(hex));
}

/** What the names of stores' own blobs say of the files behind them. */
export function blobFacts(files: readonly Placed[]): readonly Fact[] {
  return files.flatMap(({ path, location }) => {
    const [, hub] = HUB_BLOB.exec(location) ?? [];
    const [, ollama] = OLLAMA_BLOB.exec(location) ?? [];
    const [, torch] = TORCH_CHECKPOINT.exec(location) ?? [];
    if (torch !== undefined)
      return [fact('digest', { path, algorithm: 'sha256', hex: torch, recordedBy: TORCH }, { pointer: 'file name' })];
    const hex = hub ?? ollama;
    if (hex === undefined) return [];
    const algorithm = hex.length === 64 ? 'sha256' : 'git-blob-sha1';
    const recordedBy = hub === undefined ? 'Ollama' : 'the Hugging Face cache';
    return [fact('digest', { path, algorithm, hex, recordedBy }, { pointer: `blob name ${hex.slice(0, 12)}…` })];
  });
}

const DVC = 'DVC';
const MOST = 200_000;

/** `x.dvc` and `dvc.lock`: MD5 and size of what DVC tracks; folders (`.dir`) stand for lists of their own. @see https://dvc.org/doc/user-guide/project-structure/dvc-files */
export function readDvc(file: MetadataFile): readonly Fact[] {
  const facts: Fact[] = [];
  const walk = (value: Json, pointer: string, depth: number): void => {
    if (depth > 8 || facts.length >= MOST) return;
    if (Array.isArray(value)) value.forEach((item: Json, index) => walk(item, `${pointer}/${index}`, depth + 1));
    if (!isJsonObject(value)) return;
    const [path, md5] = [words(value['path']), words(value['md5'])];
    if (path !== undefined && md5 !== undefined && /^[0-9a-f]{32}$/.test(md5))
      facts.push(recorded(file, { path, md5, size: value['size'], by: DVC, pointer: `${pointer}/md5` }));
    for (const [key, child] of Object.entries(value)) walk(child, `${pointer}/${key}`, depth + 1);
  };
  walk(parseYaml(textOf(file), file.path), '', 0);
  return facts;
}

/** A manifest of wandb: `contents` by path, with MD5 in base64. @see https://docs.wandb.ai/guides/artifacts */
export function readWandbManifest(file: MetadataFile): readonly Fact[] {
  const value = jsonOf(file);
  if (!isJsonObject(value) || typeof value['storagePolicy'] !== 'string' || !isJsonObject(value['contents'])) return [];
  return Object.entries(value['contents'])
    .slice(0, MOST)
    .flatMap(([path, about]) => {
      const digest = isJsonObject(about) ? words(about['digest']) : undefined;
      const md5 = Buffer.from(digest ?? '', 'base64');
      if (!isJsonObject(about) || md5.length !== 16) return [];
      const pointer = `/contents/${path}/digest`;
      return [recorded(file, { path, md5: md5.toString('hex'), size: about['size'], by: 'wandb', pointer })];
    });
}

interface Said {
  readonly path: string;
  readonly md5: string;
  readonly size: Json | undefined;
  readonly by: string;
  readonly pointer: string;
}

function recorded(file: MetadataFile, { path, md5, size, by, pointer }: Said): Fact {
  const sizeBytes = typeof size === 'number' && Number.isSafeInteger(size) ? { sizeBytes: size } : {};
  const source: FactSource = { file: file.path, pointer };
  const value: StatedDigest = {
    path: folderOf(file.path) + path,
    algorithm: 'md5',
    hex: md5,
    recordedBy: by,
    ...sizeBytes,
  };
  return fact('digest', value, source);
}
