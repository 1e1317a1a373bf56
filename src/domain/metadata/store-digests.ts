import { fact } from './read.ts';
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

/** torch hub has the first eight digits in a checkpoint's name (`check_hash`); a date is none. @see torch.hub.HASH_REGEX */
const TORCH_CHECKPOINT = /[/\\]hub[/\\]checkpoints[/\\][^/\\]*-(?!(?:19|20)\d{6}\.)([0-9a-f]{8})\.pth?$/;
const TORCH = 'torch hub';

/** One of them, at most: of a million files nothing more is asked. */
const IN_A_STORE = /[/\\](?:blobs|checkpoints)[/\\]|(?:^|[/\\])sha256-/;

/** Whether a file's own digest is the one that was recorded: of torch hub's, its first digits. */
export function agrees({ hex, recordedBy }: Pick<StatedDigest, 'hex' | 'recordedBy'>, own: string): boolean {
  return own === hex || (recordedBy === TORCH && hex.length === 8 && own.startsWith(hex));
}

/** What the names of stores' own blobs say of the files behind them. */
export function blobFacts(files: readonly Placed[]): readonly Fact[] {
  return files.flatMap(({ path, location }) => {
    if (!IN_A_STORE.test(location)) return [];
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
