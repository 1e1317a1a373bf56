import { Buffer } from 'node:buffer';

const BLOCK_BYTES = 16 << 10;

/** Room for the digests of many files, so many bytes a file: as texts of their own they take four times the memory. */
export class DigestRows {
  readonly #rowBytes: number;
  #bytes = Buffer.alloc(BLOCK_BYTES);
  #next = 0;

  /** @param rowBytes a divisor of 16 KiB. */
  constructor(rowBytes: 32 | 64) {
    this.#rowBytes = rowBytes;
  }

  /** Where the next row begins in `bytes`, which are others once a block is full. */
  next(): number {
    if (this.#next === BLOCK_BYTES) [this.#bytes, this.#next] = [Buffer.alloc(BLOCK_BYTES), 0];
    this.#next += this.#rowBytes;
    return this.#next - this.#rowBytes;
  }

  /** What holds the row that was asked for last. */
  get bytes(): Buffer {
    return this.#bytes;
  }
}
