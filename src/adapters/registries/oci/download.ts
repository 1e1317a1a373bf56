import { createHash, type Hash } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { WeighmarkError } from '../../../domain/errors.ts';
import type { Source } from '../../../domain/ports.ts';
import { fileError } from '../../files/errors.ts';
import { expectStatus, type OciClient } from './client.ts';
import { bodyOf, unlessCut, type HttpResponse } from './http.ts';
import { blobUrl } from './upload.ts';

const CUTS = 8;
const WRITE_BYTES = 1 << 20;

export interface BlobDownload {
  readonly repository: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** A small blob as a whole, checked. @throws WeighmarkError `digest-mismatch`, `not-found`, `limit-exceeded`. */
export async function downloadBytes(client: OciClient, { repository, digest }: { repository: string; digest: string }, maxBytes: number): Promise<Uint8Array> {
  const bytes = await unlessCut(async () => {
    const response = await client.request({ method: 'GET', url: blobUrl(client, repository, digest), repository });
    return bodyOf(await expectStatus(response, [200], digest), maxBytes);
  });
  const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (found !== digest) throw wrong(digest, found);
  return bytes;
}

/**
 * Writes a blob to a file, hashing as it arrives. What is in the file already is continued; a cut connection too.
 * @throws WeighmarkError `digest-mismatch` (the file is then gone), `network`, `disk-full`.
 */
export async function downloadFile(client: OciClient, download: BlobDownload, location: string): Promise<void> {
  const handle = await open(location, 'a+', 0o600).catch((cause: unknown) => Promise.reject(fileError(cause, location)));
  try {
    const hash = createHash('sha256');
    let at = await hashThere(handle, hash, download.sizeBytes);
    for (let cuts = 0; at < download.sizeBytes;) {
      const before = at;
      at = await receive(client, download, { handle, hash, at });
      cuts = at > before ? 0 : cuts + 1;
      if (cuts >= CUTS) throw new WeighmarkError('network', `${client.base.host} does not deliver ${download.digest}`, { subject: download.digest });
    }
    await handle.sync();
    await requireDigest(hash, download, location);
  } catch (cause) {
    throw fileError(cause, location);
  } finally {
    await handle.close();
  }
}

async function requireDigest(hash: Hash, download: BlobDownload, location: string): Promise<void> {
  const found = `sha256:${hash.digest('hex')}`;
  if (found === download.digest) return;
  await rm(location, { force: true });
  throw wrong(download.digest, found);
}

/** Hashes what an earlier run left; too much of it is thrown away. Returns how many bytes count. */
async function hashThere(handle: FileHandle, hash: Hash, sizeBytes: number): Promise<number> {
  const { size } = await handle.stat();
  if (size > sizeBytes) {
    await handle.truncate(0);
    return 0;
  }
  const buffer = Buffer.allocUnsafe(WRITE_BYTES);
  let at = 0;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, WRITE_BYTES, at);
    if (bytesRead === 0) return at;
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}

interface Receiving {
  readonly handle: FileHandle;
  readonly hash: Hash;
  readonly at: number;
}

/** One request, from `at` on. Returns how far it came; a cut is no error. */
async function receive(client: OciClient, download: BlobDownload, { handle, hash, at }: Receiving): Promise<number> {
  const headers = at === 0 ? {} : { range: `bytes=${at}-` };
  const response = await client.request({ method: 'GET', url: blobUrl(client, download.repository, download.digest), repository: download.repository, headers });
  await expectStatus(response, at === 0 ? [200] : [200, 206], download.digest);
  const skip = response.status === 200 ? at : startOf(response, at);
  let [reached, pending] = [at, Promise.resolve() as Promise<unknown>];
  let left = skip;
  let [batch, batched] = [[] as Uint8Array[], 0];
  const flush = async () => {
    await pending;
    pending = writeAll(handle, batch, batched);
    pending.catch(() => {});
    [batch, batched] = [[], 0];
  };
  try {
    for await (const chunk of response.stream as AsyncIterable<Uint8Array>) {
      const fresh = left > 0 ? chunk.subarray(Math.min(left, chunk.length)) : chunk;
      left -= Math.min(left, chunk.length);
      if (fresh.length === 0) continue;
      if (reached + fresh.length > download.sizeBytes) throw new WeighmarkError('digest-mismatch', 'the registry sends more than the manifest says', { subject: download.digest });
      hash.update(fresh);
      batch.push(fresh);
      batched += fresh.length;
      reached += fresh.length;
      if (batched >= WRITE_BYTES) await flush();
    }
  } catch (cause) {
    if (cause instanceof WeighmarkError || !isCut(cause)) throw cause;
  } finally {
    response.stream.destroy();
    await flush();
    await pending;
  }
  return reached;
}

/** A server that ignores the range sends all; one that sends another range is wrong. */
function startOf(response: HttpResponse, at: number): number {
  const [, start] = /^bytes (\d{1,15})-/.exec(response.headers['content-range'] ?? '') ?? [];
  if (start !== undefined && Number(start) === at) return 0;
  response.stream.destroy();
  throw new WeighmarkError('network', `${response.url.host} answers with another range than was asked`, { subject: response.url.host });
}

/** One system call for many chunks; what it leaves is written chunk by chunk. */
async function writeAll(handle: FileHandle, batch: readonly Uint8Array[], size: number): Promise<void> {
  if (size === 0) return;
  const { bytesWritten } = await handle.writev(batch);
  if (bytesWritten === size) return;
  const rest = Buffer.concat(batch).subarray(bytesWritten);
  for (let done = 0; done < rest.length;) done += (await handle.write(rest, done)).bytesWritten;
}

function isCut(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException | null)?.code ?? '';
  return ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE', 'ABORT_ERR'].includes(code) || (cause instanceof Error && cause.message === 'aborted');
}

/** Random access by ranges, for headers and single tensors. @throws WeighmarkError `network`, `digest-mismatch` by size. */
export function remoteSource(client: OciClient, download: BlobDownload): Source & { close(): Promise<void> } {
  const { repository, digest, sizeBytes } = download;
  return {
    size: sizeBytes,
    async read(offset, length) {
      const end = Math.min(sizeBytes, offset + length);
      if (offset >= end) return new Uint8Array();
      const response = await client.request({ method: 'GET', url: blobUrl(client, repository, digest), repository, headers: { range: `bytes=${offset}-${end - 1}` } });
      await expectStatus(response, [206, 200], digest);
      const bytes = await bodyOf(response, response.status === 206 ? end - offset : sizeBytes);
      const wanted = response.status === 206 ? bytes : bytes.subarray(offset, end);
      if (wanted.length === end - offset) return wanted;
      throw new WeighmarkError('network', `${client.base.host} sent ${wanted.length} of ${end - offset} bytes`, { subject: digest });
    },
    close: async () => {},
  };
}

function wrong(digest: string, found: string): WeighmarkError {
  return new WeighmarkError('digest-mismatch', 'the registry sent other bytes than asked for', { subject: digest, facts: { asked: digest, found } });
}
