import type { ListedFile } from '../../domain/digest/list.ts';
import type { CleanBlob } from '../../domain/ports/files.ts';
import type { Blobs, IndexEntry } from '../../domain/ports/git.ts';
import { unsealedChange } from './hook-findings.ts';
import { isDocument, judge, orFinding } from './hook-judge.ts';
import { checkPointer, linkPointer } from './hook-pointer.ts';
import { sealReader } from './hook-seals.ts';
import type { Candidate, HookJob, HookPorts, Judged } from './hook-types.ts';

/** Conversions of more than this are not tried to find what was sealed. */
const CONVERTED_BYTES = 64 << 20;
/** Fewer blobs are read in less time than it takes to open the memory. */
const WORTH_REMEMBERING = 100;

/** What is staged, by the blobs of the index; those in which nothing was found before are not read again. */
export async function judgeIndex(entries: readonly IndexEntry[], job: HookJob): Promise<readonly Judged[]> {
  if (entries.length === 0) return [];
  const { git } = job.ports;
  const seals = sealReader(job.top, job.ports.files);
  const lists = new Map((await git.indexed('**/*.weighmark/files')).map((entry) => [entry.path, entry]));
  return git.withBlobs(async (blobs) => {
    const sealed = seals.within({
      has: (path) => lists.has(path),
      read: async (path) => {
        const list = lists.get(path);
        return list === undefined ? null : blobs.read(list, async (blob) => blob.read(0, blob.size));
      },
    });
    const lines = await sealed.linesOf(entries.map(({ path }) => path));
    const clean = await knownClean(entries, job.ports);
    blobs.expect(entries.filter((entry) => !clean.has(entry)));
    const results: JudgedEntry[] = [];
    for (const [at, entry] of entries.entries()) {
      const candidate: Candidate = { shown: entry.path, input: job.input, sealed: lines[at] ?? null };
      const known = clean.get(entry);
      const judged =
        known === undefined
          ? await judgeBlob(entry, { candidate, blobs, ports: job.ports })
          : judgeKnown(known, candidate);
      results.push({ ...judged, entry, sealed: candidate.sealed });
    }
    await rememberClean(results, clean, job.ports);
    return asCheckedOut(results, job);
  });
}

type JudgedEntry = Judged & { readonly entry: IndexEntry; readonly sealed: ListedFile | null };

async function judgeBlob(
  entry: IndexEntry,
  { candidate, blobs, ports }: { readonly candidate: Candidate; readonly blobs: Blobs; readonly ports: HookPorts },
): Promise<Judged> {
  return orFinding(candidate, async () =>
    blobs.read(entry, async (blob) => {
      if (entry.kind === 'link') return checkPointer(await linkPointer(blob), candidate, ports);
      const isSealedAs = async ({ sha256 }: { readonly sha256: string }) => sha256 === blob.sha256;
      return { ...(await judge({ ...candidate, source: blob, isSealedAs }, ports)), sha256: blob.sha256 };
    }),
  );
}

/** What `judge` says of bytes in which nothing was found. */
function judgeKnown({ sha256, sizeBytes }: CleanBlob, candidate: Candidate): Judged {
  const sealed = isDocument(candidate.shown) ? null : candidate.sealed;
  const unchanged = sealed?.sha256 === sha256;
  const changed = sealed !== null && !unchanged;
  return { unchanged, changed, sizeBytes, findings: changed ? [unsealedChange(candidate, sealed, null)] : [] };
}

async function knownClean(
  entries: readonly IndexEntry[],
  ports: HookPorts,
): Promise<ReadonlyMap<IndexEntry, CleanBlob>> {
  if (entries.length < WORTH_REMEMBERING) return new Map();
  return (await ports.cache()).clean(entries.filter(({ kind }) => kind === 'file'));
}

/** Pointers stand for what lies elsewhere: they are judged anew. */
async function rememberClean(
  results: readonly JudgedEntry[],
  known: ReadonlyMap<IndexEntry, CleanBlob>,
  ports: HookPorts,
): Promise<void> {
  if (results.length < WORTH_REMEMBERING) return;
  const clean = new Map<IndexEntry, CleanBlob>();
  for (const { entry, sha256, sizeBytes, isPointer, findings } of results)
    if (
      !known.has(entry) &&
      isPointer !== true &&
      findings.length === 0 &&
      sha256 !== undefined &&
      sizeBytes !== undefined
    )
      clean.set(entry, { sha256, sizeBytes });
  if (clean.size > 0) await (await ports.cache()).rememberClean(clean);
}

/** What git makes of a blob when it writes it is what is loaded, and what was sealed. */
async function asCheckedOut(results: readonly JudgedEntry[], job: HookJob): Promise<readonly Judged[]> {
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
