import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFiles } from '../../src/adapters/files/index.ts';
import { buildPromotion } from '../../src/domain/authority/vsa.ts';
import { paeDigest } from '../../src/domain/claims/dsse.ts';
import { parseBundle } from '../../src/domain/claims/bundle.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { report } from '../../src/flows/watch/report.ts';
import { revoke } from '../../src/flows/gate/revoke.ts';
import { rollback } from '../../src/flows/gate/rollback.ts';
import type { RevocationTarget } from '../../src/domain/authority/revocation.ts';
import { bundleFor, manifest, signBundle, type Name } from '../domain/policy/world.ts';
import { bare, policyText, promoteAs, publishStory, signerOf, type GateWorld } from '../flows/gate-world.ts';
import {
  PREDICATES,
  REVOCATION,
  answerOf,
  answers,
  attach,
  failed,
  revocationOf,
  world,
  type Answer,
} from './denials-world.ts';

/** What somebody of the policy signed and nobody here understands leaves the answer open where it might say no. */
const POLICY = parsePolicy(policyText());
const RITA = { text: policyText() };

async function promoted(of: GateWorld): Promise<{ model: string; bundle: string }> {
  const { model } = await publishStory(of);
  const { promoted: done } = await promoteAs(of, 'ci', 'staging', RITA);
  return { model, bundle: bare(done?.bundle ?? '') };
}

function summary(of: GateWorld, inputs: readonly string[], over: Record<string, unknown> = {}) {
  return {
    ...buildPromotion({
      verifier: 'x',
      at: new Date('2026-11-20T12:00:00Z'),
      origin: of.registry.log.origin,
      name: 'acme/enc',
      environment: 'staging',
      policy: POLICY,
      inputs,
      passed: over['verificationResult'] === 'PASSED',
    }),
    ...over,
  };
}

async function afterSummary(
  of: GateWorld,
  over: Record<string, unknown>,
  by: Name = 'ci',
): Promise<Record<string, Answer>> {
  const { model, bundle } = await promoted(of);
  const said = bundleFor({
    by,
    type: PREDICATES.promotion,
    about: bare(model),
    predicate: summary(of, [bundle], over),
  });
  await attach(of, model, said, { kind: 'promotion', env: 'staging' });
  return answers(of, model);
}

test('a promoter’s FAILED that is not understood is open; with fields more it withdraws', async (t) => {
  const cases: readonly (readonly [Record<string, unknown>, readonly string[], number])[] = [
    [{ verificationResult: 'FAILED' }, ['not-promoted'], 1],
    [{ verificationResult: 'FAILED', extra: true }, ['not-promoted'], 1],
    [{ verificationResult: 'FAILED', slsaVersion: '1.3' }, ['promotion-unreadable'], 4],
    [{ verificationResult: 'FAILED', slsaVersion: undefined }, ['promotion-unreadable'], 4],
    [{ verificationResult: 'FAILED', inputAttestations: [{ digest: { sha512: 'a' } }] }, ['promotion-unreadable'], 4],
    [{ verificationResult: 'FAILED', policy: undefined }, ['promotion-unreadable'], 4],
    [{ verificationResult: 'FAILED', resourceUri: undefined }, ['promotion-unreadable'], 4],
    [{ verificationResult: 'MAYBE' }, ['promotion-unreadable'], 4],
  ];
  for (const [over, codes, exit] of cases) {
    const { verify } = await afterSummary(await world(t), over);
    assert.deepEqual(verify, [codes, exit], JSON.stringify(over));
  }
});

test('a PASSED with fields more promotes nothing and hides nothing older; nor does a stranger’s FAILED', async (t) => {
  for (const [over, by] of [
    [{ verificationResult: 'PASSED', extra: true }, 'ci'],
    [{ verificationResult: 'PASSED', slsaVersion: '1.3' }, 'ci'],
    [{ verificationResult: 'FAILED' }, 'mallory'],
    [{ verificationResult: 'FAILED', slsaVersion: '1.3' }, 'anna'],
  ] as const) {
    const { verify } = await afterSummary(await world(t), over, by);
    assert.deepEqual(verify, [[], 0], `${JSON.stringify(over)} by ${by}`);
  }
});

test('an open withdrawal stops promote, audit, report and rollback, until a revoker lifts it', async (t) => {
  const of = await world(t);
  const all = await afterSummary(of, { verificationResult: 'FAILED', slsaVersion: '1.3' });
  for (const [way, answer] of Object.entries(all)) assert.deepEqual(answer, [['promotion-unreadable'], 4], way);
  const input = { policy: POLICY, policyBytes: policyText(), environment: 'staging', name: 'acme/enc', to: '1.0' };
  const back = await rollback(input, of.ports, { registry: of.registry, signer: async () => signerOf('ci') });
  assert.deepEqual(answerOf(back.verdict), [['promotion-unreadable'], 4]);
  const id = await of.registry.resolve('acme/enc', '1.0');
  const told = await report(
    { name: 'acme/enc', reference: id, policy: POLICY, environment: 'staging', at: null, timestampAuthorities: [] },
    { ...of.ports, files: createFiles(), trust: async () => [] } as never,
    of.registry,
  );
  assert.deepEqual(answerOf(told.verdict)[1], 4);
  assert.deepEqual(told.serving, [], 'a report does not say that it serves');
  const open = (await of.registry.claims('acme/enc', id)).find((each) =>
    Buffer.from(JSON.parse(Buffer.from(each).toString()).dsseEnvelope.payload, 'base64').includes('"1.3"'),
  );
  assert.ok(open !== undefined);
  await revokeClaim(of, id, open);
  for (const [way, answer] of Object.entries(await answers(of, id))) assert.deepEqual(answer, [[], 0], way);
});

async function revokeClaim(of: GateWorld, id: string, bundle: Uint8Array, by: Name = 'rita'): Promise<void> {
  const pae = paeDigest(parseBundle(bundle).payload);
  await revokeTarget(of, { kind: 'claim', sha256: sha256Hex(bundle), pae }, id, by);
}

async function revokeTarget(of: GateWorld, target: RevocationTarget, id: string | null, by: Name): Promise<void> {
  const artifact = id === null ? null : { name: 'acme/enc', id };
  await revoke(
    { action: 'revoke', target, reason: 'said so', artifact, policy: POLICY },
    { ...of.ports, registry: of.registry, signer: signerOf(by) },
  );
}

test('statements that cannot be read: of a revoker, an evaluator or a promoter open; of others nothing', async (t) => {
  const text = (id: string, type: string, predicate: object, change: (json: string) => string) =>
    Buffer.from(
      change(
        JSON.stringify({
          _type: 'https://in-toto.io/Statement/v1',
          subject: [manifest(bare(id))],
          predicateType: type,
          predicate,
        }),
      ),
    );
  const twice = (json: string) => json.replace('{', '{"predicateType":"x",');
  const later = (json: string) => json.replace('Statement/v1', 'Statement/v2');
  const nameless = (json: string) => json.replace('"subject"', '"subjects"');
  const cases: readonly (readonly [Name, string, object, (json: string) => string, readonly string[], number])[] = [
    ['rita', PREDICATES.revocation, {}, twice, ['claim-malformed'], 4],
    ['rita', PREDICATES.revocation, {}, later, ['claim-malformed'], 4],
    ['erin', PREDICATES.evaluation, failed(), twice, ['claim-malformed'], 4],
    ['erin', PREDICATES.evaluation, failed(), nameless, ['claim-malformed'], 4],
    ['anna', PREDICATES.bom, {}, twice, [], 0],
    ['mallory', PREDICATES.revocation, {}, twice, [], 0],
  ];
  for (const [by, type, predicate, change, codes, exit] of cases) {
    const of = await world(t);
    const { model } = await promoted(of);
    const bundle = signBundle(by, text(model, type, predicate, change));
    await attach(of, model, bundle, type === PREDICATES.revocation ? REVOCATION : {});
    for (const [way, answer] of Object.entries(await answers(of, model)))
      assert.deepEqual(answer, [codes, exit], `${by} ${type} ${way}`);
    if (exit === 0) continue;
    await revokeClaim(of, model, bundle, 'rob');
    assert.deepEqual((await answers(of, model))['verify'], [[], 0], 'a revoker lifts it');
  }
});

test('a revocation with fields more is obeyed, one of a version nobody knows is open', async (t) => {
  for (const [over, codes, exit] of [
    [{ extra: 1 }, ['revoked'], 1],
    [{ version: 2 }, ['revoked'], 1],
    [{ version: 3 }, ['claim-malformed'], 4],
    [{ target: { kind: 'planet' } }, ['claim-malformed'], 4],
    [{ version: 3, action: 'reinstate' }, [], 0],
  ] as const) {
    const of = await world(t);
    const { model } = await promoted(of);
    const predicate = { ...revocationOf(model), ...over };
    await attach(
      of,
      model,
      bundleFor({ by: 'rita', type: PREDICATES.revocation, about: bare(model), predicate }),
      REVOCATION,
    );
    for (const [way, answer] of Object.entries(await answers(of, model)))
      assert.deepEqual(answer, [codes, exit], `${JSON.stringify(over)} ${way}`);
  }
});

test('a failed evaluation of several things at once, or of nothing that can be read, is heard', async (t) => {
  const say = (id: string, subject: object) =>
    bundleFor({
      by: 'erin',
      type: PREDICATES.evaluation,
      about: [subject, manifest(bare(id))] as never,
      predicate: failed(),
    });
  for (const [subject, codes, exit] of [
    [manifest('b'.repeat(64), 'acme/other'), ['claim-negative'], 1],
    [{ name: 'x', digest: { sha512: 'a'.repeat(128) } }, ['claim-negative'], 1],
  ] as const) {
    const of = await world(t);
    const { model } = await promoted(of);
    await attach(of, model, say(model, subject));
    for (const [way, answer] of Object.entries(await answers(of, model))) assert.deepEqual(answer, [codes, exit], way);
  }
});

test('a failed evaluation, or what a scanner found, of this artifact in another spelling or as something else, is open', async (t) => {
  const stages = `\n  - name: staging\n    require: [bom]\n    scan: { role: scanner, failOn: high }\n`;
  const text = Buffer.from(policyText(stages).toString().replace('  approver:', '  scanner: [erin]\n  approver:'));
  const found = { scanner: { uri: 'x', result: [{ id: 'CVE-1', severity: [{ method: 'x', score: 'critical' }] }] } };
  const clean = { scanner: { uri: 'x', result: [] } };
  const spellings: Readonly<Record<string, (hex: string) => object[]>> = {
    'upper case': (hex) => [{ name: 'acme/enc', digest: { sha256: hex.toUpperCase() } }],
    'another algorithm': () => [{ name: 'acme/enc', digest: { sha512: 'a'.repeat(128) } }],
    'a file': (hex) => [{ name: 'acme/enc', digest: { sha256: hex }, annotations: { kind: 'file' } }],
    'a root': (hex) => [{ name: 'acme/enc', digest: { sha256: hex }, annotations: { kind: 'root' } }],
    'with the algorithm before it': (hex) => [{ name: 'acme/enc', digest: { sha256: `sha256:${hex}` } }],
    'upper case, beside another thing': (hex) => [
      { name: 'acme/enc', digest: { sha256: hex.toUpperCase() }, annotations: { kind: 'manifest' } },
      manifest('b'.repeat(64), 'acme/other'),
    ],
  };
  for (const [at, [spelling, subjects]] of Object.entries(spellings).entries())
    for (const [type, predicate] of [
      [PREDICATES.evaluation, failed()],
      ...(at < 1 ? [[PREDICATES.vulns, found] as const] : []),
    ] as const) {
      const of = await world(t);
      const { model } = await publishStory(of);
      await attach(of, model, bundleFor({ by: 'erin', type: PREDICATES.vulns, about: bare(model), predicate: clean }));
      await promoteAs(of, 'ci', 'staging', { text });
      assert.deepEqual((await answers(of, model, text))['verify'], [[], 0]);
      await attach(of, model, bundleFor({ by: 'erin', type, about: subjects(bare(model)) as never, predicate }));
      for (const [way, answer] of Object.entries(await answers(of, model, text)))
        assert.deepEqual(
          [answer[0].filter((code) => code !== 'scan-incomplete'), answer[1]],
          [['claim-malformed'], 4],
          `${type}, ${spelling}: ${way}`,
        );
    }
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging', RITA);
  const others = bundleFor({ by: 'erin', type: PREDICATES.evaluation, about: 'b'.repeat(64), predicate: failed() });
  await attach(of, model, others);
  assert.deepEqual((await answers(of, model))['verify'], [[], 0], 'what is plainly about another is none of this');
});

test('a no by somebody lost since is open until somebody current confirms or lifts it', async (t) => {
  const lost = (name: Name): RevocationTarget => ({ kind: 'principal', name, since: '2026-01-01T00:00:00.000Z' });
  const of = await world(t);
  const { model } = await promoted(of);
  await revokeTarget(of, lost('erin'), null, 'rita');
  await attach(
    of,
    model,
    bundleFor({ by: 'erin', type: PREDICATES.evaluation, about: bare(model), predicate: failed() }),
  );
  for (const [way, answer] of Object.entries(await answers(of, model)))
    assert.deepEqual(answer, [['denial-unconfirmed'], 4], way);
  const other = await world(t);
  const { model: id, bundle } = await promoted(other);
  await revokeTarget(other, lost('ci'), null, 'rita');
  const withdrawal = summary(other, [bundle], { verificationResult: 'FAILED' });
  await attach(other, id, bundleFor({ by: 'ci', type: PREDICATES.promotion, about: bare(id), predicate: withdrawal }), {
    kind: 'promotion',
    env: 'staging',
  });
  assert.deepEqual((await answers(other, id))['verify']?.[0], ['denial-unconfirmed']);
  const third = await world(t);
  const { model: last } = await promoted(third);
  await revokeTarget(third, lost('rita'), null, 'rob');
  await attach(
    third,
    last,
    bundleFor({ by: 'rita', type: PREDICATES.revocation, about: bare(last), predicate: revocationOf(last) }),
    REVOCATION,
  );
  for (const [way, answer] of Object.entries(await answers(third, last)))
    assert.deepEqual(answer, [['denial-unconfirmed'], 4], way);
  await revokeTarget(third, { kind: 'artifact', sha256: bare(last) }, last, 'rob');
  assert.deepEqual((await answers(third, last))['verify'], [['revoked'], 1]);
});
