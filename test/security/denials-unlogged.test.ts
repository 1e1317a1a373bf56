import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paeDigest } from '../../src/domain/claims/dsse.ts';
import { parseBundle } from '../../src/domain/claims/bundle.ts';
import { buildStatement } from '../../src/domain/claims/statement.ts';
import { sha256Hex } from '../../src/domain/digest/hex.ts';
import { buildPromotion, resourceUri, type PromotionParts } from '../../src/domain/authority/vsa.ts';
import { parsePolicy } from '../../src/domain/policy/parse.ts';
import type { Registry } from '../../src/domain/ports/registry.ts';
import type { Attachment } from '../../src/flows/registry/attach.ts';
import type { LogLeaf } from '../../src/domain/tlog/leaf.ts';
import { promoteAll } from '../../src/flows/gate/promote-all.ts';
import { rollback } from '../../src/flows/gate/rollback.ts';
import { bundleFor, manifest, signBundle, type Name } from '../domain/policy/world.ts';
import {
  approvalBundle,
  bare,
  modelClaims,
  policyText,
  promoteAs,
  publishStory,
  signerOf,
  type GateWorld,
} from '../flows/gate-world.ts';
import { PREDICATES, REVOCATION, answers, attach, failed, revocationOf, world, type Answer } from './denials-world.ts';

/** A "no" holds from when it is signed and lies here: whoever may delete or name an entry of the log takes none of them back. */
const POLICY = parsePolicy(policyText());

async function staged(of: GateWorld) {
  const { model, dataset } = await publishStory(of);
  assert.equal((await promoteAs(of, 'ci', 'staging')).verdict.exitCode, 0);
  return { model, dataset };
}

function withdrawal(of: GateWorld, id: string, over: Partial<PromotionParts> & { by?: Name; uri?: unknown } = {}) {
  const { by = 'ci', uri, ...parts } = over;
  const place = { origin: of.registry.log.origin, name: 'acme/enc', environment: 'staging' };
  const made = { verifier: 'x', at: new Date('2026-11-20T11:00:00Z'), policy: POLICY, inputs: [], passed: false };
  const predicate = {
    ...buildPromotion({ ...place, ...made, ...parts }),
    ...(uri === undefined ? {} : { resourceUri: uri }),
  };
  return bundleFor({ by, type: PREDICATES.promotion, about: bare(id), predicate });
}

const store = (of: GateWorld, id: string, bundle: Uint8Array) => of.registry.putClaim('acme/enc', id, bundle);
const [HOLDS, OUT, OPEN] = [
  [[], 0],
  [['not-promoted'], 1],
  [['claim-malformed'], 4],
] as const;

async function isOut(of: GateWorld, id: string, what: string) {
  const { verify, audit, promote } = await answers(of, id);
  assert.deepEqual([verify, audit, promote], [OUT, OUT, HOLDS], what);
}

test('a withdrawal holds before it is logged, and wherever else it is logged', async (t) => {
  const leaves: Readonly<Record<string, Pick<Attachment, 'kind' | 'env'> | null>> = {
    'not logged': null,
    'as a claim': { kind: 'claim' },
    'as a revocation': { kind: 'revocation' },
    'as a push': { kind: 'push' },
    'as one of another environment': { kind: 'promotion', env: 'prod' },
    'as one of no environment': { kind: 'promotion' },
  };
  for (const [what, leaf] of Object.entries(leaves)) {
    const of = await world(t);
    const { model } = await staged(of);
    const bundle = withdrawal(of, model);
    await (leaf === null ? store(of, model, bundle) : attach(of, model, bundle, leaf));
    await isOut(of, model, what);
  }
});

test('one that waits for the operator of a remote log holds, whoever deletes what waits', async (t) => {
  const of = await world(t);
  const { model } = await staged(of);
  const log = Object.assign(Object.create(of.registry.log), {
    append: async (asked: readonly LogLeaf[]) => asked.map((leaf) => ({ leaf, index: null })),
  });
  const registry = Object.assign(Object.create(of.registry), { log }) as Registry;
  const input = { name: 'acme/enc', policy: POLICY, policyBytes: policyText(), environment: 'staging', to: null };
  await rollback(input, of.ports, { registry, signer: async () => signerOf('ci') });
  await isOut(of, model, 'pending');
  const again = { policy: POLICY, policyBytes: policyText(), environment: 'staging' };
  const all = await promoteAll(again, of.ports, { registry: of.registry, signer: async () => signerOf('ci') });
  assert.deepEqual(
    all.map(({ result }) => result),
    ['refused'],
    'promote --all brings nothing back that was withdrawn',
  );
  const back = await promoteAs(of, 'ci', 'staging');
  assert.equal(back.verdict.exitCode, 0, 'by name it is promoted upon that');
  assert.deepEqual((await answers(of, model))['verify'], HOLDS);
});

test('who goes back over a withdrawal that is not logged names it', async (t) => {
  const of = await world(t);
  const { model } = await staged(of);
  await store(of, model, withdrawal(of, model));
  const input = { name: 'acme/enc', policy: POLICY, policyBytes: policyText(), environment: 'staging', to: '1.0' };
  const done = await rollback(input, of.ports, { registry: of.registry, signer: async () => signerOf('ci') });
  assert.equal(done.verdict.exitCode, 0);
  assert.deepEqual((await answers(of, model))['verify'], HOLDS);
});

test('a withdrawal from elsewhere, by somebody who may not, taken back, logged in its place or a copy of that, is none', async (t) => {
  const cases: Readonly<Record<string, (of: GateWorld, id: string) => Promise<unknown>>> = {
    'another environment': (of, id) => store(of, id, withdrawal(of, id, { environment: 'prod' })),
    'another log': (of, id) => store(of, id, withdrawal(of, id, { origin: 'log.other.example' })),
    'another name': (of, id) => store(of, id, withdrawal(of, id, { name: 'acme/other' })),
    'an approver': (of, id) => store(of, id, withdrawal(of, id, { by: 'bob' })),
    'a stranger': (of, id) => store(of, id, withdrawal(of, id, { by: 'mallory' })),
    'taken back by its signer': async (of, id) => {
      const bundle = withdrawal(of, id);
      await store(of, id, bundle);
      await attach(of, id, takingBack('ci', id, bundle), REVOCATION);
    },
    'promoted since': async (of, id) => {
      const bundle = withdrawal(of, id);
      await attach(of, id, bundle, { kind: 'promotion', env: 'staging' });
      await promoteAs(of, 'ci', 'staging');
      await store(of, id, Buffer.from(`${Buffer.from(bundle).toString()} `));
    },
  };
  for (const [what, say] of Object.entries(cases)) {
    const of = await world(t);
    const { model } = await staged(of);
    await say(of, model);
    assert.deepEqual((await answers(of, model))['verify'], HOLDS, what);
  }
});

test('one that does not say from where, or not in full, is open; of something else it is nothing', async (t) => {
  const said = async (make: (of: GateWorld, ids: { model: string; dataset: string }) => Promise<unknown>) => {
    const of = await world(t);
    const ids = await staged(of);
    await make(of, ids);
    return (await answers(of, ids.model))['verify'];
  };
  const unsaid: Answer = [['promotion-unreadable'], 4];
  assert.deepEqual(await said((of, { model }) => store(of, model, withdrawal(of, model, { uri: 7 }))), unsaid);
  assert.deepEqual(
    await said((of, { model, dataset }) => store(of, model, withdrawal(of, dataset, { uri: 7 }))),
    HOLDS,
  );
  const partly = (of: GateWorld, id: string) => {
    const uri = resourceUri({ origin: of.registry.log.origin, name: 'acme/enc', environment: 'staging' });
    const predicate = { verificationResult: 'FAILED', resourceUri: uri };
    return bundleFor({ by: 'ci', type: PREDICATES.promotion, about: bare(id), predicate });
  };
  assert.deepEqual(await said((of, { model }) => store(of, model, partly(of, model))), unsaid);
});

/** What was signed, but no JSON that is read: a field stands twice. */
function unreadable(by: Name, type: string, id: string, predicate: Readonly<Record<string, unknown>>): Uint8Array {
  const text = Buffer.from(buildStatement([manifest(bare(id))], type, predicate)).toString();
  return signBundle(by, Buffer.from(`{"predicateType":"x",${text.slice(1)}`));
}

test('what is proven to be somebody’s and cannot be read is open before it is logged, and logged as whatever', async (t) => {
  const cases = { rita: PREDICATES.revocation, erin: PREDICATES.evaluation, ci: PREDICATES.promotion } as const;
  for (const [by, type] of Object.entries(cases) as [keyof typeof cases, string][])
    for (const [how, say] of Object.entries({
      'not logged': store,
      'as a claim': (of: GateWorld, id: string, bundle: Uint8Array) => attach(of, id, bundle),
    })) {
      const of = await world(t);
      const { model } = await staged(of);
      await say(of, model, unreadable(by, type, model, { ...failed(), ...revocationOf(model) }));
      assert.deepEqual((await answers(of, model))['verify'], OPEN, `${by} ${how}`);
    }
});

test('with an ancestor too; what lies with something else, by a stranger or by nobody who could say no, is not', async (t) => {
  const asked = async (
    by: Name,
    where: (of: GateWorld, ids: { model: string; dataset: string }, bundle: Uint8Array) => Promise<unknown>,
  ) => {
    const of = await world(t);
    const ids = await staged(of);
    await where(of, ids, unreadable(by, PREDICATES.revocation, ids.model, revocationOf(ids.model)));
    return (await answers(of, ids.model))['verify'];
  };
  const atDataset: Parameters<typeof asked>[1] = (of, { dataset }, bundle) =>
    of.registry.putClaim('acme/data', dataset, bundle);
  assert.deepEqual(await asked('rita', atDataset), OPEN);
  assert.deepEqual(await asked('mallory', atDataset), HOLDS);
  assert.deepEqual(await asked('dana', atDataset), HOLDS);
  const elsewhere: Parameters<typeof asked>[1] = async (of, _ids, bundle) => {
    const other = await of.publish('acme/other:1', { z: 'z' }, () => []);
    await of.registry.putClaim('acme/other', other, bundle);
  };
  assert.deepEqual(await asked('rita', elsewhere), HOLDS);
});

function takingBack(
  by: Name,
  id: string,
  bundle: Uint8Array,
  over: Readonly<Record<string, unknown>> = {},
  target: Readonly<Record<string, unknown>> = {},
): Uint8Array {
  const pae = paeDigest(parseBundle(bundle, 1 << 20).payload);
  const own = { kind: 'claim', sha256: sha256Hex(bundle), pae, ...target };
  const predicate = { version: 1, action: 'revoke', target: own, reason: 'by mistake', ...over };
  return bundleFor({ by, type: PREDICATES.revocation, about: bare(id), predicate });
}

test('who takes back what they signed themselves, in a form nobody understands, leaves it open', async (t) => {
  const of = await world(t);
  const { model, dataset } = await staged(of);
  const [, step] = modelClaims(model, dataset)[0] ?? [];
  const trained = (await of.registry.claims('acme/enc', model)).find(
    (each) => paeOf(each) === paeOf(step ?? new Uint8Array()),
  );
  assert.ok(trained !== undefined);
  const pae = paeOf(trained);
  const forms: Readonly<Record<string, Uint8Array>> = {
    'a later version': takingBack('anna', model, trained, { version: 3 }),
    'no reason': takingBack('anna', model, trained, { reason: '' }),
    'no digest of what was signed': takingBack('anna', model, trained, {}, { pae: undefined }),
    'upper case': takingBack('anna', model, trained, {}, { sha256: sha256Hex('x'), pae: pae.toUpperCase() }),
  };
  for (const [what, bundle] of Object.entries(forms)) {
    const one = await world(t);
    await staged(one);
    await attach(one, model, trained);
    await attach(one, model, bundle, REVOCATION);
    assert.deepEqual((await answers(one, model))['verify'], OPEN, what);
  }
});

function paeOf(bundle: Uint8Array): string {
  return paeDigest(parseBundle(bundle, 1 << 20).payload);
}

test('of others’ claims, of claims that are not here, or when it says yes, such a form is nothing; a revoker lifts it', async (t) => {
  const approval = (id: string) => approvalBundle('bob', id);
  const cases: Readonly<Record<string, (of: GateWorld, id: string) => Promise<unknown>>> = {
    'others’': async (of, id) => {
      for (const each of await of.registry.claims('acme/enc', id))
        await store(of, id, takingBack('dana', id, each, { version: 3 }));
    },
    'not here': (of, id) => store(of, id, takingBack('bob', id, approval('a'.repeat(64)), { version: 3 })),
    'a yes': async (of, id) => {
      const own = approval(bare(id));
      await store(of, id, own);
      await store(of, id, takingBack('bob', id, own, { version: 3, action: 'reinstate' }));
    },
    lifted: async (of, id) => {
      const own = approval(bare(id));
      const said = takingBack('bob', id, own, { version: 3 });
      await store(of, id, own);
      await attach(of, id, said, REVOCATION);
      assert.deepEqual((await answers(of, id))['verify'], OPEN);
      await attach(of, id, takingBack('rita', id, said), REVOCATION);
    },
  };
  for (const [what, say] of Object.entries(cases)) {
    const of = await world(t);
    const { model } = await staged(of);
    await say(of, model);
    assert.deepEqual((await answers(of, model))['verify'], HOLDS, what);
  }
});
