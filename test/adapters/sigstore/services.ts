import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** A loopback server that answers as told and remembers what it was asked. */
export interface FakeServer {
  readonly url: string;
  readonly requests: readonly {
    readonly path: string;
    readonly headers: IncomingMessage['headers'];
    readonly body: Buffer;
  }[];
  close(): void;
}

export type Answer = (
  request: { path: string; body: Buffer; headers: IncomingMessage['headers'] },
  response: ServerResponse,
) => void;

export async function serve(answer: Answer): Promise<FakeServer> {
  const requests: { path: string; headers: IncomingMessage['headers']; body: Buffer }[] = [];
  const server = createServer(
    (request, response) => void collect(request, requests).then((asked) => answer(asked, response)),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${portOf(server)}`, requests, close: () => server.close() };
}

async function collect(
  request: IncomingMessage,
  requests: { path: string; headers: IncomingMessage['headers']; body: Buffer }[],
): Promise<(typeof requests)[number]> {
  const asked = {
    path: request.url ?? '',
    headers: request.headers,
    body: Buffer.concat((await request.toArray()) as Buffer[]),
  };
  requests.push(asked);
  return asked;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
