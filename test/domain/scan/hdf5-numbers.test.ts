import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Source } from '../../../src/domain/base/source.ts';
import { scanFile } from '../../../src/domain/scan/index.ts';
import { scan } from './build.ts';

const u16 = (value: number): Buffer => Buffer.from([value & 255, value >> 8]);
const u32 = (value: number): Buffer => Buffer.concat([u16(value & 0xffff), u16(value >>> 16)]);
const u64 = (value: number): Buffer => Buffer.concat([u32(value), u32(0)]);
const UNDEFINED = Buffer.alloc(8, 255);

/** Version 2 of the superblock, with its root group's header. @see HDF5 file format specification, II.A, IV.A */
function superblock(root: number, end: number): Buffer {
  const signature = Buffer.from('894844460d0a1a0a', 'hex');
  return Buffer.concat([signature, Buffer.from([2, 8, 8, 0]), u64(0), UNDEFINED, u64(end), u64(root), u32(0)]);
}

function header(...messages: readonly (readonly [type: number, data: Buffer])[]): Buffer {
  const body = Buffer.concat(
    messages.map(([type, data]) => Buffer.concat([Buffer.from([type]), u16(data.length), Buffer.from([0]), data])),
  );
  return Buffer.concat([Buffer.from('OHDR'), Buffer.from([2, 2]), u32(body.length), body, u32(0)]);
}

const link = (name: string, address: number): [number, Buffer] => [
  0x06,
  Buffer.concat([Buffer.from([1, 0, name.length]), Buffer.from(name), u64(address)]),
];

/** A text; its type may be said to be a committed one, which lies elsewhere and is not read. */
function attribute(name: string, text: string, { shared = false } = {}): [number, Buffer] {
  const type = Buffer.concat([Buffer.from([0x13, 0, 0, 0]), u32(text.length)]);
  const space = Buffer.from([2, 0, 0, 0]);
  const sizes = Buffer.concat([u16(name.length + 1), u16(type.length), u16(space.length)]);
  const start = Buffer.concat([Buffer.from([3, shared ? 1 : 0]), sizes, Buffer.from([0])]);
  return [0x0c, Buffer.concat([start, Buffer.from(`${name}\0`), type, space, Buffer.from(text)])];
}

function floats(address: number, count: number): Buffer {
  const type = Buffer.concat([
    Buffer.from([0x11, 0x20, 31, 0]),
    u32(4),
    u16(0),
    u16(32),
    Buffer.from([23, 8, 0, 23]),
    u32(127),
  ]);
  const layout = Buffer.concat([Buffer.from([3, 1]), u64(address), u64(count * 4)]);
  return header([0x01, Buffer.concat([Buffer.from([2, 1, 0, 1]), u64(count)])], [0x03, type], [0x08, layout]);
}

/** The same in chunks, one after the other, without a B-tree (an implicit index). */
function chunks(address: number, { count, chunk }: { count: number; chunk: number }): Buffer {
  const layout = Buffer.concat([Buffer.from([4, 2, 0, 2, 4]), u32(chunk), u32(4), Buffer.from([2]), u64(address)]);
  const type = Buffer.concat([
    Buffer.from([0x11, 0x20, 31, 0]),
    u32(4),
    u16(0),
    u16(32),
    Buffer.from([23, 8, 0, 23]),
    u32(127),
  ]);
  return header([0x01, Buffer.concat([Buffer.from([2, 1, 0, 1]), u64(count)])], [0x03, type], [0x08, layout]);
}

/** Pieces at their places, zeros between, and how many bytes were read. */
function sparse(size: number, pieces: Readonly<Record<number, Buffer>>): { source: Source; readBytes: () => number } {
  let bytesRead = 0;
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
    bytesRead += bytes.length;
    for (const [at, piece] of Object.entries(pieces)) {
      const from = Number(at) - offset;
      if (from < bytes.length && from + piece.length > 0)
        bytes.set(piece.subarray(Math.max(0, -from), bytes.length - from), Math.max(0, from));
    }
    return bytes;
  };
  return { source: { size, read }, readBytes: () => bytesRead };
}

const LAMBDA = JSON.stringify({ class_name: 'Functional', config: { layers: [{ class_name: 'Lambda', config: {} }] } });
const MIB = 1 << 20;
const SIZE = 256 * MIB;
const rulesOf = async (source: Source): Promise<readonly string[]> =>
  (await scanFile({ path: 'model.h5', source })).findings.map(({ rule }) => rule);

test('elements of large arrays of numbers are not searched for text, what lies around them is', async () => {
  const { source, readBytes } = sparse(SIZE, {
    0: superblock(64, SIZE),
    64: header(link('kernel', 2048), link('bias', 4096), attribute('model_config', LAMBDA)),
    2048: floats(8192, 32 * MIB),
    4096: floats(8192 + 128 * MIB, (SIZE - 128 * MIB - 8192) / 4 - 1024),
  });
  assert.ok((await rulesOf(source)).includes('WM-KERAS-001'));
  assert.ok(readBytes() < 4 * MIB, `${readBytes()} bytes read of ${SIZE}`);
});

test('a structure that lies among the elements is found', async () => {
  const { source } = sparse(SIZE, {
    0: superblock(100 * MIB, SIZE),
    2048: floats(8192, 50 * MIB),
    [100 * MIB]: header(link('kernel', 2048), attribute('model_config', LAMBDA)),
  });
  assert.ok((await rulesOf(source)).includes('WM-KERAS-001'));
});

test('where attributes are passed over, or the structure is not followed to its end, everything is searched', async () => {
  const place = { [100 * MIB]: Buffer.from(LAMBDA) };
  for (const [root, data] of [
    [header(link('kernel', 2048), attribute('model_config', 'somewhere', { shared: true })), floats(8192, 50 * MIB)],
    [header(link('kernel', 2048), link('broken', SIZE + 8)), floats(8192, 50 * MIB)],
    [header(link('kernel', 2048)), floats(8192, SIZE)],
  ] as const) {
    const { source } = sparse(SIZE, { 0: superblock(64, SIZE), 64: root, 2048: data, ...place });
    assert.ok((await rulesOf(source)).includes('WM-KERAS-001'));
  }
});

test('what is only a number stays one', async () => {
  const { source } = sparse(SIZE, {
    0: superblock(64, SIZE),
    64: header(link('kernel', 2048)),
    2048: floats(8192, 50 * MIB),
    [100 * MIB]: Buffer.from(LAMBDA),
  });
  assert.deepEqual(await rulesOf(source), []);
});

test('chunks of arrays of numbers are not searched either, unless a structure lies among them or they lead out of the file', async () => {
  const numbers = chunks(8192, { count: 32 * MIB, chunk: MIB });
  const honest = sparse(SIZE, {
    0: superblock(64, SIZE),
    64: header(link('kernel', 2048), link('bias', 4096), attribute('model_config', LAMBDA)),
    2048: numbers,
    4096: chunks(8192 + 128 * MIB, { count: 31 * MIB, chunk: MIB }),
  });
  assert.ok((await rulesOf(honest.source)).includes('WM-KERAS-001'));
  assert.ok(honest.readBytes() < 8 * MIB, `${honest.readBytes()} bytes read of ${SIZE}`);
  const among = sparse(SIZE, {
    0: superblock(100 * MIB, SIZE),
    2048: numbers,
    [100 * MIB]: header(link('kernel', 2048), attribute('model_config', LAMBDA)),
  });
  assert.ok((await rulesOf(among.source)).includes('WM-KERAS-001'));
  const outside = sparse(SIZE, {
    0: superblock(64, SIZE),
    64: header(link('kernel', 2048)),
    2048: chunks(8192, { count: 100 * MIB, chunk: MIB }),
    [100 * MIB]: Buffer.from(LAMBDA),
  });
  await rulesOf(outside.source);
  assert.ok(outside.readBytes() >= SIZE - 8192, `${outside.readBytes()} bytes read of ${SIZE}`);
});

test('a user block that nobody wrote to is honest; one with bytes in it is said', async () => {
  const file = readFileSync(new URL('../../../fixtures/formats/user-block.h5', import.meta.url));
  const told = async (content: Buffer) =>
    (await scan('a.h5', content)).findings.map(({ rule, severity }) => `${severity} ${rule}`);
  const end = file.indexOf(Buffer.from('894844460d0a1a0a', 'hex'));
  assert.ok(end >= 512);
  const empty = Buffer.from(file).fill(0, 0, end);
  assert.deepEqual(await told(empty), []);
  const written = Buffer.from(empty);
  written[end - 1] = 1;
  assert.deepEqual(await told(written), ['medium WM-FILE-006']);
});
