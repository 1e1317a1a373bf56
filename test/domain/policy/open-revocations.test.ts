import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_REVOCATIONS } from '../../../src/domain/authority/revocations.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { openRevocations } from '../../../src/domain/policy/open-revocations.ts';
import { ID, MODEL, approval, claim, said, type Name } from './world.ts';

const unreadable = (by: Name, target: object, more: object = {}) =>
  claim({
    by,
    type: PREDICATES.revocation,
    about: MODEL,
    predicate: { version: 9, action: 'revoke', target, ...more },
  });

test('what cannot be understood is open: of a revoker always, of others where it names a claim of their own', async () => {
  const [bob, carol] = [await approval('bob'), await approval('carol')];
  const open = (unclear: readonly VerifiedClaim[], copies: readonly VerifiedClaim[] = [bob, carol]) =>
    openRevocations({ ...NO_REVOCATIONS, unclear }, { id: ID, digests: [], claims: [], copies });
  const own = await unreadable('bob', { pae: bob.pae });
  const [finding, ...more] = open([own]);
  assert.deepEqual(
    [finding?.code, finding?.subject, finding?.facts, more],
    ['claim-malformed', ID, { claim: `sha256:${own.bundle}` }, []],
  );
  assert.deepEqual(said(open([own])), [
    'claim-malformed 4: somebody signed something about a claim of their own that cannot be understood: it might take that back',
  ]);
  for (const each of [
    await unreadable('bob', { sha256: bob.bundle }),
    await unreadable('bob', { any: [bob.pae.toUpperCase()] }),
    await unreadable('bob', {}, { claims: [carol.pae, bob.pae] }),
  ])
    assert.equal(open([each]).length, 1);
  assert.deepEqual(open([await unreadable('bob', { pae: carol.pae })]), [], 'another’s');
  assert.deepEqual(open([await unreadable('bob', {})]), [], 'no claim');
  assert.deepEqual(open([own], [carol]), [], 'one that is not here');
  assert.deepEqual(open([]), []);

  const revokers = await unreadable('rita', {});
  const heard = { ...NO_REVOCATIONS, unreadable: [revokers] };
  assert.deepEqual(said(openRevocations(heard, { id: ID, digests: [], claims: [], copies: [] })), [
    'claim-malformed 4: a revoker signed something that cannot be understood, which might revoke anything',
  ]);
});
