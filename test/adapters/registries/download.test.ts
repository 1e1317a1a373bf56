import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { initRegistry, openRegistry } from '../../../src/adapters/registries/index.ts';
import type { Registry } from '../../../src/domain/ports/registry.ts';
import { GROUP_BYTES } from '../../../src/domain/digest/outboard.ts';
import { digestOf, rangeOf, startRegistry, type TestRegistry } from './server.ts';

const SIZE = 3_000_000;
/** The last block of the file is no whole group. */
const LAST = Math.floor(SIZE / GROUP_BYTES) * GROUP_BYTES;

interface Setting {
  readonly content: Buffer;
  readonly digest: string;
  readonly target: string;
  readonly folder: string;
  readonly location: string;
  readonly registry: Registry;
  readonly server: TestRegistry;
  readonly outboard: { readonly location: string; readonly blake3: string };
  /** Bytes of blobs that were asked for, by their `Range`; whole blobs as ''. */
  readonly asked: () => readonly string[];
  get(outboard?: { readonly location: string; readonly blake3: string }): Promise<void>;
}

async function setting(t: TestContext): Promise<Setting> {
  const folder = await mkdtemp(join(tmpdir(), 'weighmark-download-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const server = await startRegistry(t);
  const [deps, location] = [{ env: { HOME: folder } }, `oci://${server.host}/acme`];
  await initRegistry(location, {}, deps);
  const registry = await openRegistry(location, deps);
  const content = randomBytes(SIZE);
  const digest = digestOf(content);
  server.blobs.set(digest, content);
  await writeFile(join(folder, 'source'), content);
  const [hashed] = await (
    await createHasher()
  ).hash([{ location: join(folder, 'source') }], { algorithms: ['blake3'], outboardFromBytes: 0 });
  await writeFile(join(folder, 'outboard'), hashed?.outboard ?? new Uint8Array());
  const target = join(folder, 'target');
  return {
    content,
    digest,
    target,
    folder,
    location,
    registry,
    server,
    outboard: { location: join(folder, 'outboard'), blake3: hashed?.digests.blake3 ?? '' },
    asked: () =>
      server.requests
        .filter(({ method, url }) => method === 'GET' && url.endsWith(digest))
        .map(({ headers }) => headers.range ?? ''),
    get: async (outboard) =>
      registry.getFile('enc', digest, {
        location: target,
        sizeBytes: SIZE,
        ...(outboard === undefined ? {} : { outboard }),
      }),
  };
}

/** Serves the blob with some bytes changed, as long as `lies` says so for a request. */
function flip(
  { server, content }: Setting,
  places: readonly number[],
  lies: (request: IncomingMessage) => boolean,
): void {
  const wrong = Buffer.from(content);
  for (const place of places) wrong.writeUInt8(wrong.readUInt8(place) ^ 1, place);
  onBlob(server, (request, response) => {
    if (!lies(request)) return false;
    const { status, headers, start, end } = rangeOf(request, wrong.length);
    response.writeHead(status, headers);
    response.end(wrong.subarray(start, end));
    return true;
  });
}

function onBlob(server: TestRegistry, answer: (request: IncomingMessage, response: ServerResponse) => boolean): void {
  server.fault = (request, response) =>
    request.method === 'GET' && (request.url ?? '').includes('/blobs/sha256') && answer(request, response);
}

/** Half at once, then now and then a little; the last only when it may go. */
function trickle(response: ServerResponse, bytes: Buffer, mayEnd: () => boolean): void {
  let at = SIZE / 2;
  response.write(bytes.subarray(0, at));
  const timer = setInterval(() => {
    const next = Math.min(SIZE - 1, at + 300_000);
    response.write(bytes.subarray(at, next));
    at = next;
    if (!mayEnd()) return;
    clearInterval(timer);
    response.end(bytes.subarray(at));
  }, 500);
}

const isWhole = (request: IncomingMessage) => request.headers.range === undefined;
const span = (start: number, end = start + GROUP_BYTES) => `bytes=${start}-${end - 1}`;

describe('a download with an outboard', () => {
  test('fetches a wrong block again, and nothing else', async (t) => {
    const world = await setting(t);
    const block = 100 * GROUP_BYTES;
    flip(world, [block + 5], isWhole);
    await world.get(world.outboard);
    assert.ok((await readFile(world.target)).equals(world.content));
    assert.deepEqual(world.asked(), ['', span(block)]);
  });

  test('finds a wrong block while the rest is still to come', async (t) => {
    const world = await setting(t);
    const wrong = Buffer.from(world.content);
    wrong.writeUInt8(wrong.readUInt8(0) ^ 1, 0);
    let mended = false;
    onBlob(world.server, (request, response) => {
      const { status, headers, start, end } = rangeOf(request, SIZE);
      response.writeHead(status, headers);
      if (status === 206) mended = true;
      if (status === 206) response.end(world.content.subarray(start, end));
      else trickle(response, wrong, () => mended);
      return true;
    });
    await world.get(world.outboard);
    assert.ok((await readFile(world.target)).equals(world.content));
    assert.deepEqual(world.asked(), ['', span(0)]);
  });

  test('fetches neighbouring wrong blocks in one request, the short last one too', async (t) => {
    const world = await setting(t);
    flip(world, [0, 3 * GROUP_BYTES, 5 * GROUP_BYTES - 1, SIZE - 1], isWhole);
    await world.get(world.outboard);
    assert.ok((await readFile(world.target)).equals(world.content));
    assert.deepEqual(world.asked(), ['', span(0), span(3 * GROUP_BYTES, 5 * GROUP_BYTES), span(LAST, SIZE)]);
  });

  test('gives a block up that is always wrong, and names it; what stands before it is kept for the next', async (t) => {
    const world = await setting(t);
    const block = 100 * GROUP_BYTES;
    flip(world, [block], () => true);
    await assert.rejects(world.get(world.outboard), {
      code: 'digest-mismatch',
      message: new RegExp(`wrong bytes ${block} to ${block + GROUP_BYTES}`),
    });
    assert.deepEqual(world.asked(), ['', span(block), span(block), span(block)]);
    assert.ok((await readFile(world.target)).equals(world.content.subarray(0, block)));
    world.server.fault = () => false;
    await world.get(world.outboard);
    assert.ok((await readFile(world.target)).equals(world.content));
    assert.equal(world.asked().at(-1), span(block, SIZE));
  });

  test('finds the wrong block in what an earlier run left', async (t) => {
    const world = await setting(t);
    const left = Buffer.from(world.content.subarray(0, 2_000_000));
    left.writeUInt8(left.readUInt8(GROUP_BYTES) ^ 1, GROUP_BYTES);
    await writeFile(world.target, left);
    await world.get(world.outboard);
    assert.ok((await readFile(world.target)).equals(world.content));
    assert.deepEqual(world.asked().toSorted(), [span(GROUP_BYTES), span(2_000_000, SIZE)].toSorted());
  });

  test('takes the block out of the whole where the server ignores ranges', async (t) => {
    const world = await setting(t);
    const block = 100 * GROUP_BYTES;
    let lies = true;
    flip(world, [block], () => lies);
    const lying = world.server.fault;
    world.server.fault = (request, response) => {
      delete request.headers.range;
      const done = lying(request, response);
      if (done) lies = false;
      return done;
    };
    await world.get(world.outboard);
    assert.ok((await readFile(world.target)).equals(world.content));
  });

  test('does without an outboard that does not lead to its digest, is cut short, or of another length', async (t) => {
    const world = await setting(t);
    const right = await readFile(world.outboard.location);
    const forged = Buffer.from(right);
    forged.writeUInt8(forged.readUInt8(1000) ^ 1, 1000);
    const longer = Buffer.from(right);
    longer.writeUInt8(longer.readUInt8(0) ^ 1, 0);
    for (const outboard of [forged, right.subarray(0, 999), longer, Buffer.alloc(0)]) {
      await rm(world.target, { force: true });
      await writeFile(world.outboard.location, outboard);
      await world.get(world.outboard);
      assert.ok((await readFile(world.target)).equals(world.content));
    }
    flip(world, [7], isWhole);
    await rm(world.target);
    await assert.rejects(world.get(world.outboard), { code: 'digest-mismatch' }, 'SHA-256 alone decides then');
  });
});

describe('a download without an outboard', () => {
  test('of wrong bytes is refused, and nothing is left', async (t) => {
    const world = await setting(t);
    flip(world, [7], () => true);
    await assert.rejects(world.get(), { code: 'digest-mismatch' });
    await assert.rejects(stat(world.target));
  });

  test('that is cut again and again is continued where it stopped', async (t) => {
    const world = await setting(t);
    let cuts = 0;
    onBlob(world.server, (request, response) => {
      if (cuts >= 3) return false;
      cuts += 1;
      const { status, headers, start } = rangeOf(request, SIZE);
      response.writeHead(status, headers);
      response.write(world.content.subarray(start, start + 700_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    });
    await world.get();
    assert.ok((await readFile(world.target)).equals(world.content));
    assert.equal(world.asked().length, 4);
    assert.ok(
      world
        .asked()
        .slice(1)
        .every((range) => /^bytes=[1-9]\d*-2999999$/.test(range)),
      String(world.asked()),
    );
  });

  test('that never brings a byte is given up: undecided', async (t) => {
    const world = await setting(t);
    onBlob(world.server, (request, response) => {
      const { status, headers } = rangeOf(request, SIZE);
      response.writeHead(status, headers);
      response.flushHeaders();
      setTimeout(() => response.destroy(), 5);
      return true;
    });
    await assert.rejects(world.get(), { code: 'network', message: /does not deliver/ });
  });

  test('continues what a killed run left; what was wrong of it is fetched anew', async (t) => {
    const world = await setting(t);
    await writeFile(world.target, world.content.subarray(0, 400_000));
    await world.get();
    assert.deepEqual(world.asked(), [span(400_000, SIZE)]);
    await writeFile(world.target, Buffer.alloc(400_000));
    await world.get();
    assert.deepEqual(world.asked(), [span(400_000, SIZE), span(400_000, SIZE), '']);
    await writeFile(world.target, Buffer.alloc(SIZE + 1));
    await world.get();
    assert.ok((await readFile(world.target)).equals(world.content));
  });

  test('goes on where a server ignores that only the rest was asked for', async (t) => {
    const world = await setting(t);
    await writeFile(world.target, world.content.subarray(0, 400_000));
    onBlob(world.server, (_, response) => {
      response.writeHead(200, { 'content-length': SIZE });
      response.end(world.content);
      return true;
    });
    await world.get();
    assert.ok((await readFile(world.target)).equals(world.content));
  });

  test('to a full disk stops at once: disk-full; with room it goes on where it was', async (t) => {
    const world = await setting(t);
    const large = randomBytes(64 << 20);
    world.server.blobs.set(digestOf(large), large);
    let whole = false;
    onBlob(world.server, (request, response) => {
      if (!(request.url ?? '').endsWith(digestOf(large))) return false;
      const { status, headers, start, end } = rangeOf(request, large.length);
      response.writeHead(status, headers);
      response.end(large.subarray(start, end));
      response.once('close', () => (whole = response.writableFinished));
      return true;
    });
    const words = [
      join(import.meta.dirname, 'get-file.ts'),
      world.location,
      world.folder,
      world.target,
      digestOf(large),
      String(large.length),
    ];
    const child = spawn(
      'bash',
      ['-c', `trap "" XFSZ; ulimit -f 2048; exec '${process.execPath}' ${words.map((word) => `'${word}'`).join(' ')}`],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let said = '';
    child.stderr.on('data', (text: Buffer) => (said += text.toString()));
    assert.notEqual(await new Promise((done) => child.once('close', done)), 0);
    assert.match(said, /disk-full/);
    assert.equal(whole, false, 'the rest was not waited for');
    const { size } = await stat(world.target);
    assert.equal(size, 2 << 20);
    await world.registry.getFile('enc', digestOf(large), { location: world.target, sizeBytes: large.length });
    assert.ok((await readFile(world.target)).equals(large));
    assert.equal(world.server.requests.at(-1)?.headers.range, `bytes=${size}-${large.length - 1}`);
  });

  test('of a body that does not say how long it is', async (t) => {
    const world = await setting(t);
    let extra = 0;
    onBlob(world.server, (_, response) => {
      response.writeHead(200);
      response.write(world.content);
      response.end(Buffer.alloc(extra));
      return true;
    });
    await world.get();
    assert.ok((await readFile(world.target)).equals(world.content));
    await rm(world.target);
    extra = 1;
    await assert.rejects(world.get(), { code: 'digest-mismatch', message: /more than the manifest says/ });
  });

  const lies: Readonly<Record<string, { headers: Record<string, string | number>; code: string; status?: number }>> = {
    'another range': { headers: { 'content-range': `bytes 0-${SIZE - 400_001}/${SIZE}` }, code: 'network' },
    'a blob of another size': {
      headers: { 'content-range': `bytes 400000-${SIZE - 1}/${SIZE + 1}` },
      code: 'digest-mismatch',
    },
    'no range': { headers: {}, code: 'network' },
    'a body shorter than its range': {
      headers: { 'content-range': `bytes 400000-${SIZE - 1}/${SIZE}`, 'content-length': 10 },
      code: 'network',
    },
    'a whole that is shorter': { status: 200, headers: { 'content-length': SIZE - 1 }, code: 'digest-mismatch' },
    'a whole that is longer': { status: 200, headers: { 'content-length': SIZE + 1 }, code: 'digest-mismatch' },
  };
  for (const [what, { headers, code, status = 206 }] of Object.entries(lies)) {
    test(`is refused when the answer is said to be ${what}`, async (t) => {
      const world = await setting(t);
      await writeFile(world.target, world.content.subarray(0, 400_000));
      onBlob(world.server, (_, response) => {
        response.writeHead(status, headers);
        response.end(world.content.subarray(0, Number(headers['content-length'] ?? 1000)));
        return true;
      });
      await assert.rejects(world.get(), { code });
    });
  }
});
