import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { WeighmarkError } from '../../domain/base/errors.ts';
import { bytesSource, type Source } from '../../domain/base/source.ts';
import type { Blob, Blobs, IndexEntry } from '../../domain/ports/git.ts';
import { startGit, unanswered, type GitRun } from './run.ts';

/** Larger blobs wait on disk while they are looked at. */
const IN_MEMORY_BYTES = 8 << 20;
const HEADER_BYTES = 256;

/** One `git cat-file --batch` for all blobs: a name goes in, `<oid> blob <size>`, the bytes and a newline come out. */
export async function withBlobs<T>(run: Pick<GitRun, 'cwd'>, work: (blobs: Blobs) => Promise<T>): Promise<T> {
  let batch: Batch | undefined;
  const start = () => (batch ??= startBatch(run));
  const questions = askAhead((oids) => start().ask(oids));
  try {
    return await work({
      expect: questions.expect,
      read: async (entry, visit) => {
        questions.next(entry);
        const { input, failed } = start();
        return Promise.race([readOne(input, entry, visit), failed]);
      },
    });
  } finally {
    batch?.end();
  }
}

/** Names at a time: each write wakes git up, each answer that is waited for puts it to sleep. */
const AHEAD = 256;

/** What to ask when: `next` asks for what is read now, and with it for those expected behind it. */
export function askAhead(ask: (oids: readonly string[]) => void): {
  expect(entries: readonly IndexEntry[]): void;
  next(entry: IndexEntry): void;
} {
  let expected: readonly IndexEntry[] = [];
  let asked = 0;
  let turn = 0;
  return {
    expect(entries) {
      if (turn < asked) throw new WeighmarkError('internal', 'blobs asked for were not read');
      [expected, asked, turn] = [entries, 0, 0];
    },
    next(entry) {
      const isExpected = turn < expected.length;
      if (!isExpected) return ask([entry.oid]);
      if (expected[turn]?.oid !== entry.oid) throw new WeighmarkError('internal', 'blobs are read out of their order');
      turn += 1;
      if (turn <= asked) return;
      const many = expected.slice(asked, asked + AHEAD);
      asked += many.length;
      ask(many.map(({ oid }) => oid));
    },
  };
}

interface Batch {
  readonly input: Reader;
  readonly failed: Promise<never>;
  ask(oids: readonly string[]): void;
  end(): void;
}

function startBatch(run: Pick<GitRun, 'cwd'>): Batch {
  const child = startGit({ ...run, words: ['cat-file', '--batch'] });
  const failed = once(child, 'error').then(([cause]) => Promise.reject(unanswered(cause)));
  failed.catch(() => undefined);
  child.stdin.on('error', () => undefined);
  child.stderr.resume();
  return {
    input: readerOf(child.stdout),
    failed,
    ask: (oids) => child.stdin.write(`${oids.join('\n')}\n`),
    end: () => void child.stdin.end(() => child.kill()),
  };
}

async function readOne<T>(input: Reader, entry: IndexEntry, visit: (blob: Blob) => Promise<T>): Promise<T> {
  const header = await input.line();
  const size = Number(/^[0-9a-f]{40,64} blob (\d{1,15})$/.exec(header)?.[1] ?? Number.NaN);
  if (!header.startsWith(`${entry.oid} `) || !Number.isSafeInteger(size)) throw missing(entry);
  const looks = lookAt();
  if (size > IN_MEMORY_BYTES)
    return onDisk(input, { size, looks }, async (source) => visit({ ...source, ...looks.seen() }));
  const bytes = await inMemory(input, size);
  looks.at(bytes);
  return visit({ ...bytesSource(bytes), ...looks.seen() });
}

interface Looks {
  at(chunk: Uint8Array): void;
  seen(): Pick<Blob, 'sha256' | 'hasNul'>;
}

/** What is to be known of a blob's bytes, chunk by chunk. */
export function lookAt(): Looks {
  const hash = createHash('sha256');
  let hasNul = false;
  return {
    at(chunk) {
      hash.update(chunk);
      hasNul ||= chunk.includes(0);
    },
    seen: () => ({ sha256: hash.digest('hex'), hasNul }),
  };
}

function missing({ path, oid }: IndexEntry): WeighmarkError {
  return new WeighmarkError('unreadable', `git does not have what is staged as ${path}`, {
    subject: path,
    facts: { object: oid },
    hint: 'stage the file again: `git add`',
  });
}

async function inMemory(input: Reader, size: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  await input.take(size, (chunk) => void chunks.push(chunk));
  return Buffer.concat(chunks);
}

async function onDisk<T>(
  input: Reader,
  { size, looks }: { size: number; looks: Looks },
  work: (source: Source) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-blob-'));
  const file = openSync(join(folder, 'blob'), 'wx+', 0o600);
  try {
    let at = 0;
    await input.take(size, (chunk) => {
      looks.at(chunk);
      for (let done = 0; done < chunk.length;) done += writeSync(file, chunk, done, chunk.length - done, at + done);
      at += chunk.length;
    });
    return await work({
      size,
      read: async (offset, length) => readFrom(file, offset, Math.min(length, size - offset)),
    });
  } finally {
    closeSync(file);
    await rm(folder, { recursive: true, force: true });
  }
}

function readFrom(file: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(0, length));
  for (let done = 0; done < bytes.length;) {
    const count = readSync(file, bytes, done, bytes.length - done, offset + done);
    if (count === 0) throw new WeighmarkError('file-changed', 'a blob on its way shrank');
    done += count;
  }
  return bytes;
}

interface Reader {
  line(): Promise<string>;
  /** Exactly `size` bytes, in pieces, and the newline behind them. */
  take(size: number, chunk: (bytes: Uint8Array) => void): Promise<void>;
}

function readerOf(stream: Readable): Reader {
  const chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let buffer: Buffer = Buffer.alloc(0);
  const more = async (): Promise<void> => {
    const { value, done } = await chunks.next();
    if (done === true) throw unanswered();
    buffer = buffer.length === 0 ? value : Buffer.concat([buffer, value]);
  };
  const part = (length: number): Buffer => {
    const taken = buffer.subarray(0, length);
    buffer = buffer.subarray(length);
    return taken;
  };
  return {
    async line() {
      for (;;) {
        const end = buffer.indexOf(0x0a);
        if (end >= 0)
          return part(end + 1)
            .subarray(0, end)
            .toString('utf8');
        if (buffer.length > HEADER_BYTES) throw unanswered();
        await more();
      }
    },
    async take(size, chunk) {
      for (let left = size; left > 0;) {
        if (buffer.length === 0) await more();
        const taken = part(Math.min(left, buffer.length));
        chunk(taken);
        left -= taken.length;
      }
      if (buffer.length === 0) await more();
      if (part(1)[0] !== 0x0a) throw unanswered();
    },
  };
}
