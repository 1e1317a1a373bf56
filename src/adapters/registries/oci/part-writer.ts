import type { FileHandle } from 'node:fs/promises';

interface Piece {
  readonly bytes: Uint8Array;
  readonly release: () => void;
}

/** Writes pieces one after the other, so that a kill leaves a part without holes. */
export interface PartWriter {
  put(bytes: Uint8Array, release: () => void): void;
  /** When all that was put is written. Rejects with the first failure; what was put after it is dropped. */
  idle(): Promise<void>;
}

export interface WriterEvents {
  /** The file is whole up to here. */
  onWritten(upTo: number): void;
  /** Nothing more will be written. */
  onFailure(): void;
}

export function partWriter(
  handle: Pick<FileHandle, 'writev' | 'write'>,
  start: number,
  { onWritten, onFailure }: WriterEvents,
): PartWriter {
  let [at, queue, working] = [start, [] as Piece[], null as Promise<void> | null];
  let failure: { readonly cause: unknown } | null = null;
  const fail = (cause: unknown) => {
    failure = { cause };
    onFailure();
  };
  const work = async (): Promise<void> => {
    while (queue.length > 0) {
      const pieces = queue;
      queue = [];
      if (failure === null)
        await writeAll(
          handle,
          pieces.map(({ bytes }) => bytes),
          at,
        ).then((end) => onWritten((at = end)), fail);
      pieces.forEach(({ release }) => release());
    }
    working = null;
  };
  return {
    put: (bytes, release) => {
      queue.push({ bytes, release });
      working ??= work();
    },
    idle: async () => {
      await working;
      if (failure !== null) throw failure.cause;
    },
  };
}

/** One system call for many pieces; what it leaves is written in turn. Returns where they end. */
async function writeAll(
  handle: Pick<FileHandle, 'writev' | 'write'>,
  pieces: readonly Uint8Array[],
  start: number,
): Promise<number> {
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  const { bytesWritten } = await handle.writev(pieces, start);
  if (bytesWritten < size) await writeRest(handle, Buffer.concat(pieces).subarray(bytesWritten), start + bytesWritten);
  return start + size;
}

async function writeRest(handle: Pick<FileHandle, 'write'>, rest: Uint8Array, start: number): Promise<void> {
  for (let done = 0; done < rest.length;)
    done += (await handle.write(rest, done, rest.length - done, start + done)).bytesWritten;
}
