import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { writeError } from '../files/write.ts';

const BUCKETS = 256;
/** A hash and its position. */
const ENTRY = 36;
const ENTRIES = 1024;

/**
 * Record hashes with their positions, in 256 buckets by first byte. Hashes are as good as random, so the buckets are of
 * one size and each is sorted by itself: an external sort without a merge. Full runs go to a file without a name.
 */
export class Spill {
  private readonly runs = Array.from({ length: BUCKETS }, () => Buffer.allocUnsafe(ENTRIES * ENTRY));
  private readonly used = new Uint32Array(BUCKETS);
  private readonly extents = Array.from({ length: BUCKETS }, (): number[] => []);
  private readonly location: string;
  private file: number | null = null;
  private at = 0;
  private position = 0;

  constructor(folder = tmpdir()) {
    this.location = join(folder, `.weighmark-records.${randomBytes(6).toString('hex')}.tmp`);
  }

  add(hashes: Uint8Array): void {
    for (let from = 0; from < hashes.length; from += 32) {
      const bucket = hashes[from] as number;
      const run = this.runs[bucket] as Buffer;
      const at = (this.used[bucket] as number) * ENTRY;
      run.set(hashes.subarray(from, from + 32), at);
      run.writeUInt32LE(this.position++, at + 32);
      this.used[bucket] = (this.used[bucket] as number) + 1;
      if (this.used[bucket] === ENTRIES) this.flush(bucket);
    }
  }

  /** Hashes and positions of a bucket, in the order they were added. */
  bucket(index: number): { readonly hashes: Uint8Array; readonly positions: Uint32Array } {
    const extents = this.extents[index] as number[];
    const pieces = extents.map((offset) => this.readRun(offset));
    const rest = this.used[index] as number;
    pieces.push((this.runs[index] as Buffer).subarray(0, rest * ENTRY));
    const count = extents.length * ENTRIES + rest;
    const hashes = new Uint8Array(32 * count);
    const positions = new Uint32Array(count);
    let to = 0;
    for (const piece of pieces)
      for (let from = 0; from < piece.length; from += ENTRY, to += 1) {
        hashes.set(piece.subarray(from, from + 32), 32 * to);
        positions[to] = piece.readUInt32LE(from + 32);
      }
    return { hashes, positions };
  }

  count(index: number): number {
    return (this.extents[index] as number[]).length * ENTRIES + (this.used[index] as number);
  }

  close(): void {
    if (this.file === null) return;
    ftruncateSync(this.file);
    closeSync(this.file);
  }

  private flush(bucket: number): void {
    try {
      this.file ??= this.create();
      writeSync(this.file, this.runs[bucket] as Buffer, 0, ENTRIES * ENTRY, this.at);
    } catch (cause) {
      throw writeError(cause, this.location);
    }
    (this.extents[bucket] as number[]).push(this.at);
    this.at += ENTRIES * ENTRY;
    this.used[bucket] = 0;
  }

  /** Gone with this process, whatever happens: it holds hashes of what may be personal. */
  private create(): number {
    const file = openSync(this.location, 'wx+', 0o600);
    rmSync(this.location);
    return file;
  }

  private readRun(offset: number): Buffer {
    const run = Buffer.allocUnsafe(ENTRIES * ENTRY);
    readSync(this.file as number, run, 0, run.length, offset);
    return run;
  }
}
