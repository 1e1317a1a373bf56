import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import type { VerifiedClaim } from '../../../src/domain/claims/types.ts';
import { pedigreeOf } from '../../../src/domain/policy/bom-rules.ts';
import { isSame } from '../../../src/domain/policy/content-rules.ts';
import { MODEL, TUNED, bomOf, claim, decide, facts, hex, honest, policy, step } from './world.ts';

const under = (rule: string) => policy(`\n  - name: prod\n    ${rule}`);
const bomWith = (component: object, more: object = {}) =>
  claim({
    by: 'anna',
    type: PREDICATES.bom,
    about: MODEL,
    predicate: { bomFormat: 'CycloneDX', metadata: { component }, ...more },
    at: '2026-11-03T11:00:00Z',
  });

async function chain(without: 'bom' | 'model' = 'bom'): Promise<readonly VerifiedClaim[]> {
  const { [without]: _, ...rest } = await honest();
  return Object.values(rest);
}

async function findings(rule: string, ...boms: readonly VerifiedClaim[]) {
  return findingsOf(decide(facts([...(await chain()), ...boms]), under(rule)));
}

const messages = async (...args: Parameters<typeof findings>) =>
  (await findings(...args)).map(({ message }) => message);

test('each element a policy asks of a BOM, where CycloneDX has it, and empty ones are none', async () => {
  const HASHES = [{ alg: 'SHA-256', content: hex('a') }];
  const cases: readonly (readonly [string, object, object?])[] = [
    ['name', { name: 'enc' }],
    ['version', { version: '1' }],
    ['licence', { licenses: [{ expression: 'MIT' }] }],
    ['licence', { licenses: [{ license: { name: 'Our own' } }] }],
    ['supplier', { supplier: { name: 'acme' } }],
    ['supplier', { manufacturer: { name: 'acme' } }],
    ['supplier', { publisher: 'acme' }],
    ['supplier', { authors: [{ name: 'anna' }] }],
    ['hashes', { hashes: HASHES }],
    ['hashes', { components: [{ hashes: HASHES }] }],
    ['hashes', {}, { components: [{ hashes: HASHES }] }],
    ['datasets', { modelCard: { modelParameters: { datasets: [{ ref: 'd' }] } } }],
    ['datasets', { data: [{ type: 'dataset' }] }],
    ['model-card', { modelCard: { considerations: {} } }],
    ['base-model', { pedigree: { ancestors: [{ name: 'acme/tuned' }] } }],
  ];
  for (const [element, component, more] of cases) {
    const rule = `bom: { minimum: [${element}] }`;
    assert.deepEqual(
      await messages(rule, await bomWith(component, more)),
      [],
      `${element} ${JSON.stringify(component)}`,
    );
    const emptied = Object.fromEntries(Object.entries(component).map(([key, value]) => [key, emptyOf(value)]));
    assert.deepEqual(await messages(rule, await bomWith(emptied)), [`its BOM does not say: ${element}`], element);
  }
});

function emptyOf(value: unknown): unknown {
  if (typeof value === 'string') return ' ';
  return Array.isArray(value) ? [] : {};
}

test('a BOM that has all is evidence, by its signer; of two, what one lacks is missing', async () => {
  const rule = 'bom: { minimum: [name, version] }';
  const [whole, nameless] = [await bomWith({ name: 'enc', version: '1' }), await bomWith({ version: '1' })];
  const { checks } = decide(facts([...(await chain()), whole]), under(rule));
  assert.deepEqual(checks.find(({ name }) => name === 'bom')?.evidence, [{ what: 'BOM by anna with name, version' }]);
  assert.deepEqual(await messages(rule, whole, nameless), ['its BOM does not say: name']);
  assert.deepEqual(await messages(rule), ['it has no BOM by a trusted signer']);
});

test('a licence is said once as evidence, and each that the policy does not allow is a finding', async () => {
  const rule = 'licences: { allow: [MIT] }';
  const mit = await bomWith({ licenses: [{ license: { id: 'MIT' } }, { expression: 'MIT' }] });
  const { checks } = decide(facts([...(await chain()), mit]), under(rule));
  assert.deepEqual(checks.find(({ name }) => name === 'licences')?.evidence, [{ what: 'licence MIT' }]);
  const two = await bomWith({ licenses: [{ license: { id: 'GPL-2.0-only' } }, { license: { id: 'GPL-3.0-only' } }] });
  assert.equal((await findings(rule, two)).length, 2);
  for (const component of [{}, { licenses: [{}] }, { licenses: ['MIT'] }, { licenses: [{ license: 'MIT' }] }])
    assert.deepEqual(await messages(rule, await bomWith(component)), ['its BOM says no licence']);
  assert.deepEqual(await messages(rule), ['no BOM by a trusted signer says its licence']);
});

test('a BOM that was taken back is the reason, not the licence that is unknown without it', async () => {
  const bom = await claim({ by: 'anna', type: PREDICATES.bom, about: MODEL, predicate: bomOf('MIT') });
  const target = { kind: 'claim', sha256: bom.bundle, pae: bom.pae };
  const predicate = { version: 1, action: 'revoke', target, reason: 'names another model' };
  const revocation = await claim({ by: 'rita', type: PREDICATES.revocation, about: MODEL, predicate });
  const found = findingsOf(
    decide(
      facts([...(await chain()), bom], { revocations: [{ claim: revocation, index: 1 }] }),
      under('licences: { allow: [MIT] }'),
    ),
  );
  assert.deepEqual(
    found.map(({ code, message, subject }) => `${code} ${subject?.slice(7, 11)}: ${message}`),
    [`revoked ${MODEL.slice(0, 4)}: its BOM no longer counts: names another model`],
  );
});

test('a base that the BOM names must be declared, by digest or by the name that both give it', async () => {
  const base = (ancestor: object) => bomWith({ pedigree: { ancestors: [ancestor] } });
  const rule = 'require: []';
  const sha = (content: string) => ({ name: 'x', hashes: [{ alg: 'SHA-256', content }] });
  assert.deepEqual(await messages(rule, await base(sha(TUNED.toUpperCase()))), []);
  assert.deepEqual(await messages(rule, await base({ group: 'acme', name: 'tuned' })), []);
  const [undeclared] = await findings(rule, await base({ ...sha(hex('other')), group: 'acme' }));
  assert.equal(undeclared?.code, 'undeclared-input');
  assert.equal(undeclared.message, 'its BOM names the base acme/x, which its provenance does not declare');
  assert.match(undeclared.hint ?? '', /--input base-model=REF.*environment: prod/);
  const md5 = await base({ name: 'x', hashes: [{ alg: 'MD5', content: TUNED }] });
  assert.equal((await findings(rule, md5)).length, 1, 'another algorithm');
});

test('what a step of packaging only changes keeps its bases; a dataset or a prompt declares none', async () => {
  const bom = await bomWith({ pedigree: { ancestors: [{ name: 'acme/elsewhere' }] } });
  const answer = async (made: VerifiedClaim, name: string) =>
    findingsOf(
      decide(
        facts([...(await chain('model')).filter(({ statement }) => statement.predicateType !== PREDICATES.bom), made], {
          content: { formats: new Map(), declaredBases: [{ name, where: 'config.json' }] },
        }),
        under('lineage: { required: false }'),
      ),
    ).filter(({ code, message }) => code === 'undeclared-input' && message.includes('names the base'));
  const at = '2026-11-03T10:00:00Z';
  const packaged = await step('package', MODEL, [{ role: 'package', of: 'tuned' }], at);
  assert.deepEqual(await answer(packaged, 'acme/elsewhere'), []);
  assert.equal(
    (await answer(await step('adapter', MODEL, [{ role: 'base-model', of: 'tuned' }], at), 'elsewhere')).length,
    1,
  );
  const adapted = await step(
    'merge',
    MODEL,
    [
      { role: 'base-model', of: 'tuned' },
      { role: 'adapter', of: 'lora' },
    ],
    at,
  );
  assert.deepEqual(await answer(adapted, 'lora'), []);
  const trained = await step('train', MODEL, [{ role: 'dataset', of: 'rows' }], at);
  assert.equal((await answer(trained, 'rows')).length, 1, 'a dataset is no base');
  assert.equal(pedigreeOf(bom.statement.predicate)[0]?.name, 'acme/elsewhere');
});

test('names of a base are one with and without hub, revision, tag and case; a path counts by its last part', () => {
  const same = (one: string, other: string) => isSame({ to: 'a', name: one }, { name: other, sha256: null });
  for (const other of ['qwen/qwen2.5', 'pkg:huggingface/Qwen/Qwen2.5@abc', 'Qwen2.5', 'qwen/qwen2.5:1', './x/qwen2.5'])
    assert.ok(same('Qwen/Qwen2.5', other), other);
  for (const other of ['qwen/qwen2', 'other/qwen2.5', '', '/', './qwen'])
    assert.ok(!same('Qwen/Qwen2.5', other), other);
  assert.ok(same('a/b?x=1', 'a/b#y'));
  assert.ok(isSame({ to: 'a', name: 'x' }, { name: 'y', sha256: 'a' }));
  assert.ok(!isSame({ to: 'a', name: 'x' }, { name: 'y', sha256: 'b' }));
});
