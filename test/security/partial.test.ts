import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { claimsWorld, refusals } from '../flows/claims-world.ts';

/** Rule 10: a partial verification says so, and names no id that a gate could use. */
test('rule 10: looking at some files is partial, whatever they are', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'a.bin': 'a', 'b.bin': 'b', 'sub/c.bin': 'c' });
  await world.seal(root, anna);
  await writeFile(join(root, 'b.bin'), 'changed');
  const part = await world.verify(root, [anna.trust], { only: 'a.*' });
  assert.deepEqual(
    [part.verdict.exitCode, part.verdict.scope, part.verdict.id, part.id, part.claims.length],
    [0, 'partial', undefined, null, 0],
  );
  assert.deepEqual(refusals(await world.verify(root, [anna.trust], { only: '*.bin' })), ['digest-mismatch b.bin']);
  assert.equal((await world.verify(root, [anna.trust], { only: '**' })).verdict.scope, 'partial');
});

test('rule 10: a pattern that matches nothing is a mistake, never a pass', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'a.bin': 'a' });
  await world.sign(root, anna);
  await assert.rejects(world.verify(root, [anna.trust], { only: '*.gguf' }), { code: 'not-found' });
});
