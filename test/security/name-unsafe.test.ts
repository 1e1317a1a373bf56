import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { omsRoot } from '../../src/domain/digest/root.ts';
import { claimsWorld, needVectors, refusals, VECTORS } from '../flows/claims-world.ts';

/** Rule 9: names stay inside; what a signature leaves out is no licence to look elsewhere. */
test('rule 9: a signer cannot make the verifier read outside the artifact', async (t) => {
  const world = await claimsWorld(t);
  const mallory = await world.person('mallory');
  const root = await world.tree('m', { 'w.bin': 'w' });
  await world.tree('.', { secret: 'secret' });
  for (const name of ['../secret', 'sub/../../secret', '/etc/hostname']) {
    const digest = sha256Hex('secret');
    const predicate = {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: true, ignore_paths: [] },
      resources: [{ name, algorithm: 'sha256', digest }],
    };
    await writeFile(
      join(root, 'model.sig'),
      await mallory.signer.sign(
        buildStatement([{ name: 'm', digest: { sha256: omsRoot([digest]) } }], PREDICATES.integrity, predicate),
      ),
    );
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

test('rule 9: under a policy the tree is the signed set, whatever the signature leaves out', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w', 'extra/evil.py': 'import os' });
  await world.sign(root, anna, { ignore: ['extra'] });
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
  assert.deepEqual(refusals(await world.verify(root, [anna.trust], { underPolicy: true })), [
    'file-unsigned extra/evil.py',
  ]);
});

test('rule 9: historic forms are refused under a policy', async (t) => {
  if (!needVectors(t)) return;
  const world = await claimsWorld(t);
  await cp(join(VECTORS, 'oms-history', 'v0.2.0-certificate'), join(world.folder, 'm'), { recursive: true });
  const pem = await readFile(join(VECTORS, 'oms-history', 'keys', 'ca-cert.pem'), 'utf8');
  const trust = [{ name: 'ca', anchor: { kind: 'certificate' as const, pem } }];
  assert.equal((await world.verify(join(world.folder, 'm'), trust)).verdict.exitCode, 0);
  assert.deepEqual(refusals(await world.verify(join(world.folder, 'm'), trust, { underPolicy: true })), [
    'policy-refused',
  ]);
});
