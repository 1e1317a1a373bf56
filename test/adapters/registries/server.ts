import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** What happens to a request before it is served; true if it was answered. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

export interface TestRegistry {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly requests: { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers'] }[];
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, { bytes: Buffer; type: string }>;
  /** Unfinished uploads: what came so far, by session. */
  readonly uploads: Map<string, Buffer>;
  fault: Fault;
  /** Whether it has the referrers API. */
  referrers: boolean;
  /** Whether it answers with `OCI-Subject`. */
  notesSubjects: boolean;
  /** A status to refuse a manifest by, once its body came; one below 400 is for a manifest that is taken. */
  refuses: (manifest: Buffer) => number | null;
}

/** An OCI registry of the tests' own, as small as the specification allows, that can be made to misbehave. */
export async function startRegistry(t: Pick<TestContext, 'after'>): Promise<TestRegistry> {
  const state: Omit<TestRegistry, 'host'> = {
    requests: [],
    blobs: new Map(),
    manifests: new Map(),
    uploads: new Map(),
    fault: () => false,
    referrers: false,
    notesSubjects: false,
    refuses: () => null,
  };
  const server = createServer((request, response) => {
    state.requests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    if (state.fault(request, response)) return;
    serve({ request, response, state: self }).catch(() => response.destroy());
  });
  const host = await listen(server, t);
  const self: TestRegistry = Object.assign(state, { host });
  return self;
}

export async function listen(server: Server, t: Pick<TestContext, 'after'>): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly state: TestRegistry;
}

async function serve(exchange: Exchange): Promise<void> {
  const { request, response } = exchange;
  const url = new URL(request.url ?? '/', 'http://x');
  const [, name = '', kind = '', rest = ''] =
    /^\/v2\/(.+?)\/(blobs\/uploads|blobs|manifests|tags|referrers)\/?(.*)$/.exec(url.pathname) ?? [];
  const body = await bodyOf(request);
  if (url.pathname === '/v2/') end(response, 200);
  else if (kind === 'blobs/uploads') upload(exchange, { name, session: rest, body, url });
  else if (kind === 'blobs') blob(exchange, rest);
  else if (kind === 'manifests') manifest(exchange, { name, reference: rest, body });
  else if (kind === 'tags') tags(exchange, name);
  else if (kind === 'referrers' && exchange.state.referrers) referrers(exchange, { name, subject: rest });
  else end(response, 404);
}

function upload(
  { request, response, state }: Exchange,
  { name, session, body, url }: { name: string; session: string; body: Buffer; url: URL },
): void {
  const { uploads } = state;
  const at = session === '' ? randomUUID() : session;
  const location = `/v2/${name}/blobs/uploads/${at}`;
  const known = uploads.get(at) ?? Buffer.alloc(0);
  if (request.method === 'POST') {
    uploads.set(at, Buffer.alloc(0));
    return end(response, 202, { location });
  }
  if (request.method === 'GET')
    return uploads.has(at)
      ? end(response, 204, { location, range: `0-${Math.max(0, known.length - 1)}` })
      : end(response, 404);
  if (!uploads.has(at)) return end(response, 404);
  if (request.method === 'PATCH') {
    if (!(request.headers['content-range'] ?? '').startsWith(`${known.length}-`)) return end(response, 416);
    uploads.set(at, Buffer.concat([known, body]));
    return end(response, 202, { location, range: `0-${known.length + body.length - 1}` });
  }
  const whole = Buffer.concat([known, body]);
  const digest = digestOf(whole);
  if (digest !== url.searchParams.get('digest')) return end(response, 400);
  state.blobs.set(digest, whole);
  uploads.delete(at);
  end(response, 201, { location: `/v2/${name}/blobs/${digest}` });
}

function blob({ request, response, state }: Exchange, digest: string): void {
  const found = state.blobs.get(digest);
  if (found === undefined) return end(response, 404);
  const part = rangeOf(request, found.length);
  response.writeHead(part.status, part.headers);
  response.end(request.method === 'HEAD' ? undefined : found.subarray(part.start, part.end));
}

/** What an honest server answers to a request for a blob, whole or in part. */
export function rangeOf(
  request: IncomingMessage,
  size: number,
): { status: 200 | 206; start: number; end: number; headers: Record<string, string | number> } {
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  const end = to === undefined || to === '' ? size : Number(to) + 1;
  if (from === undefined) return { status: 200, start, end, headers: { 'content-length': size } };
  return {
    status: 206,
    start,
    end,
    headers: { 'content-length': end - start, 'content-range': `bytes ${start}-${end - 1}/${size}` },
  };
}

function manifest(
  { request, response, state }: Exchange,
  { name, reference, body }: { name: string; reference: string; body: Buffer },
): void {
  if (request.method === 'PUT') {
    const status = state.refuses(body);
    if (status !== null && status >= 400) return end(response, status);
    const kept = { bytes: body, type: request.headers['content-type'] ?? '' };
    for (const key of [reference, digestOf(body)]) state.manifests.set(`${name} ${key}`, kept);
    const noted = state.notesSubjects && body.includes('"subject"');
    return end(response, status ?? 201, noted ? { 'oci-subject': 'noted' } : {});
  }
  if (request.method === 'DELETE') return end(response, state.manifests.delete(`${name} ${reference}`) ? 202 : 404);
  const found = state.manifests.get(`${name} ${reference}`);
  if (found === undefined) return end(response, 404);
  response.writeHead(200, { 'content-type': found.type, 'content-length': found.bytes.length });
  response.end(request.method === 'HEAD' ? undefined : found.bytes);
}

function tags({ response, state }: Exchange, name: string): void {
  const found = [...state.manifests.keys()]
    .filter((key) => key.startsWith(`${name} `) && !key.includes('sha256:'))
    .map((key) => key.slice(name.length + 1));
  json(response, { name, tags: found.toSorted() });
}

function referrers({ response, state }: Exchange, { name, subject }: { name: string; subject: string }): void {
  const all = [...state.manifests].filter(([key]) => key.startsWith(`${name} sha256:`)).map(([, kept]) => kept);
  const manifests = all.flatMap(({ bytes, type }) => {
    const parsed = JSON.parse(bytes.toString()) as { subject?: { digest: string }; artifactType?: string };
    return parsed.subject?.digest === subject
      ? [{ mediaType: type, digest: digestOf(bytes), size: bytes.length, artifactType: parsed.artifactType }]
      : [];
  });
  json(response, { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests });
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

export function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers);
  response.end();
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
