import { ByPath, pathOf } from '../base/by-path.ts';
import { LIMITS } from '../base/limits.ts';
import { grouped } from '../base/units.ts';
import type { Finding } from '../base/verdict.ts';
import { parseBundle } from './bundle.ts';
import { parseOms, type OmsManifest, type OmsResource } from './oms.ts';
import { parseStatement } from './statement.ts';

/** A file as it stands, with what was signed of it: its whole digest (of a million files nothing else is made), or its shards in order. */
export type SignedFile = OmsResource | ShardedFile;

interface ShardedFile {
  readonly path: string;
  readonly shards: readonly OmsResource[];
}

/** All that was signed of a file. */
export function resourcesOf(file: SignedFile | undefined): readonly OmsResource[] {
  if (file === undefined) return [];
  return 'shards' in file ? file.shards : [file];
}

/** The signed digest of a whole file. */
export function wholeDigest(file: SignedFile | undefined): string | undefined {
  return file === undefined || 'shards' in file ? undefined : file.digest;
}

/** Which signed files are there, which are missing, and which files nobody signed. */
export interface Matching {
  readonly signed: readonly SignedFile[];
  readonly missing: readonly string[];
  readonly unsigned: readonly string[];
  /** Empty files that a signature by shards cannot speak of (OMS v1.0 section 6.3.2). */
  readonly unspoken: readonly string[];
}

export interface PresentFile {
  readonly path: string;
  readonly sizeBytes: number;
}

/** Compares names before anything is hashed. A single file is signed as `.` or by its own name. */
export function matchNames(manifest: OmsManifest, files: readonly PresentFile[], single: boolean): Matching {
  const listed = new ByPath(signedFiles(manifest, files, single), pathOf);
  const present = new ByPath(files, pathOf);
  const signed: SignedFile[] = [];
  const missing: string[] = [];
  for (const file of listed.items) {
    if (present.has(file.path)) signed.push(file);
    else missing.push(file.path);
  }
  const others = signed.length === files.length ? [] : files.filter(({ path }) => !listed.has(path));
  const isUnspoken = ({ sizeBytes }: PresentFile) => manifest.shardBytes !== null && sizeBytes === 0;
  const pathsOf = (some: readonly PresentFile[]) => some.map(({ path }) => path);
  return {
    signed,
    missing,
    unsigned: pathsOf(others.filter((file) => !isUnspoken(file))),
    unspoken: pathsOf(others.filter(isUnspoken)),
  };
}

/** In the order they are signed. Of whole files each stands once. */
function signedFiles(
  { resources, shardBytes }: OmsManifest,
  files: readonly PresentFile[],
  single: boolean,
): readonly SignedFile[] {
  const own = files[0]?.path;
  const isOwn = ({ path }: OmsResource) => single && path === '.' && own !== undefined;
  const nameOf = (resource: OmsResource) => (isOwn(resource) ? (own ?? '.') : resource.path);
  if (shardBytes === null)
    return resources.some(isOwn) ? resources.map((each) => ({ path: nameOf(each), digest: each.digest })) : resources;
  const byPath = Map.groupBy(resources, nameOf);
  return [...byPath].map(([path, shards]) => ({ path, shards }));
}

/** Of the files that are there, those whose SHA-256 is not the signed one. Other digests, and shards, cannot be told from it: none differ. */
export function differing<F extends { readonly path: string; readonly sha256: string }>(
  manifest: OmsManifest,
  signed: readonly SignedFile[],
  files: readonly F[],
): readonly { readonly file: F; readonly signed: string }[] {
  if (manifest.algorithm !== 'sha256' || manifest.shardBytes !== null) return [];
  const byPath = new ByPath(files, pathOf);
  return signed.flatMap((each) => {
    const file = byPath.get(each.path);
    const digest = wholeDigest(each) ?? '';
    return file === undefined || file.sha256 === digest ? [] : [{ file, signed: digest }];
  });
}

/** Does this bundle, whoever made it, sign exactly these files? Decides which of several signatures is shown to the verifier. */
export function signsFiles(bundle: Uint8Array, files: readonly (PresentFile & { readonly sha256: string })[]): boolean {
  try {
    const manifest = parseOms(parseStatement(parseBundle(bundle, LIMITS.signatureBytes).payload, LIMITS.filesPerTree));
    const { signed, missing, unsigned } = matchNames(manifest, files, files.length === 1);
    return missing.length + unsigned.length === 0 && differing(manifest, signed, files).length === 0;
  } catch {
    return false;
  }
}

export function missingFinding(path: string, by: string): Finding {
  return {
    code: 'file-missing',
    message: `${path} was signed and is not there`,
    subject: path,
    facts: { signed: `by ${by}` },
  };
}

/** `--ignore` leaves out what nobody signed; what was signed cannot be wished away. */
export function ignoredFinding(path: string, by: string): Finding {
  return {
    code: 'file-missing',
    message: `${path} was signed, and --ignore leaves it out`,
    subject: path,
    facts: { signed: `by ${by}` },
    hint: 'verify some of the files with `--only`',
  };
}

export function unsignedFinding(path: string, by: string): Finding {
  return {
    code: 'file-unsigned',
    message: `${path} is not among the files ${by} signed`,
    subject: path,
    hint: 'remove it, or accept unsigned files with `--ignore-unsigned-files`',
  };
}

export function mismatchFinding(
  path: string,
  digests: { readonly algorithm: string; readonly signed: string; readonly found: string; readonly sizeBytes: number },
): Finding {
  const { algorithm, signed, found, sizeBytes } = digests;
  return {
    code: 'digest-mismatch',
    message: `${path} is not the file that was signed`,
    subject: path,
    facts: { signed: `${algorithm}:${signed}`, found: `${algorithm}:${found}  ${grouped(sizeBytes)} bytes` },
  };
}
