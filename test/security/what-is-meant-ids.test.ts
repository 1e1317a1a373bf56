import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BASE, D0, PROD, codes, decide, facts, hex, honest, policy, step } from '../domain/policy/world.ts';

test('world 10048053: who names an input by another of its ids tells no other story; who names another input does', async () => {
  const claims = Object.values(await honest());
  const other = hex('other id of d0');
  const known = [{ id: `sha256:${D0}`, ids: [`sha256:${D0}`, `sha256:${other}`] }];
  const answer = async (digest: string) => {
    const said = { role: 'dataset', of: 'd0', digest: { sha256: digest } } as const;
    const again = await step('train', BASE, [said], '2026-11-01T10:30:00Z');
    return codes(decide(facts([...claims, again], { known }), policy(PROD)));
  };
  assert.deepEqual(await answer(other), []);
  assert.ok((await answer(hex('d1'))).includes('claim-conflict'));
});
