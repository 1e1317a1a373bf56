import { fact } from './read.ts';
import { annexObject } from './large-files.ts';
import type { Fact, StatedDigest } from './types.ts';

/** A file of the tree, and where its bytes really lie. */
interface Placed {
  readonly path: string;
  readonly location: string;
}

/** The Hub's cache names a blob by its ETag: SHA-256 of an LFS file, else git's blob SHA-1. */
const HUB_BLOB = /[/\\]blobs[/\\]([0-9a-f]{64}|[0-9a-f]{40})$/;
/** Ollama names its blobs by algorithm and digest. */
const OLLAMA_BLOB = /(?:^|[/\\])sha256-([0-9a-f]{64})$/;

/** DVC's cache and wandb's name their objects by MD5, DVC's folders (`.dir`) by that of their list. */
const MD5_OBJECT =
  /[/\\](?:(\.dvc[/\\]cache|files[/\\]md5)|artifacts[/\\]obj[/\\]md5)[/\\]([0-9a-f]{2})[/\\]([0-9a-f]{30})(?:\.dir)?$/;
/** git-annex keeps an object under its key, twice. */
const ANNEX_OBJECT = /[/\\]\.git[/\\]annex[/\\]objects[/\\][^/\\]+[/\\][^/\\]+[/\\]([^/\\]+)[/\\]\1$/;
/** Git LFS keeps an object under its SHA-256, Docker Model Runner under the algorithm's name as well. */
const LFS_OBJECT = /[/\\]lfs[/\\]objects[/\\][0-9a-f]{2}[/\\][0-9a-f]{2}[/\\]([0-9a-f]{64})$/;
const DOCKER_BLOB = /[/\\]blobs[/\\]sha256[/\\]([0-9a-f]{64})$/;

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
    const said = saidBy(location);
    if (said === null) return [];
    const { pointer = `blob name ${said.hex.slice(0, 12)}…`, ...digest } = said;
    return [fact('digest', { path, ...digest }, { pointer })];
  });
}

type Said = Pick<StatedDigest, 'algorithm' | 'hex' | 'sizeBytes'> & {
  readonly recordedBy: string;
  readonly pointer?: string;
};

function saidBy(location: string): Said | null {
  const [, hub] = HUB_BLOB.exec(location) ?? [];
  if (hub !== undefined)
    return {
      algorithm: hub.length === 64 ? 'sha256' : 'git-blob-sha1',
      hex: hub,
      recordedBy: 'the Hugging Face cache',
    };
  for (const [pattern, recordedBy] of SHA256_NAMES) {
    const [, hex] = pattern.exec(location) ?? [];
    if (hex !== undefined) return { algorithm: 'sha256', hex, recordedBy };
  }
  const [, torch] = TORCH_CHECKPOINT.exec(location) ?? [];
  if (torch !== undefined) return { algorithm: 'sha256', hex: torch, recordedBy: TORCH, pointer: 'file name' };
  const [, dvc, first = '', rest] = MD5_OBJECT.exec(location) ?? [];
  if (rest !== undefined) {
    // Before version 3, DVC hashed text with LF for each CR LF, and its blobs lay in the cache itself.
    const md5 = dvc?.endsWith('cache') === true ? 'md5-dos2unix' : 'md5';
    return { algorithm: md5, hex: first + rest, recordedBy: dvc === undefined ? 'wandb' : 'DVC' };
  }
  const annex = annexObject(ANNEX_OBJECT.exec(location)?.[1] ?? '');
  if (annex === null) return null;
  const { algorithm, hex, sizeBytes } = annex;
  return { algorithm, hex, recordedBy: annex.by, ...(sizeBytes === undefined ? {} : { sizeBytes }) };
}

const SHA256_NAMES: readonly (readonly [RegExp, string])[] = [
  [OLLAMA_BLOB, 'Ollama'],
  [LFS_OBJECT, 'Git LFS'],
  [DOCKER_BLOB, 'Docker Model Runner'],
];
