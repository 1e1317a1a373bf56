import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { indexHeader, layoutOf, type IndexLayout } from '../../domain/records/index-layout.ts';
import { syncFolder, writeError } from '../files/write.ts';

export interface IndexParts {
  readonly nodes: Uint8Array;
  readonly fence: Uint32Array;
  readonly heap: Uint8Array;
  /** Of all records whose position is a multiple of 64. */
  readonly offsets: readonly number[];
  readonly roots: string;
  readonly origin: Uint8Array | undefined;
}

export interface Bucket {
  /** From the beginning of their buffer. */
  readonly hashes: Uint8Array;
  readonly positions: Uint32Array;
}

/** Writes an index out of sight and gives it its name when it is whole. Only for the user: it may speak of people. */
export class IndexWriter {
  readonly layout: IndexLayout;
  private readonly temporary: string;
  private readonly file: number;
  private readonly ranks: Uint32Array;
  private place = 0;

  constructor(folder: string, records: number) {
    this.layout = layoutOf(records);
    this.temporary = join(folder, `.${randomBytes(6).toString('hex')}.tmp`);
    this.ranks = new Uint32Array(records);
    try {
      this.file = openSync(this.temporary, 'wx+', 0o600);
    } catch (cause) {
      throw writeError(cause, this.temporary);
    }
  }

  /** The records of a bucket as they came, and their order by hash, equal ones by position. */
  bucket(came: Bucket, order: Uint32Array): void {
    const words = new Uint32Array(came.hashes.buffer, came.hashes.byteOffset, came.hashes.length / 4);
    const [hashes, positions] = [new Uint32Array(words.length), new Uint32Array(order.length)];
    order.forEach((from, to) => {
      for (let word = 0; word < 8; word += 1) hashes[8 * to + word] = words[8 * from + word] as number;
      positions[to] = came.positions[from] as number;
      this.ranks[positions[to]] = this.place + to;
    });
    this.put(this.layout.sorted + 32 * this.place, new Uint8Array(hashes.buffer));
    this.put(this.layout.positions + 4 * this.place, littleEndian(positions));
    this.place += order.length;
  }

  async finish(location: string, parts: IndexParts): Promise<void> {
    const { layout } = this;
    const roots = Buffer.from(parts.roots);
    this.put(0, indexHeader(layout.records, roots.length, parts.origin));
    this.put(layout.ranks, littleEndian(this.ranks));
    this.put(layout.nodes, parts.nodes);
    this.put(layout.fence, littleEndian(parts.fence));
    this.put(layout.trie, parts.heap.subarray(0, layout.offsets - layout.trie));
    this.put(layout.offsets, offsetBytes(parts.offsets));
    this.put(layout.roots, roots);
    try {
      fsyncSync(this.file);
      closeSync(this.file);
      renameSync(this.temporary, location);
      await syncFolder(dirname(location));
    } catch (cause) {
      throw writeError(cause, location);
    }
  }

  discard(): void {
    rmSync(this.temporary, { force: true });
  }

  private put(offset: number, bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length;)
        done += writeSync(this.file, bytes, done, bytes.length - done, offset + done);
    } catch (cause) {
      throw writeError(cause, this.temporary);
    }
  }
}

function littleEndian(words: Uint32Array): Uint8Array {
  const bytes = Buffer.from(words.buffer, words.byteOffset, 4 * words.length);
  return new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? bytes : Buffer.from(bytes).swap32();
}

function offsetBytes(offsets: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(8 * offsets.length);
  offsets.forEach((offset, at) => bytes.writeBigUInt64LE(BigInt(offset), 8 * at));
  return bytes;
}
