import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { HashOptions } from '../../domain/ports/hasher.ts';
import { fileError } from '../files/errors.ts';
import type { SizedJob } from './open-file.ts';

/** Outboards are written to names of their own first, so that a kill leaves the old one or the new one. */
export interface StagedOutboards {
  /** The jobs, writing to those names. */
  readonly jobs: readonly SizedJob[];
  /** Puts those in place whose job went well. */
  keep(wentWell: (index: number) => boolean): void;
  /** Removes what was not kept. */
  discard(): void;
}

export function stageOutboards(jobs: readonly SizedJob[], options: HashOptions): StagedOutboards {
  const staged = new Map<number, { from: string; to: string }>();
  const own = jobs.map((job, index) => {
    if (job.outboardTo === undefined) return job;
    if (!options.algorithms.includes('blake3')) return withoutOutboard(job);
    mkdirSync(dirname(job.outboardTo), { recursive: true });
    const from = temporaryName(job.outboardTo);
    staged.set(index, { from, to: job.outboardTo });
    return { ...job, outboardTo: from };
  });
  return {
    jobs: own,
    keep: (wentWell) => {
      for (const [index, { from, to }] of staged) {
        if (!wentWell(index)) continue;
        renameSync(from, to);
        staged.delete(index);
      }
    },
    discard: () => staged.forEach(({ from }) => rmSync(from, { force: true })),
  };
}

/** @throws WeighmarkError `disk-full`, `write-refused`, `unreadable`. */
export function writeOutboard(to: string, outboard: Uint8Array): void {
  const from = temporaryName(to);
  try {
    mkdirSync(dirname(to), { recursive: true });
    const fd = openSync(from, 'wx');
    try {
      for (let at = 0; at < outboard.length;) at += writeSync(fd, outboard, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(from, to);
  } catch (cause) {
    rmSync(from, { force: true });
    throw fileError(cause, to);
  }
}

function temporaryName(to: string): string {
  return `${to}.${randomBytes(8).toString('hex')}.tmp`;
}

function withoutOutboard(job: SizedJob): SizedJob {
  const { outboardTo: _, ...rest } = job;
  return rest;
}
