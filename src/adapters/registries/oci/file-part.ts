import { open, type FileHandle } from 'node:fs/promises';
import type { ClientRequest } from 'node:http';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { fileError } from '../../files/errors.ts';

/** Part of a file to send: bytes [start, end). */
export interface FilePart {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

const CHUNK_BYTES = 512 << 10;

/**
 * Sends a part of a file as a request's body through two buffers that are used in turn: one is read into while the other is
 * on its way. @throws WeighmarkError `file-changed` if the file is shorter, `unreadable`.
 */
export async function sendPart(outgoing: ClientRequest, part: FilePart): Promise<void> {
  const handle = await open(part.path).catch((cause: unknown) => Promise.reject(fileError(cause, part.path)));
  try {
    const buffers = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)] as const;
    // A connection that closes calls nobody back.
    const gone = new Promise<void>((resolve) => outgoing.once('close', resolve));
    let sent: Promise<unknown> = Promise.resolve();
    for (let [at, turn] = [part.start, 0]; at < part.end && !outgoing.destroyed; turn += 1) {
      const chunk = buffers[turn % 2 === 0 ? 0 : 1].subarray(0, Math.min(CHUNK_BYTES, part.end - at));
      await readFully(handle, chunk, { at, path: part.path });
      await sent;
      sent = Promise.race([write(outgoing, chunk), gone]);
      sent.catch(() => undefined);
      at += chunk.length;
    }
    await sent;
    outgoing.end();
  } finally {
    await handle.close();
  }
}

async function readFully(handle: FileHandle, chunk: Buffer, { at, path }: { at: number; path: string }): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const { bytesRead } = await handle
      .read(chunk, done, chunk.length - done, at + done)
      .catch((cause: unknown) => Promise.reject(fileError(cause, path)));
    if (bytesRead === 0)
      throw new WeighmarkError('file-changed', `${path} is shorter than when it was hashed`, { subject: path });
    done += bytesRead;
  }
}

/** Until the chunk has left. */
function write(outgoing: ClientRequest, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) =>
    outgoing.write(chunk, (error) => (error == null ? resolve() : reject(error))),
  );
}
