import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import type { LoggedRevocation } from '../../src/domain/authority/revocations.ts';
import { buildPromotion } from '../../src/domain/authority/vsa.ts';
import { actOf } from '../../src/domain/claims/dsse.ts';
import { parseBundle } from '../../src/domain/claims/bundle.ts';
import type { Signer, VerifiedClaim } from '../../src/domain/claims/types.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import { readDer, childrenOf, der, derInteger, TAG } from '../../src/domain/pki/der.ts';
import { revoke } from '../../src/flows/gate/revoke.ts';
import { rollback } from '../../src/flows/gate/rollback.ts';
import type { ClaimSigner } from '../../src/domain/ports/signing.ts';
import { D0, PROD, bundleFor, claim, codes, decide, facts, honest, policy, type Name } from '../domain/policy/world.ts';
import { bare, policyText, promoteAs, publishStory, signerOf, type GateWorld } from '../flows/gate-world.ts';
import { PREDICATES, answers, attach, certified, hashOf, policyWith, world } from './denials-world.ts';

/**
 * Whoever may push can log what others signed once more: as it is, wrapped anew, or with the other half of its signature. Nothing
 * is said again by that; who signs the same anew says it again.
 */
const prod = policy(PROD);

const { chain } = certified('rosa@acme.example', '2026-11-01T00:00:00Z');

function certificateOf(name: string): Signer {
  const identity = `${name}@acme.example`;
  const root = sha256Hex(new X509Certificate(chain).raw);
  const sans = [{ type: 'email', value: identity }] as const;
  return { kind: 'certificate', root, subject: identity, sans, fingerprint: name, notBefore: '2026-11-01T00:00:00Z' };
}

async function said(by: Name, action: 'revoke' | 'reinstate', reason: string): Promise<VerifiedClaim> {
  const predicate = { version: 1, action, target: { kind: 'artifact', sha256: D0 }, reason };
  return claim({ by, type: PREDICATES.revocation, about: D0, predicate });
}

function wrappedAnew(of: VerifiedClaim, by: number): VerifiedClaim {
  return { ...of, bundle: hashOf(`${of.bundle} ${by}`) };
}

async function decided(...claims: readonly VerifiedClaim[]): Promise<readonly string[]> {
  const revocations = claims.map((each, index): LoggedRevocation => ({ claim: each, index }));
  return codes(decide(facts(Object.values(await honest()), { revocations }), prod));
}

test('what two revokers undid once undoes nothing that was revoked since', async () => {
  const [first, second] = [await said('rita', 'revoke', 'stolen'), await said('rob', 'revoke', 'stolen again')];
  const undone = [await said('rita', 'reinstate', 'found'), await said('rob', 'reinstate', 'found')];
  assert.deepEqual(await decided(first, ...undone), []);
  assert.deepEqual(await decided(first, ...undone, second), ['revoked']);
  assert.deepEqual(await decided(first, ...undone, second, ...undone), ['revoked'], 'logged again');
  const copies = undone.map((each) => wrappedAnew(each, 1));
  assert.deepEqual(await decided(first, ...undone, second, ...copies), ['revoked'], 'wrapped anew');
  const lapsed = { ...copies[0]!, onlyNo: { code: 'signature-malformed', message: 'x' } } as const;
  assert.deepEqual(await decided(first, lapsed, ...undone, second), ['revoked']);
  assert.deepEqual(await decided(first, lapsed, ...undone), [], 'nor does a copy in another form take their word away');
});

test('nor where one key goes by two names, and their old words are wrapped as those of the other', async () => {
  const named = (name: string) => ({ certificates: [{ chain, identity: `${name}@acme.example` }] });
  const both = parsePolicy(
    policyWith('rosa', named('rosa'), ['revoker'], policyWith('rolf', named('rolf'), ['revoker'])),
  );
  const as = (name: string, of: VerifiedClaim): VerifiedClaim => ({
    ...wrappedAnew(of, 2),
    signer: certificateOf(name),
  });
  const [rita, rob] = [await said('rita', 'reinstate', 'found'), await said('rob', 'reinstate', 'found')];
  const [first, second] = [await said('rob', 'revoke', 'stolen'), await said('rob', 'revoke', 'stolen again')];
  const ask = async (...claims: readonly VerifiedClaim[]) => {
    const revocations = claims.map((each, index): LoggedRevocation => ({ claim: each, index }));
    return codes(decide(facts(Object.values(await honest()), { revocations }), both, 'staging'));
  };
  assert.deepEqual(await ask(first, rita, rob), []);
  assert.deepEqual(await ask(first, rita, rob, second, as('rosa', rita), as('rolf', rob)), ['revoked']);
  const no = await said('mallory', 'revoke', 'stolen');
  assert.deepEqual(await ask(no, as('rosa', no)), ['revoked'], 'by whichever name it is heard, it is heard');
});

test('what was undone is not revoked by logging the old revocation again, and is by saying it anew', async () => {
  const first = await said('rita', 'revoke', 'stolen');
  const undone = [await said('rita', 'reinstate', 'found'), await said('rob', 'reinstate', 'found')];
  assert.deepEqual(await decided(first, ...undone, wrappedAnew(first, 1)), []);
  const anew = await said('rita', 'revoke', 'stolen');
  assert.equal(anew.pae, first.pae, 'word for word');
  assert.deepEqual(await decided(first, ...undone, anew), ['revoked']);
  const undoneAnew = [await said('rita', 'reinstate', 'found'), await said('rob', 'reinstate', 'found')];
  assert.deepEqual(await decided(first, ...undone, anew, ...undoneAnew), []);
});

test('one signature is one act, with either of its halves and in either encoding; two are two', () => {
  const say = () => bundleFor({ by: 'rita', type: PREDICATES.revocation, about: D0, predicate: { reason: 'x' } });
  const { payload, signature } = parseBundle(say());
  const [r, s] = childrenOf(readDer(signature)).map(({ body }) => BigInt(`0x${Buffer.from(body).toString('hex')}`));
  assert.ok(r !== undefined && s !== undefined);
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const bytes = (value: bigint) => Buffer.from(value.toString(16).padStart(64, '0'), 'hex');
  const other = der(TAG.sequence, derInteger(bytes(r)), derInteger(bytes(order - s)));
  assert.equal(actOf(payload, other), actOf(payload, signature));
  assert.equal(actOf(payload, Buffer.concat([bytes(r), bytes(s)])), actOf(payload, signature));
  assert.notEqual(actOf(payload, parseBundle(say()).signature), actOf(payload, signature));
  assert.notEqual(actOf(Buffer.from('x'), signature), actOf(payload, signature));
});

const POLICY = parsePolicy(policyText());

async function promotions(of: GateWorld, id: string): Promise<readonly Uint8Array[]> {
  const bundles = await of.registry.claims('acme/enc', id);
  const logged = await of.registry.log.find({ kind: 'promotion' });
  return logged.flatMap(({ leaf }) => bundles.find((each) => leaf.bundle === `sha256:${sha256Hex(each)}`) ?? []);
}

const PLACE = { kind: 'promotion', env: 'staging' } as const;
const wrapped = (bundle: Uint8Array): Uint8Array =>
  Buffer.from(JSON.stringify(JSON.parse(Buffer.from(bundle).toString()), null, 1));
const malformed = (bundle: Uint8Array): Uint8Array =>
  Buffer.from(Buffer.from(bundle).toString().replace('{', '{"more":1,'));

test('an older promotion wrapped anew stands in nobody’s way, nor a copy of the newest in another form', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  await promoteAs(of, 'ci', 'staging');
  await promoteAs(of, 'ci', 'staging');
  const [older, newest] = await promotions(of, model);
  assert.ok(older !== undefined && newest !== undefined);
  for (const copy of [wrapped(older), malformed(older), wrapped(newest), malformed(newest)]) {
    await attach(of, model, copy, PLACE);
    assert.deepEqual(await answers(of, model), { promote: [[], 0], verify: [[], 0], audit: [[], 0] });
  }
});

test('a promotion that somebody else logged first, as one of another artifact or in another form, still promotes', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  const other = await of.publish('acme/enc:other', { 'config.json': '{"other":1}' }, () => []);
  const input = { policy: POLICY, policyBytes: policyText(), environment: 'staging', name: 'acme/enc', to: null };
  const predicate = buildPromotion({
    verifier: 'x',
    at: new Date('2026-11-20T12:00:00Z'),
    origin: of.registry.log.origin,
    name: 'acme/enc',
    environment: 'staging',
    policy: POLICY,
    inputs: [],
    passed: true,
  });
  const done = bundleFor({ by: 'ci', type: PREDICATES.promotion, about: bare(model), predicate });
  await attach(of, other, done, PLACE);
  await attach(of, model, malformed(done), PLACE);
  await attach(of, model, done, PLACE);
  assert.deepEqual((await answers(of, model))['verify'], [[], 0]);
  await rollback(input, of.ports, { registry: of.registry, signer: async () => signerOf('ci') });
  assert.deepEqual((await answers(of, model))['verify'], [['not-promoted'], 1]);
});

test('who signs by what they sign alone is told that the same words say nothing new', async (t) => {
  const of = await world(t);
  const { model } = await publishStory(of);
  const kept = new Map<string, Uint8Array>();
  const signer = (by: Name): ClaimSigner => ({
    description: by,
    sign: async (payload) => {
      const key = `${by} ${Buffer.from(payload).toString('hex')}`;
      const bundle = kept.get(key) ?? (await signerOf(by).sign(payload));
      kept.set(key, bundle);
      return bundle;
    },
  });
  const artifact = { name: 'acme/enc', id: model };
  const target = { kind: 'artifact', sha256: bare(model) } as const;
  const say = async (by: Name, action: 'revoke' | 'reinstate', reason: string) =>
    revoke(
      { action, target, reason, artifact, policy: POLICY },
      { ...of.ports, registry: of.registry, signer: signer(by) },
    );
  await say('rita', 'revoke', 'stolen');
  await say('rita', 'reinstate', 'found');
  await say('rob', 'reinstate', 'found');
  await assert.rejects(say('rita', 'revoke', 'stolen'), { code: 'usage', message: /this very signature/ });
  await say('rita', 'revoke', 'stolen once more');
  assert.deepEqual((await answers(of, model))['promote'], [['revoked'], 1]);
});
