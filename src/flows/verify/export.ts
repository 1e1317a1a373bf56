import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Files, Staging, Stagings } from '../../domain/ports/files.ts';
import type { Hasher, HashJob, HashOptions, HashResult } from '../../domain/ports/hasher.ts';
import { inParallel } from '../../domain/base/parallel.ts';
import { requireWritable } from '../registry/pull.ts';
import type { ContentFile } from './question.ts';
import { pushAll } from '../../domain/base/lists.ts';

export interface ExportPorts {
  readonly files: Files;
  readonly stagings: Stagings;
  readonly hasher: () => Promise<Hasher>;
}

export interface Export {
  /** To verify with: what it hashes are its copies, out of sight beside the target. */
  readonly hasher: () => Promise<Hasher>;
  /**
   * Gives the folder its name, with these files in it, read-only.
   * @throws WeighmarkError `file-changed`, `already-exists`, `name-unsafe`, `disk-full`, `write-refused`.
   */
  publish(files: readonly ContentFile[]): Promise<void>;
  /** Whatever is left over; also after `publish`. */
  discard(): Promise<void>;
}

/**
 * Writes what is verified to a new folder: what a server should load (security rule 20). Each file is copied first (a
 * clone where the file system can) and the copy is what is hashed, so that what is there is what was verified,
 * whatever happens to the original; the folder appears whole or not at all.
 * @param durable whether the bytes must outlast a power failure, or only this run.
 */
export function exportTo(target: string, { durable }: { durable: boolean }, ports: ExportPorts): Export {
  let opened: Promise<Staging> | undefined;
  const copies: Copies = {
    staging: () => (opened ??= ports.stagings.open(target, 'verified')),
    byLocation: new Map(),
    durable,
    files: ports.files,
  };
  const discard = async () => {
    await Promise.allSettled([...copies.byLocation.values()].map(({ copied }) => copied));
    await (await opened)?.discard();
  };
  return {
    hasher: async () => {
      const hasher = await ports.hasher();
      return { ...hasher, hash: async (jobs, options) => hashCopies(jobs, options, { copies, hasher }) };
    },
    publish: async (files) => publish(files, copies),
    discard,
  };
}

/** Every file that was hashed, copied once. */
interface Copies {
  readonly staging: () => Promise<Staging>;
  readonly byLocation: Map<string, Copy>;
  readonly durable: boolean;
  readonly files: Files;
}

interface Copy {
  /** What the staging knows it by. */
  readonly key: string;
  readonly copied: Promise<void>;
  /** Written through meanwhile, where that matters. */
  readonly synced: Promise<void>;
}

const PARALLEL_COPIES = 4;
const GROUP_BYTES = 1 << 30;

/** While one group of files is hashed, from memory still, the next is copied. */
async function hashCopies(
  jobs: readonly HashJob[],
  options: HashOptions,
  { copies, hasher }: { copies: Copies; hasher: Hasher },
): Promise<readonly HashResult[]> {
  const results: HashResult[] = [];
  let hashing: Promise<readonly HashResult[]> = Promise.resolve([]);
  for (const group of groupsOf(jobs)) {
    options.signal?.throwIfAborted();
    const copied = copyGroup(group, copies);
    copied.catch(() => undefined);
    pushAll(results, await hashing);
    await copied;
    hashing = hashGroup(group, options, { copies, hasher });
    hashing.catch(() => undefined);
  }
  return [...results, ...(await hashing)];
}

/** @throws WeighmarkError with the original's name where a copy is not as long as the original was. */
async function hashGroup(
  group: readonly HashJob[],
  options: HashOptions,
  { copies, hasher }: { copies: Copies; hasher: Hasher },
): Promise<readonly HashResult[]> {
  const own = await copiedJobs(group, copies);
  return hasher.hash(own, options).catch((error: unknown) => {
    const at = error instanceof WeighmarkError ? own.findIndex(({ location }) => location === error.subject) : -1;
    const original = group[at]?.location;
    throw original === undefined || !(error instanceof WeighmarkError)
      ? error
      : new WeighmarkError(error.code, `${original} changed while it was read`, { subject: original, cause: error });
  });
}

function groupsOf(jobs: readonly HashJob[]): readonly (readonly HashJob[])[] {
  const groups: HashJob[][] = [];
  let bytes = GROUP_BYTES;
  for (const job of jobs) {
    if (bytes >= GROUP_BYTES) [bytes] = [0, groups.push([])];
    groups.at(-1)?.push(job);
    bytes += job.sizeBytes ?? 0;
  }
  return groups;
}

async function copyGroup(group: readonly HashJob[], copies: Copies): Promise<void> {
  const staging = await copies.staging();
  await inParallel(group, PARALLEL_COPIES, async (job) => {
    const known = copies.byLocation.get(job.location);
    if (known !== undefined) return known.copied;
    const key = `${copies.byLocation.size}`;
    const copied = copyOne(job, staging.partOf(key), copies.files);
    const synced = copies.durable ? copied.then(() => copies.files.sync(staging.partOf(key))) : copied;
    synced.catch(() => undefined);
    copies.byLocation.set(job.location, { key, copied, synced });
    return copied;
  });
}

async function copyOne({ location, stamp, followLink }: HashJob, part: string, files: Files): Promise<void> {
  await files.remove(part);
  await files.duplicate(location, part, { followLink: followLink === true, ...(stamp === undefined ? {} : { stamp }) });
}

/** A copy has a stamp of its own, and is no link. */
async function copiedJobs(group: readonly HashJob[], copies: Copies): Promise<readonly HashJob[]> {
  const staging = await copies.staging();
  return group.map(({ location, sizeBytes, outboardTo }) => ({
    location: staging.partOf(copies.byLocation.get(location)?.key ?? ''),
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
    ...(outboardTo === undefined ? {} : { outboardTo }),
  }));
}

async function publish(files: readonly ContentFile[], copies: Copies): Promise<void> {
  requireWritable(files);
  const staging = await copies.staging();
  for (const file of files) {
    const copy = copies.byLocation.get(file.location);
    if (copy === undefined) await exportFile(file, { key: `${copies.byLocation.size}`, staging, files: copies.files });
    else await copy.synced.then(() => staging.settle(copy.key, file.path));
  }
  await staging.publish();
}

/** What was hashed in another way than as a whole, by shards: copied now, and held to its digest. */
async function exportFile(
  { path, location, digests }: ContentFile,
  { key, staging, files }: { key: string; staging: Staging; files: Files },
): Promise<void> {
  if (digests.sha256 === undefined)
    throw new WeighmarkError('usage', 'only what was verified by SHA-256 can be written out', {
      hint: 'add `--algorithm all`',
    });
  const temporary = staging.partOf(key);
  await files.remove(temporary);
  const written = await files.copy(location, temporary);
  if (written !== digests.sha256)
    throw new WeighmarkError('file-changed', `${path} changed after it was verified`, { subject: path });
  await staging.settle(key, path);
}
