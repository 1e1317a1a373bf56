import type { Agent, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Bodies straight from the socket into a few buffers that are used again. Node's HTTP parser copies every body chunk into
 * memory of its own, which for large blobs is half the work and 64 MB of garbage.
 */
interface Tap {
  /** Where the socket reads to next. */
  current: Uint8Array;
  /** Takes what was read into a buffer; false to pause. Absent: the parser gets it. */
  take?: (length: number, buffer: Uint8Array) => boolean;
}

const HEAD_BYTES = 64 << 10;
const BODY_BYTES = 256 << 10;
const BODY_BUFFERS = 4;
const SPARE_BUFFERS = 16;
const taps = new WeakMap<Socket, Tap>();
const spare: Uint8Array[] = [];

/** The same agent, whose responses' bodies can be drained. Its connections are used once. */
export function tapped<A extends Agent>(agent: A): A {
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (options, done) => {
    const tap: Tap = { current: Buffer.allocUnsafeSlow(HEAD_BYTES) };
    const deliver = (length: number, buffer: Uint8Array): boolean => {
      if (tap.take !== undefined) return tap.take(length, buffer);
      socket.emit('data', Buffer.from(buffer.subarray(0, length)));
      return true;
    };
    const socket = connect(
      { ...options, onread: { buffer: () => tap.current, callback: deliver } } as typeof options,
      done,
    ) as Socket;
    taps.set(socket, tap);
    return socket;
  };
  return agent;
}

/** What comes through a proxy has no tap. */
export function isTapped({ socket }: IncomingMessage): boolean {
  return taps.has(socket);
}

/** Where a body goes: each piece stays as it is until its `release` is called. */
export type Take = (piece: Uint8Array, release: () => void) => void;

/**
 * Hands out a body of `length` bytes (its Content-Length) piece by piece, in order; the connection is closed afterwards.
 * Resolves with how many bytes came: fewer if the connection was cut.
 */
export async function drain(stream: IncomingMessage, length: number, take: Take): Promise<number> {
  stream.on('error', () => undefined);
  let received = 0;
  for (let early = stream.read() as Uint8Array | null; early !== null; early = stream.read() as Uint8Array | null) {
    received += early.length;
    take(early, () => undefined);
  }
  const { socket } = stream;
  const tap = taps.get(socket);
  if (tap === undefined) throw new TypeError('this response came over a connection without a tap');
  if (received < length && !stream.complete && !socket.destroyed)
    received += await drainSocket(socket, tap, { length: length - received, take });
  stream.destroy();
  return received;
}

function drainSocket(socket: Socket, tap: Tap, { length, take }: { length: number; take: Take }): Promise<number> {
  const free = Array.from({ length: BODY_BUFFERS }, () => spare.pop() ?? Buffer.allocUnsafeSlow(BODY_BYTES));
  let [received, paused, ended] = [0, false, false];
  const release = (buffer: Uint8Array) => {
    if (ended) return giveBack(buffer);
    free.push(buffer);
    if (paused) socket.resume();
    paused = false;
  };
  return new Promise((resolve) => {
    const end = () => {
      if (ended) return;
      ended = true;
      free.forEach(giveBack);
      tap.take = () => false;
      socket.destroy();
      resolve(received);
    };
    tap.take = (count, buffer) => {
      const piece = buffer.subarray(0, Math.min(count, length - received));
      received += piece.length;
      tap.current = free.pop() ?? Buffer.allocUnsafeSlow(BODY_BYTES);
      take(piece, () => release(buffer));
      if (received === length) end();
      paused = !ended && free.length === 0;
      return !ended && !paused;
    };
    socket.once('close', end);
    socket.resume();
  });
}

function giveBack(buffer: Uint8Array): void {
  if (buffer.length === BODY_BYTES && spare.length < SPARE_BUFFERS) spare.push(buffer);
}
