import { WeighmarkError } from '../../domain/base/errors.ts';
import type { Room } from '../../domain/ports/files.ts';

const MIB = 1 << 20;
/** About, while an artifact is sealed or verified: of everything, and of JavaScript's own objects. */
const MEMORY = { base: 96 * MIB, aFile: 1024 };
/** With less nothing is begun. It is less than was ever enough (200,000 files end well in 256 MB): what may do is tried. */
const LEAST = { base: 64 * MIB, aFile: 600 };
const LEAST_HEAP = { base: 24 * MIB, aFile: 250 };
/** Of a signature, a file at least. */
const SIGNED_BYTES = 240;

const needed = ({ base, aFile }: typeof MEMORY, files: number): number => base + aFile * files;

/** As it is said: about how much it takes to seal or verify so many files. */
export function memoryFor(files: number): string {
  return `${Math.ceil(needed(MEMORY, files) / MIB)} MiB, to sign or verify ${files} files`;
}

/**
 * Refuses what this machine's limits are plainly too small for, before the work: the system would end it in the middle, and say
 * nothing.
 * @throws WeighmarkError `memory-short`.
 */
export function requireRoom(files: number, room: Room | undefined): void {
  if (room === undefined) return;
  const { allBytes, heapBytes } = room;
  const [isAll, isHeap] = [allBytes >= needed(LEAST, files), heapBytes >= needed(LEAST_HEAP, files)];
  if (isAll && isHeap) return;
  const allowed = isAll ? heapBytes : allBytes;
  throw new WeighmarkError('memory-short', 'there is too little memory for so many files', {
    facts: { memory: memoryFor(files), allowed: `${Math.floor(allowed / MIB)} MiB${isAll ? ' of objects' : ''}` },
    hint: isAll
      ? 'allow more: `NODE_OPTIONS=--max-old-space-size=MIB`'
      : "raise the container's or the control group's limit of memory, or `ulimit -v`; or pack the files: tar shards, Parquet, Arrow",
  });
}

/** The same before a signature of so many bytes is read. @throws WeighmarkError `memory-short`. */
export function requireRoomToRead(signatureBytes: number, room: Room | undefined): void {
  requireRoom(Math.floor(signatureBytes / SIGNED_BYTES), room);
}
