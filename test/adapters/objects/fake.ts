import { createHash } from 'node:crypto';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import {
  changed,
  type Answer,
  type ByteSpan,
  type ObjectFound,
  type ObjectStore,
} from '../../../src/adapters/objects/store.ts';
import type { ObjectPlace } from '../../../src/domain/base/object-place.ts';

export interface Kept {
  bytes: Uint8Array;
  etag: string;
  modifiedMs: number;
  versionId: string | null;
}

/** An object store in memory, whose faults a test sets. */
export class FakeStore implements ObjectStore {
  readonly kept = new Map<string, Kept>();
  /** What was asked, in order. */
  readonly asked: string[] = [];
  pageSize = 1000;
  /** Called before each range is answered: to swap an object, to fail. */
  beforeGet: (key: string, span: ByteSpan, count: number) => void = () => undefined;
  /** May change an answer. */
  answer: (answer: Answer, count: number) => Answer = (answer) => answer;
  inFlight = 0;
  mostInFlight = 0;
  #gets = 0;

  set(key: string, content: Uint8Array | string, kept: Partial<Kept> = {}): void {
    const bytes = Buffer.from(content);
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    this.kept.set(key, { bytes, etag, modifiedMs: 1_700_000_000_000, versionId: null, ...kept });
  }

  async list(bucket: string, prefix: string, how: { folded?: boolean; most?: number; after?: string }) {
    this.asked.push(`list ${prefix}`);
    if (bucket !== 'models') throw new WeighmarkError('not-found', 'there is no such bucket');
    const keys = [...this.kept.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    const shown = how.folded === true ? [...new Set(keys.map((key) => folded(key, prefix)))] : keys;
    const from = how.after === undefined ? 0 : Number(how.after);
    const to = from + Math.min(this.pageSize, how.most ?? Infinity);
    const page = shown.slice(from, to);
    const isFolder = (key: string) => how.folded === true && key.length > prefix.length && key.endsWith('/');
    return {
      objects: page.filter((key) => !isFolder(key)).map((key) => this.#found(key)),
      folders: page.filter(isFolder),
      next: to < shown.length ? String(to) : null,
    };
  }

  #found(key: string): ObjectFound {
    const { bytes, etag, modifiedMs } = this.kept.get(key) as Kept;
    return { key, sizeBytes: bytes.length, etag, modifiedMs };
  }

  async find({ key }: ObjectPlace): Promise<ObjectFound | null> {
    this.asked.push(`find ${key}`);
    return this.kept.has(key) ? this.#found(key) : null;
  }

  async get(place: ObjectPlace, pin: { etag: string; versionId: string | null }, span: ByteSpan): Promise<Answer> {
    this.asked.push(`get ${place.key} ${span.start}-${span.end}`);
    const count = this.#gets++;
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    await new Promise((done) => setImmediate(done));
    this.inFlight -= 1;
    this.beforeGet(place.key, span, count);
    const kept = this.kept.get(place.key);
    if (kept === undefined) throw new WeighmarkError('not-found', 'gone');
    if (kept.etag !== pin.etag) throw changed(place);
    const { etag, versionId, modifiedMs, bytes } = kept;
    const body = parts(bytes.subarray(span.start, span.end));
    return this.answer({ etag, versionId, modifiedMs, start: span.start, totalBytes: bytes.length, body }, count);
  }

  async put({ key }: ObjectPlace, bytes: Uint8Array, { exclusive }: { exclusive: boolean }): Promise<void> {
    this.asked.push(`put ${key}`);
    if (exclusive && this.kept.has(key)) throw new WeighmarkError('already-exists', key);
    this.set(key, bytes);
  }

  async remove({ key }: ObjectPlace): Promise<void> {
    this.asked.push(`remove ${key}`);
    this.kept.delete(key);
  }

  async requireWritable(): Promise<void> {}
}

function folded(key: string, prefix: string): string {
  const slash = key.indexOf('/', prefix.length);
  return slash < 0 ? key : key.slice(0, slash + 1);
}

export async function* parts(bytes: Uint8Array, length = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}
