import { join } from 'node:path';
import { sha256Hex } from '../../../domain/digest/hex.ts';
import { WeighmarkError } from '../../../domain/errors.ts';
import { parseStrictJsonObject } from '../../../domain/json.ts';
import { LIMITS } from '../../../domain/limits.ts';
import { createFiles } from '../../files/index.ts';
import { writeFileAtomic } from '../../files/write.ts';
import { expectStatus, type OciClient } from './client.ts';
import type { FilePart } from './file-part.ts';
import { sendPatiently, type HttpResponse } from './http.ts';

/** Files above this go up in chunks of it, so that a cut or killed upload is continued, not repeated. */
const CHUNK_BYTES = 256 << 20;
const CHUNK_TRIES = 8;
const files = createFiles();

export interface BlobUpload {
  readonly repository: string;
  /** `sha256:<hex>` */
  readonly digest: string;
  readonly content: Uint8Array | { readonly location: string; readonly sizeBytes: number };
}

export interface Uploader {
  readonly client: OciClient;
  /** Where sessions of unfinished uploads are remembered. */
  readonly stateFolder: string;
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
  const { client } = uploader;
  if (await blobExists(client, upload.repository, upload.digest)) return;
  const { content } = upload;
  const size = content instanceof Uint8Array ? content.length : content.sizeBytes;
  if (size > CHUNK_BYTES && !(content instanceof Uint8Array)) return uploadInChunks(upload, uploader);
  const session = await startSession(client, upload.repository);
  await finish(upload, uploader, { location: session, body: content instanceof Uint8Array ? content : { path: content.location, start: 0, end: size } });
}

/** Takes a blob over from another repository of the same registry. False if the registry would rather have it sent. */
export async function mountBlob(client: OciClient, { repository, digest, from }: { repository: string; digest: string; from: string }): Promise<boolean> {
  if (await blobExists(client, repository, digest)) return true;
  const url = new URL(`/v2/${repository}/blobs/uploads/?${new URLSearchParams({ mount: digest, from }).toString()}`, client.base);
  const response = await client.request({ method: 'POST', url, repository, push: true });
  response.stream.resume();
  if (response.status === 202) await cancel(client, repository, response);
  return response.status === 201;
}

async function cancel(client: OciClient, repository: string, response: HttpResponse): Promise<void> {
  const { location } = response.headers;
  if (location === undefined) return;
  (await client.request({ method: 'DELETE', url: client.urlOf(location), repository, push: true })).stream.resume();
}

async function startSession(client: OciClient, repository: string): Promise<URL> {
  const response = await client.request({ method: 'POST', url: new URL(`/v2/${repository}/blobs/uploads/`, client.base), repository, push: true });
  await expectStatus(response, [202], repository);
  response.stream.resume();
  return locationOf(client, response);
}

function locationOf(client: OciClient, response: HttpResponse): URL {
  const { location } = response.headers;
  if (location === undefined) throw new WeighmarkError('network', `${client.base.host} opens an upload without saying where`, { subject: client.base.host });
  return client.urlOf(location);
}

async function finish({ repository, digest }: BlobUpload, { client }: Uploader, { location, body }: { location: URL; body?: Uint8Array | FilePart }): Promise<void> {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  const headers = { 'content-type': 'application/octet-stream', ...(body === undefined ? { 'content-length': '0' } : {}) };
  const response = await client.request({ method: 'PUT', url, repository, push: true, headers, ...(body === undefined ? {} : { body }) });
  if (response.status === 400) throw new WeighmarkError('file-changed', 'the registry received other bytes than were hashed', { subject: digest });
  await expectStatus(response, [201, 204], digest);
  response.stream.resume();
}

interface Session {
  readonly location: URL;
  /** Bytes the registry has. */
  readonly offset: number;
}

async function uploadInChunks(upload: BlobUpload, uploader: Uploader): Promise<void> {
  if (upload.content instanceof Uint8Array) throw new WeighmarkError('internal', 'bytes are not sent in chunks');
  const { location: path, sizeBytes } = upload.content;
  let session = (await resumeSession(upload, uploader)) ?? { location: await startSession(uploader.client, upload.repository), offset: 0 };
  for (let tries = 0; session.offset < sizeBytes;) {
    await rememberSession(upload, uploader, session);
    const part = { path, start: session.offset, end: Math.min(sizeBytes, session.offset + CHUNK_BYTES) };
    const next = await sendChunk(upload, uploader, { session, part }).catch(async (error: unknown) => {
      tries += 1;
      if (tries >= CHUNK_TRIES || !(error instanceof WeighmarkError && error.code === 'network')) throw error;
      return (await resumeSession(upload, uploader)) ?? { location: await startSession(uploader.client, upload.repository), offset: 0 };
    });
    if (next.offset > session.offset) tries = 0;
    session = next;
  }
  await finish(upload, uploader, { location: session.location });
  await files.remove(sessionFile(upload, uploader));
}

async function sendChunk(upload: BlobUpload, { client }: Uploader, { session, part }: { session: Session; part: FilePart }): Promise<Session> {
  const headers = { 'content-type': 'application/octet-stream', 'content-range': `${part.start}-${part.end - 1}` };
  const response = await client.request({ method: 'PATCH', url: session.location, repository: upload.repository, push: true, headers, body: part });
  await expectStatus(response, [202, 204], upload.digest);
  response.stream.resume();
  return { location: locationOf(client, response), offset: endOf(response.headers.range) ?? part.end };
}

/** `0-N`, inclusive; registries that write nothing there have all that was sent. */
function endOf(range: string | undefined): number | null {
  const [, end] = /^(?:bytes=)?0-(\d{1,15})$/.exec(range ?? '') ?? [];
  return end === undefined ? null : Number(end) + 1;
}

/** Asks how far a remembered session came. Null if there is none, or the registry has forgotten it. */
async function resumeSession(upload: BlobUpload, uploader: Uploader): Promise<Session | null> {
  const { client } = uploader;
  const bytes = await files.readIfThere(sessionFile(upload, uploader), LIMITS.configBytes);
  if (bytes === null) return null;
  const { location } = parseStrictJsonObject(bytes, { subject: 'an unfinished upload' });
  const response = await sendPatiently({ method: 'GET', url: client.urlOf(typeof location === 'string' ? location : '') }, (request) => client.request({ ...request, repository: upload.repository, push: true }));
  response.stream.resume();
  const offset = response.status === 204 || response.status === 202 ? endOf(response.headers.range) : null;
  if (offset === null || upload.content instanceof Uint8Array || offset > upload.content.sizeBytes) return null;
  return { location: locationOf(client, response), offset: offset === 1 ? 0 : offset };
}

async function rememberSession(upload: BlobUpload, uploader: Uploader, { location }: Session): Promise<void> {
  await writeFileAtomic(sessionFile(upload, uploader), JSON.stringify({ location: location.href }), { mode: 0o600 });
}

function sessionFile({ repository, digest }: BlobUpload, { client, stateFolder }: Uploader): string {
  return join(stateFolder, 'uploads', `${sha256Hex(`${client.base.host}\n${repository}\n${digest}`).slice(0, 32)}.json`);
}
