import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { buildOms } from '../../../src/domain/claims/oms.ts';
import type { WeighmarkError } from '../../../src/domain/base/errors.ts';
import { LIMITS } from '../../../src/domain/base/limits.ts';
import { digestListBytes } from '../../../src/domain/digest/list.ts';
import { requireReadable } from '../../../src/flows/sign/within-limits.ts';

function* paths(count: number, length: number): Generator<string> {
  const path = 'x'.repeat(length);
  for (let at = 0; at < count; at += 1) yield path;
}

test('as many files as a tree may have can be signed, and too much is refused before anything is read', () => {
  requireReadable({ paths: paths(1_500_000, 40), digestLength: 64 });
  requireReadable({ paths: paths(LIMITS.filesPerTree, 40), digestLength: 64 });
  assert.throws(() => requireReadable({ paths: paths(LIMITS.filesPerTree, 200), digestLength: 64 }), {
    code: 'limit-exceeded',
    hint: /tar shards/,
  });
});

test('who is refused is told how much memory it takes', () => {
  assert.throws(
    () => requireReadable({ paths: paths(LIMITS.filesPerTree, 200), digestLength: 64 }),
    ({ facts }: WeighmarkError) => /^\d{4} MiB, to sign or verify \d+ files$/.test(facts?.['memory'] ?? ''),
  );
});

test('what is reckoned is never less than what is written', () => {
  const files = Array.from({ length: 300 }, (_, at) => ({
    path: `n/é${at}`,
    sizeBytes: 2 ** 52,
    sha256: 'a'.repeat(64),
    blake3: 'b'.repeat(64),
  }));
  const { payload } = buildOms({
    name: 'm',
    resources: files.map(({ path, sha256 }) => ({ path, digest: sha256 })),
    single: false,
    allowSymlinks: false,
    ignorePaths: [],
  });
  const sum = files.reduce((total, { path }) => total + Buffer.byteLength(path), 0);
  assert.ok(payload.length - 1000 < sum + files.length * (46 + 64), `${payload.length}`);
  assert.ok(digestListBytes(files).length - 20 < sum + files.length * 148);
  assert.throws(() => parseBundle(new Uint8Array(0), LIMITS.signatureBytes), { code: 'signature-malformed' });
});
