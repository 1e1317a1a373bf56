import { createServer, connect, type AddressInfo, type Server } from 'node:net';

/** Passes bytes on to a server on loopback, counts them, and breaks connections. */
export interface CuttingProxy {
  /** `127.0.0.1:port` */
  readonly host: string;
  readonly sent: { up: number; down: number };
  /** Bytes a connection may carry one way before it is broken; connections are broken as long as `cuts` lasts. */
  limit: { up: number; down: number; cuts: number };
  onBytes: () => void;
  close(): void;
}

export async function startProxy(port: number): Promise<CuttingProxy> {
  const open = new Set<() => void>();
  const server: Server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    const breakBoth = () => [client, upstream].forEach((each) => each.destroy());
    open.add(breakBoth);
    const carried = { up: 0, down: 0 };
    const count = (way: 'up' | 'down', bytes: number) => {
      carried[way] += bytes;
      proxy.sent[way] += bytes;
      proxy.onBytes();
      if (carried[way] <= proxy.limit[way] || proxy.limit.cuts === 0) return;
      proxy.limit.cuts -= 1;
      breakBoth();
    };
    client.on('data', (bytes: Buffer) => count('up', bytes.length));
    upstream.on('data', (bytes: Buffer) => count('down', bytes.length));
    client.pipe(upstream).pipe(client);
    for (const each of [client, upstream])
      each.on('error', breakBoth).on('close', () => (breakBoth(), open.delete(breakBoth)));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const proxy: CuttingProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: { up: 0, down: 0 },
    limit: { up: Infinity, down: Infinity, cuts: 0 },
    onBytes: () => undefined,
    close: () => {
      open.forEach((each) => each());
      server.close();
    },
  };
  return proxy;
}
