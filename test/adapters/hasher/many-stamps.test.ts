import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import type { HashJob } from '../../../src/domain/ports/hasher.ts';
import { hashTree } from '../../../src/flows/content/hash-tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-many-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const COUNT = 1200;
for (let at = 0; at < COUNT; at += 1) writeFileSync(join(folder, String(at)), `text ${at}`);

for (const options of [{}, { kernel: 'wasm' as const }]) {
  test(`so many files that their stamps are columns are held to them by ${JSON.stringify(options)}`, async () => {
    const hasher = await createHasher(options);
    const { entries } = await createFiles({ native: true }).walk(folder);
    const jobs: readonly HashJob[] = entries.map(({ location, sizeBytes, stamp }) => ({ location, sizeBytes, stamp }));
    const results = await hasher.hash(jobs, { algorithms: ['sha256'] });
    assert.equal(results.length, COUNT);
    assert.equal(results[7]?.digests.sha256, sha256Hex(`text ${entries[7]?.path}`));
    writeFileSync(entries[7]?.location ?? '', 'TEXT 7');
    const failed: number[] = [];
    await hasher.hash(jobs, { algorithms: ['sha256', 'blake3'], onFailure: (index) => void failed.push(index) });
    assert.deepEqual(failed, [7]);
    writeFileSync(entries[7]?.location ?? '', `text ${entries[7]?.path}`);
  });
}

test('of very many files some are asked for at a time, in order, and all are answered', async () => {
  const hasher = await createHasher();
  const asked: number[] = [];
  const counted = {
    ...hasher,
    hash: async (jobs: readonly HashJob[]) => {
      asked.push(jobs.length);
      return jobs.map(({ sizeBytes = 0, location }) => ({ sizeBytes, digests: { sha256: location } }));
    },
  };
  for (const count of [16_384, 40_000]) {
    const stamp = { dev: 0n, ino: 0n, sizeBytes: 0n, mtimeNs: 0n, ctimeNs: 0n };
    const entries = Array.from({ length: count }, (_, at) => ({
      path: `${at}`,
      location: `/${at}`,
      sizeBytes: 0,
      stamp,
    }));
    const ports = {
      files: createFiles(),
      hasher: async () => counted,
      progress: { start: () => ({ advance() {}, end() {} }) },
    };
    const all = await hashTree(entries, { label: 'hashing', algorithms: ['sha256'] }, ports);
    assert.ok(all.every(({ entry, digests }, at) => entry === entries[at] && digests.sha256 === entry.location));
    assert.equal(all.length, count);
  }
  assert.deepEqual(asked, [16_384, 16_384, 16_384, 7232]);
});
