import assert from 'node:assert/strict';
import { mkdtempSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { roomHere } from '../../../src/adapters/files/machine.ts';
import type { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { requireRoom } from '../../../src/flows/content/room.ts';
import { findSidecars } from '../../../src/flows/content/sidecars.ts';
import { requireReadable } from '../../../src/flows/sign/within-limits.ts';

const MIB = 1 << 20;
const PLENTY = 64 * 1024 * MIB;

function* paths(count: number): Generator<string> {
  for (let at = 0; at < count; at += 1) yield 'train/n01440764_10026.JPEG';
}

test('200,000 files are tried in 256 MB, as they end well there; a million are refused before anything is hashed', () => {
  requireRoom(200_000, { allBytes: 256 * MIB, heapBytes: 256 * MIB });
  requireRoom(1_281_167, { allBytes: 1300 * MIB, heapBytes: 4096 * MIB });
  assert.throws(
    () =>
      requireReadable({
        paths: paths(1_000_000),
        digestLength: 64,
        room: { allBytes: 256 * MIB, heapBytes: 256 * MIB },
      }),
    ({ code, facts }: WeighmarkError) =>
      code === 'memory-short' &&
      facts?.['memory'] === '1073 MiB, to sign or verify 1000000 files' &&
      facts['allowed'] === '256 MiB',
  );
});

test("V8's own limit counts by itself, and the error says how to raise it", () => {
  assert.throws(() => requireRoom(1_000_000, { allBytes: PLENTY, heapBytes: 128 * MIB }), {
    code: 'memory-short',
    hint: /--max-old-space-size/,
  });
});

test('a signature is not read where its files would not fit', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wm-room-'));
  const place = join(folder, 'model.sig');
  writeFileSync(place, '');
  truncateSync(place, 240 * MIB);
  const question = { root: folder, kind: 'directory' } as const;
  const read: string[] = [];
  const files = {
    ...createFiles(),
    room: () => ({ allBytes: 256 * MIB, heapBytes: PLENTY }),
    readIfThere: async (location: string) => {
      read.push(location);
      return Promise.resolve(null);
    },
  };
  await assert.rejects(findSidecars(question, files), { code: 'memory-short' });
  assert.ok(!read.includes(place));
  await findSidecars(question, { ...files, room: () => ({ allBytes: PLENTY, heapBytes: PLENTY }) });
  assert.ok(read.includes(place));
});

test('this machine says what this process may hold', () => {
  const { allBytes, heapBytes } = roomHere();
  assert.ok(allBytes > process.memoryUsage().rss && Number.isFinite(allBytes), `${allBytes}`);
  assert.ok(heapBytes > process.memoryUsage().heapUsed);
});
