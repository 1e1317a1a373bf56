import { relative, resolve } from 'node:path';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files } from '../../domain/ports/files.ts';
import { judgeIndex } from './hook-index.ts';
import { judge, orFinding } from './hook-judge.ts';
import { isSealedFile, NO_LISTS, sealReader } from './hook-seals.ts';
import type { Candidate, HookInput, HookJob, HookOutcome, HookPorts, Judged } from './hook-types.ts';

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
  if (named === null && root === null)
    throw new WeighmarkError('unreadable', `${input.cwd} is in no git repository: nothing is staged`, {
      hint: 'go into one, or name files: `weighmark hook FILE`',
    });
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

async function judgeTree(paths: readonly string[], job: HookJob): Promise<readonly Judged[]> {
  const { files } = job.ports;
  const seals = sealReader(job.top, files).within(NO_LISTS);
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
