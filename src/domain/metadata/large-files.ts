import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { fact } from './read.ts';
import type { TrackedFile } from './git-index.ts';
import type { Fact, StatedDigest } from './types.ts';

/** An object that Git LFS or git-annex keeps: which content it is, and the text that git tracks in its place. */
export interface LargeObject {
  readonly algorithm: StatedDigest['algorithm'];
  /** Lower-case hex. */
  readonly hex: string;
  readonly sizeBytes?: number;
  readonly pointer: string;
  readonly by: 'Git LFS' | 'git-annex';
}

/** An object in `.git/lfs/objects`. @see https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
export function lfsObject(name: string, sizeBytes: number): LargeObject | null {
  if (!/^[0-9a-f]{64}$/.test(name)) return null;
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${name}\nsize ${sizeBytes}\n`;
  return { algorithm: 'sha256', hex: name, sizeBytes, pointer, by: 'Git LFS' };
}

const ALGORITHMS: Readonly<Record<string, { readonly algorithm: StatedDigest['algorithm']; readonly digits: number }>> =
  {
    SHA256: { algorithm: 'sha256', digits: 64 },
    SHA1: { algorithm: 'sha1', digits: 40 },
    MD5: { algorithm: 'md5', digits: 32 },
  };

/** What a key says of its content; other backends (WORM, URL, BLAKE2) say nothing here. @see https://git-annex.branchable.com/internals/key_format/ */
export function annexObject(key: string): LargeObject | null {
  const [, backend = '', size, hex = ''] = /^([A-Z0-9]+?)E?(?:-s(\d{1,15}))?--([0-9a-f]+)(?:\.[^/]*)?$/.exec(key) ?? [];
  const known = ALGORITHMS[backend];
  if (known === undefined || hex.length !== known.digits) return null;
  const sizeBytes = size === undefined ? {} : { sizeBytes: Number(size) };
  return { algorithm: known.algorithm, hex, ...sizeBytes, pointer: `/annex/objects/${key}\n`, by: 'git-annex' };
}

/**
 * Of files that git tracks, what stands in git for those whose content is such an object: git's blob of a pointer follows from
 * the object, so no object of git is read.
 */
export function trackedObjects(
  tracked: readonly TrackedFile[],
  objects: readonly LargeObject[],
): readonly { readonly path: string; readonly object: LargeObject }[] {
  const byBlob = new Map(objects.map((object) => [blobOf(object.pointer), object]));
  return tracked.flatMap(({ path, oid }) => {
    const object = byBlob.get(oid);
    return object === undefined ? [] : [{ path, object }];
  });
}

function blobOf(text: string): string {
  return createHash('sha1')
    .update(`blob ${Buffer.byteLength(text)}\0`)
    .update(text)
    .digest('hex');
}

export function objectFact(path: string, { algorithm, hex, sizeBytes, by }: LargeObject): Fact {
  const size = sizeBytes === undefined ? {} : { sizeBytes };
  return fact('digest', { path, algorithm, hex, recordedBy: by, ...size }, { pointer: "git's index" });
}
