import { availableParallelism } from 'node:os';
import { outboardBytes } from '../../domain/digest/outboard.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { pushAll } from '../../domain/base/lists.ts';
import type { HashAlgorithm } from '../../domain/digest/algorithm.ts';
import type { HashOptions, HashResult, Stretch } from '../../domain/ports/hasher.ts';
import { systemError } from '../files/errors.ts';
import { writeStamp } from '../files/stats.ts';
import { stageOutboards } from './outboard-files.ts';
import type { Addon } from './native.ts';
import { changed, notRegular, type SizedJob } from './open-file.ts';

/** Cut so that the cores finish together and each read-ahead is worth its while. */
const SEGMENT_BYTES = 4 << 20;
const PROGRESS_MS = 50;
const DIGEST_BYTES = 32;
const FAILURE_BYTES = 9;
const FLAG = {
  blake3: 1,
  sha256: 2,
  keepGoing: 4,
  follow: 1,
  outboard: 2,
  stamped: 4,
  outboardFile: 8,
  subtree: 16,
  content: 32,
} as const;

/** BLAKE3 and SHA-256 by the addon's own threads; other digests are not its work. */
export async function hashNatively(
  addon: Addon,
  jobs: readonly SizedJob[],
  options: HashOptions,
  segmentBytes = SEGMENT_BYTES,
): Promise<readonly HashResult[]> {
  const run = addon.create();
  const stop = () => addon.abort(run);
  const report = reporter(options, () => addon.progress(run));
  options.signal?.addEventListener('abort', stop);
  if (options.signal?.aborted === true) stop();
  const outboards = stageOutboards(jobs, options);
  try {
    const results = decode(await addon.start(run, encode(outboards.jobs, options, segmentBytes)), jobs, options);
    outboards.keep((index) => results[index]?.digests.blake3 !== undefined);
    return results;
  } finally {
    outboards.discard();
    report();
    options.signal?.removeEventListener('abort', stop);
  }
}

/** Reports now and then; the function returned reports the rest and ends it. */
export function reporter({ onProgress }: Pick<HashOptions, 'onProgress'>, done: () => number): () => void {
  if (onProgress === undefined) return () => undefined;
  let told = 0;
  const tell = () => {
    const now = done();
    if (now > told) onProgress(now - told);
    told = now;
  };
  const timer = setInterval(tell, PROGRESS_MS);
  return () => {
    clearInterval(timer);
    tell();
  };
}

/** In memory; those with a place of their own are written there. */
function wantsOutboard(job: SizedJob, options: HashOptions): boolean {
  return (
    job.outboardTo === undefined &&
    options.algorithms.includes('blake3') &&
    job.sizeBytes >= (options.outboardFromBytes ?? Infinity)
  );
}

/** As the addon hands out at most. */
const CONTENT_BYTES = 16 << 10;

function wantsContent(job: SizedJob, options: HashOptions): boolean {
  return (
    job.sizeBytes <= Math.min(options.contentUpToBytes ?? -1, CONTENT_BYTES) &&
    job.part === undefined &&
    job.stretches === undefined &&
    job.outboardTo === undefined &&
    !wantsOutboard(job, options)
  );
}

/** Of the head, and of each job's numbers; a view of eight bytes each reads both. */
const HEAD_BYTES = 24;
const JOB_BYTES = 64;
const STRETCH_BYTES = 16;
const PATHS_AT_ONCE = 4096;

/**
 * Little-endian, as `kernel/src/request.rs` reads it: the head, every job's numbers, their stretches, then the paths, each with
 * a NUL. In one piece and with few calls, since there may be a million jobs.
 */
function encode(jobs: readonly SizedJob[], options: HashOptions, segmentBytes: number): Buffer {
  const stretches: Stretch[] = [];
  for (const job of jobs) if (job.stretches !== undefined) pushAll(stretches, job.stretches);
  const stretchesAt = HEAD_BYTES + jobs.length * JOB_BYTES;
  const pathsAt = stretchesAt + stretches.length * STRETCH_BYTES;
  // A UTF-16 code unit is at most three bytes of UTF-8. What is not written takes no memory.
  const memory = new ArrayBuffer(
    jobs.reduce(
      (sum, { location, outboardTo }) =>
        sum + 3 * location.length + 1 + (outboardTo === undefined ? 0 : 3 * outboardTo.length + 1),
      pathsAt,
    ),
  );
  const bytes = Buffer.from(memory);
  const wanted = (name: 'blake3' | 'sha256') => (options.algorithms.includes(name) ? FLAG[name] : 0);
  bytes.writeUInt32LE(wanted('blake3') | wanted('sha256') | (options.onFailure === undefined ? 0 : FLAG.keepGoing), 0);
  bytes.writeUInt32LE(Math.max(1, options.jobs ?? availableParallelism()), 4);
  bytes.writeBigUInt64LE(BigInt(segmentBytes), 8);
  bytes.writeUInt32LE(jobs.length, 16);
  bytes.writeUInt32LE(stretches.length, 20);
  encodeNumbers(new DataView(memory, HEAD_BYTES), jobs, options);
  for (const [index, { start, end }] of stretches.entries()) {
    bytes.writeBigUInt64LE(BigInt(start), stretchesAt + index * STRETCH_BYTES);
    bytes.writeBigUInt64LE(BigInt(end), stretchesAt + index * STRETCH_BYTES + 8);
  }
  return bytes.subarray(0, encodePaths(bytes, pathsAt, jobs));
}

function encodeNumbers(view: DataView, jobs: readonly SizedJob[], options: HashOptions): void {
  let at = 0;
  for (const job of jobs) {
    const { stamp, outboardTo } = job;
    const sink = outboardTo === undefined ? (wantsOutboard(job, options) ? FLAG.outboard : 0) : FLAG.outboardFile;
    view.setUint32(
      at,
      (job.followLink === true ? FLAG.follow : 0) |
        (job.part?.subtree === true ? FLAG.subtree : 0) |
        sink |
        (wantsContent(job, options) ? FLAG.content : 0) |
        (stamp === undefined ? 0 : FLAG.stamped),
      true,
    );
    if (job.stretches !== undefined) view.setUint32(at + 4, job.stretches.length, true);
    view.setFloat64(at + 8, job.sizeBytes, true);
    view.setFloat64(at + 16, job.part?.start ?? 0, true);
    view.setFloat64(at + 24, job.part?.fileBytes ?? job.sizeBytes, true);
    if (stamp !== undefined) writeStamp(stamp, view, at + 32);
    at += JOB_BYTES;
  }
}

/** Returns where they end. A write costs more than a path, a string has a greatest length: many at a time. */
function encodePaths(bytes: Buffer, start: number, jobs: readonly SizedJob[]): number {
  let at = start;
  for (let from = 0; from < jobs.length; from += PATHS_AT_ONCE) {
    const paths = jobs
      .slice(from, from + PATHS_AT_ONCE)
      .map(({ location, outboardTo }) => (outboardTo === undefined ? location : `${location}\0${outboardTo}`));
    at += bytes.write(`${paths.join('\0')}\0`, at);
  }
  return at;
}

function decode(response: Buffer, jobs: readonly SizedJob[], options: HashOptions): HashResult[] {
  if (response.length === 0) throw new WeighmarkError('internal', 'the native kernel refused a request');
  const names = (['blake3', 'sha256'] as const).filter((name) => options.algorithms.includes(name));
  let digestAt = 4 + FAILURE_BYTES * response.readUInt32LE(0);
  const failed = tellFailures(response, jobs, options);
  const more = moreOf(response, { jobs, options, failed, at: digestAt + jobs.length * names.length * DIGEST_BYTES });
  return jobs.map((job, index) => {
    const digests: Partial<Record<HashAlgorithm, string>> = {};
    for (const name of names) digests[name] = response.toString('hex', digestAt, (digestAt += DIGEST_BYTES));
    if (failed.has(index)) return { sizeBytes: job.sizeBytes, digests: {} };
    return more({ sizeBytes: job.sizeBytes, digests }, job);
  });
}

/** What stands behind the digests: all outboards, all contents, all digests of stretches, of the jobs that did not fail. */
function moreOf(
  response: Buffer,
  about: { jobs: readonly SizedJob[]; options: HashOptions; failed: ReadonlySet<number>; at: number },
): (result: HashResult, job: SizedJob) => HashResult {
  const { options } = about;
  let outboardAt = about.at;
  let contentAt = outboardAt;
  let stretchAt = 0;
  for (const [index, job] of about.jobs.entries()) {
    if (about.failed.has(index)) continue;
    if (wantsOutboard(job, options)) contentAt += outboardBytes(job.sizeBytes);
    if (wantsContent(job, options)) stretchAt += job.sizeBytes;
  }
  stretchAt += contentAt;
  return (result, job) => {
    if (wantsContent(job, options))
      return { ...result, content: response.subarray(contentAt, (contentAt += job.sizeBytes)) };
    const { stretches } = job;
    const outboard = wantsOutboard(job, options)
      ? { outboard: response.subarray(outboardAt, (outboardAt += outboardBytes(job.sizeBytes))) }
      : null;
    if (outboard === null && stretches === undefined) return result;
    const end = stretchAt + (stretches?.length ?? 0) * DIGEST_BYTES;
    const digests = stretches === undefined ? {} : { stretches: response.subarray(stretchAt, (stretchAt = end)) };
    return { ...result, ...outboard, ...digests };
  };
}

/** Throws the first failure, or tells each failed job once. */
function tellFailures(response: Buffer, jobs: readonly SizedJob[], options: HashOptions): ReadonlySet<number> {
  const failed = new Set<number>();
  const end = 4 + FAILURE_BYTES * response.readUInt32LE(0);
  for (let at = 4; at < end; at += FAILURE_BYTES) {
    const index = response.readUInt32LE(at);
    const error = failureOf(response[at + 4] ?? 0, response.readInt32LE(at + 5), jobs[index]?.location ?? '');
    if (options.onFailure === undefined || error.code === 'interrupted') throw error;
    if (!failed.has(index)) options.onFailure(index, error);
    failed.add(index);
  }
  return failed;
}

function failureOf(reason: number, errno: number, subject: string): WeighmarkError {
  switch (reason) {
    case 1:
      return changed(subject);
    case 2:
      return notRegular(subject);
    case 3:
      return new WeighmarkError('interrupted', 'interrupted');
    default:
      return systemError(errno, subject);
  }
}
