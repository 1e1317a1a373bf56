import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { findingsOf } from '../../src/domain/verdict.ts';
import { audit, type AuditOutcome } from '../../src/flows/audit.ts';
import { readFeeds } from '../../src/flows/scan.ts';
import { gateWorld, MODEL_FILES, policyText, promoteAs, publishStory } from './gate-world.ts';

function codesOf({ promotions }: AuditOutcome): readonly string[] {
  return promotions.flatMap(({ environment, verdict }) => findingsOf(verdict).map(({ code, subject }) => `${environment} ${code} ${subject ?? ''}`));
}

test('what became known to be bad since it was promoted is found where it runs', async (t) => {
  const world = await gateWorld();
  t.after(world.close);
  await publishStory(world);
  for (const environment of ['staging', 'prod']) await promoteAs(world, 'ci', environment);
  const feedOf = async (digest: string) => (await readFeeds(['list.txt'], { feeds: { read: async () => ({ bytes: Buffer.from(`${digest}  evil\n`), fetched: '2026-11-20T00:00:00Z' }) }, clock: world.ports.clock })).index;
  const policy = parsePolicy(policyText());
  assert.deepEqual(codesOf(await audit({ policy }, world.registry, world.ports)), []);
  assert.deepEqual(codesOf(await audit({ policy, feeds: await feedOf(sha256Hex('something else')) }, world.registry, world.ports)), []);
  const feeds = await feedOf(sha256Hex(MODEL_FILES['model.safetensors']));
  assert.deepEqual(codesOf(await audit({ policy, feeds }, world.registry, world.ports)), ['prod scan-finding model.safetensors', 'staging scan-finding model.safetensors']);
  const accepted = parsePolicy(policyText(undefined, 'suppressions: [{ rule: WM-FEED-001, path: model.safetensors, reason: a false alarm of that feed, expires: 2027-01-01 }]'));
  assert.equal((await audit({ policy: accepted, feeds }, world.registry, world.ports)).promotions.some(({ verdict }) => verdict.checks.some(({ name, passed }) => name === 'content scan' && !passed)), false);
});
