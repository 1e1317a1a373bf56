import { createHash } from 'node:crypto';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { objectLocation, type ObjectPlace } from '../../domain/base/object-place.ts';
import type { FileStamp } from '../../domain/ports/files.ts';
import { changed, type Answer, type ByteSpan, type ObjectFound, type ObjectStore } from './store.ts';

/**
 * One object as it was listed. Every range of it must be of that entity tag, and all of one version and one time of writing: an
 * entity tag may be an MD5, of which somebody can make two contents.
 */
export class PinnedObject implements FileStamp {
  readonly dev = 0n;
  readonly place: ObjectPlace;
  readonly etag: string;
  readonly size: number;
  readonly #modifiedMs: number;
  #seen: Pick<Answer, 'versionId' | 'modifiedMs'> | null = null;

  constructor(bucket: string, { key, etag, sizeBytes, modifiedMs }: ObjectFound) {
    this.place = { bucket, key };
    this.etag = etag;
    this.size = sizeBytes;
    this.#modifiedMs = modifiedMs;
  }

  /** Stands for what an object has in place of an inode: another object has another. */
  get ino(): bigint {
    return createHash('sha256').update(this.etag).digest().readBigUInt64LE();
  }

  get sizeBytes(): bigint {
    return BigInt(this.size);
  }

  get mtimeNs(): bigint {
    return BigInt(Math.trunc(this.#modifiedMs)) * 1_000_000n;
  }

  get ctimeNs(): bigint {
    return this.mtimeNs;
  }

  get versionId(): string | null {
    return this.#seen?.versionId ?? null;
  }

  /** @throws WeighmarkError `file-changed`, `network` for an answer to something else. */
  hold({ etag, versionId, modifiedMs, totalBytes, start }: Answer, span: ByteSpan): void {
    this.#seen ??= { versionId, modifiedMs };
    const same = this.#seen.versionId === versionId && this.#seen.modifiedMs === modifiedMs;
    if (etag !== this.etag || totalBytes !== this.size || !same) throw changed(this.place);
    if (start !== span.start)
      throw new WeighmarkError('network', `${this.#name()}: the store answers with another range`);
  }

  #name(): string {
    return objectLocation(this.place);
  }
}

/** Requests for one range that bring nothing, until it is given up. */
const CUTS = 5;
/** An answer that is cut having brought less has brought nothing: else a byte at a time would do for ever. */
const PROGRESS_BYTES = 64 << 10;

/**
 * Exactly the bytes of a range; what is cut is asked for again from where it was cut.
 * @throws WeighmarkError `file-changed`, `network`, `interrupted`, and what the store refuses.
 */
export async function readSpan(store: ObjectStore, object: PinnedObject, span: ByteSpan): Promise<Uint8Array> {
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(span.end - span.start).buffer);
  for (let [done, cuts] = [0, 0]; done < bytes.length;) {
    const before = done;
    const rest = { start: span.start + done, end: span.end };
    let cause: unknown;
    try {
      const answer = await store.get(object.place, object, rest);
      object.hold(answer, rest);
      for await (const chunk of answer.body) done = put(bytes, chunk, done, object.place);
    } catch (error) {
      if (!isCut(error)) throw error;
      cause = error;
    }
    cuts = done - before >= PROGRESS_BYTES || done === bytes.length ? 0 : cuts + 1;
    if (cuts >= CUTS) throw cut(object.place, cause);
  }
  return bytes;
}

function put(bytes: Uint8Array, chunk: Uint8Array, done: number, place: ObjectPlace): number {
  if (done + chunk.length > bytes.length)
    throw new WeighmarkError('network', `${objectLocation(place)}: the store sends more than was asked for`, {
      subject: objectLocation(place),
    });
  bytes.set(chunk, done);
  return done + chunk.length;
}

/** A body's own error is no word of the store. */
function isCut(error: unknown): boolean {
  return !(error instanceof WeighmarkError);
}

function cut(place: ObjectPlace, cause: unknown): WeighmarkError {
  return new WeighmarkError('network', `${objectLocation(place)}: the answers are cut again and again`, {
    subject: objectLocation(place),
    cause,
  });
}

/** Ranges in flight and in memory at a time, of all objects. */
const SLOTS = 8;
export const SPAN_BYTES = 8 << 20;
const AHEAD = 4;

/** Gives out a fixed number of places, in the order they were asked for. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(free = SLOTS) {
    this.#free = free;
  }

  async take(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

/** A range of an object in order, the next ranges fetched meanwhile. A place is held from asking until the bytes are done with. */
export async function* inOrder(
  store: ObjectStore,
  object: PinnedObject,
  slots: Slots,
  { start, end }: ByteSpan = { start: 0, end: object.size },
): AsyncGenerator<Uint8Array> {
  const coming: Promise<Uint8Array>[] = [];
  let at = start;
  const fill = () => {
    for (; coming.length < AHEAD && at < end; at += SPAN_BYTES) {
      const span = { start: at, end: Math.min(end, at + SPAN_BYTES) };
      const fetched = slots.take().then(() => readSpan(store, object, span));
      fetched.catch(() => undefined);
      coming.push(fetched);
    }
  };
  try {
    for (fill(); coming.length > 0; fill()) {
      yield await (coming[0] as Promise<Uint8Array>);
      void coming.shift();
      slots.give();
    }
  } finally {
    for (const fetched of coming) void fetched.catch(() => undefined).then(() => slots.give());
  }
}
