import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Below this for two windows in a row a connection is given up: each byte may come in time, and the last one never. */
export interface Floor {
  readonly bytes: number;
  readonly windowMs: number;
}

/** 1 KiB a second, over half a minute. */
export const FLOOR: Floor = { bytes: 30 << 10, windowMs: 30_000 };

export interface Speed {
  /** The answer has begun: from now on its bytes count. */
  answered(response: IncomingMessage): void;
}

/**
 * Calls `slow` when bytes trickle both ways. Silence is left to the idle timer; a body that waits for its reader here is not the
 * server's doing.
 */
export function watchSpeed(outgoing: ClientRequest, floor: Floor, slow: () => void): Speed {
  let [socket, response] = [null as Socket | null, null as IncomingMessage | null];
  let [seen, strikes] = [0, 0];
  const total = () => (socket?.bytesRead ?? 0) + (socket?.bytesWritten ?? 0);
  const look = () => {
    const came = total() - seen;
    seen += came;
    const isOurs = response !== null && (response.readableLength > 0 || socket?.isPaused() === true);
    const isSilent = response === null && came === 0;
    strikes = came >= floor.bytes || isOurs || isSilent ? 0 : strikes + 1;
    if (strikes >= 2) slow();
  };
  const timer = setInterval(look, floor.windowMs).unref();
  outgoing.once('socket', (found: Socket) => {
    socket = found;
    seen = total();
  });
  outgoing.once('close', () => clearInterval(timer));
  return {
    answered(found) {
      [response, strikes, seen] = [found, 0, total()];
      timer.refresh();
      found.once('close', () => clearInterval(timer));
    },
  };
}
