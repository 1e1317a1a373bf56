import assert from 'node:assert/strict';
import { appendFile, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseBundle } from '../../../src/domain/claims/bundle.ts';
import { parseOms } from '../../../src/domain/claims/oms.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { buildStatement, parseStatement } from '../../../src/domain/claims/statement.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { omsRoot } from '../../../src/domain/digest/root.ts';
import { claimsWorld, refusals } from '../claims-world.ts';

const CACHED = '.dvc/cache/files/md5/3b/5d5c3712955042212316173ccf37be';
const RUN = 'offline-run-20261130_032430-6fr8b0br';
const WORKSPACE = {
  'w.bin': 'w',
  '.dvc/config': '[core]\n',
  [CACHED]: 'w',
  '.dvc/tmp/lock': ' 18049\n',
  [`wandb/${RUN}/run-6fr8b0br.wandb`]: ':W&B\u0000',
};

test('what DVC and wandb keep in a workspace is left out of its seal, which their next run does not break', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', WORKSPACE);
  await symlink(RUN, join(root, 'wandb/latest-run'));
  await world.seal(root, anna);
  const signed = parseOms(parseStatement(parseBundle(await readFile(join(root, 'model.sig'))).payload));
  assert.deepEqual(
    signed.resources.map(({ path }) => path),
    ['.dvc/config', 'w.bin'],
  );
  await appendFile(join(root, '.dvc/tmp/lock'), ' 18050\n');
  await world.tree('m', { '.dvc/cache/files/md5/60/b725f10c9c85c70d97880dfe8191b3': 'new' });
  const { verdict } = await world.verify(root, [anna.trust]);
  assert.equal(verdict.exitCode, 0);
  assert.ok(verdict.notes.some((note) => note.includes('5 files of bookkeeping (.dvc/cache, .dvc/tmp, wandb)')));
});

test('what only looks like it is an unsigned file; under a policy all of it is', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { 'w.bin': 'w', '.dvc/tmp/lock': '1' });
  await world.seal(root, anna);
  assert.deepEqual(refusals(await world.verify(root, [anna.trust], { underPolicy: true })), [
    'file-unsigned .dvc/tmp/lock',
  ]);
  await world.tree('m', { '.dvc/cache/files/md5/3b/model.pkl': 'x', '.dvc/tmp/rwlock': 'import os' });
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), [
    'file-unsigned .dvc/cache/files/md5/3b/model.pkl',
    'file-unsigned .dvc/tmp/rwlock',
  ]);
});

test('a signature that lists such a file verifies as signed', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const root = await world.tree('m', { '.dvc/tmp/lock': '1' });
  const digest = sha256Hex('1');
  const predicate = {
    serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: ['model.sig'] },
    resources: [{ name: '.dvc/tmp/lock', algorithm: 'sha256', digest }],
  };
  const statement = buildStatement(
    [{ name: 'm', digest: { sha256: omsRoot([digest]) } }],
    PREDICATES.integrity,
    predicate,
  );
  await writeFile(join(root, 'model.sig'), await anna.signer.sign(statement));
  assert.equal((await world.verify(root, [anna.trust])).verdict.exitCode, 0);
  await writeFile(join(root, '.dvc/tmp/lock'), '2');
  assert.deepEqual(refusals(await world.verify(root, [anna.trust])), ['digest-mismatch .dvc/tmp/lock']);
});
