import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { groupValues } from '../../../domain/digest/group-values.ts';
import { CV_BYTES, GROUP_BYTES } from '../../../domain/digest/outboard.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { BUFFER_BYTES, createKernel } from '../../hasher/kernel.ts';
import type { Checked, FromCheck, Span, ToCheck } from './stream-check.ts';

/** A file that is being written from its start on: what is there is read back, and hashed or held against its outboard. */
interface Session {
  readonly id: number;
  readonly checked: Checked;
  readonly file: number;
  readonly hash: Hash | null;
  outboard: { readonly file: number; readonly values: Generator<Uint8Array, undefined> } | null;
  /** Gone through up to here. */
  at: number;
  /** Written up to here. */
  upTo: number;
  /** What the piece at `at` must be, while it waits to be fetched again. */
  waiting: readonly Uint8Array[] | null;
}

/** Gone through before others get their turn. */
const TURN_BYTES = 8 << 20;
const OUTBOARD_BLOCK_BYTES = 64 << 10;
const kernel = createKernel();
const sessions = new Map<number, Session>();
let idle = false;

function begin(id: number, checked: Checked): void {
  const session: Session = {
    id,
    checked,
    file: openSync(checked.location, 'r'),
    hash: checked.outboard === undefined ? createHash('sha256') : null,
    outboard: null,
    at: 0,
    upTo: 0,
    waiting: null,
  };
  sessions.set(id, session);
  if (checked.outboard === undefined) return;
  yieldToOthers();
  const file = openSync(checked.outboard.location, 'r');
  const values = groupValues(checked.sizeBytes, {
    root: Buffer.from(checked.outboard.blake3, 'hex'),
    tree: kernel,
    next: blockReader(file),
  });
  session.outboard = { file, values };
}

/**
 * Finding the wrong block must not slow down receiving and hashing, which decide: this thread takes what the others leave.
 * Elsewhere than on Linux it would be the whole process.
 */
function yieldToOthers(): void {
  if (idle || process.platform !== 'linux') return;
  idle = true;
  setPriority(19);
}

/** Reads on and on in blocks that are never used again. */
function blockReader(file: number): (length: number) => Uint8Array {
  let [block, used] = [Buffer.alloc(0), 0];
  return (length) => {
    if (block.length - used < length) {
      const rest = block.subarray(used);
      const next = Buffer.allocUnsafeSlow(OUTBOARD_BLOCK_BYTES);
      rest.copy(next);
      block = next.subarray(0, rest.length + readSync(file, next, rest.length, next.length - rest.length, null));
      used = 0;
    }
    return block.subarray(used, (used += Math.min(length, block.length - used)));
  };
}

/** Goes through whole pieces of what is written, up to the first that is not what the outboard says. */
function advance(session: Session): void {
  const { sizeBytes } = session.checked;
  const turn = Math.min(sizeBytes, session.at + TURN_BYTES);
  while (session.at < turn) {
    const length = Math.min(BUFFER_BYTES, sizeBytes - session.at);
    if (session.upTo < session.at + length) return;
    // The kernel has one input: values are proven in it before the piece is read into it.
    const expected = session.waiting ?? expectedValues(session, length);
    readPiece(session, length);
    const bad = expected === null ? [] : badSpans(session.at, length, expected);
    session.waiting = bad.length > 0 ? expected : null;
    if (bad.length > 0) return send({ id: session.id, kind: 'bad', spans: bad });
    session.hash?.update(kernel.input.subarray(0, length));
    session.at += length;
  }
  if (session.at < sizeBytes) setImmediate(() => goOn(session.id));
  else finish(session);
}

function finish({ id, hash }: Session): void {
  send({ id, kind: 'done', sha256: hash?.digest('hex') ?? '' });
  end(id);
}

function goOn(id: number): void {
  const session = sessions.get(id);
  if (session === undefined || session.waiting !== null) return;
  attempt(id, () => advance(session));
}

function readPiece({ file, at, checked }: Session, length: number): void {
  for (let done = 0; done < length;) {
    const count = readSync(file, kernel.input, done, length - done, at + done);
    if (count === 0)
      throw new WeighmarkError('file-changed', `${checked.location} was cut while it was written`, {
        subject: checked.location,
      });
    done += count;
  }
}

/** The piece's groups as the outboard has them. One that does not lead to its digest is of no use: SHA-256 alone decides. */
function expectedValues(session: Session, length: number): readonly Uint8Array[] | null {
  if (session.outboard === null) return null;
  const { values, file } = session.outboard;
  try {
    return Array.from({ length: Math.ceil(length / GROUP_BYTES) }, () => values.next().value ?? new Uint8Array());
  } catch (error) {
    if (!(error instanceof WeighmarkError)) throw error;
    closeSync(file);
    session.outboard = null;
    return null;
  }
}

/** Runs of groups that are not what they must be. */
function badSpans(at: number, length: number, expected: readonly Uint8Array[]): readonly Span[] {
  const found = kernel.groups(at, length);
  const spans: { start: number; end: number }[] = [];
  for (const [index, value] of expected.entries()) {
    if (Buffer.compare(found.subarray(index * CV_BYTES, (index + 1) * CV_BYTES), value) === 0) continue;
    const start = at + index * GROUP_BYTES;
    const end = Math.min(at + length, start + GROUP_BYTES);
    const last = spans.at(-1);
    if (last?.end === start) last.end = end;
    else spans.push({ start, end });
  }
  return spans;
}

function end(id: number): void {
  const session = sessions.get(id);
  if (session === undefined) return;
  sessions.delete(id);
  closeSync(session.file);
  if (session.outboard !== null) closeSync(session.outboard.file);
}

function send(message: FromCheck): void {
  parentPort?.postMessage(message);
}

function attempt(id: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    end(id);
    send({
      id,
      kind: 'failed',
      code: (error as NodeJS.ErrnoException).code ?? '',
      message: error instanceof Error ? error.message : String(error),
    });
  }
}

function receive(message: ToCheck): void {
  if (message.kind === 'begin') return begin(message.id, message.checked);
  if (message.kind === 'end') return end(message.id);
  const session = sessions.get(message.id);
  if (session === undefined) return;
  if (message.kind === 'written') session.upTo = message.upTo;
  if (message.kind === 'again' || session.waiting === null) advance(session);
}

parentPort?.on('message', (message: ToCheck) => attempt(message.id, () => receive(message)));
