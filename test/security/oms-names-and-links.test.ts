import assert from 'node:assert/strict';
import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseOms } from '../../src/domain/claims/oms.ts';
import { HISTORIC_OMS, PREDICATES, STATEMENT_V1 } from '../../src/domain/claims/predicates.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { omsRoot } from '../../src/domain/digest/root.ts';
import { mismatch } from '../../src/domain/trust/match.ts';
import type { Signer } from '../../src/domain/claims/types.ts';
import { claimsWorld, refusals } from '../flows/claims-world.ts';

const A = sha256Hex('a');

test('an OMS statement whose subject has no name, or an empty one, is none', () => {
  const statement = (subject: object) => ({
    _type: STATEMENT_V1,
    subject: [{ digest: { sha256: omsRoot([A]) }, ...subject }],
    predicateType: PREDICATES.integrity,
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false },
      resources: [{ name: 'a', digest: A, algorithm: 'sha256' }],
    },
  });
  assert.equal(parseOms(statement({ name: 'm' })).name, 'm');
  for (const subject of [{}, { name: '' }])
    assert.throws(() => parseOms(statement(subject)), { code: 'signature-malformed', message: /no name/ });
  const historic = { _type: STATEMENT_V1, predicateType: HISTORIC_OMS, predicate: {} };
  const file = { digest: { sha256: A }, annotations: { actual_hash_algorithm: 'file-sha256' } };
  for (const subject of [file, { ...file, name: '' }])
    assert.throws(() => parseOms({ ...historic, subject: [subject] }), /not a file with its SHA-256|not usable/);
});

test('--ignore-unsigned-files passes over a link that nobody signed, wherever it points; a signed one counts as ever', async (t) => {
  const world = await claimsWorld(t);
  const anna = await world.person('anna');
  const outside = await world.tree('outside', { 'secret.txt': 's' });
  const root = await world.tree('m', { 'a.bin': 'a', 'sub/b.bin': 'b' });
  await world.sign(root, anna);
  for (const [name, target] of [
    ['out.bin', join(outside, 'secret.txt')],
    ['folder', outside],
    ['inside.bin', 'a.bin'],
    ['sub/nowhere', 'nothing'],
  ] as const) {
    await symlink(target, join(root, name));
    assert.notDeepEqual(refusals(await world.verify(root, [anna.trust])), [], name);
    for (const more of [{}, { allowSymlinks: true }]) {
      const { verdict } = await world.verify(root, [anna.trust], { ignoreUnsignedFiles: true, ...more });
      assert.equal(verdict.outcome, 'verified', name);
      assert.match(verdict.notes.join('\n'), new RegExp(`unsigned files accepted: ${name}`), 'and says so');
    }
    await rm(join(root, name));
  }
  await rm(join(root, 'a.bin'));
  await symlink(join(outside, 'secret.txt'), join(root, 'a.bin'));
  const refused = refusals(await world.verify(root, [anna.trust], { ignoreUnsignedFiles: true }));
  assert.match(refused.join(), /symlink-refused/);
});

test('a certificate without repository extensions is not one of another repository', () => {
  const san = 'https://github.com/acme/models/.github/workflows/train.yml@refs/heads/main';
  const issuer = 'https://token.actions.githubusercontent.com';
  const signer = (extensions: Record<string, string>): Signer => ({
    kind: 'oidc',
    instance: 'public-good',
    issuer,
    san: { type: 'uri', value: san },
    extensions,
    notBefore: '2026-01-01T00:00:00Z',
  });
  const anchor = { kind: 'oidc', issuer, identity: san } as const;
  assert.equal(mismatch(signer({}), anchor), null);
  assert.equal(mismatch(signer({ '12': 'https://github.com/acme/models' }), anchor), null);
  assert.equal(mismatch(signer({ '5': 'acme/models' }), anchor), null, 'an early certificate');
  for (const other of [
    { '12': 'https://github.com/mallory/models' },
    { '12': '' },
    { '5': 'mallory/models' },
    { '5': 'acme/models', '12': 'https://github.com/mallory/models' },
    { '12': 'https://github.com/acme/models', '5': 'mallory/models' },
  ])
    assert.equal(mismatch(signer(other), anchor)?.what, 'calling repository', JSON.stringify(other));
  for (const trigger of [{ '20': 'pull_request_target' }, { '2': 'pull_request' }])
    assert.equal(mismatch(signer(trigger), anchor)?.what, 'trigger');
  // A repository that is asked for must be there.
  const workload = { kind: 'oidc', issuer, github: { repository: 'acme/models' } } as const;
  assert.equal(mismatch(signer({}), workload)?.what, 'repository');
});
