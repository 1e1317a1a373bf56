import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { omsRoot } from '../../src/domain/digest/root.ts';
import { claimsWorld, refusals } from '../flows/claims-world.ts';

/** Rule 9: names stay inside; what a signature leaves out is no licence to look elsewhere. */
test('rule 9: a signer cannot make the verifier read outside the artifact', async (t) => {
  const world = await claimsWorld(t);
  const mallory = await world.person('mallory');
  const root = await world.tree('m', { 'w.bin': 'w' });
  await world.tree('.', { secret: 'secret' });
  for (const name of ['../secret', 'sub/../../secret', '/etc/hostname']) {
    const digest = sha256Hex('secret');
    const predicate = { serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: true, ignore_paths: [] }, resources: [{ name, algorithm: 'sha256', digest }] };
    await writeFile(join(root, 'model.sig'), await mallory.signer.sign(buildStatement([{ name: 'm', digest: { sha256: omsRoot([digest]) } }], PREDICATES.integrity, predicate)));
    const outcome = await world.verify(root, [mallory.trust], { ignoreUnsignedFiles: true });
    assert.deepEqual(refusals(outcome), ['name-unsafe model.sig'], name);
  }
});

test('rule 9: a sidecar inside a folder of the artifact is an unsigned file like any other', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w', 'sub/a.bin': 'a' });
  await world.seal(root, anna);
  await writeFile(join(root, 'sub', 'model.sig'), await readFile(join(root, 'model.sig')));
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), ['file-unsigned sub/model.sig']);
});
