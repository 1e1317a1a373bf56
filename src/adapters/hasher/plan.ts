import type { HashOptions } from '../../domain/ports/hasher.ts';
import type { SizedJob } from './open-file.ts';

/** Segments are aligned powers of two, so that each is a subtree of BLAKE3's tree. */
export const SEGMENT_BYTES = 16 << 20;
const BATCH_BYTES = 8 << 20;
const BATCH_FILES = 256;

export interface Sizing {
  readonly segmentBytes: number;
  readonly lanes: number;
}

/** Job indices: files to be cut first, then the largest of the others, then batches of small ones in order. */
export interface Plan {
  readonly cut: readonly number[];
  readonly batches: readonly (readonly number[])[];
}

export function planJobs(jobs: readonly SizedJob[], options: HashOptions, sizing: Sizing): Plan {
  const cut: number[] = [];
  const whole: number[] = [];
  const total = jobs.reduce((sum, job) => sum + job.sizeBytes, 0);
  jobs.forEach((job, index) => (isCut(job.sizeBytes, { total, options, sizing }) ? cut : whole).push(index));
  const sizeOf = (index: number) => jobs[index]?.sizeBytes ?? 0;
  const large = whole.filter((index) => sizeOf(index) >= BATCH_BYTES).toSorted((a, b) => sizeOf(b) - sizeOf(a));
  const small = whole.filter((index) => sizeOf(index) < BATCH_BYTES);
  return { cut, batches: [...large.map((index) => [index]), ...batch(small, sizeOf)] };
}

/**
 * BLAKE3 alone: any file longer than a segment. With digests that need order, one lane reads a file once for all of
 * them, unless the file is so large that the other lanes would then have nothing to do.
 */
function isCut(sizeBytes: number, plan: { total: number; options: HashOptions; sizing: Sizing }): boolean {
  const { algorithms } = plan.options;
  if (!algorithms.includes('blake3') || sizeBytes <= plan.sizing.segmentBytes) return false;
  return algorithms.length === 1 || (plan.sizing.lanes > 1 && sizeBytes > plan.total / plan.sizing.lanes);
}

function batch(indices: readonly number[], sizeOf: (index: number) => number): number[][] {
  const batches: number[][] = [];
  let bytes = Infinity;
  for (const index of indices) {
    const last = batches.at(-1);
    if (last === undefined || last.length >= BATCH_FILES || bytes + sizeOf(index) > BATCH_BYTES) {
      batches.push([index]);
      bytes = sizeOf(index);
    } else {
      last.push(index);
      bytes += sizeOf(index);
    }
  }
  return batches;
}
