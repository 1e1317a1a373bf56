import { buildOutboard, emptyOutboard, GROUP_BYTES } from '../../domain/digest/outboard.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Blake3Tree } from '../../domain/digest/blake3-tree.ts';
import type { HashOptions, HashResult } from '../../domain/ports/hasher.ts';
import { openCutFile, type CutFile } from './cut-file.ts';
import { hexDigests } from './hex.ts';
import { writeOutboard } from './outboard-files.ts';
import { planJobs, type Sizing } from './plan.ts';
import type { Answer, Task } from './tasks.ts';
import type { SizedJob } from './open-file.ts';

/** Hands out tasks and gathers their answers into results in the order of the jobs. */
export interface Schedule {
  /** `wait`: nothing for this lane until another lane's answer is in; null: nothing more at all. */
  next(lane: number): Task | 'wait' | null;
  settle(task: Task, answers: readonly Answer[]): void;
  results(): readonly HashResult[];
  /** Closes what is still open after a failure. */
  close(): void;
}

export function createSchedule(
  jobs: readonly SizedJob[],
  options: HashOptions,
  how: Sizing & { tree: Blake3Tree },
): Schedule {
  const plan = planJobs(jobs, options, how);
  const results: HashResult[] = Array.from({ length: jobs.length });
  const active = new Map<number, CutFile>();
  const indices = new Map<Task, readonly number[]>();
  let cutAt = 0;
  let batchAt = 0;
  const jobAt = (index: number) => jobs[index] as SizedJob;
  const wantsOutboard = (job: SizedJob) =>
    options.algorithms.includes('blake3') &&
    (job.outboardTo !== undefined || job.sizeBytes >= (options.outboardFromBytes ?? Infinity));

  const fail = (index: number, error: WeighmarkError) => {
    if (options.onFailure === undefined) throw error;
    results[index] = { sizeBytes: jobAt(index).sizeBytes, digests: {} };
    options.onFailure(index, error);
  };
  const deliver = (index: number, { outboard, ...result }: HashResult) => {
    const { outboardTo } = jobAt(index);
    if (outboard !== undefined && outboardTo !== undefined) writeOutboard(outboardTo, outboard);
    results[index] = outboard === undefined || outboardTo !== undefined ? result : { ...result, outboard };
  };
  const openNextCut = (): boolean => {
    const index = plan.cut[cutAt];
    if (index === undefined) return false;
    cutAt += 1;
    try {
      openCut(index);
    } catch (error) {
      fail(index, asFailure(error));
    }
    return true;
  };
  const openCut = (index: number) => {
    const cut = openCutFile(jobAt(index), {
      ...how,
      index,
      algorithms: options.algorithms,
      outboard: wantsOutboard(jobAt(index)),
    });
    active.set(index, cut);
  };
  const nextCutTask = (lane: number): Task | null => {
    for (const cut of active.values()) {
      const task = cut.nextPiece(lane) ?? cut.nextSegment();
      if (task !== null) return task;
    }
    return openNextCut() ? nextCutTask(lane) : null;
  };
  const nextBatch = (): Task | null => {
    const batch = plan.batches[batchAt];
    if (batch === undefined) return null;
    batchAt += 1;
    const files = batch.map((index) => ({
      job: jobAt(index),
      groups: wantsOutboard(jobAt(index)) && jobAt(index).sizeBytes > GROUP_BYTES,
    }));
    const task: Task = { kind: 'files', files, algorithms: options.algorithms };
    indices.set(task, batch);
    return task;
  };
  const settleFiles = (task: Task, answers: readonly Answer[]) => {
    (indices.get(task) ?? []).forEach((index, at) => {
      const job = jobAt(index);
      const { failure } = answers[at] as Answer;
      if (failure !== undefined) fail(index, new WeighmarkError(failure.code, failure.message, failure.detail));
      else deliver(index, resultOf(job, answers[at] as Answer, { outboard: wantsOutboard(job), tree: how.tree }));
    });
    indices.delete(task);
  };
  /** A part of a file already given up changes nothing. */
  const settleCut = (task: Exclude<Task, { kind: 'files' }>, answer: Answer) => {
    const cut = active.get(task.index);
    if (cut === undefined) return;
    try {
      cut.settle(task, answer);
      const result = cut.result();
      if (result === null) return;
      deliver(task.index, result);
    } catch (error) {
      cut.close();
      fail(task.index, asFailure(error));
    } finally {
      if (cut.closed()) active.delete(task.index);
    }
  };
  return {
    next: (lane) => nextCutTask(lane) ?? nextBatch() ?? (active.size > 0 ? 'wait' : null),
    settle: (task, answers) =>
      task.kind === 'files' ? settleFiles(task, answers) : settleCut(task, answers[0] as Answer),
    results: () => results,
    close: () => active.forEach((cut) => cut.close()),
  };
}

function asFailure(error: unknown): WeighmarkError {
  return error instanceof WeighmarkError ? error : new WeighmarkError('internal', String(error), { cause: error });
}

function resultOf(job: SizedJob, answer: Answer, how: { outboard: boolean; tree: Blake3Tree }): HashResult {
  const result = { sizeBytes: job.sizeBytes, digests: hexDigests(answer.digests) };
  if (!how.outboard) return result;
  if (answer.cvs === undefined) return { ...result, outboard: emptyOutboard(job.sizeBytes) };
  const { outboard, root } = buildOutboard(answer.cvs, job.sizeBytes, how.tree);
  return { ...result, digests: { ...result.digests, ...hexDigests({ blake3: root }) }, outboard };
}
