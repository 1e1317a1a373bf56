import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { weighBytes, type weighFolder } from './weigh.ts';

type Weighed = Awaited<ReturnType<typeof weighFolder>>;
const SPARSE = readFileSync(fileURLToPath(new URL('../../../fixtures/weights/unwritten/sparse.h5', import.meta.url)));
/** A fill value message of version 2: its head, then when space is taken, when values are written, and that there is one. */
const MESSAGE = Buffer.from('050010000100000002030201040000000000e040', 'hex');

/** The four by four numbers that a library reads of it: ones where something was written, `fill` elsewhere. */
async function rootsOf(fill: number): Promise<string | undefined> {
  const values = Float32Array.from({ length: 16 }, (_, at) => (at < 8 && at % 4 < 2 ? 1 : fill));
  const header = Buffer.from('{"w":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}'.padEnd(64));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const bytes = Buffer.concat([length, header, Buffer.from(values.buffer)]);
  return (await weighBytes({ 'w.safetensors': bytes })).get('w.safetensors')?.identity?.names;
}

async function changed(change: (bytes: Buffer, at: number) => void): Promise<ReturnType<Weighed['get']>> {
  const bytes = Buffer.from(SPARSE);
  const at = bytes.indexOf(MESSAGE);
  assert.ok(at > 0);
  change(bytes, at);
  return (await weighBytes({ 'w.h5': bytes })).get('w.h5');
}

test('HDF5 chunks that were not written are the fill value, the old message for it too', async () => {
  const expected = await rootsOf(7);
  assert.ok(expected !== undefined);
  assert.equal((await changed(() => undefined))?.identity?.names, expected);
  assert.equal((await changed((bytes, at) => bytes.writeUInt16LE(0, at)))?.identity?.names, expected);
});

test('HDF5 chunks whose fill value is never written, or stands elsewhere, are undecided', async () => {
  const never = await changed((bytes, at) => void bytes.writeUInt8(1, at + 10));
  assert.equal(never?.identity, null);
  assert.match(never.undecided[0]?.why ?? '', /nobody says what it would hold/);
  const shared = await changed((bytes, at) => void bytes.writeUInt8(3, at + 4));
  assert.equal(shared?.identity, null);
  assert.match(shared.undecided[0]?.why ?? '', /lie elsewhere/);
});
