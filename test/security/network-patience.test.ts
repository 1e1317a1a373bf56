import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { request } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { tunnelAgent } from '../../src/adapters/network/tunnel.ts';
import type { WeighmarkError } from '../../src/domain/base/errors.ts';
import { bodyOf, send, waitOf } from '../../src/adapters/registries/oci/http.ts';
import { drain } from '../../src/adapters/registries/oci/tap.ts';
import { createPatience } from '../../src/adapters/registries/oci/patience.ts';
import { listen } from '../adapters/registries/server.ts';

/** A tenth of a second instead of half a minute: what is counted is bytes a window. */
const FLOOR = { bytes: 3000, windowMs: 100 };

async function serverThat(t: TestContext, answer: (response: ServerResponse) => void): Promise<URL> {
  return new URL(
    `http://${await listen(
      createServer((_, response) => answer(response)),
      t,
    )}/`,
  );
}

/** One byte after the other, for ever. */
function trickle(response: ServerResponse, headers: Record<string, string> = {}): void {
  response.writeHead(200, headers);
  const timer = setInterval(() => response.write('x'), 5);
  response.once('close', () => clearInterval(timer));
}

const SLOW = { code: 'network', message: /is too slow: fewer than 30000 bytes a second/ };

describe('a floor on bytes a second', () => {
  test('a body that trickles is given up, read as a whole or drained', async (t) => {
    const url = await serverThat(t, (response) => trickle(response));
    await assert.rejects(bodyOf(await send({ method: 'GET', url, floor: FLOOR })), SLOW);
    const long = await serverThat(t, (response) => trickle(response, { 'content-length': '1000000' }));
    const response = await send({ method: 'GET', url: long, floor: FLOOR, large: true });
    assert.ok((await drain(response.stream, 1_000_000, (_, release) => release())) < 1_000_000);
    assert.throws(() => response.requireSpeed(), SLOW);
  });

  test('and so is an answer whose head never ends', async (t) => {
    const url = await serverThat(t, ({ socket }) => {
      socket?.write('HTTP/1.1 200 OK\r\nx: ');
      const timer = setInterval(() => socket?.write('x'), 5);
      socket?.once('close', () => clearInterval(timer));
    });
    await assert.rejects(send({ method: 'GET', url, floor: FLOOR }), SLOW);
  });

  test('nor is a proxy waited for that answers a byte now and then', async (t) => {
    const proxy = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\nx: ');
      const timer = setInterval(() => socket.write('x'), 5);
      socket.once('close', () => clearInterval(timer));
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    t.after(() => proxy.close());
    const { port } = proxy.address() as AddressInfo;
    const agent = tunnelAgent(new URL(`http://127.0.0.1:${port}`), 100);
    const outgoing = request({ host: 'registry.example', agent });
    const [cause] = (await once(outgoing.end(), 'error')) as [WeighmarkError];
    assert.equal(cause.code, 'network');
    assert.match(cause.message, /the proxy 127\.0\.0\.1:\d+ cannot be reached: it did not answer within 0\.1 s/);
  });

  test('a server that thinks for long and then answers is none', async (t) => {
    const url = await serverThat(t, (response) => void setTimeout(() => response.end('done'), 500));
    assert.equal(Buffer.from(await bodyOf(await send({ method: 'GET', url, floor: FLOOR }))).toString(), 'done');
  });

  test('nor is one whose bytes wait for their reader here', async (t) => {
    const body = Buffer.alloc(4 << 20, 'x');
    const url = await serverThat(t, (response) => response.end(body));
    const response = await send({ method: 'GET', url, floor: FLOOR });
    let size = 0;
    for await (const chunk of response.stream as AsyncIterable<Uint8Array>) {
      if (size === 0) await new Promise((resolve) => setTimeout(resolve, 500));
      size += chunk.length;
    }
    response.requireSpeed();
    assert.equal(size, body.length);
  });
});

describe('one patience for a whole command', () => {
  function waiting(totalMs = 100_000) {
    let [time, slept] = [0, 0];
    const patience = createPatience({
      totalMs,
      now: () => time,
      sleep: async (ms) => {
        time += ms;
        slept += ms;
      },
    });
    return { patience, slept: () => slept, pass: (ms: number) => (time += ms) };
  }

  test('a server that asks for days is not waited for at all', async () => {
    const { patience, slept } = waiting();
    await assert.rejects(patience.wait(999_999_000), { code: 'network', message: /asks to come back in 999999 s/ });
    assert.equal(slept(), 0);
  });

  test('only seconds and dates of HTTP say how long; a date that is over, and anything else, is no reason to ask at once', () => {
    const now = Date.parse('2026-11-30T12:00:00Z');
    for (const [asked, ms] of [
      ['7', 7000],
      [' 7 ', 7000],
      ['0', 0],
      ['Mon, 30 Nov 2026 12:00:10 GMT', 10_000],
      ['Monday, 30-Nov-26 12:00:20 GMT', 20_000],
      ['Mon Nov 30 12:00:05 2026 GMT', 5000],
      ['9'.repeat(400), 60_000],
      ['Sun, 30 Nov 2036 12:00:00 GMT', 60_000],
    ] as const)
      assert.equal(waitOf(1, asked, now), ms, asked);
    for (const asked of [
      undefined,
      '',
      '-5',
      '+7',
      '7.5',
      '7, 8',
      '1e9',
      '0x10',
      '2026-12-30',
      'Mon, 30 Nov 2026 11:00:00 GMT',
    ]) {
      const ms = waitOf(1, asked, now);
      assert.ok(ms >= 100 && ms <= 300, `${asked}: ${ms}`);
    }
  });

  test('many small waits add up, whoever asks for them', async () => {
    const { patience, slept } = waiting();
    for (let asked = 0; asked < 5; asked += 1) await patience.wait(20_000);
    await assert.rejects(patience.wait(20_000), { code: 'network', message: /had 100 s of waiting in this run/ });
    assert.equal(slept(), 100_000);
  });

  test('a run of hours earns a tenth of its time; waiting itself earns nothing', async () => {
    const { patience, pass } = waiting(0);
    await assert.rejects(patience.wait(1000), { code: 'network' });
    pass(3_600_000);
    for (let asked = 0; asked < 6; asked += 1) await patience.wait(60_000);
    await assert.rejects(patience.wait(60_000), { code: 'network' });
  });
});
