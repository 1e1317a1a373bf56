import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createRecords } from '../../../src/adapters/records/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-room-'));
const records = createRecords({ env: { XDG_CACHE_HOME: join(folder, 'cache') }, kernel: 'native' });
const skip = records.kernel === 'native' ? false : 'the records addon is not built (npm run build:records)';
const watch = {
  progress: { start: () => ({ advance: () => undefined, end: () => undefined }) },
  signal: new AbortController().signal,
};

async function index(bytes: Uint8Array): Promise<number> {
  writeFileSync(join(folder, 'data'), bytes);
  const { entries } = await createFiles().walk(join(folder, 'data'));
  const reading = { format: 'arrow', profile: 'typed' } as const;
  const { roots } = await records.index({ files: entries, reading, secret: null, keep: false }, watch);
  return roots.records;
}

const fixture = (name: string): Buffer => readFileSync(`fixtures/records/formats/${name}`);

/** Where the footer of an Arrow file says how long a block's body is: behind its offset and the length of its head. */
function bodyLengthAt(bytes: Buffer): number {
  const footer = bytes.length - 10 - bytes.readInt32LE(bytes.length - 10);
  for (let at = footer; at + 24 <= bytes.length - 10; at += 1) {
    const [begin, head, body] = [bytes.readBigInt64LE(at), bytes.readInt32LE(at + 8), bytes.readBigInt64LE(at + 16)];
    const isBlock = begin >= 8n && begin < footer && bytes.readInt32LE(Number(begin)) === -1;
    if (isBlock && head > 8 && body > 0n && Number(begin) + head + Number(body) <= footer) return at + 16;
  }
  throw new Error('no block');
}

test(
  'no room is made for what an Arrow file cannot hold: a block or a message longer than the file',
  { skip },
  async () => {
    const file = fixture('file.arrow');
    assert.ok((await index(file)) > 0);
    file.writeBigInt64LE(BigInt(file.length), bodyLengthAt(file));
    await assert.rejects(index(file), { code: 'records-unsupported', message: /a block longer than the file/ });
    for (const name of ['stream.arrow', 'batches.arrow']) {
      const stream = fixture(name);
      assert.ok((await index(stream)) > 0, name);
      const cut = index(stream.subarray(0, stream.length - 64));
      await assert.rejects(cut, { code: 'records-unsupported', message: /a message longer than the file/ }, name);
    }
  },
);

test('a compressed buffer says how long it will be, and nothing that no compression can do', { skip }, async () => {
  const bytes = fixture('compressed.feather');
  assert.ok((await index(bytes)) > 0);
  const [first] = [
    ...positions(bytes, Buffer.from('28b52ffd', 'hex')),
    ...positions(bytes, Buffer.from('04224d18', 'hex')),
  ];
  assert.ok(first !== undefined, 'a frame of Zstandard or LZ4');
  bytes.writeBigInt64LE(BigInt(bytes.length) << 16n, first - 8);
  await assert.rejects(index(bytes), { code: 'records-unsupported', message: /no compression made so small/ });
});

function positions(bytes: Buffer, magic: Buffer): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) found.push(at);
  return found;
}
