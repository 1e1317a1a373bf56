import { Buffer } from 'node:buffer';
import { WeighmarkError } from './errors.ts';
import { LIMITS } from './limits.ts';

/** The one order of paths: bytes of their UTF-8. JavaScript's own sort is by UTF-16 and differs beyond U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x !== y) return surrogatesLast(x) - surrogatesLast(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above every other code unit, so they sort last. */
function surrogatesLast(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Paths OMS ignores by default, at the top level only. */
export const GIT_PATHS = ['.git', '.gitattributes', '.github', '.gitignore'] as const;
export const OMS_SIGNATURE = 'model.sig';
export const CLAIMS_FILE = 'claims.jsonl';
export const SIDECAR_FOLDER = '.weighmark';
export const DIGEST_LIST_FILE = `${SIDECAR_FOLDER}/files`;
export const WEIGHTS_FILE = `${SIDECAR_FOLDER}/weights`;
export const RECORDS_FILE = `${SIDECAR_FOLDER}/records`;
export const BOM_FILE = `${SIDECAR_FOLDER}/bom.cdx.json`;

/** Top-level names that are no part of a directory's tree (DESIGN 4.1). All are listed in the OMS `ignore_paths`. */
export const SIDECARS: readonly string[] = [...GIT_PATHS, SIDECAR_FOLDER, CLAIMS_FILE, OMS_SIGNATURE];

/** True for a sidecar and everything below it. */
export function isSidecar(path: string): boolean {
  const top = path.split('/', 1)[0] ?? '';
  return SIDECARS.includes(top);
}

/** Where the sidecars of an artifact stand: inside a directory, beside a single file. Artifact-relative or absolute. */
export function sidecarsOf(artifact: { readonly root: string; readonly kind: 'file' | 'directory' }): {
  readonly signature: string;
  readonly claims: string;
  readonly folder: string;
  readonly digestList: string;
  readonly weights: string;
  readonly bom: string;
  /** Record roots of a dataset (docs/datasets.md). */
  readonly records: string;
} {
  const base = artifact.kind === 'directory' ? `${artifact.root}/` : `${artifact.root}.`;
  const folder = artifact.kind === 'directory' ? `${base}${SIDECAR_FOLDER}` : `${base}weighmark`;
  const signature = artifact.kind === 'directory' ? `${base}${OMS_SIGNATURE}` : `${base}sig`;
  return {
    signature,
    claims: `${base}${CLAIMS_FILE}`,
    folder,
    digestList: `${folder}/files`,
    weights: `${folder}/weights`,
    bom: `${folder}/bom.cdx.json`,
    records: `${folder}/records`,
  };
}

const KEPT =
  /^(.*?)\/(?:\.git\/annex\/objects\/[^/]+\/[^/]+\/([^/]+)\/\2|\.dvc\/cache\/(?:files\/md5\/)?[0-9a-f]{2}\/[0-9a-f]{30})$/;

/**
 * The top of the checkout whose git-annex or DVC keeps this object, or null for anything else: files of a checkout may be links
 * to such objects, as those of a Hub cache's snapshot are links to its blobs.
 * @param location real, absolute
 */
export function checkoutOfObject(location: string): string | null {
  return KEPT.exec(location.replaceAll('\\', '/'))?.[1] ?? null;
}

/**
 * A path as a tree may hold it (security rule 9): relative, `/`-separated, no empty, `.` or `..` part, well-formed
 * Unicode, bounded.
 * @throws WeighmarkError `name-unsafe`.
 */
export function checkPath(path: string): void {
  const why = pathProblem(path);
  if (why !== null)
    throw new WeighmarkError('name-unsafe', `the name ${JSON.stringify(path.slice(0, 200))} is not usable: ${why}`, {
      subject: path,
    });
}

/** Most paths there are: short, plain ASCII, no part that starts with a dot. */
const PLAIN = /^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/;

function pathProblem(path: string): string | null {
  if (path.length < LIMITS.treeDepth && PLAIN.test(path)) return null;
  if (path === '') return 'it is empty';
  if (!path.isWellFormed()) return 'it is not valid Unicode';
  if (Buffer.byteLength(path) > LIMITS.pathBytes) return `it is longer than ${LIMITS.pathBytes} bytes`;
  if (path.includes('\0')) return 'it holds a NUL';
  const parts = path.split('/');
  if (parts.length > LIMITS.treeDepth) return `it is nested deeper than ${LIMITS.treeDepth}`;
  if (parts.includes('')) return 'it is absolute or has an empty part';
  return parts.some((part) => part === '.' || part === '..') ? 'it leaves its folder' : null;
}

const RESERVED = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/i;
const NOT_PORTABLE = /[[\p{Cc}--[\u0080-\u009f]]\\<>:"\|?*]|[. ]$/v;

/** Null, or why the path cannot be written everywhere: control characters, drives, reserved names (rule 9). */
export function portabilityProblem(path: string): string | null {
  for (const part of path.split('/')) {
    if (NOT_PORTABLE.test(part)) return `${JSON.stringify(part)} cannot be a file name on every system`;
    if (RESERVED.test(part)) return `${JSON.stringify(part)} is a device name on Windows`;
  }
  return null;
}

/** Null, or why these files cannot be written out everywhere (DESIGN 8.5): `name-unsafe`. */
export function unportable(paths: readonly string[]): WeighmarkError | null {
  for (const path of paths) {
    const problem = portabilityProblem(path);
    if (problem !== null)
      return new WeighmarkError('name-unsafe', `the artifact holds a file that cannot be written: ${problem}`, {
        subject: path,
        hint: 'rename it',
      });
  }
  const [collision] = collidingPaths(paths);
  if (collision === undefined) return null;
  return new WeighmarkError('name-unsafe', 'two files of the artifact have names that some file systems take for one', {
    facts: { one: collision[0], other: collision[1] },
    hint: 'rename one of them',
  });
}

/** Pairs of paths that some file system takes for one: equal after NFC and case folding. */
export function collidingPaths(paths: readonly string[]): readonly (readonly [string, string])[] {
  const seen = new Map<string, string>();
  const pairs: [string, string][] = [];
  for (const path of paths) {
    const folded = path.normalize('NFC').toLowerCase();
    const other = seen.get(folded);
    if (other !== undefined) pairs.push([other, path]);
    seen.set(folded, path);
  }
  return pairs;
}
