import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKeylessVerifier } from '../../src/adapters/sigstore/verifier.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { buildPromotion } from '../../src/domain/authority/vsa.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { makeInstance, ISSUER, type Instance, type Wrong } from '../adapters/sigstore/instance.ts';
import { bundleFor, built, manifest } from '../domain/policy/world.ts';
import { policyHearing } from '../../src/domain/authority/authority.ts';
import { impact } from '../../src/flows/watch/impact.ts';
import { bare, promoteAs, publishStory, type GateWorld } from '../flows/gate-world.ts';
import {
  PREDICATES,
  REVOCATION,
  answerOf,
  answers,
  at,
  attach,
  certified,
  failed,
  messages,
  policyWith,
  revocationOf,
  world,
} from './denials-world.ts';

/** Who signed is asked before when: a "no" by somebody of the policy is heard whatever the clock or this machine's trust says. */
const rosa = certified('rosa@acme.example', '2026-11-01T00:00:00Z');
const POLICY = policyWith('rosa', { certificates: [{ chain: rosa.chain, identity: rosa.identity }] }, [
  'revoker',
  'evaluator',
  'promoter',
]);

/** Where the clock says this, the promotion was made ahead of it: `verify` says so beside the no. */
const LONG_BEFORE = '2026-10-01T00:00:00Z';

function codesAt(time: string, what: string, code: string): readonly string[] {
  return time === LONG_BEFORE && what !== 'promote' ? [code, 'clock-disagrees'].toSorted() : [code];
}

const TIMES = ['2026-11-20T12:00:00Z', '2027-03-01T00:00:00Z', LONG_BEFORE, '2029-01-01T00:00:00Z'];

test('a revocation outlives its certificate, and holds before its start', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging', { text: POLICY });
  await attach(of, model, rosa.sign(PREDICATES.revocation, bare(model), revocationOf(model)), REVOCATION);
  for (const time of TIMES)
    for (const [what, answer] of Object.entries(await answers(at(of, time), model, POLICY)))
      assert.deepEqual(answer, [codesAt(time, what, 'revoked'), 1], `${what} at ${time}`);
});

test('a failed evaluation and a withdrawal do too', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging', { text: POLICY });
  await attach(of, model, rosa.sign(PREDICATES.evaluation, bare(model), failed()));
  for (const time of TIMES)
    for (const [what, answer] of Object.entries(await answers(at(of, time), model, POLICY)))
      assert.deepEqual(answer, [codesAt(time, what, 'claim-negative'), 1], `${what} at ${time}`);
  const other = await world(t);
  const { model: id } = await publishStory(other);
  const bundle = (await promoteAs(other, 'ci', 'staging', { text: POLICY })).promoted?.bundle ?? '';
  const withdrawal = buildPromotion({
    verifier: 'x',
    at: new Date('2026-11-20T12:00:00Z'),
    origin: other.registry.log.origin,
    name: 'acme/enc',
    environment: 'staging',
    policy: parsePolicy(POLICY),
    inputs: [bare(bundle)],
    passed: false,
  });
  await attach(other, id, rosa.sign(PREDICATES.promotion, bare(id), withdrawal), { kind: 'promotion', env: 'staging' });
  for (const time of TIMES)
    assert.deepEqual((await answers(at(other, time), id, POLICY))['verify'], [['not-promoted'], 1], time);
});

test('what the same certificate says yes to does not count, and the reason is its own', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of, { without: 'evaluation' });
  await promoteAs(of, 'ci', 'staging', { text: POLICY });
  await attach(of, model, rosa.sign(PREDICATES.evaluation, bare(model), { result: 'PASSED', configuration: [] }));
  const ask = async (time: string) =>
    (await promoteAs(at(of, time), 'ci', 'prod', { text: POLICY, dryRun: true })).verdict;
  assert.deepEqual(answerOf(await ask('2026-11-20T12:00:00Z')), [[], 0]);
  const late = await ask('2027-03-01T00:00:00Z');
  assert.deepEqual(answerOf(late)[0], ['certificate-expired']);
  assert.match(messages(late).join(), /by rosa and does not count: the signing certificate has expired/);
});

test('a certificate of another authority that calls itself a revoker is open, not nobody', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging', { text: POLICY });
  const double = certified(rosa.identity, '2026-11-01T00:00:00Z');
  await attach(of, model, double.sign(PREDICATES.bom, bare(model), { bomFormat: 'CycloneDX', specVersion: '1.7' }));
  assert.deepEqual((await answers(of, model, POLICY))['verify'], [[], 0], 'a yes of theirs is passed over');
  const eve = certified('eve@acme.example', '2026-11-01T00:00:00Z');
  await attach(of, model, eve.sign(PREDICATES.revocation, bare(model), revocationOf(model)), REVOCATION);
  assert.deepEqual((await answers(of, model, POLICY))['verify'], [[], 0], 'a stranger’s no is passed over');
  await attach(of, model, double.sign(PREDICATES.revocation, bare(model), revocationOf(model)), REVOCATION);
  for (const [what, answer] of Object.entries(await answers(of, model, POLICY)))
    assert.deepEqual(answer, [['signer-unverifiable'], 4], what);
});

const ANNA = 'anna@example.com';

function keylessPolicy(instance: Instance): Buffer {
  return policyWith('kay', { identities: [{ issuer: ISSUER, identity: ANNA, trustedRoot: instance.trustedRoot }] }, [
    'revoker',
    'evaluator',
  ]);
}

async function keylessWorld(t: Parameters<typeof world>[0], known: Instance): Promise<GateWorld> {
  const of = await world(t);
  const ports = { ...of.ports, keyless: async () => createKeylessVerifier(async () => known.trustedRoot) };
  return { ...of, ports };
}

function keylessNo(instance: Instance, id: string, wrong: Wrong = {}): Uint8Array {
  const payload = Buffer.from(buildStatement([manifest(bare(id))], PREDICATES.revocation, revocationOf(id))).toString();
  return instance.bundle({ payload, ...wrong });
}

test('keyless: by a log, authority or timestamp that this machine does not know is open; by a known authority it counts', async (t) => {
  const known = makeInstance();
  const newer = makeInstance();
  const text = keylessPolicy(known);
  const cases: readonly (readonly [string, (id: string) => Uint8Array, readonly string[], number])[] = [
    ['all in order', (id) => keylessNo(known, id), ['revoked'], 1],
    ['in no log', (id) => keylessNo(known, id, { entries: [] }), ['revoked'], 1],
    ['at no time', (id) => keylessNo(known, id, { timestamps: [] }), ['revoked'], 1],
    ['without a promise of a CT log', (id) => keylessNo(known, id, { withoutPromise: true }), ['revoked'], 1],
    ['by another instance', (id) => keylessNo(newer, id), ['signer-unverifiable'], 4],
    ['by another identity', (id) => keylessNo(newer, id, { names: ['email:eve@example.com'] }), [], 0],
    ['by another issuer', (id) => keylessNo(newer, id, { issuer: 'https://other.example' }), [], 0],
  ];
  for (const [what, say, codes, exit] of cases) {
    const of = await keylessWorld(t, known);
    const { model } = await publishStory(of);
    await promoteAs(of, 'ci', 'staging', { text });
    await attach(of, model, say(model), REVOCATION);
    for (const [way, answer] of Object.entries(await answers(of, model, text)))
      assert.deepEqual(answer, [codes, exit], `${what}: ${way}`);
  }
});

test('keyless: a signature that is not the certificate’s is nobody’s', async (t) => {
  const known = makeInstance();
  const of = await keylessWorld(t, known);
  const text = keylessPolicy(known);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging', { text });
  const bundle = JSON.parse(Buffer.from(keylessNo(known, model)).toString());
  const other = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString().replace('stolen weights', 'other');
  bundle.dsseEnvelope.payload = Buffer.from(other).toString('base64');
  await attach(of, model, Buffer.from(JSON.stringify(bundle)), REVOCATION);
  assert.deepEqual((await answers(of, model, text))['verify'], [[], 0]);
});

test('a no whose envelope nobody here can read is by whom its signature says', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging');
  const no = (by: 'rita' | 'mallory') =>
    Buffer.from(
      bundleFor({ by, type: PREDICATES.revocation, about: bare(model), predicate: revocationOf(model) }),
    ).toString();
  await attach(of, model, Buffer.from(no('mallory').replace('v0.3+json', 'v0.9+json')), REVOCATION);
  assert.deepEqual((await answers(of, model))['verify'], [[], 0]);
  const hint = no('rita').replace(/"hint":"[^"]*"/, '"hint":"' + 'a'.repeat(64) + '"');
  for (const text of [no('rita').replace('v0.3+json', 'v0.9+json'), hint, no('rita').replace('{', '{"more":1,')]) {
    const again = await world(t);
    const story = await publishStory(again);
    await promoteAs(again, 'ci', 'staging');
    await attach(again, story.model, Buffer.from(text), REVOCATION);
    for (const [way, answer] of Object.entries(await answers(again, story.model)))
      assert.deepEqual(answer, [['revoked'], 1], way);
  }
});

test('a promotion whose certificate ended does not count, says so, hides nothing older, and can be made anew', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  const predicate = buildPromotion({
    verifier: 'x',
    at: new Date('2026-11-20T12:00:00Z'),
    origin: of.registry.log.origin,
    name: 'acme/enc',
    environment: 'staging',
    policy: parsePolicy(POLICY),
    inputs: [],
    passed: true,
  });
  const place = { kind: 'promotion', env: 'staging' } as const;
  await attach(of, model, rosa.sign(PREDICATES.promotion, bare(model), predicate), place);
  const late = at(of, '2027-03-01T00:00:00Z');
  assert.deepEqual((await answers(of, model, POLICY))['verify'], [[], 0]);
  assert.deepEqual((await answers(late, model, POLICY))['verify'], [['certificate-expired'], 1]);
  await promoteAs(late, 'ci', 'staging', { text: POLICY });
  assert.deepEqual((await answers(late, model, POLICY))['verify'], [[], 0]);
});

test('what was made by a certificate that ended since is still found by its input', async (t) => {
  const of = await world(t);
  const { dataset } = await publishStory(of);
  const trained = await of.publish('acme/late:1', { 'config.json': '{"late":1}' }, (id) => [
    rosa.sign(
      PREDICATES.provenance,
      bare(id),
      built('train', [{ role: 'dataset', of: 'data', digest: { sha256: bare(dataset) } }]),
    ),
  ]);
  const trust = policyHearing(parsePolicy(POLICY));
  for (const time of TIMES) {
    const found = await impact(
      { digest: bare(dataset), trust, timestampAuthorities: [] },
      of.registry,
      at(of, time).ports,
    );
    assert.ok(
      found.descendants.some(({ id }) => id === trained),
      time,
    );
  }
});
