import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { subject } from '../../../src/domain/claims/subjects.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { indexClaims } from '../../../src/domain/lineage/index-claims.ts';
import type { Policy } from '../../../src/domain/authority/types.ts';
import {
  BASE,
  D0,
  MODEL,
  TUNED,
  bomOf,
  built,
  claim,
  decide,
  evaluation,
  facts,
  hex,
  honest,
  honestBut,
  policy,
  said,
  promotion,
  step,
  type Name,
} from '../policy/world.ts';

type Claims = Awaited<ReturnType<typeof honest>>;
const PLAIN = policy('\n  - name: prod');

async function decided(over: Partial<Record<keyof Claims, VerifiedClaim | null>> = {}, under: Policy = PLAIN) {
  const result = decide(facts(await honestBut(over)), under);
  return { result, said: said(findingsOf(result)) };
}

test('who signed a BOM is told beside who took the step; nobody else’s word describes it', async () => {
  const byErin = await claim({ by: 'erin', type: PREDICATES.bom, about: TUNED, predicate: bomOf('MIT') });
  const { result } = await decided({ carol: byErin });
  const described = (digest: string) => result.lineage.nodes.get(digest)?.describedBy;
  assert.deepEqual([described(MODEL), described(TUNED), described(BASE)], [['anna'], ['erin'], []]);
});

test('a step by somebody who may not take it is said to be by them, with who may', async () => {
  const by = async (who: Name, under = PLAIN) => {
    const base = await step('train', BASE, [{ role: 'dataset', of: 'd0' }], '2026-11-01T10:00:00Z', who);
    const { result } = await decided({ base }, under);
    const [found] = findingsOf(result).filter(({ code }) => code === 'wrong-signer');
    return `${found?.message} | ${found?.hint}`;
  };
  const MAY = 'the policy lets anna (trainer) sign this';
  assert.equal(await by('erin'), `its provenance is signed by erin, who may not say this of it | ${MAY}`);
  assert.equal(
    await by('mallory'),
    `its provenance is signed by a signer the policy does not name, who may not say this of it | ${MAY}`,
  );
  const tied: Policy = {
    ...PLAIN,
    principals: PLAIN.principals.map((each) => (each.name === 'anna' ? { ...each, ids: ['other builder'] } : each)),
  };
  assert.match(
    await by('anna', tied),
    /by anna, who may not say this of it \| undefined$/,
    'it is no question of roles',
  );
});

test('a step whose signer’s certificate was over is the reason itself', async () => {
  const { base } = await honest();
  const lapsed: VerifiedClaim = { ...base, onlyNo: { code: 'certificate-expired', message: 'it was over' } };
  assert.deepEqual((await decided({ base: lapsed })).said, [
    'certificate-expired 1: its provenance is by anna and does not count: it was over',
  ]);
  const stranger = {
    ...(await step('train', BASE, [{ role: 'dataset', of: 'd0' }], '2026-11-01T10:00:00Z', 'mallory')),
    onlyNo: lapsed.onlyNo,
  };
  assert.match((await decided({ base: stranger as VerifiedClaim })).said.join(), /^wrong-signer 1: .*does not name/);
});

test('a step that was taken back is the reason, not that nobody says how it was made', async () => {
  const { base } = await honest();
  const target = { kind: 'claim', sha256: base.bundle, pae: base.pae };
  const predicate = { version: 1, action: 'revoke', target, reason: 'wrong data' };
  const revocation = await claim({ by: 'anna', type: PREDICATES.revocation, about: MODEL, predicate });
  const result = decide(
    facts(Object.values(await honest()), { revocations: [{ claim: revocation, index: 1 }] }),
    PLAIN,
  );
  assert.deepEqual(
    findingsOf(result).map(({ code, message, subject: about }) => [code, message, about]),
    [['revoked', 'its provenance claim no longer counts: wrong data', `sha256:${BASE}`]],
  );
});

test('what those who may say call a model is none by a description alone', async () => {
  const described = await claim({
    by: 'dana',
    type: PREDICATES.reference,
    about: MODEL,
    predicate: { attester: { id: 'dana' }, references: [] },
  });
  const codes = async (...more: readonly VerifiedClaim[]) =>
    findingsOf(decide(facts([described, ...more], { content: { formats: new Map(), declaredBases: [] } }), PLAIN)).map(
      ({ code }) => code,
    );
  const bom = (type: string, by: Name = 'anna') =>
    claim({
      by,
      type: PREDICATES.bom,
      about: MODEL,
      predicate: { ...bomOf('MIT'), metadata: { component: { type } } },
    });
  assert.deepEqual(await codes(), []);
  assert.deepEqual(await codes(await bom('data')), []);
  assert.deepEqual(await codes(await bom('machine-learning-model')), ['lineage-missing']);
  assert.deepEqual(await codes(await bom('machine-learning-model', 'bob')), [], 'by somebody who may not');
});

test('a claim is found by the kind of thing it is about, and by every id of what is at hand', async () => {
  const content = hex('content');
  const file = await claim({
    by: 'anna',
    type: PREDICATES.bom,
    about: [subject('file', 'a.gguf', content)],
    predicate: bomOf('MIT'),
  });
  const bare = await claim({
    by: 'anna',
    type: PREDICATES.bom,
    about: [{ name: 'm', digest: { sha256: D0 } }],
    predicate: bomOf('MIT'),
  });
  const own = await evaluation('PASSED');
  const index = indexClaims([file, bare, own]);
  const found = (digest: string, as?: 'manifest' | 'file') =>
    index.about(digest, as).map(({ claim: each }) => each.bundle);
  assert.deepEqual(found(content), [file.bundle]);
  assert.deepEqual(found(content, 'manifest'), []);
  assert.deepEqual(found(MODEL), [own.bundle]);
  assert.deepEqual(found(MODEL, 'file'), []);
  assert.deepEqual(
    [found(D0, 'manifest'), found(D0, 'file')],
    [[bare.bundle], [bare.bundle]],
    'a tool that knows no kinds',
  );
  const other = hex('other id');
  const known = new Map(
    [MODEL, other].map((digest) => [digest, { id: `sha256:${MODEL}`, ids: [`sha256:${MODEL}`, `sha256:${other}`] }]),
  );
  const withIds = indexClaims([own], known);
  assert.deepEqual(
    withIds.about(other).map(({ claim: each }) => each.bundle),
    [own.bundle],
  );
  assert.equal(withIds.meant(other), MODEL);
});

test('copies of one signature count once: with all their times, and as in order if one of them is', async () => {
  const one = await evaluation('PASSED');
  const lapsed: VerifiedClaim = {
    ...one,
    bundle: '0'.repeat(64),
    times: [{ time: '2026-01-01T00:00:00Z', source: 'rekor', authority: 'r' }],
    onlyNo: { code: 'no-verified-time', message: 'm' },
  };
  const [merged, ...others] = indexClaims([one, lapsed]).all;
  assert.deepEqual(others, []);
  assert.equal(merged?.onlyNo, undefined);
  assert.deepEqual(merged?.times.map(({ time }) => time.slice(0, 4)).toSorted(), ['2026', '2026']);
  assert.equal(merged?.times.length, 2);
  const both = indexClaims([lapsed, { ...lapsed, bundle: '1'.repeat(64) }]).all;
  assert.equal(both[0]?.onlyNo?.code, 'no-verified-time');
  const byBob = await evaluation('PASSED', undefined, 'bob');
  assert.equal(indexClaims([one, byBob]).all.length, 2, 'the same words by another');
});

test('the times of a step: its end is no earlier than its beginning, nor later than its signature', async () => {
  const train = async (times: { startedOn?: string; finishedOn?: string }) =>
    (
      await decided({
        base: await claim({
          by: 'anna',
          type: PREDICATES.provenance,
          about: BASE,
          predicate: built('train', [{ role: 'dataset', of: 'd0' }], times),
          at: '2026-11-01T10:00:00Z',
        }),
      })
    ).said.filter((each) => each.startsWith('time-order'));
  assert.deepEqual(await train({}), []);
  assert.deepEqual(await train({ startedOn: '2026-11-01T09:00:00Z' }), []);
  assert.deepEqual(await train({ finishedOn: '2026-11-01T09:00:00Z' }), []);
  assert.deepEqual(await train({ startedOn: '2026-11-01T09:00:00Z', finishedOn: '2026-11-01T09:00:00Z' }), []);
  assert.deepEqual(await train({ startedOn: '2026-11-01T09:30:00Z', finishedOn: '2026-11-01T09:00:00Z' }), [
    'time-order 1: the step ended before it began',
  ]);
  assert.deepEqual(await train({ finishedOn: '2026-11-01T10:01:00Z' }), [], 'clocks differ by a minute');
  assert.deepEqual(await train({ finishedOn: '2026-11-01T10:01:01Z' }), [
    'time-order 1: the claim was signed before the step ended',
  ]);
});

test('a step that states a time far ahead, and one that is older than the environment allows', async () => {
  const ahead = await claim({
    by: 'anna',
    type: PREDICATES.provenance,
    about: BASE,
    predicate: built('train', [{ role: 'dataset', of: 'd0' }], { finishedOn: '2027-11-01T10:00:00Z' }),
    at: '2026-11-01T10:00:00Z',
  });
  const { said } = await decided({ base: ahead });
  assert.equal(
    said.filter((each) => /^clock-disagrees \d: the provenance states a time far ahead/.test(each)).length,
    1,
    said.join(),
  );
  const aged = policy('\n  - name: prod\n    lineage: { maxAge: 18d }');
  assert.deepEqual(
    (await decided({}, aged)).said,
    [18, 19].map((days) => `claim-stale 1: its provenance is ${days} days old; 18 days are allowed`),
  );
});

test('a promotion that stands for an ancestor counts its promoter, and who signed what it rests on, among those who acted', async () => {
  const upstream = policy('\n  - name: prod', '# upstream');
  const { tuned, d1, d0, base, ...rest } = await honest();
  const vsa = await promotion(upstream, { about: TUNED, inputs: [tuned.bundle, d1.bundle], name: 'acme/tuned' });
  const under = policy(
    '\n  - name: prod',
    `summaries: [{ principal: ci, environment: prod, policies: ["${upstream.digest}"] }]`,
  );
  const result = decide(facts([...Object.values(rest), tuned, d1, vsa]), under);
  assert.deepEqual(findingsOf(result), []);
  const acted = Object.fromEntries([...result.lineage.actors].map(([role, people]) => [role, [...people]]));
  assert.deepEqual(acted, { trainer: ['anna'], evaluator: ['erin'], promoter: ['ci'], publisher: ['dana'] });
  assert.ok(d0.bundle !== base.bundle);
});
