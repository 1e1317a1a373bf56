import { createHash } from 'node:crypto';

/** What stands in a repository in the place of content that is kept elsewhere. */
export type Pointer =
  /** Git LFS: SHA-256 of the content, lower-case hex. */
  | { readonly kind: 'lfs'; readonly sha256: string }
  /** git-annex: the key as a file is named by it, and the SHA-256 of the content if the key holds one. */
  | { readonly kind: 'annex'; readonly key: string; readonly sha256: string | null };

/** No pointer is longer: Git LFS reads 1,024 bytes, git-annex 32 KiB of which a name is at most 255. */
export const POINTER_BYTES = 1024;

/**
 * The pointer that these bytes are, or null for content.
 * @see https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md and https://git-annex.branchable.com/internals/pointer_file/
 */
export function pointerOf(bytes: Uint8Array): Pointer | null {
  if (bytes.length > POINTER_BYTES) return null;
  const text = Buffer.from(bytes).toString('latin1');
  if (/^version https:\/\/(?:git-lfs\.github\.com|hawser\.github\.com)\/spec\//.test(text)) {
    const sha256 = /^oid sha256:([0-9a-f]{64})\r?$/m.exec(text)?.[1];
    return sha256 === undefined ? null : { kind: 'lfs', sha256 };
  }
  return annexPointer(/^\/annex\/objects\/([^/\0\r\n]+)\r?(?:\n|$)/.exec(text)?.[1]);
}

/** A locked file of git-annex is a link into `.git/annex/objects`; null for any other link. */
export function pointerOfLink(target: string): Pointer | null {
  return annexPointer(/(?:^|\/)annex\/objects\/(?:[^/]+\/){2,3}([^/\0\r\n]+)$/.exec(target.replaceAll('\\', '/'))?.[1]);
}

function annexPointer(key: string | undefined): Pointer | null {
  if (key === undefined || key === '.' || key === '..') return null;
  const sha256 = /^SHA256E?(?:-[a-zA-Z]\d+)*--([0-9a-f]{64})(?:\.|$)/.exec(key)?.[1] ?? null;
  return { kind: 'annex', key, sha256 };
}

/** Where the object may be below the folder of Git LFS or git-annex, in the order to look. */
export function objectPaths(pointer: Pointer): readonly string[] {
  if (pointer.kind === 'lfs')
    return [`objects/${pointer.sha256.slice(0, 2)}/${pointer.sha256.slice(2, 4)}/${pointer.sha256}`];
  const { key } = pointer;
  return [mixedFolder(key), lowerFolder(key)].map((folder) => `objects/${folder}/${key}/${key}`);
}

/** https://git-annex.branchable.com/internals/hashing/ */
function lowerFolder(key: string): string {
  const hex = md5(key).toString('hex');
  return `${hex.slice(0, 3)}/${hex.slice(3, 6)}`;
}

const LETTERS = '0123456789zqjxkmvwgpfZQJXKMVWGPF';

function mixedFolder(key: string): string {
  const word = md5(key).readUInt32LE(0);
  const [a = '', b = '', c = '', d = ''] = [0, 1, 2, 3].map((at) => LETTERS[(word >>> (6 * at)) & 31] ?? '');
  return `${b}${a}/${d}${c}`;
}

/** Of the key itself, not of the name that a file has by it. */
function md5(keyFile: string): Buffer {
  const key = keyFile.replace(/%|&[sca]/g, (escape) => ({ '%': '/', '&s': '%', '&c': ':' })[escape] ?? '&');
  return createHash('md5').update(Buffer.from(key, 'latin1')).digest();
}
