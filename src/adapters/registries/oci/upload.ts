import { WeighmarkError } from '../../../domain/base/errors.ts';
import { expectStatus, type OciClient } from './client.ts';
import type { FilePart } from './file-part.ts';
import { mayPass, patiently, pause, sendPatiently, type HttpResponse } from './http.ts';
import { forgetSession, rememberSession, rememberedSession } from './upload-state.ts';

/** Files above this go up in chunks of it, so that a cut or killed upload is continued, not repeated. */
const CHUNK_BYTES = 256 << 20;
/** What a server before the registry takes may be less, found out by 413: a quarter each time, down to this. */
const LEAST_CHUNK_BYTES = 256 << 10;
/** Attempts in a row that bring the upload no further than it was before. */
const CHUNK_TRIES = 8;
/** So many chunks in a row that did not arrive, and smaller ones are tried. */
const SMALLER_AFTER = 3;

export interface BlobUpload {
  readonly repository: string;
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly content: Uint8Array | FileContent;
}

interface FileContent {
  readonly location: string;
  readonly sizeBytes: number;
}

export interface Uploader {
  readonly client: OciClient;
  /** Where sessions of unfinished uploads are remembered. */
  readonly stateFolder: string;
  /** Default: 256 MiB. */
  readonly chunkBytes?: number;
}

/** HEAD. https://github.com/opencontainers/distribution-spec/blob/main/spec.md#checking-if-content-exists-in-the-registry */
export async function blobExists(client: OciClient, repository: string, digest: string): Promise<boolean> {
  const response = await client.request({ method: 'HEAD', url: blobUrl(client, repository, digest), repository });
  response.stream.resume();
  if (response.status === 404) return false;
  await expectStatus(response, [200], digest);
  return true;
}

export function blobUrl(client: OciClient, repository: string, digest: string): URL {
  return new URL(`/v2/${repository}/blobs/${digest}`, client.base);
}

/** Sends a blob unless it is there. The registry checks the digest. @throws WeighmarkError `file-changed`, `network`. */
export async function uploadBlob(upload: BlobUpload, uploader: Uploader): Promise<void> {
  const { repository, digest, content } = upload;
  if (await blobExists(uploader.client, repository, digest)) return;
  const size = sizeOf(content);
  const mayFit = size <= (content instanceof Uint8Array ? limitOf(uploader) : chunkOf(uploader));
  if (mayFit && (await uploadWhole(upload, uploader, partOf(content, 0, size)))) return;
  return uploadInChunks(upload, uploader);
}

function sizeOf(content: BlobUpload['content']): number {
  return content instanceof Uint8Array ? content.length : content.sizeBytes;
}

function partOf(content: BlobUpload['content'], start: number, end: number): Uint8Array | FilePart {
  return content instanceof Uint8Array ? content.subarray(start, end) : { path: content.location, start, end };
}

/** The largest body that each registry may take, as far as it has said so. */
const limits = new WeakMap<OciClient, number>();

function limitOf({ client }: Uploader): number {
  return limits.get(client) ?? Infinity;
}

function chunkOf(uploader: Uploader): number {
  return Math.min(uploader.chunkBytes ?? CHUNK_BYTES, limitOf(uploader));
}

/** False if smaller pieces are not worth trying. */
function shrink({ client }: Uploader, tooLarge: number): boolean {
  if (tooLarge <= LEAST_CHUNK_BYTES) return false;
  const next = Math.max(LEAST_CHUNK_BYTES, Math.ceil(tooLarge / 4));
  limits.set(client, Math.min(limits.get(client) ?? Infinity, next));
  return true;
}

/**
 * Takes a blob over from another repository of the same registry, unless it is there. False if the registry would rather
 * have it sent, or does not let us read there.
 */
export async function mountBlob(
  client: OciClient,
  { repository, digest, from }: { repository: string; digest: string; from: string },
): Promise<boolean> {
  if (await blobExists(client, repository, digest)) return true;
  if (from === repository) return false;
  const url = new URL(
    `/v2/${repository}/blobs/uploads/?${new URLSearchParams({ mount: digest, from }).toString()}`,
    client.base,
  );
  const response = await client
    .request({ method: 'POST', url, repository, push: true, alsoFrom: from })
    .catch((error: unknown) => {
      if (error instanceof WeighmarkError && error.code === 'network') return null;
      throw error;
    });
  response?.stream.resume();
  if (response?.status === 202) await cancel(client, repository, response);
  return response?.status === 201;
}

async function cancel(client: OciClient, repository: string, response: HttpResponse): Promise<void> {
  const { location } = response.headers;
  if (location === undefined) return;
  (await client.request({ method: 'DELETE', url: client.urlOf(location), repository, push: true })).stream.resume();
}

async function startSession(client: OciClient, repository: string): Promise<URL> {
  const response = await client.request({
    method: 'POST',
    url: new URL(`/v2/${repository}/blobs/uploads/`, client.base),
    repository,
    push: true,
  });
  await expectStatus(response, [202], repository);
  response.stream.resume();
  return locationOf(client, response);
}

function locationOf(client: OciClient, response: HttpResponse): URL {
  const { location } = response.headers;
  if (location === undefined)
    throw new WeighmarkError('network', `${client.base.host} opens an upload without saying where`, {
      subject: client.base.host,
    });
  return client.urlOf(location);
}

/**
 * In one request; each attempt begins a session of its own, since of a cut one the registry has a part. False if it is too
 * large for that.
 */
async function uploadWhole(
  { repository, digest, content }: BlobUpload,
  uploader: Uploader,
  body: Uint8Array | FilePart,
): Promise<boolean> {
  const { client } = uploader;
  const sent = patiently(async () =>
    client.request({
      method: 'PUT',
      url: closing(await startSession(client, repository), digest),
      repository,
      push: true,
      headers: BYTES,
      body,
      once: true,
    }),
  );
  const response = await unlessCutOff(sent);
  if ((response === null || response.status === 413) && shrink(uploader, sizeOf(content))) {
    response?.stream.destroy();
    return false;
  }
  if (response === null) return sent.then(() => true);
  await requireTaken(response, digest);
  return true;
}

/** Null for a connection cut again and again: some servers say so that a body is too large for them. */
async function unlessCutOff(sent: Promise<HttpResponse>): Promise<HttpResponse | null> {
  return sent.catch((error: unknown) => {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    if (code === 'ECONNRESET' || code === 'EPIPE') return null;
    throw error;
  });
}

const BYTES = { 'content-type': 'application/octet-stream' };

function closing(session: URL, digest: string): URL {
  const url = new URL(session);
  url.searchParams.set('digest', digest);
  return url;
}

async function requireTaken(response: HttpResponse, digest: string): Promise<void> {
  if (response.status === 400) {
    response.stream.resume();
    throw new WeighmarkError('file-changed', 'the registry received other bytes than were hashed', { subject: digest });
  }
  await expectStatus(response, [201, 204], digest);
  response.stream.resume();
}

interface Session {
  readonly location: URL;
  /** Bytes the registry has. */
  readonly offset: number;
}

/** What an earlier run left with the registry is continued; if it was wrong, all is sent anew. */
async function uploadInChunks(upload: BlobUpload, uploader: Uploader): Promise<void> {
  const left = await resumeSession(upload, uploader);
  try {
    await sendChunks(upload, uploader, left ?? (await newSession(upload, uploader)));
  } catch (error) {
    if (left === null || !(error instanceof WeighmarkError && error.code === 'file-changed')) throw error;
    await sendChunks(upload, uploader, await newSession(upload, uploader));
  }
  await forgetSession(upload, uploader);
}

async function newSession({ repository }: BlobUpload, { client }: Uploader): Promise<Session> {
  return { location: await startSession(client, repository), offset: 0 };
}

/** A cut connection is taken up where the registry says it is; a session that the registry forgot begins anew. */
async function sendChunks(upload: BlobUpload, uploader: Uploader, from: Session): Promise<void> {
  let [session, furthest, tries, lost] = [from, from.offset, 0, 0];
  for (;;) {
    await rememberSession(upload, uploader, session.location);
    if (session.offset === sizeOf(upload.content) && (await finish(upload, uploader, session))) return;
    const next = session.offset === sizeOf(upload.content) ? null : await sendChunk(upload, uploader, session);
    session = next ?? (await resumeSession(upload, uploader)) ?? (await newSession(upload, uploader));
    tries = session.offset > furthest ? 0 : tries + 1;
    furthest = Math.max(furthest, session.offset);
    lost = next === null ? lost + 1 : 0;
    if (lost > SMALLER_AFTER) shrink(uploader, chunkOf(uploader));
    if (tries > CHUNK_TRIES)
      throw new WeighmarkError('network', `${uploader.client.base.host} does not take ${upload.digest}`, {
        subject: upload.digest,
      });
  }
}

/** False if the session is not there any more, or the connection was cut. */
async function finish(
  { repository, digest }: BlobUpload,
  { client }: Uploader,
  { location }: Session,
): Promise<boolean> {
  const response = await unlessLost(
    client.request({
      method: 'PUT',
      url: closing(location, digest),
      repository,
      push: true,
      headers: { ...BYTES, 'content-length': '0' },
    }),
  );
  if (response !== null && !LOST.has(response.status)) return requireTaken(response, digest).then(() => true);
  response?.stream.resume();
  // The same request may have arrived before, and only its answer been lost.
  return blobExists(client, repository, digest);
}

/** Null if it is to be asked how far the session came. */
async function sendChunk(
  { repository, digest, content }: BlobUpload,
  uploader: Uploader,
  { location, offset }: Session,
): Promise<Session | null> {
  const { client } = uploader;
  const sent = Math.min(sizeOf(content), offset + chunkOf(uploader));
  const body = partOf(content, offset, sent);
  const headers = { ...BYTES, 'content-range': `${offset}-${sent - 1}` };
  const response = await unlessLost(
    client.request({ method: 'PATCH', url: location, repository, push: true, headers, body, once: true }),
  );
  if (response?.status === 413 && shrink(uploader, sent - offset)) {
    response.stream.destroy();
    return { location, offset };
  }
  const isLost = response === null || LOST.has(response.status) || mayPass(response.status);
  if (!isLost) await expectStatus(response, [202, 204], digest);
  response?.stream.resume();
  if (response !== null && mayPass(response.status)) await pause(1, response.headers['retry-after']);
  if (isLost) return null;
  const end = endOf(response.headers.range) ?? sent;
  if (end > offset && end <= sent) return { location: locationOf(client, response), offset: end };
  throw new WeighmarkError('network', `${client.base.host} says it has ${end} bytes of what was sent up to ${sent}`, {
    subject: digest,
  });
}

/** The session is not there, or is at another offset. */
const LOST = new Set([404, 416]);

async function unlessLost(asked: Promise<HttpResponse>): Promise<HttpResponse | null> {
  return asked.catch((error: unknown) => {
    if (error instanceof WeighmarkError && error.code === 'network' && error.cause !== undefined) return null;
    throw error;
  });
}

/** `0-N`, inclusive; registries that write nothing there have all that was sent. */
function endOf(range: string | undefined): number | null {
  const [, end] = /^(?:bytes=)?0-(\d{1,15})$/.exec(range ?? '') ?? [];
  return end === undefined ? null : Number(end) + 1;
}

/** Asks how far a remembered session came. Null if there is none, or the registry has forgotten it or does not say. */
async function resumeSession(upload: BlobUpload, uploader: Uploader): Promise<Session | null> {
  const { client } = uploader;
  const remembered = await rememberedSession(upload, uploader);
  if (remembered === null) return null;
  const response = await sendPatiently({ method: 'GET', url: remembered }, (request) =>
    client.request({ ...request, repository: upload.repository, push: true }),
  );
  response.stream.resume();
  const end = response.status === 204 || response.status === 202 ? endOf(response.headers.range) : null;
  if (end === null || end > sizeOf(upload.content)) return null;
  // An empty session and one of a single byte both say 0-0.
  return { location: locationOf(client, response), offset: end === 1 ? 0 : end };
}
