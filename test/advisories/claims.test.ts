import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { claimsWorld, refusals } from '../flows/claims-world.ts';

/** Mistakes that other verifiers of claims made, and that this one must not. */
test('GO-2025-3467 (gh): no claim at all is not a pass', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w' });
  await writeFile(join(root, 'claims.jsonl'), '\n\n');
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 3);
});

test('GHSA-vjxv-45g9-9296 (cosign): a valid claim about something else does not make this one valid', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w' });
  const elsewhere = await anna.signer.sign(
    buildStatement([{ digest: { sha256: sha256Hex('elsewhere') } }], PREDICATES.evaluation, {
      result: 'PASSED',
      configuration: [],
    }),
  );
  await writeFile(join(root, 'claims.jsonl'), elsewhere);
  const outcome = await world.verify(root, [anna.trust]);
  assert.deepEqual([outcome.verdict.exitCode, refusals(outcome)], [1, ['subject-mismatch']]);
});

test('GHSA-w6c6-c85g-mmv6 (cosign): a payload that cannot be parsed is a refusal, not a success', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w' });
  for (const payload of ['', '{}', 'null', '[]', '{"_type":"https://in-toto.io/Statement/v1"}']) {
    await writeFile(join(root, 'model.sig'), await anna.signer.sign(Buffer.from(payload)));
    assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 1, payload);
  }
});

test('CVE-2022-36056 (cosign): a signature by an untrusted key is refused on every path', async (t) => {
  const world = await claimsWorld(t);
  const [anna, mallory] = [await world.person('anna'), await world.person('mallory')];
  const root = await world.tree('m', { 'w.bin': 'w' });
  await world.seal(root, mallory);
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 1);
  assert.equal((await world.verify(root, [anna.trust], { claims: [join(root, 'claims.jsonl')] })).verdict.exitCode, 1);
});
