import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGNED_AT } from '../adapters/sigstore/instance.ts';
import { assertLibraryAccepts, assertRefused, instance, verifierFor } from './support.ts';

/** Thresholds count authorities, never entries (GHSA-9vcr-pxv2-pr9x, CVE-2026-49834). */

const later = (seconds: number): Date => new Date(SIGNED_AT.getTime() + seconds * 1000);

test('sigstore table row 14: two tokens of one timestamp authority are one authority', async () => {
  const bundle = instance.bundle({
    timestamps: [
      { by: 0, at: SIGNED_AT },
      { by: 0, at: later(2) },
    ],
  });
  assertLibraryAccepts(bundle, { timestampThreshold: 2 });
  await assertRefused(bundle, { options: { timeAuthorities: 2 }, reason: /1 authorities on time .* 2 must/ });
});

test('two authorities on time are two', async () => {
  const bundle = instance.bundle({
    timestamps: [
      { by: 0, at: SIGNED_AT },
      { by: 1, at: later(2) },
    ],
  });
  const { times } = await verifierFor().prove(bundle, { timeAuthorities: 2 });
  assert.deepEqual(
    times.map(({ authority }) => authority),
    ['https://tsa-a.example', 'https://tsa-b.example'],
  );
});

test('sigstore table row 13: entries of one log are one log, of two logs two', async () => {
  await assertRefused(instance.bundle({ entries: [0, 0] }), { reason: /duplicate/ });
  await assertRefused(instance.bundle({ entries: [0] }), { options: { logs: 2 }, reason: /log/ });
  assert.equal((await verifierFor().prove(instance.bundle({ entries: [0, 1] }), { logs: 2 })).logEntries.length, 2);
});

test('dsse-tsa: without a log entry only where the caller asks for none', async () => {
  const bundle = instance.bundle({ entries: [] });
  await assertRefused(bundle, { reason: /transparency log/ });
  assert.deepEqual((await verifierFor().prove(bundle, { logs: 0 })).logEntries, []);
});
