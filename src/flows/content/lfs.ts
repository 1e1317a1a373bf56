import { Buffer } from 'node:buffer';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files, Tree, TreeEntry } from '../../domain/ports/files.ts';
import type { Finding } from '../../domain/base/verdict.ts';

/** "Pointer files must be less than 1024 bytes in size", as the specification says. */
const POINTER_BYTES = 1024;

/**
 * SHA-256 of the content that a Git LFS pointer stands for, or null for any other file.
 * https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
 */
export async function lfsPointerAt(entry: TreeEntry, followLink: boolean, files: Files): Promise<string | null> {
  if (entry.sizeBytes >= POINTER_BYTES || entry.sizeBytes < 100) return null;
  const file = await files.open(entry.location, { followLink });
  const text = Buffer.from(await file.read(0, POINTER_BYTES)).toString('latin1');
  await file.close();
  if (!text.startsWith('version https://git-lfs.github.com/spec/')) return null;
  return /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1] ?? '';
}

/** @throws WeighmarkError `lfs-pointer`: signing a pointer would say nothing of the weights. */
export async function refusePointers(tree: Tree, files: Files): Promise<void> {
  for (const entry of tree.entries.filter(({ path }) => WEIGHTS.test(path))) {
    if ((await lfsPointerAt(entry, tree.followedLinks, files)) !== null)
      throw new WeighmarkError('lfs-pointer', `${entry.path} is a Git LFS pointer: its content was not fetched`, {
        subject: entry.path,
        hint: '`git lfs pull` fetches it',
      });
  }
}

/** What people keep in Git LFS: looked at one by one, so plain text and code are spared. */
const WEIGHTS =
  /\.(?:safetensors|gguf|onnx|bin|pt|pth|ckpt|h5|keras|tflite|msgpack|pkl|joblib|npz|npy|parquet|arrow|model|zip|tar|gz)$/i;

/** A changed file that is a pointer to the very content that was signed is not changed but absent: undecided. */
export async function asPointerFinding(
  finding: Finding,
  entry: TreeEntry,
  asked: { followLink: boolean; signed: string | undefined; files: Files },
): Promise<Finding> {
  const oid = await lfsPointerAt(entry, asked.followLink, asked.files);
  if (oid === null || oid !== asked.signed) return finding;
  return {
    code: 'lfs-pointer',
    message: `${entry.path} is a Git LFS pointer to what was signed: its content was not fetched`,
    subject: entry.path,
    hint: '`git lfs pull` fetches it',
  };
}
