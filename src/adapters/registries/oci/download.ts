import { constants } from 'node:fs';
import { open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ociDigest } from '../../../domain/digest/hex.ts';
import { WeighmarkError } from '../../../domain/base/errors.ts';
import { fileError } from '../../files/errors.ts';
import { expectStatus, type OciClient } from './client.ts';
import { bodyOf, unlessCut, type HttpResponse } from './http.ts';
import { partWriter, type PartWriter } from './part-writer.ts';
import { checkAnswer, fetchRange, type RemoteBlob } from './ranges.ts';
import { followBlocks, followHash, type Checked, type Follower, type Span } from './stream-check.ts';
import { drain, isTapped } from './tap.ts';
import { blobUrl } from './upload.ts';

/** Requests in a row that bring nothing before a download is given up. */
const CUTS = 8;
/** A connection that is cut having brought less has brought nothing: else a byte at a time would do for ever. */
const PROGRESS_BYTES = 64 << 10;
const PATIENCE_MS = 2000;
/** Times a wrong block is fetched again. */
const MENDS = 3;
/** Smaller blobs are received whole before they are written. */
const SMALL_BYTES = 1 << 20;

/** A small blob as a whole, checked. @throws WeighmarkError `digest-mismatch`, `not-found`, `limit-exceeded`. */
export async function downloadBytes(
  client: OciClient,
  { repository, digest }: { repository: string; digest: string },
  maxBytes: number,
): Promise<Uint8Array> {
  const bytes = await unlessCut(async () => {
    const response = await client.request({ method: 'GET', url: blobUrl(client, repository, digest), repository });
    return bodyOf(await expectStatus(response, [200], digest), maxBytes);
  });
  const found = ociDigest(bytes);
  if (found !== digest) throw wrong(digest, found);
  return bytes;
}

/**
 * Writes a blob to a file, hashed as it stands there. What an earlier run left is continued, a cut connection too. With an
 * outboard each block is checked as it arrives, and a wrong one alone is fetched again.
 * @throws WeighmarkError `digest-mismatch`: what is left in the file is right as far as it goes; `network`, `disk-full`.
 */
export async function downloadFile(
  client: OciClient,
  blob: RemoteBlob,
  to: Pick<Checked, 'location' | 'outboard'>,
): Promise<void> {
  try {
    await (blob.sizeBytes < SMALL_BYTES
      ? downloadSmall(client, blob, to.location)
      : downloadLarge(client, blob, { ...to, sizeBytes: blob.sizeBytes }));
  } catch (cause) {
    throw fileError(cause, to.location);
  }
}

async function downloadSmall(client: OciClient, blob: RemoteBlob, location: string): Promise<void> {
  const bytes = await unlessCut(async () => {
    const response = await client.request({
      method: 'GET',
      url: blobUrl(client, blob.repository, blob.digest),
      repository: blob.repository,
    });
    checkAnswer(await expectStatus(response, [200], blob.digest), blob, { start: 0, end: blob.sizeBytes });
    return bodyOf(response, blob.sizeBytes);
  });
  const found = ociDigest(bytes);
  if (found !== blob.digest) throw wrong(blob.digest, found);
  await writeFile(location, bytes, { mode: 0o600, flush: true });
}

interface Download {
  readonly client: OciClient;
  readonly blob: RemoteBlob;
  readonly checked: Checked;
  readonly handle: FileHandle;
}

async function downloadLarge(client: OciClient, blob: RemoteBlob, checked: Checked): Promise<void> {
  const handle = await open(checked.location, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    const download = { client, blob, checked, handle };
    const left = await sizeLeft(handle, blob.sizeBytes);
    const first = await receiveChecked(download, left);
    const found = first === blob.digest || left === 0 ? first : await receiveAnew(download);
    if (found !== blob.digest) {
      await rm(checked.location, { force: true });
      throw wrong(blob.digest, found);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What an earlier run left was not the beginning of this blob. */
async function receiveAnew(download: Download): Promise<string> {
  await download.handle.truncate(0);
  return receiveChecked(download, 0);
}

/** Too much of what an earlier run left is thrown away. */
async function sizeLeft(handle: FileHandle, sizeBytes: number): Promise<number> {
  const { size } = await handle.stat();
  if (size > sizeBytes) await handle.truncate(0);
  return size > sizeBytes ? 0 : size;
}

/** Receives the rest while what is there is checked; either's failure ends the other. Returns the digest of what is there then. */
async function receiveChecked(download: Download, from: number): Promise<string> {
  const { checked, blob, handle } = download;
  const [stop, failure] = [new AbortController(), Promise.withResolvers<never>()];
  failure.promise.catch(() => undefined);
  const mender = createMender(download, stop.signal);
  const hash = followHash(checked);
  const blocks = blockFinder(checked, (spans) => mender.mend(spans), failure.reject);
  const onWritten = (upTo: number) => {
    hash.written(upTo);
    blocks.written(upTo);
  };
  onWritten(from);
  const receiving = receiveAll(download, { from, signal: stop.signal, onWritten }).then(() => handle.datasync());
  receiving.catch(failure.reject);
  try {
    return await Promise.race([decide(blob, hash, blocks), failure.promise]);
  } finally {
    stop.abort();
    hash.end();
    blocks.end();
    await Promise.allSettled([receiving, mender.settled()]);
    await mender.leaveRight();
  }
}

/** The whole file's SHA-256 decides. If it is wrong, it is taken again when the wrong blocks are mended. */
async function decide({ digest }: RemoteBlob, hash: Follower<string>, blocks: BlockFinder): Promise<string> {
  const found = `sha256:${await hash.outcome}`;
  if (found === digest || !(await blocks.mendAll())) return found;
  const again = followHash(blocks.checked);
  again.written(blocks.checked.sizeBytes);
  return again.outcome.then((sha256) => `sha256:${sha256}`).finally(() => again.end());
}

interface BlockFinder {
  readonly checked: Checked;
  written(upTo: number): void;
  /** Goes through all blocks. False if there is no outboard. */
  mendAll(): Promise<boolean>;
  end(): void;
}

/**
 * Looks for wrong blocks while the file comes, unless it comes so fast that SHA-256 will have said soon whether there are any:
 * half of the work is saved then.
 */
function blockFinder(
  checked: Checked,
  mend: (spans: readonly Span[]) => Promise<void>,
  fail: (error: unknown) => void,
): BlockFinder {
  const { outboard } = checked;
  const patientUntil = performance.now() + PATIENCE_MS;
  let follower: Follower<unknown> | null = null;
  const begin = () => {
    if (outboard === undefined || follower !== null) return follower;
    follower = followBlocks({ ...checked, outboard }, mend);
    follower.outcome.catch(fail);
    return follower;
  };
  return {
    checked,
    written: (upTo) => {
      if (performance.now() > patientUntil) begin()?.written(upTo);
    },
    mendAll: async () => {
      const found = begin();
      found?.written(checked.sizeBytes);
      await found?.outcome;
      return found !== null;
    },
    end: () => follower?.end(),
  };
}

interface Mender {
  /** Fetches what is wrong again, and nothing else. Gives a block up after some tries; what stands before it stays. */
  mend(spans: readonly Span[]): Promise<void>;
  settled(): Promise<void>;
  /** Cuts the file where a block was given up: the next run begins there. */
  leaveRight(): Promise<void>;
}

function createMender({ client, blob, checked, handle }: Download, signal: AbortSignal): Mender {
  const tries = new Map<number, number>();
  let [current, wrongFrom] = [Promise.resolve(), null as number | null];
  const mend = async (spans: readonly Span[]): Promise<void> => {
    for (const span of spans) {
      const tried = (tries.get(span.start) ?? 0) + 1;
      tries.set(span.start, tried);
      if (tried > MENDS) {
        wrongFrom = span.start;
        throw alwaysWrong(blob, span);
      }
      const bytes = await fetchRange(client, blob, { ...span, signal });
      await handle
        .write(bytes, 0, bytes.length, span.start)
        .catch((cause: unknown) => Promise.reject(fileError(cause, checked.location)));
    }
  };
  return {
    mend: (spans) => (current = mend(spans)),
    settled: () => current,
    leaveRight: async () => (wrongFrom === null ? undefined : handle.truncate(wrongFrom)),
  };
}

function alwaysWrong({ digest }: RemoteBlob, { start, end }: Span): WeighmarkError {
  return new WeighmarkError(
    'digest-mismatch',
    `the registry sends wrong bytes ${start} to ${end}, however often they are asked for`,
    { subject: digest, facts: { differs: `bytes ${start} to ${end}`, tries: String(MENDS + 1) } },
  );
}

interface Receiving {
  readonly from: number;
  readonly signal: AbortSignal;
  readonly onWritten: (upTo: number) => void;
}

async function receiveAll(download: Download, { from, signal, onWritten }: Receiving): Promise<void> {
  const { client, blob } = download;
  for (let [at, cuts] = [from, 0]; at < blob.sizeBytes;) {
    const reached = await receive(download, { from: at, signal, onWritten });
    cuts = reached - at >= PROGRESS_BYTES ? 0 : cuts + 1;
    at = reached;
    if (cuts >= CUTS)
      throw new WeighmarkError('network', `${client.base.host} does not deliver ${blob.digest}`, {
        subject: blob.digest,
      });
    if (cuts > 0) await sleep(20 * 2 ** cuts);
  }
}

/** One request. Returns how far it came; a cut is no error. */
async function receive({ client, blob, handle }: Download, { from, signal, onWritten }: Receiving): Promise<number> {
  const { repository, digest, sizeBytes } = blob;
  // go-containerregistry's server does not understand a range without an end.
  const headers = from === 0 ? {} : { range: `bytes=${from}-${sizeBytes - 1}` };
  const response = await client.request({
    method: 'GET',
    url: blobUrl(client, repository, digest),
    repository,
    headers,
    signal,
    large: true,
  });
  await expectStatus(response, from === 0 ? [200] : [200, 206], digest);
  const { skip, length } = checkAnswer(response, blob, { start: from, end: sizeBytes });
  const writer = partWriter(handle, from, { onWritten, onFailure: () => response.stream.destroy() });
  const received =
    response.headers['content-length'] === undefined || !isTapped(response.stream)
      ? await pour(response, skip, { length, writer })
      : await drainInto(response, skip, { length, writer });
  await writer.idle();
  response.requireSpeed();
  return from + received;
}

interface Pouring {
  readonly length: number;
  readonly writer: PartWriter;
}

async function drainInto(response: HttpResponse, skip: number, { length, writer }: Pouring): Promise<number> {
  let left = skip;
  const received = await drain(response.stream, skip + length, (piece, release) => {
    const fresh = piece.subarray(Math.min(left, piece.length));
    left -= piece.length - fresh.length;
    if (fresh.length === 0) release();
    else writer.put(fresh, release);
  });
  return Math.max(0, received - skip);
}

/** A body that does not say how long it is, or that came through a proxy. */
async function pour(response: HttpResponse, skip: number, { length, writer }: Pouring): Promise<number> {
  let received = 0;
  try {
    for await (const chunk of response.stream as AsyncIterable<Uint8Array>) {
      const fresh = chunk.subarray(Math.min(chunk.length, Math.max(0, skip - received)));
      received += chunk.length;
      if (received > skip + length)
        throw new WeighmarkError('digest-mismatch', 'the registry sends more than the manifest says', {
          subject: response.url.host,
        });
      if (fresh.length > 0) writer.put(fresh, () => undefined);
      await writer.idle();
    }
  } catch (cause) {
    if (cause instanceof WeighmarkError || !isCut(cause)) throw cause;
  }
  return Math.max(0, received - skip);
}

function isCut(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? '';
  return (
    ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'].includes(code) ||
    (cause instanceof Error && cause.message === 'aborted')
  );
}

function wrong(digest: string, found: string): WeighmarkError {
  return new WeighmarkError('digest-mismatch', 'the registry sent other bytes than asked for', {
    subject: digest,
    facts: { asked: digest, found },
  });
}
