import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';
import type { Room } from '../../domain/ports/files.ts';

/**
 * What this system can hold of the promises about folders that others can write to. Where it cannot, staging says so; a
 * test turns it off.
 */
export interface Machine {
  /** Who we are; undefined where files have no owner to compare (Windows). */
  readonly uid: number | undefined;
  /** Where an open folder can be reached whatever becomes of its name: `/proc/self/fd` on Linux, else null. */
  readonly descriptors: string | null;
}

export const MACHINE: Machine = {
  uid: process.getuid?.(),
  descriptors: process.platform === 'linux' ? '/proc/self/fd' : null,
};

/** Of memory: the least of the machine's own, a control group's, and what a limit of address space leaves. */
export function roomHere(): Room {
  const group = process.constrainedMemory();
  const allBytes = Math.min(totalmem(), group === 0 ? Infinity : group, addressSpace());
  return { allBytes, heapBytes: getHeapStatistics().heap_size_limit };
}

/** `ulimit -v`: what of it is reserved and not held counts against it. */
function addressSpace(): number {
  if (process.platform !== 'linux') return Infinity;
  try {
    const [, limit] = /^Max address space +(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    if (limit === undefined) return Infinity;
    const [reserved = 0, held = 0] = readFileSync('/proc/self/statm', 'latin1').split(' ').map(Number);
    return Number(limit) - (reserved - held) * PAGE_BYTES;
  } catch {
    return Infinity;
  }
}

const PAGE_BYTES = 4096;
