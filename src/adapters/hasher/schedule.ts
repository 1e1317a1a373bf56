import { buildOutboard, emptyOutboard, GROUP_BYTES } from '../../domain/digest/outboard.ts';
import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Blake3Tree } from '../../domain/digest/blake3-tree.ts';
import type { HashOptions, HashResult } from '../../domain/ports/hasher.ts';
import { openCutFile, type CutFile } from './cut-file.ts';
import { hexDigests } from './hex.ts';
import { writeOutboard } from './outboard-files.ts';
import { planJobs, type Plan, type Sizing } from './plan.ts';
import type { Answer, Task } from './tasks.ts';
import { sendable, type SizedJob } from './open-file.ts';

/** Hands out tasks and gathers their answers into results in the order of the jobs. */
export interface Schedule {
  /** `wait`: nothing for this lane until another lane's answer is in; null: nothing more at all. */
  next(lane: number): Task | 'wait' | null;
  settle(task: Task, answers: readonly Answer[]): void;
  results(): readonly HashResult[];
  /** Closes what is still open after a failure. */
  close(): void;
}

type How = Sizing & { tree: Blake3Tree };

/** One kind of work: what is next of it, and what came of it. */
interface Line<Of extends Task> {
  next(lane: number): Of | null;
  settle(task: Of, answers: readonly Answer[]): void;
}

type FilesTask = Extract<Task, { kind: 'files' }>;
type CutTask = Exclude<Task, { kind: 'files' }>;

export function createSchedule(jobs: readonly SizedJob[], options: HashOptions, how: How): Schedule {
  const plan = planJobs(jobs, options, how);
  const outcome = createOutcome(jobs, options);
  const cuts = cutFiles(plan.cut, outcome, how);
  const batches = wholeFiles(plan.batches, outcome, how.tree);
  return {
    next: (lane) => cuts.next(lane) ?? batches.next(lane) ?? (cuts.active() ? 'wait' : null),
    settle: (task, answers) => (task.kind === 'files' ? batches.settle(task, answers) : cuts.settle(task, answers)),
    results: () => outcome.results,
    close: cuts.close,
  };
}

/** The jobs and what became of each. */
interface Outcome {
  readonly results: readonly HashResult[];
  readonly algorithms: HashOptions['algorithms'];
  jobAt(index: number): SizedJob;
  wantsOutboard(job: SizedJob): boolean;
  /** @throws the error, where nobody asked to hear of failures. */
  fail(index: number, error: WeighmarkError): void;
  deliver(index: number, result: HashResult): void;
}

function createOutcome(jobs: readonly SizedJob[], options: HashOptions): Outcome {
  const results: HashResult[] = Array.from({ length: jobs.length });
  const jobAt = (index: number) => sendable(jobs[index] as SizedJob);
  return {
    results,
    algorithms: options.algorithms,
    jobAt,
    wantsOutboard: (job) =>
      options.algorithms.includes('blake3') &&
      (job.outboardTo !== undefined || job.sizeBytes >= (options.outboardFromBytes ?? Infinity)),
    fail: (index, error) => {
      if (options.onFailure === undefined) throw error;
      results[index] = { sizeBytes: jobAt(index).sizeBytes, digests: {} };
      options.onFailure(index, error);
    },
    deliver: (index, { outboard, ...result }) => {
      const { outboardTo } = jobAt(index);
      if (outboard !== undefined && outboardTo !== undefined) writeOutboard(outboardTo, outboard);
      results[index] = outboard === undefined || outboardTo !== undefined ? result : { ...result, outboard };
    },
  };
}

/** Files that several lanes read at once, piece by piece. */
function cutFiles(
  order: readonly number[],
  outcome: Outcome,
  how: How,
): Line<CutTask> & { active(): boolean; close(): void } {
  const active = new Map<number, CutFile>();
  const waiting = [...order];
  const openNext = (): boolean => {
    const index = waiting.shift();
    if (index === undefined) return false;
    try {
      const job = outcome.jobAt(index);
      const { algorithms } = outcome;
      active.set(index, openCutFile(job, { ...how, index, algorithms, outboard: outcome.wantsOutboard(job) }));
    } catch (error) {
      outcome.fail(index, asFailure(error));
    }
    return true;
  };
  const next = (lane: number): CutTask | null => {
    for (const cut of active.values()) {
      const task = cut.nextPiece(lane) ?? cut.nextSegment();
      if (task !== null) return task;
    }
    return openNext() ? next(lane) : null;
  };
  return {
    next,
    /** A part of a file already given up changes nothing. */
    settle: (task, answers) => {
      const cut = active.get(task.index);
      if (cut === undefined) return;
      try {
        cut.settle(task, answers[0] as Answer);
        const result = cut.result();
        if (result === null) return;
        outcome.deliver(task.index, result);
      } catch (error) {
        cut.close();
        outcome.fail(task.index, asFailure(error));
      } finally {
        if (cut.closed()) active.delete(task.index);
      }
    },
    active: () => active.size > 0,
    close: () => active.forEach((cut) => cut.close()),
  };
}

/** Files that one lane reads from end to end, the small ones several at a time. */
function wholeFiles(batches: Plan['batches'], outcome: Outcome, tree: Blake3Tree): Line<FilesTask> {
  const waiting = batches.values();
  const indices = new Map<Task, readonly number[]>();
  return {
    next: () => {
      const { value: batch } = waiting.next();
      if (batch === undefined) return null;
      const files = batch.map((index) => {
        const job = outcome.jobAt(index);
        return { job, groups: outcome.wantsOutboard(job) && job.sizeBytes > GROUP_BYTES };
      });
      const task: FilesTask = { kind: 'files', files, algorithms: outcome.algorithms };
      indices.set(task, batch);
      return task;
    },
    settle: (task, answers) => {
      (indices.get(task) ?? []).forEach((index, at) => {
        const job = outcome.jobAt(index);
        const answer = answers[at] as Answer;
        const { failure } = answer;
        if (failure !== undefined)
          outcome.fail(index, new WeighmarkError(failure.code, failure.message, failure.detail));
        else outcome.deliver(index, resultOf(job, answer, { outboard: outcome.wantsOutboard(job), tree }));
      });
      indices.delete(task);
    },
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
