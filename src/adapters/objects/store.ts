import { WeighmarkError } from '../../domain/base/errors.ts';
import { objectLocation, type ObjectPlace } from '../../domain/base/object-place.ts';

/** An object as a list or an answer about it has it. */
export interface ObjectFound {
  readonly key: string;
  readonly sizeBytes: number;
  /** As the store spells it, with its quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
}

export interface Page {
  readonly objects: readonly ObjectFound[];
  /** Where asked `folded`: what lies deeper, as prefixes that end in `/`. */
  readonly folders: readonly string[];
  /** Where the next page begins; null: this is the last. */
  readonly next: string | null;
}

/** From `start` to before `end`. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/** What an answer says of itself, before its bytes. */
export interface Answer {
  readonly etag: string;
  readonly versionId: string | null;
  readonly modifiedMs: number;
  /** Where its bytes begin, and how long the whole object is. */
  readonly start: number;
  readonly totalBytes: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** What an object store must do; errors come as `WeighmarkError`, without anything of a request in them. */
export interface ObjectStore {
  /** @throws WeighmarkError `not-found` for a bucket that is not there. */
  list(bucket: string, prefix: string, how: { folded?: boolean; most?: number; after?: string }): Promise<Page>;
  /** Null if there is none. */
  find(place: ObjectPlace): Promise<ObjectFound | null>;
  /** @throws WeighmarkError `file-changed` if it is another by now. */
  get(place: ObjectPlace, pin: { etag: string; versionId: string | null }, span: ByteSpan): Promise<Answer>;
  put(place: ObjectPlace, bytes: Uint8Array, how: { exclusive: boolean }): Promise<void>;
  remove(place: ObjectPlace): Promise<void>;
  /** @throws WeighmarkError unless objects may be laid there. */
  requireWritable(place: ObjectPlace): Promise<void>;
}

export function notFound(place: ObjectPlace): WeighmarkError {
  const location = objectLocation(place);
  return new WeighmarkError('not-found', `${location}: there is no such object, and nothing below that prefix`, {
    subject: location,
  });
}

export function changed(place: ObjectPlace): WeighmarkError {
  const location = objectLocation(place);
  return new WeighmarkError('file-changed', `${location} was replaced while it was read`, { subject: location });
}
