import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BASE,
  D0,
  PROD,
  TUNED,
  MODEL,
  codes,
  decide,
  facts,
  hex,
  honest,
  policy,
  step,
  claim,
  bomOf,
} from '../domain/policy/world.ts';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';

const prod = policy(PROD);

test('rule 14: each step has inputs it cannot be without', async () => {
  const claims = await honest();
  const cases = [
    { base: await step('train', BASE, [{ role: 'config', of: 'config' }], '2026-11-01T10:00:00Z') },
    { tuned: await step('fine-tune', TUNED, [{ role: 'base-model', of: 'base' }], '2026-11-02T10:00:00Z') },
    {
      model: await step(
        'merge',
        MODEL,
        [
          { role: 'base-model', of: 'tuned' },
          { role: 'base-model', of: 'tuned' },
        ],
        '2026-11-03T10:00:00Z',
      ),
    },
  ];
  for (const changed of cases)
    assert.deepEqual(
      codes(decide(facts(Object.values({ ...claims, ...changed })), prod)),
      ['undeclared-input'],
      Object.keys(changed)[0],
    );
});

test('rule 14: an input is pinned by a whole, lower-case SHA-256', async () => {
  const claims = await honest();
  for (const digest of [
    {},
    { sha256: D0.toUpperCase() },
    { sha256: D0.slice(1) },
    { blake3: D0 },
    { gitCommit: 'a'.repeat(40) },
    { sha512: D0 + D0 },
  ]) {
    const base = await step('train', BASE, [{ role: 'dataset', of: 'd0', digest }], '2026-11-01T10:00:00Z');
    assert.deepEqual(
      codes(decide(facts(Object.values({ ...claims, base })), prod)),
      ['dependency-unpinned'],
      JSON.stringify(digest),
    );
  }
});

test('rule 14: a base that the BOM or the adapter’s configuration names, and the provenance does not', async () => {
  const claims = await honest();
  const predicate = bomOf('MIT');
  const component = (predicate['metadata'] as { component: Record<string, unknown> }).component;
  component['pedigree'] = { ancestors: [{ type: 'machine-learning-model', group: 'evil', name: 'other' }] };
  const bom = await claim({ by: 'anna', type: PREDICATES.bom, about: MODEL, predicate });
  assert.deepEqual(codes(decide(facts(Object.values({ ...claims, bom })), prod)), ['undeclared-input']);
  const content = (name: string) => ({
    content: { formats: new Map<string, string>(), declaredBases: [{ name, where: 'adapter_config.json' }] },
  });
  assert.deepEqual(codes(decide(facts(Object.values(claims), content('tuned')), prod)), []);
  assert.deepEqual(codes(decide(facts(Object.values(claims), content('meta/llama')), prod)), ['undeclared-input']);
});

test('rule 14: a trusted leaf is a digest and a role, never a name', async () => {
  const { d1, ...rest } = await honest();
  const leaf = (sha256: string, role: string) =>
    policy(PROD, `leaves: [{ sha256: ${sha256}, role: ${role}, reason: public, expires: 2030-01-01 }]`);
  assert.deepEqual(codes(decide(facts(Object.values(rest)), leaf(hex('d1'), 'dataset'))), []);
  assert.deepEqual(codes(decide(facts(Object.values(rest)), leaf(hex('d1'), 'prompt'))), ['lineage-unattested']);
  assert.throws(() => leaf('acme/data', 'dataset'));
  assert.ok(d1.bundle.length === 64);
});
