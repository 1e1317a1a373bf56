import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parseDigestList, type ListedFile } from '../../domain/digest/list.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { LIMITS } from '../../domain/base/limits.ts';
import type { Files, FileStamp, StatCache } from '../../domain/ports/files.ts';
import type { Git } from '../../domain/ports/git.ts';
import type { Hasher } from '../../domain/ports/hasher.ts';
import type { ScanResult } from '../../domain/scan/types.ts';
import { DIGEST_LIST_FILE } from '../../domain/base/paths.ts';
import { findingOf, type Finding } from '../../domain/base/verdict.ts';
import { pushAll } from '../../domain/base/lists.ts';

export interface HookInput {
  /** As given on the command line; none: what git has staged. */
  readonly files: readonly string[];
  readonly cwd: string;
  readonly unsealed: 'warn' | 'error';
}

export interface HookPorts {
  readonly files: Files;
  readonly git: Git;
  readonly hasher: () => Promise<Hasher>;
  readonly cache: () => Promise<StatCache>;
}

/** One thing said about one staged file. Warnings do not stop a commit. */
export interface HookFinding extends Finding {
  readonly level: 'error' | 'warning';
}

export interface HookOutcome {
  readonly checked: number;
  /** Listed in a seal and unchanged since: nothing to do. */
  readonly unchanged: number;
  readonly findings: readonly HookFinding[];
}

/** The checks of a commit: broken claims, unsafe content, pointers and weights that are not what was sealed. */
export async function checkStaged(input: HookInput, ports: HookPorts): Promise<HookOutcome> {
  const top = (await ports.git.root()) ?? input.cwd;
  const paths =
    input.files.length > 0
      ? input.files.map((file) => resolve(input.cwd, file))
      : (await ports.git.staged()).map((path) => join(top, path));
  const seals = sealReader(top, ports.files);
  const findings: HookFinding[] = [];
  let unchanged = 0;
  for (const location of paths) {
    const outcome = await checkOne({ location, shown: shownPath(top, location), input, seals }, ports);
    if (outcome === 'unchanged') unchanged += 1;
    else pushAll(findings, outcome);
  }
  return { checked: paths.length, unchanged, findings };
}

interface Candidate {
  readonly location: string;
  readonly shown: string;
  readonly input: HookInput;
  readonly seals: Seals;
}

async function checkOne(candidate: Candidate, ports: HookPorts): Promise<'unchanged' | readonly HookFinding[]> {
  const { location, shown } = candidate;
  if ((await ports.files.kindOf(location)) !== 'file') return [];
  try {
    const check = documentCheck(location);
    if (check !== null) return await checkDocument(check, candidate, ports);
    return await checkContent(candidate, ports);
  } catch (error) {
    return [{ ...findingOf(error), subject: shown, level: 'error' }];
  }
}

type DocumentCheck = (bytes: Uint8Array) => Promise<void>;

/** Files with a form of our own, by name: they must parse strictly. */
function documentCheck(location: string): DocumentCheck | null {
  if (/\.claims\.jsonl$|(?:^|[\\/])claims\.jsonl$/.test(location)) return checkClaims;
  if (/(?:^|[\\/])model\.sig$|\.oms\.sig$/.test(location)) return checkSignature;
  if (/[\\/]\.weighmark[\\/]files$|\.weighmark[\\/]files$/.test(location))
    return async (bytes) => void parseDigestList(decode(bytes));
  return /policy[^\\/]*\.ya?ml$/i.test(location) ? checkPolicy : null;
}

async function checkDocument(
  check: DocumentCheck,
  { location, shown }: Candidate,
  { files }: HookPorts,
): Promise<readonly HookFinding[]> {
  try {
    await check(await files.read(location, LIMITS.signatureBytes));
    return [];
  } catch (error) {
    return [{ ...findingOf(error, 'claim-malformed'), subject: shown, level: 'error' }];
  }
}

async function checkClaims(bytes: Uint8Array): Promise<void> {
  const [{ splitClaims }, { parseBundle }] = await Promise.all([
    import('../../domain/claims/claims-file.ts'),
    import('../../domain/claims/bundle.ts'),
  ]);
  for (const line of splitClaims(bytes)) parseBundle(line);
}

async function checkSignature(bytes: Uint8Array): Promise<void> {
  const { parseBundle } = await import('../../domain/claims/bundle.ts');
  parseBundle(bytes, LIMITS.signatureBytes);
}

/** Other tools have policies too: only what calls itself ours is held to our schema. */
async function checkPolicy(bytes: Uint8Array): Promise<void> {
  if (!/^format: weighmark-policy\//m.test(decode(bytes.subarray(0, 65_536)))) return;
  const { parsePolicy } = await import('../../domain/policy/parse.ts');
  parsePolicy(bytes);
}

async function checkContent(candidate: Candidate, ports: HookPorts): Promise<'unchanged' | readonly HookFinding[]> {
  const file = await ports.files.open(candidate.location);
  try {
    const head = decode(await file.read(0, 1024));
    const sealed = await candidate.seals.listed(candidate.location);
    const oid =
      file.size <= 1024
        ? /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n/.exec(head)?.[1]
        : undefined;
    if (oid !== undefined)
      return sealed === null || sealed.sha256 === oid ? 'unchanged' : [unsealed(candidate, sealed, oid)];
    if (sealed !== null && (await isSealed(candidate.location, { sealed, size: file.size, stamp: file.stamp }, ports)))
      return 'unchanged';
    const { scanFile } = await import('../../domain/scan/index.ts');
    const scanned = scanFindings(await scanFile({ path: candidate.shown, source: file }));
    return sealed === null ? scanned : [unsealed(candidate, sealed, null), ...scanned];
  } finally {
    await file.close();
  }
}

/** Is the file what the seal lists? Size first, then a digest remembered from this very state of the file, then a hash. */
async function isSealed(
  location: string,
  is: { sealed: ListedFile; size: number; stamp: FileStamp },
  ports: HookPorts,
): Promise<boolean> {
  if (is.size !== is.sealed.sizeBytes) return false;
  const cache = await ports.cache();
  const known = await cache.digests(location, is.stamp);
  if (known?.blake3 !== undefined) return known.blake3 === is.sealed.blake3;
  const [result] = await (
    await ports.hasher()
  ).hash([{ location, sizeBytes: is.size, stamp: is.stamp }], { algorithms: ['blake3'] });
  if (result === undefined) return false;
  await cache.remember(location, is.stamp, result.digests);
  return result.digests.blake3 === is.sealed.blake3;
}

function unsealed({ shown, input }: Candidate, sealed: ListedFile, oid: string | null): HookFinding {
  return {
    code: 'unsealed-change',
    level: input.unsealed === 'error' ? 'error' : 'warning',
    subject: shown,
    message:
      oid === null
        ? `${shown} changed since it was sealed`
        : `the LFS pointer ${shown} does not point to what was sealed`,
    facts: { sealed: `sha256:${sealed.sha256}`, ...(oid === null ? {} : { pointer: `sha256:${oid}` }) },
    hint: 'CI seals what is merged; or seal it now with `weighmark seal`',
  };
}

function scanFindings(result: ScanResult): readonly HookFinding[] {
  const found = result.findings.map((finding): HookFinding | null => {
    if (finding.severity !== 'critical' && finding.severity !== 'high' && finding.severity !== 'medium') return null;
    const member = finding.place.member === undefined ? '' : ` (in ${finding.place.member})`;
    const level = finding.severity === 'medium' ? 'warning' : 'error';
    return {
      code: 'scan-finding',
      level,
      subject: result.path,
      message: `${result.path}${member}: ${finding.message}`,
      facts: { rule: finding.rule, severity: finding.severity },
    };
  });
  const unexamined = result.unexamined.map(({ reason }): HookFinding => ({
    code: 'scan-incomplete',
    level: 'error',
    subject: result.path,
    message: `${result.path} could not be examined: ${reason}`,
  }));
  return [...found.filter((finding) => finding !== null), ...unexamined];
}

interface Seals {
  /** The line of the nearest digest list that speaks of this file, or null. */
  listed(location: string): Promise<ListedFile | null>;
}

/** Reads each digest list once; looks in the file's own sidecar, then in folder after folder up to the top. */
function sealReader(top: string, files: Files): Seals {
  const lists = new Map<string, Promise<ReadonlyMap<string, ListedFile> | null>>();
  const listOf = (location: string) => {
    const known = lists.get(location) ?? readList(location, files);
    lists.set(location, known);
    return known;
  };
  return {
    listed: async (location) => {
      const own = await listOf(`${location}.weighmark/files`);
      if (own !== null) return own.values().next().value ?? null;
      for (let folder = dirname(location); folder.startsWith(top); folder = dirname(folder)) {
        const list = await listOf(join(folder, DIGEST_LIST_FILE));
        if (list !== null) return list.get(location.slice(folder.length + 1).replaceAll('\\', '/')) ?? null;
        if (folder === dirname(folder)) break;
      }
      return null;
    },
  };
}

async function readList(location: string, files: Files): Promise<ReadonlyMap<string, ListedFile> | null> {
  const bytes = await files.readIfThere(location, LIMITS.digestListBytes);
  return bytes === null ? null : new Map(parseDigestList(decode(bytes)).map((file) => [file.path, file]));
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function shownPath(top: string, location: string): string {
  if (!isAbsolute(location)) throw new WeighmarkError('internal', 'a staged path is not absolute');
  return location.startsWith(top) ? location.slice(top.length).replace(/^[\\/]/, '') : location;
}
