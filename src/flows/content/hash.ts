import { parseSums, type SumLine } from '../../domain/digest/sums.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Digests, HashAlgorithm } from '../../domain/digest/algorithm.ts';
import type { Files } from '../../domain/ports/files.ts';
import type { Hasher, HashJob } from '../../domain/ports/hasher.ts';
import type { Progress } from '../../domain/ports/terminal.ts';
import { pushAll } from '../../domain/base/lists.ts';

export interface HashPorts {
  readonly files: () => Promise<Files>;
  readonly hasher: Hasher;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Standard input, for the name `-`. */
  readonly stdin: () => AsyncIterable<Uint8Array>;
  /** Where the operating system finds a name the user gave. */
  readonly locate: (name: string) => string;
}

export interface HashRequest {
  readonly names: readonly string[];
  readonly algorithms: readonly HashAlgorithm[];
  readonly jobs?: number;
  readonly allowSymlinks?: boolean;
}

/** What came of one name: digests or the reason there are none. */
export type Hashed =
  | { readonly name: string; readonly sizeBytes: number; readonly digests: Digests }
  | { readonly name: string; readonly error: WeighmarkError };

/** Digests of files, of the files below folders, and of standard input, in the order given. One failure stops no other. */
export async function hashNames(request: HashRequest, ports: HashPorts): Promise<readonly Hashed[]> {
  const found = await hashFiles(request, ports);
  const results: Hashed[] = [];
  for (const hashed of found) {
    if ('error' in hashed && hashed.error.code === 'special-file' && (await isFolder(hashed.name, ports)))
      pushAll(results, await hashFolder(hashed.name, request, ports));
    else results.push(hashed);
  }
  return results;
}

async function hashFiles(request: HashRequest, ports: HashPorts): Promise<readonly Hashed[]> {
  const named = request.names.map((name) => ({ name, location: ports.locate(name) }));
  const files = await hashJobs(
    named.filter(({ name }) => name !== '-').map(({ name, location }) => ({ name, location, followLink: true })),
    request,
    ports,
  );
  const results: Hashed[] = [];
  let next = 0;
  for (const { name } of named)
    results.push(name === '-' ? await hashStandardInput(request, ports) : (files[next++] as Hashed));
  return results;
}

async function hashStandardInput(request: HashRequest, ports: HashPorts): Promise<Hashed> {
  const result = await ports.hasher.hashStream(ports.stdin(), request.algorithms);
  return { name: '-', ...result };
}

async function isFolder(name: string, ports: HashPorts): Promise<boolean> {
  const files = await ports.files();
  return (await files.kindOf(await files.realPath(ports.locate(name)))) === 'directory';
}

async function hashFolder(name: string, request: HashRequest, ports: HashPorts): Promise<readonly Hashed[]> {
  const folder = name.replace(/\/+$/, '');
  try {
    const tree = await (
      await ports.files()
    ).walk(ports.locate(name), { allowSymlinks: request.allowSymlinks === true });
    const jobs = tree.entries.map(({ path, location, sizeBytes, stamp }) => ({
      name: `${folder}/${path}`,
      location,
      sizeBytes,
      stamp,
      followLink: tree.followedLinks,
    }));
    return await hashJobs(jobs, request, ports);
  } catch (error) {
    if (!(error instanceof WeighmarkError) || error.code === 'interrupted') throw error;
    return [{ name, error }];
  }
}

type NamedJob = HashJob & { readonly name: string };

async function hashJobs(
  jobs: readonly NamedJob[],
  request: Omit<HashRequest, 'names'>,
  ports: HashPorts,
): Promise<readonly Hashed[]> {
  if (jobs.length === 0) return [];
  let progress: ReturnType<Progress['start']> | undefined;
  const errors = new Map<number, WeighmarkError>();
  try {
    const results = await ports.hasher.hash(jobs, {
      algorithms: request.algorithms,
      signal: ports.signal,
      onTotal: (bytes) => (progress = ports.progress.start('hashing', bytes)),
      onProgress: (bytes) => progress?.advance(bytes),
      onFailure: (index, error) => errors.set(index, error),
      ...(request.jobs === undefined ? {} : { jobs: request.jobs }),
    });
    return jobs.map(({ name }, index) => hashedOf(name, results[index], errors.get(index)));
  } finally {
    progress?.end();
  }
}

function hashedOf(
  name: string,
  result: { sizeBytes: number; digests: Digests } | undefined,
  error: WeighmarkError | undefined,
): Hashed {
  if (error !== undefined) return { name, error };
  if (result === undefined) throw new WeighmarkError('internal', 'the hasher returned too few results');
  return { name, sizeBytes: result.sizeBytes, digests: result.digests };
}

export interface SumCheck {
  readonly name: string;
  readonly status: 'ok' | 'mismatch' | 'unreadable';
  readonly error?: WeighmarkError;
}

export interface SumsRequest {
  /** The checksum file. */
  readonly bytes: Uint8Array;
  /** What untagged lines are of; absent: any algorithm with digests of that length. */
  readonly algorithms?: readonly HashAlgorithm[];
  readonly jobs?: number;
}

/** Checks every line of a checksum file. @throws WeighmarkError `format-invalid`, `nothing-to-verify` if it has no line. */
export async function checkSums(request: SumsRequest, ports: HashPorts): Promise<readonly SumCheck[]> {
  const lines = parseSums(request.bytes, request.algorithms);
  if (lines.length === 0)
    throw new WeighmarkError('nothing-to-verify', 'there is no checksum to check', {
      hint: 'make some: `weighmark hash PATH > SUMS`',
    });
  const wanted = [...new Set(lines.flatMap((line) => line.algorithms))];
  const algorithms = wanted.length === 0 ? (['sha256'] as const) : wanted;
  const jobs = lines.map(({ name }) => ({ name, location: ports.locate(name), followLink: true }));
  const results = await hashJobs(jobs, { ...request, algorithms }, ports);
  const checks: SumCheck[] = [];
  for (const [index, line] of lines.entries()) checks.push(await checkLine(line, results[index] as Hashed, ports));
  return checks;
}

async function checkLine(line: SumLine, hashed: Hashed, ports: HashPorts): Promise<SumCheck> {
  if ('error' in hashed) return { name: line.name, status: 'unreadable', error: asUndecided(hashed.error) };
  const agrees = line.algorithms.some((algorithm) => hashed.digests[algorithm] === line.digest);
  return { name: line.name, status: agrees || (await agreesOtherwise(line, ports)) ? 'ok' : 'mismatch' };
}

/** A line without a tag may be of an algorithm that is not computed for everything: one more read before it is refused. */
async function agreesOtherwise({ name, digest, others }: SumLine, ports: HashPorts): Promise<boolean> {
  const { otherSum } = await import('../../domain/digest/other-sums.ts');
  for (const algorithm of others) {
    const file = await (await ports.files()).open(ports.locate(name), { followLink: true });
    try {
      if ((await otherSum(file, algorithm)) === digest) return true;
    } finally {
      await file.close();
    }
  }
  return false;
}

/** A listed file that is not there is a refusal, not a slip of the command line. */
function asUndecided(error: WeighmarkError): WeighmarkError {
  return error.code === 'not-found' ? new WeighmarkError('file-missing', error.message, { cause: error }) : error;
}
