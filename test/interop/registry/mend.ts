/**
 * Pulls through a proxy that changes one byte of a large file, once: mend.ts PORT REGISTRY NAME. Counts what the real server is
 * asked for.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request as ask, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createProgress } from '../../../src/adapters/progress.ts';
import { openRegistry } from '../../../src/adapters/registries/index.ts';
import { createStagings } from '../../../src/adapters/staging.ts';
import { pull } from '../../../src/flows/registry/pull.ts';

const [port = '', registry = '', name = ''] = process.argv.slice(2);
const GROUP = 16 << 10;
const FROM_BYTES = 16 << 20;
const asked: string[] = [];

const server = createServer((request, response) => {
  const { url = '/', method = 'GET', headers } = request;
  request.pipe(
    ask({ host: '127.0.0.1', port, path: url, method, headers }, (answer: IncomingMessage) => {
      const isLarge =
        method === 'GET' &&
        url.includes('/blobs/') &&
        (Number(answer.headers['content-length']) >= FROM_BYTES || headers.range !== undefined);
      if (isLarge) asked.push(headers.range ?? '');
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      let first = isLarge && headers.range === undefined;
      answer.on('data', (bytes: Buffer) => {
        if (first) bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
        first = false;
        if (!response.write(bytes)) answer.pause();
      });
      response.on('drain', () => answer.resume());
      answer.on('end', () => response.end());
    }),
  );
});
await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

const folder = mkdtempSync(join(tmpdir(), 'weighmark-mend-'));
try {
  const opened = await openRegistry(registry.replace(/127\.0\.0\.1:\d+/, host), {
    env: { ...process.env, XDG_STATE_HOME: join(folder, 'state') },
  });
  const pulled = await pull(
    { place: { name, reference: '1' }, target: join(folder, 'model') },
    { files: createFiles(), stagings: createStagings(), progress: createProgress(() => process.stderr, false) },
    opened,
  );
  for (const { path, sha256 } of pulled.files)
    assert.equal(
      createHash('sha256')
        .update(readFileSync(join(folder, 'model', path)))
        .digest('hex'),
      sha256,
    );
  assert.deepEqual(asked, ['', `bytes=0-${GROUP - 1}`]);
} finally {
  rmSync(folder, { recursive: true, force: true });
  server.closeAllConnections();
  server.close();
}
