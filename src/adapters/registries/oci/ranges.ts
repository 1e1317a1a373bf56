import { WeighmarkError } from '../../../domain/base/errors.ts';
import type { Source } from '../../../domain/base/source.ts';
import { expectStatus, type OciClient } from './client.ts';
import { bodyOf, unlessCut, type HttpResponse } from './http.ts';
import type { Span } from './stream-check.ts';
import { blobUrl } from './upload.ts';

/** A blob in a repository, as a manifest names it. */
export interface RemoteBlob {
  readonly repository: string;
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly sizeBytes: number;
}

/** A GET of [start, …) answered: how many bytes of the body come before `start`, and how many there are after it. */
export interface Answered {
  readonly skip: number;
  readonly length: number;
}

/**
 * Holds what a registry says of its answer against what was asked: a server may ignore the range and send all, but never
 * send another range, or a blob of another size. The bytes themselves are judged by their digest.
 * @throws WeighmarkError `digest-mismatch`, `network`.
 */
export function checkAnswer(response: HttpResponse, { digest, sizeBytes }: RemoteBlob, { start, end }: Span): Answered {
  const length = lengthOf(response);
  if (response.status === 200) {
    if (length !== null && length !== sizeBytes)
      throw refuse(response, wrongSize(digest, { says: sizeBytes, has: length }));
    return { skip: start, length: sizeBytes - start };
  }
  const [, first, last, total = ''] =
    /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(response.headers['content-range'] ?? '') ?? [];
  if (total !== '*' && total !== '' && Number(total) !== sizeBytes)
    throw refuse(response, wrongSize(digest, { says: sizeBytes, has: Number(total) }));
  const right = Number(first) === start && Number(last) === end - 1 && (length === null || length === end - start);
  if (right) return { skip: 0, length: end - start };
  const { host } = response.url;
  throw refuse(
    response,
    new WeighmarkError('network', `${host} answers with another range than was asked`, {
      subject: host,
      facts: { asked: `bytes ${start}-${end - 1}`, answer: response.headers['content-range'] ?? 'none' },
    }),
  );
}

function lengthOf({ headers }: HttpResponse): number | null {
  const length = headers['content-length'];
  return length === undefined ? null : Number(length);
}

function refuse({ stream }: HttpResponse, error: WeighmarkError): WeighmarkError {
  stream.on('error', () => undefined);
  stream.destroy();
  return error;
}

function wrongSize(digest: string, { says, has }: { says: number; has: number }): WeighmarkError {
  return new WeighmarkError('digest-mismatch', 'the registry has a blob of another size than the manifest says', {
    subject: digest,
    facts: { manifest: `${says} bytes`, registry: `${has} bytes` },
  });
}

/** Exactly the bytes [start, end) of a blob, unverified. @throws WeighmarkError `network`, `not-found`, `digest-mismatch` by size. */
export async function fetchRange(
  client: OciClient,
  blob: RemoteBlob,
  { signal, ...span }: Span & { readonly signal?: AbortSignal },
): Promise<Uint8Array> {
  return unlessCut(async () => {
    const { repository, digest } = blob;
    const response = await client.request({
      method: 'GET',
      url: blobUrl(client, repository, digest),
      repository,
      headers: { range: `bytes=${span.start}-${span.end - 1}` },
      ...(signal === undefined ? {} : { signal }),
    });
    const { skip } = checkAnswer(await expectStatus(response, [206, 200], digest), blob, span);
    const wanted = span.end - span.start;
    const bytes =
      skip === 0 && response.status === 206 ? await bodyOf(response, wanted) : await cutOut(response, skip, wanted);
    if (bytes.length === wanted) return bytes;
    throw new WeighmarkError('network', `${client.base.host} sent ${bytes.length} of ${wanted} bytes`, {
      subject: digest,
    });
  });
}

/** `length` bytes after the first `skip` of a body; the rest is not waited for. */
async function cutOut(response: HttpResponse, skip: number, length: number): Promise<Uint8Array> {
  const kept: Uint8Array[] = [];
  let at = 0;
  for await (const chunk of response.stream as AsyncIterable<Uint8Array>) {
    kept.push(chunk.subarray(Math.max(0, skip - at), Math.max(0, skip + length - at)));
    at += chunk.length;
    if (at >= skip + length) break;
  }
  return Buffer.concat(kept);
}

/** Random access by ranges, for headers and single tensors. @throws WeighmarkError `network`, `digest-mismatch` by size. */
export function remoteSource(client: OciClient, blob: RemoteBlob): Source & { close(): Promise<void> } {
  const { sizeBytes } = blob;
  return {
    size: sizeBytes,
    read: async (offset, length) => {
      const end = Math.min(sizeBytes, offset + length);
      return offset >= end ? new Uint8Array() : fetchRange(client, blob, { start: offset, end });
    },
    close: async () => {},
  };
}
