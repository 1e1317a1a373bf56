import { WeighmarkError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { Source } from '../base/source.ts';
import { beyond, invalid } from './problem.ts';

const REWINDS = 64;

/**
 * A `Source` over something that can only be read forward, such as a compressed member. The first `LIMITS.memberBytes`
 * are kept; beyond them a read further back opens the stream again, 64 times at most.
 * @param size bytes the stream will yield, as stated; `format-invalid` when it ends before.
 */
export function streamSource(size: number, open: () => AsyncIterable<Uint8Array>): Source {
  const capacity = Math.min(size, LIMITS.memberBytes);
  const readKept = keptReader(capacity, open, size);
  const readForward = forwardReader(open, size);
  return {
    size,
    async read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset));
      return offset + wanted <= capacity ? readKept(offset, wanted) : readForward(offset, wanted);
    },
  };
}

type Read = (offset: number, length: number) => Promise<Uint8Array>;

function keptReader(capacity: number, open: () => AsyncIterable<Uint8Array>, size: number): Read {
  let kept: Buffer | null = null;
  let filled = 0;
  let stream: AsyncIterator<Uint8Array> | null = null;
  return async (offset, length) => {
    kept ??= Buffer.alloc(capacity);
    stream ??= open()[Symbol.asyncIterator]();
    while (filled < offset + length) {
      const step = await stream.next();
      if (step.done === true) throw endsEarly(filled, size);
      kept.set(step.value.subarray(0, capacity - filled), filled);
      filled = Math.min(capacity, filled + step.value.length);
      if (filled === capacity) await stream.return?.(undefined);
    }
    return Uint8Array.prototype.slice.call(kept, offset, offset + length);
  };
}

function forwardReader(open: () => AsyncIterable<Uint8Array>, size: number): Read {
  let stream: AsyncIterator<Uint8Array> | null = null;
  let pending: Uint8Array = new Uint8Array(0);
  let position = 0;
  let opened = 0;
  const restart = async (): Promise<AsyncIterator<Uint8Array>> => {
    await stream?.return?.(undefined);
    if (opened++ > REWINDS) throw beyond('a compressed member is read back and forth too often');
    [pending, position] = [new Uint8Array(0), 0];
    return open()[Symbol.asyncIterator]();
  };
  return async (offset, length) => {
    if (stream === null || offset < position) stream = await restart();
    const result = Buffer.alloc(length);
    while (position < offset + length) {
      if (pending.length === 0) {
        const step = await stream.next();
        if (step.done === true) throw endsEarly(position, size);
        pending = step.value;
      }
      const skipped = Math.min(pending.length, Math.max(0, offset - position));
      const taken = pending.subarray(skipped, skipped + offset + length - Math.max(position, offset));
      result.set(taken, Math.max(0, position + skipped - offset));
      position += skipped + taken.length;
      pending = pending.subarray(skipped + taken.length);
    }
    return result;
  };
}

function endsEarly(had: number, size: number): WeighmarkError {
  return invalid(`ends early: ${had} bytes of the ${size} stated`);
}
