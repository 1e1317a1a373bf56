import { availableParallelism, constants } from 'node:os';
import { outboardBytes } from '../../domain/digest/outboard.ts';
import { WeighmarkError } from '../../domain/errors.ts';
import type { HashOptions, HashResult } from '../../domain/ports.ts';
import { fileError } from '../files/errors.ts';
import { stageOutboards } from './outboard-files.ts';
import type { Addon } from './native.ts';
import { changed, notRegular, type SizedJob } from './open-file.ts';

/** Cut so that the cores finish together and each read-ahead is worth its while. */
const SEGMENT_BYTES = 4 << 20;
const PROGRESS_MS = 50;
const DIGEST_BYTES = 32;
const FAILURE_BYTES = 9;
const FLAG = { blake3: 1, sha256: 2, keepGoing: 4, follow: 1, outboard: 2, stamped: 4, outboardFile: 8 } as const;

/** BLAKE3 and SHA-256 by the addon's own threads; other digests are not its work. */
export async function hashNatively(addon: Addon, jobs: readonly SizedJob[], options: HashOptions, segmentBytes = SEGMENT_BYTES): Promise<readonly HashResult[]> {
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
function reporter({ onProgress }: HashOptions, done: () => number): () => void {
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
  return job.outboardTo === undefined && options.algorithms.includes('blake3') && job.sizeBytes >= (options.outboardFromBytes ?? Infinity);
}

const HEAD_BYTES = 20;
const JOB_BYTES = 16;
const STAMP_BYTES = 32;

/** Little-endian, as `kernel/src/request.rs` reads it; in one piece, since there may be a million jobs. */
function encode(jobs: readonly SizedJob[], options: HashOptions, segmentBytes: number): Buffer {
  const bytes = Buffer.alloc(jobs.reduce((sum, job) => sum + encodedBytes(job), HEAD_BYTES));
  const wanted = (name: 'blake3' | 'sha256') => (options.algorithms.includes(name) ? FLAG[name] : 0);
  bytes.writeUInt32LE(wanted('blake3') | wanted('sha256') | (options.onFailure === undefined ? 0 : FLAG.keepGoing), 0);
  bytes.writeUInt32LE(Math.max(1, options.jobs ?? availableParallelism()), 4);
  bytes.writeBigUInt64LE(BigInt(segmentBytes), 8);
  bytes.writeUInt32LE(jobs.length, 16);
  jobs.reduce((at, job) => encodeJob(bytes, at, { job, outboard: wantsOutboard(job, options) }), HEAD_BYTES);
  return bytes;
}

function encodedBytes({ location, stamp, outboardTo }: SizedJob): number {
  const sink = outboardTo === undefined ? 0 : 4 + Buffer.byteLength(outboardTo);
  return JOB_BYTES + Buffer.byteLength(location) + (stamp === undefined ? 0 : STAMP_BYTES) + sink;
}

/** Returns where the next job begins. */
function encodeJob(bytes: Buffer, start: number, { job, outboard }: { job: SizedJob; outboard: boolean }): number {
  const { stamp, outboardTo } = job;
  const flags = (job.followLink === true ? FLAG.follow : 0) | (outboard ? FLAG.outboard : 0) | (outboardTo === undefined ? 0 : FLAG.outboardFile);
  let at = bytes.writeUInt32LE(flags | (stamp === undefined ? 0 : FLAG.stamped), start);
  at = bytes.writeBigUInt64LE(BigInt(job.sizeBytes), at);
  if (stamp !== undefined) {
    for (const value of [stamp.dev, stamp.ino, stamp.mtimeNs, stamp.ctimeNs]) at = bytes.writeBigUInt64LE(BigInt.asUintN(64, value), at);
  }
  at = encodePath(bytes, at, job.location);
  return outboardTo === undefined ? at : encodePath(bytes, at, outboardTo);
}

function encodePath(bytes: Buffer, at: number, path: string): number {
  const length = bytes.write(path, at + 4);
  bytes.writeUInt32LE(length, at);
  return at + 4 + length;
}

function decode(response: Buffer, jobs: readonly SizedJob[], options: HashOptions): HashResult[] {
  if (response.length === 0) throw new WeighmarkError('internal', 'the native kernel refused a request');
  const names = (['blake3', 'sha256'] as const).filter((name) => options.algorithms.includes(name));
  let digestAt = 4 + FAILURE_BYTES * response.readUInt32LE(0);
  let outboardAt = digestAt + jobs.length * names.length * DIGEST_BYTES;
  const failed = tellFailures(response, jobs, options);
  return jobs.map((job, index) => {
    const digests = Object.fromEntries(names.map((name) => [name, response.toString('hex', digestAt, (digestAt += DIGEST_BYTES))]));
    if (failed.has(index)) return { sizeBytes: job.sizeBytes, digests: {} };
    const result = { sizeBytes: job.sizeBytes, digests };
    return wantsOutboard(job, options) ? { ...result, outboard: response.subarray(outboardAt, (outboardAt += outboardBytes(job.sizeBytes))) } : result;
  });
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
    case 1: return changed(subject);
    case 2: return notRegular(subject);
    case 3: return new WeighmarkError('interrupted', 'interrupted');
    default: return fileError(Object.assign(new Error(errnoName(errno)), { code: errnoName(errno) }), subject);
  }
}

function errnoName(errno: number): string {
  return Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}
