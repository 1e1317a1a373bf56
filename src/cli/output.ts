import { fstatSync, statSync, writeSync } from 'node:fs';

export type Channel = 'stdout' | 'stderr';

const DESCRIPTORS = { stdout: 1, stderr: 2 } as const;
const streams = new Map<Channel, NodeJS.WriteStream>();

/**
 * Writes all of the text before it returns. Files and pipes are written without Node's streams, which take longer to
 * load than a small file to hash; terminals, and pipes that would block, are left to them.
 */
export function say(channel: Channel, text: string | Uint8Array): void {
  if (streams.has(channel) || isTerminal(channel)) streamOf(channel).write(text);
  else writeAll(channel, typeof text === 'string' ? Buffer.from(text) : text);
}

/** Node's own stream. Once asked for it is used for everything that follows, so that nothing overtakes. */
export function streamOf(channel: Channel): NodeJS.WriteStream {
  const known = streams.get(channel);
  if (known !== undefined) return known;
  const stream = process[channel].on('error', onBrokenOutput);
  streams.set(channel, stream);
  return stream;
}

/** `isTTY` without the stream, where the file behind it cannot be a terminal. */
export function isTerminal(channel: Channel): boolean {
  const stat = fstatSync(DESCRIPTORS[channel]);
  return stat.isCharacterDevice() && stat.rdev !== nullDevice() && streamOf(channel).isTTY;
}

function nullDevice(): number | undefined {
  return statSync('/dev/null', { throwIfNoEntry: false })?.rdev;
}

function writeAll(channel: Channel, bytes: Uint8Array): void {
  let done = 0;
  try {
    while (done < bytes.length) done += writeSync(DESCRIPTORS[channel], bytes, done);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') streamOf(channel).write(bytes.subarray(done));
    else onBrokenOutput(error as NodeJS.ErrnoException);
  }
}

/** A reader that stops early (`| head`) is no error of ours; an answer that nobody can have is undecided, never a no. */
function onBrokenOutput(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  try {
    writeSync(
      DESCRIPTORS.stderr,
      `weighmark: error[disk-full]: what was to be said could not be written: ${error.message}\n`,
    );
  } finally {
    process.exit(4);
  }
}
