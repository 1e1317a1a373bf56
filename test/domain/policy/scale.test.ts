import { workOf } from '../../work.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { MODEL, PROD, built, codes, decide, facts, hex, honest, manifest, policy, type InputWords } from './world.ts';

const rules = policy(PROD);

/** A lineage of `count` claims in the shape of a model that was merged over and over: signatures verified before, as a memo has them. */
async function grown(count: number): Promise<readonly VerifiedClaim[]> {
  const { model, base, d0, ...rest } = await honest();
  const step = (about: string, name: 'train' | 'merge', inputs: readonly InputWords[], n: number): VerifiedClaim => ({
    ...base,
    bundle: hex(`bundle ${about}`),
    pae: hex(`pae ${about}`),
    times: [
      {
        time: new Date(Date.parse('2026-11-01T10:00:00Z') + n * 1000).toISOString(),
        source: 'rfc3161',
        authority: 'tsa',
      },
    ],
    statement: { ...base.statement, subject: [manifest(about)], predicate: built(name, inputs) },
  });
  const width = 20;
  const layers = Math.ceil(count / width);
  const claims: VerifiedClaim[] = [];
  for (let layer = 0; layer < layers; layer += 1) {
    for (let at = 0; at < width; at += 1) {
      const below = [0, 1, 2].map((next): InputWords => ({
        role: 'base-model',
        of: `n${layer + 1} ${(at + next) % width}`,
      }));
      claims.push(
        step(
          hex(`n${layer} ${at}`),
          layer === layers - 1 ? 'train' : 'merge',
          layer === layers - 1 ? [{ role: 'dataset', of: 'd0' }] : below,
          layers - layer,
        ),
      );
    }
  }
  const root = {
    ...model,
    times: [],
    statement: {
      ...model.statement,
      predicate: built('merge', [
        { role: 'base-model', of: 'n0 0' },
        { role: 'base-model', of: 'n0 1' },
      ]),
    },
  };
  return [...claims, root, d0, ...Object.values(rest)];
}

/** Depth is a matter of the policy; here only size counts. */
function deep(): typeof rules {
  return {
    ...rules,
    environments: rules.environments.map((environment) => ({
      ...environment,
      lineage: { required: true, maxDepth: 20_000 },
    })),
  };
}

async function decided(count: number): Promise<{ nodes: number; steps: number; megabytes: number }> {
  const claims = await grown(count);
  const given = facts(claims);
  const policyAt = deep();
  const before = process.memoryUsage().rss;
  const { steps, result } = await workOf(() => decide(given, policyAt));
  assert.deepEqual(codes(result), []);
  return { nodes: result.lineage.nodes.size, steps, megabytes: (process.memoryUsage().rss - before) / 2 ** 20 };
}

test('a lineage of 10,000 claims is decided with ten times the work of 1,000, and 200 MB', async (t) => {
  await decided(100);
  const [small, large] = [await decided(1000), await decided(10_000)];
  t.diagnostic(`${small.steps} and ${large.steps} steps, ${large.megabytes.toFixed(0)} MB more`);
  assert.ok(small.nodes >= 900 && large.nodes >= 9000);
  assert.ok(large.steps <= 12.5 * small.steps, `${small.steps} steps for 1,000 claims, ${large.steps} for 10,000`);
  assert.ok(small.steps < 1000 * 1000, `1,000 claims took ${small.steps} steps`);
  assert.ok(large.megabytes < 200, `10,000 claims took ${large.megabytes.toFixed(0)} MB`);
});

test('deeper than the policy allows, or than anybody looks, is refused', async () => {
  assert.deepEqual(codes(decide(facts(await grown(2000)), rules)), ['lineage-too-deep']);
});

test('a chain of 30,000 steps neither overflows nor passes', async () => {
  const { base, model, ...rest } = await honest();
  const chain = Array.from({ length: 30_000 }, (_, at): VerifiedClaim => ({
    ...base,
    bundle: hex(`b${at}`),
    pae: hex(`p${at}`),
    times: [],
    statement: {
      ...base.statement,
      subject: [manifest(at === 0 ? MODEL : hex(`c${at}`))],
      predicate: built('quantize', [{ role: 'base-model', of: `c${at + 1}` }]),
    },
  }));
  assert.ok(model.statement.predicateType === PREDICATES.provenance);
  assert.ok(codes(decide(facts([...chain, ...Object.values(rest)]), deep())).includes('lineage-too-deep'));
});
