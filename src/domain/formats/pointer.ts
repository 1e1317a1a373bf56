import { createHash } from 'node:crypto';

/** What stands in a repository in the place of content that is kept elsewhere. */
export type Pointer =
  /** Git LFS: SHA-256 of the content, lower-case hex. */
  | { readonly kind: 'lfs'; readonly sha256: string }
  /** git-annex: the key as a file is named by it, and the SHA-256 of the content if the key holds one. */
  | { readonly kind: 'annex'; readonly key: string; readonly sha256: string | null };

/** As much of a file as git-annex looks at; Git LFS looks at `LFS_BYTES`, and neither at what follows. */
export const POINTER_BYTES = 32 << 10;
const LFS_BYTES = 1024;

/**
 * The pointer for which Git LFS or git-annex would lay other content into the work tree, or null for content. They pass over
 * white space around it and whatever follows, and so does this.
 * @param head the first `POINTER_BYTES`.
 * @see https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md and https://git-annex.branchable.com/internals/pointer_file/
 */
export function pointerOf(head: Uint8Array): Pointer | null {
  const start = Buffer.from(head.subarray(0, LFS_BYTES)).toString('utf8').replace(SPACE, '');
  if (LFS_VERSION.test(start)) {
    const sha256 = /^oid sha256:([0-9a-f]{64})\s*$/m.exec(start)?.[1];
    return sha256 === undefined ? null : { kind: 'lfs', sha256 };
  }
  const [line = ''] = Buffer.from(head).toString('latin1').trimStart().split(/\r?\n/, 1);
  return annexPointer(line);
}

/** Whether these bytes hold a pointer as its tool writes it, and nothing else that a loader could read instead. */
export function isPointerAlone(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes).toString('latin1');
  return LFS_ALONE.test(text) || ANNEX_ALONE.test(text);
}

/** What Unicode calls white space, and the next line of ISO 6429. */
const SPACE = /^[\s\u0085]+/;
/** https://github.com/git-lfs/git-lfs/blob/main/lfs/pointer.go knows three names of one version; others were pointers once. */
const LFS_VERSION = /^version (?:https:\/\/(?:git-lfs|hawser)\.github\.com\/spec\/|http:\/\/git-media\.io\/v\/)/;
const LFS_ALONE =
  /^version https:\/\/(?:git-lfs|hawser)\.github\.com\/spec\/v1\r?\n(?:ext-\d-[!-~]{1,200} sha256:[0-9a-f]{64}\r?\n){0,10}oid sha256:[0-9a-f]{64}\r?\nsize \d{1,20}(?:\r?\n)?$/;
const ANNEX_ALONE = /^[^\0\s]{0,300}annex[/\\]objects[/\\][^\0\r\n]{1,1000}(?:\r?\n)?$/;

/** A locked file of git-annex is a link into `.git/annex/objects`; null for any other link. */
export function pointerOfLink(target: string): Pointer | null {
  return annexPointer(target);
}

/** A file that holds the text of such a link is one too: so git writes links where a system has none. */
function annexPointer(path: string): Pointer | null {
  const key = /^(?:\S*[/\\])?annex[/\\]objects[/\\](?:[^/\\\0]+[/\\])*([^/\\\0]+)$/.exec(path)?.[1];
  if (key === undefined || !/^[A-Z0-9_]+(?:-[a-zA-Z]\d+)*--./.test(key)) return null;
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
