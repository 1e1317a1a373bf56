import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Case, Contender } from './cases.ts';

export interface Measured {
  readonly label: string;
  readonly bytes: number;
  readonly medianSeconds: number;
  /** Median over the rounds of the first contender's time by this one's in the same round: above 1 is faster. */
  readonly ratio: number;
  /** Median of user and system time, all threads: steadier than the clock on a busy machine. */
  readonly cpuSeconds: number;
  /** As `ratio`, of processor time. */
  readonly cpuRatio: number;
  /** Largest resident set of any run. */
  readonly rssMb: number;
  /** Median of what came from the disk. */
  readonly readBytes: number;
}

interface Run {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly readBytes: number;
}

/** Every contender once a round, after one round that is not counted (of the warm ones). */
export function measure(work: Case, rounds: number): readonly Measured[] {
  const runs = work.contenders.map((): Run[] => []);
  for (let round = work.cold === true ? 0 : -1; round < rounds; round += 1) {
    for (const [index, contender] of work.contenders.entries()) {
      if (work.cold === true) driveOut(work.files);
      const run = runOnce(contender);
      if (round >= 0) runs[index]?.push(run);
    }
  }
  const first = runs[0] ?? [];
  return work.contenders.map(({ label }, index) => {
    const own = runs[index] ?? [];
    return {
      label,
      bytes: work.bytes,
      medianSeconds: median(own.map(({ seconds }) => seconds)),
      ratio: median(own.map(({ seconds }, round) => (first[round]?.seconds ?? Number.NaN) / seconds)),
      cpuSeconds: median(own.map(({ cpuSeconds }) => cpuSeconds)),
      cpuRatio: median(own.map(({ cpuSeconds }, round) => (first[round]?.cpuSeconds ?? Number.NaN) / cpuSeconds)),
      rssMb: Math.max(...own.map(({ rssMb }) => rssMb)),
      readBytes: median(own.map(({ readBytes }) => readBytes)),
    };
  });
}

const REPORT = join(mkdtempSync(join(tmpdir(), 'weighmark-bench-')), 'time');

/** GNU time tells memory and disk reads; the clock is ours. */
function runOnce({ label, argv, env }: Contender): Run {
  const begun = performance.now();
  const { status, stderr } = spawnSync('/usr/bin/time', ['-o', REPORT, '-f', '%M %I %U %S', ...argv], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  const seconds = (performance.now() - begun) / 1000;
  if (status !== 0) throw new Error(`${label}: ${stderr.slice(0, 500)}`);
  const [rss = 0, blocks = 0, user = 0, system = 0] = readFileSync(REPORT, 'utf8').trim().split(/\s+/).map(Number);
  return { seconds, cpuSeconds: user + system, rssMb: rss / 1000, readBytes: blocks * 512 };
}

function driveOut(files: readonly string[]): void {
  for (const file of files)
    spawnSync('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none'], {
      stdio: 'ignore',
    });
  for (const file of files)
    spawnSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0', 'status=none'], { stdio: 'ignore' });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
