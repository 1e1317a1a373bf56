import { relative, resolve } from 'node:path';
import type { Files } from '../../domain/ports/files.ts';
import type { IndexEntry } from '../../domain/ports/git.ts';
import type { ListedFile } from '../../domain/digest/list.ts';
import { findingOf } from '../../domain/base/verdict.ts';
import { judge } from './hook-judge.ts';
import { checkPointer, linkPointer } from './hook-pointer.ts';
import { isSealedFile, sealReader } from './hook-seals.ts';
import type { Candidate, HookFinding, HookInput, HookOutcome, HookPorts, Judged } from './hook-types.ts';

/** Conversions of more than this are not tried to find what was sealed. */
const CONVERTED_BYTES = 64 << 20;

/**
 * The checks of a commit: broken claims, unsafe content, pointers and weights that are not what was sealed. What is staged is
 * judged by the index's blobs, as git would check them out; the work tree may hold anything. A file that is named and not
 * staged is judged where it lies.
 */
export async function checkStaged(input: HookInput, ports: HookPorts): Promise<HookOutcome> {
  const { git, files } = ports;
  const root = await git.root();
  const top = root ?? input.cwd;
  const named = await namedPaths(input, top, files);
  const staged = named !== null && root === null ? [] : await git.staged();
  const inIndex = named === null ? staged : staged.filter(({ path }) => named.includes(path));
  const known = new Set(inIndex.map(({ path }) => path));
  const inTree = (named ?? []).filter((path) => !known.has(path));
  const results = [
    ...(await judgeIndex(inIndex, { input, ports, top })),
    ...(await judgeTree(inTree, { input, ports, top })),
  ];
  return {
    checked: results.length,
    unchanged: results.filter(({ unchanged, findings }) => unchanged && findings.length === 0).length,
    findings: results.flatMap(({ findings }) => findings),
  };
}

interface Job {
  readonly input: HookInput;
  readonly ports: HookPorts;
  readonly top: string;
}

/** From the top, `/`-separated: by the real path of the working folder, as git tells its own. Null if none is named. */
async function namedPaths(
  { files: named, cwd }: HookInput,
  top: string,
  files: Files,
): Promise<readonly string[] | null> {
  if (named.length === 0) return null;
  const here = await files.realPath(cwd);
  return named.map((file) => {
    const location = resolve(here, relative(cwd, resolve(cwd, file)));
    const path = relative(top, location).replaceAll('\\', '/');
    return path.startsWith('../') ? location : path;
  });
}

async function judgeIndex(entries: readonly IndexEntry[], job: Job): Promise<readonly Judged[]> {
  if (entries.length === 0) return [];
  const { git } = job.ports;
  const seals = sealReader(job.top, job.ports.files);
  const lists = new Map((await git.indexed('**/*.weighmark/files')).map((entry) => [entry.path, entry]));
  return git.withBlobs(async (blobs) => {
    const sealed = seals.within(async (path) => {
      const list = lists.get(path);
      return list === undefined ? null : blobs.read(list, async (blob) => blob.read(0, blob.size));
    });
    const lines: (ListedFile | null)[] = [];
    for (const { path } of entries) lines.push(await sealed.listed(path));
    const results: JudgedEntry[] = [];
    blobs.expect(entries);
    for (const [at, entry] of entries.entries()) {
      const candidate: Candidate = { shown: entry.path, input: job.input, sealed: lines[at] ?? null };
      const judged = await orFinding(candidate, async () =>
        blobs.read(entry, async (blob) =>
          entry.kind === 'link'
            ? checkPointer(await linkPointer(blob), candidate, job.ports)
            : judge(
                { ...candidate, source: blob, isSealedAs: async ({ sha256 }) => sha256 === blob.sha256 },
                job.ports,
              ),
        ),
      );
      results.push({ ...judged, entry, sealed: candidate.sealed });
    }
    return asCheckedOut(results, job);
  });
}

type JudgedEntry = Judged & { readonly entry: IndexEntry; readonly sealed: ListedFile | null };

/** What git makes of a blob when it writes it is what is loaded, and what was sealed. */
async function asCheckedOut(results: readonly JudgedEntry[], job: Job): Promise<readonly Judged[]> {
  const { git } = job.ports;
  const files = results.filter(({ entry, isPointer }) => entry.kind === 'file' && isPointer !== true);
  const converted = await git.converted(files.map(({ entry }) => entry));
  const again = files.filter(
    ({ entry, changed, sizeBytes }) =>
      converted.has(entry.path) || (changed === true && (sizeBytes ?? 0) <= CONVERTED_BYTES),
  );
  const better = new Map<IndexEntry, Judged>();
  const entries = again.map(({ entry, sealed }) => ({ ...entry, sealed, of: entry }));
  await git.eachCheckedOut(entries, async ({ of: entry, sealed }, blob) => {
    const candidate: Candidate = { shown: entry.path, input: job.input, sealed };
    const isSealedAs = async ({ sha256 }: { readonly sha256: string }) => sha256 === blob.sha256;
    better.set(
      entry,
      await orFinding(candidate, async () => judge({ ...candidate, source: blob, isSealedAs }, job.ports)),
    );
  });
  return results.map((judged) => withCheckedOut(judged, better.get(judged.entry)));
}

/** Either form may be unsafe; sealed is the one that lies in a work tree. */
function withCheckedOut(judged: Judged, other: Judged | undefined): Judged {
  if (other === undefined) return judged;
  const known = new Set(other.findings.map(({ message }) => message));
  const more = judged.findings.filter(({ code, message }) => code !== 'unsealed-change' && !known.has(message));
  return { ...other, findings: [...other.findings, ...more] };
}

async function judgeTree(paths: readonly string[], job: Job): Promise<readonly Judged[]> {
  const { files } = job.ports;
  const seals = sealReader(job.top, files).within(async () => null);
  const results: Judged[] = [];
  for (const path of paths) {
    const location = resolve(job.top, path);
    if ((await files.kindOf(location)) !== 'file') results.push(NOTHING);
    else {
      const candidate: Candidate = { shown: path, input: job.input, sealed: null };
      results.push(
        await orFinding(candidate, async () =>
          judgeFile(location, { ...candidate, sealed: await seals.listed(path) }, job.ports),
        ),
      );
    }
  }
  return results;
}

async function judgeFile(location: string, candidate: Candidate, ports: HookPorts): Promise<Judged> {
  const source = await ports.files.open(location);
  try {
    const isSealedAs: Parameters<typeof judge>[0]['isSealedAs'] = async (listed) =>
      isSealedFile(location, { sealed: listed, size: source.size, stamp: source.stamp }, ports);
    return await judge({ ...candidate, source, isSealedAs }, ports);
  } finally {
    await source.close();
  }
}

const NOTHING: Judged = { unchanged: false, findings: [] };

async function orFinding({ shown }: Candidate, work: () => Promise<Judged>): Promise<Judged> {
  try {
    return await work();
  } catch (error) {
    const finding: HookFinding = { ...findingOf(error), subject: shown, level: 'error' };
    return { unchanged: false, findings: [finding] };
  }
}
