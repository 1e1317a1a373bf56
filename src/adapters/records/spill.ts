import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { writeError } from '../files/write.ts';
import type { Bucket } from './index-writer.ts';

const BUCKETS = 256;
/** Words of a hash and its position. */
const ENTRY = 9;
const ENTRIES = 1024;
const RUN_BYTES = 4 * ENTRY * ENTRIES;

/**
 * Record hashes with their positions, in 256 buckets by first byte. Hashes are as good as random, so the buckets are of
 * one size and each is sorted by itself: an external sort without a merge. Full runs go to a file without a name.
 */
export class Spill {
  private readonly runs = Array.from({ length: BUCKETS }, () => new Uint32Array(ENTRIES * ENTRY));
  private readonly used = new Uint32Array(BUCKETS);
  private readonly extents = Array.from({ length: BUCKETS }, (): number[] => []);
  private readonly read = new Uint32Array(ENTRIES * ENTRY);
  private readonly location: string;
  private file: number | null = null;
  private at = 0;
  private position = 0;

  constructor(folder = tmpdir()) {
    this.location = join(folder, `.weighmark-records.${randomBytes(6).toString('hex')}.tmp`);
  }

  /** @param hashes from a place in their buffer where words are. */
  add(hashes: Uint8Array): void {
    const words = new Uint32Array(hashes.buffer, hashes.byteOffset, hashes.length / 4);
    for (let from = 0; from < words.length; from += 8) {
      const bucket = hashes[4 * from] as number;
      const run = this.runs[bucket] as Uint32Array;
      const at = (this.used[bucket] as number) * ENTRY;
      for (let word = 0; word < 8; word += 1) run[at + word] = words[from + word] as number;
      run[at + 8] = this.position++;
      this.used[bucket] = (this.used[bucket] as number) + 1;
      if (this.used[bucket] === ENTRIES) this.flush(bucket);
    }
  }

  /** Hashes and positions of a bucket, in the order they were added. */
  bucket(index: number): Bucket {
    const extents = this.extents[index] as number[];
    const rest = this.used[index] as number;
    const count = extents.length * ENTRIES + rest;
    const hashes = new Uint32Array(8 * count);
    const positions = new Uint32Array(count);
    let to = 0;
    const take = (run: Uint32Array, entries: number): void => {
      for (let from = 0; from < entries * ENTRY; from += ENTRY, to += 1) {
        for (let word = 0; word < 8; word += 1) hashes[8 * to + word] = run[from + word] as number;
        positions[to] = run[from + 8] as number;
      }
    };
    for (const offset of extents) take(this.readRun(offset), ENTRIES);
    take(this.runs[index] as Uint32Array, rest);
    return { hashes: new Uint8Array(hashes.buffer), positions };
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
      writeSync(this.file, this.runs[bucket] as Uint32Array, 0, RUN_BYTES, this.at);
    } catch (cause) {
      throw writeError(cause, this.location);
    }
    (this.extents[bucket] as number[]).push(this.at);
    this.at += RUN_BYTES;
    this.used[bucket] = 0;
  }

  /** Gone with this process, whatever happens: it holds hashes of what may be personal. */
  private create(): number {
    const file = openSync(this.location, 'wx+', 0o600);
    rmSync(this.location);
    return file;
  }

  private readRun(offset: number): Uint32Array {
    readSync(this.file as number, this.read, 0, RUN_BYTES, offset);
    return this.read;
  }
}
