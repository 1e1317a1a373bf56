import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as weighmark from '../../src/index.ts';
import { keyLine } from '../public-key.ts';

const folder = mkdtempSync(join(tmpdir(), 'weighmark-library-gate-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function person(name: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const file = join(folder, `${name}.key`);
  writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return { pem, signer: await weighmark.keySigner(file) };
}

function artifact(name: string, text: string): string {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'rows.csv'), text);
  return join(folder, name);
}

test('from a sealed training to a promotion and a refusal, as the commands do it', async () => {
  const [tom, bot] = [await person('tom'), await person('bot')];
  const policy = `format: weighmark-policy/1
name: demo
version: 1
expires: 2099-01-01
principals: { tom: { keys: [${keyLine(tom.pem)}] }, bot: { keys: [${keyLine(bot.pem)}] } }
roles: { publisher: [tom], trainer: [tom], promoter: [bot] }
environments: [{ name: prod, require: [bom] }]
`;
  const env = { HOME: folder };
  const made = await weighmark.initRegistry(join(folder, 'reg'), { env });
  const registry = await weighmark.openRegistry(made.location, { env, logVkeys: made.vkeys });
  const [data, model, other] = [
    artifact('data', 'a,b\n1,2\n'),
    artifact('model', 'weights,b\n'),
    artifact('other', 'x,y\n'),
  ];
  await weighmark.seal(data, { signer: tom.signer, name: 'data:1' });
  await weighmark.push(data, registry);
  const step = { step: 'train' as const, inputs: ['dataset=data:1'], parameters: { epochs: 3 } };
  const sealed = await weighmark.seal(model, { signer: tom.signer, name: 'demo:1', step, registry });
  const pushed = await weighmark.push(model, registry);
  assert.equal(pushed.id, sealed.id);

  const asked = { registry, policy, name: 'demo', reference: '1' };
  const tree = await weighmark.lineage(asked);
  assert.deepEqual(
    [tree.verdict.outcome, tree.lineage.nodes.get(tree.lineage.root)?.edges[0]?.word],
    ['verified', 'trained-on'],
  );
  const [prod] = await weighmark.explain(asked);
  assert.deepEqual([prod?.subject, prod?.outcome], ['prod', 'verified']);
  const evaluated = await weighmark.attest('demo:1', {
    type: 'evaluation',
    result: 'passed',
    metrics: { accuracy: 0.9 },
    signer: tom.signer,
    registry,
  });
  assert.equal(evaluated.id, sealed.id);
  const evidence = await weighmark.report({ ...asked, environment: 'prod' });
  assert.equal(evidence.id, sealed.id);
  assert.deepEqual(evidence.lineage.nodes.get(tree.lineage.root)?.describedBy, ['tom']);
  assert.ok(evidence.facts.bom !== null && evidence.verdict.outcome !== 'verified', 'nothing is promoted yet');
  const tried = await weighmark.promote({ ...asked, environment: 'prod', signer: bot.signer, dryRun: true });
  assert.deepEqual([tried.verdict.outcome, tried.promoted], ['verified', null]);
  const promoted = await weighmark.promote({ ...asked, environment: 'prod', signer: bot.signer });
  assert.equal(promoted.promoted?.by, 'bot');

  await weighmark.push(other, registry, { as: 'other:1' });
  const refused = await weighmark.promote({ ...asked, name: 'other', environment: 'prod', signer: bot.signer });
  assert.equal(refused.promoted, null);
  const [finding] = weighmark.findingsOf(refused.verdict);
  assert.equal(weighmark.CODES[finding?.code ?? 'internal'], 1);
});

test('approve, pull, audit, revoke and roll back, as the commands do it', async () => {
  const [ada, bo, cy, di] = [await person('ada'), await person('bo'), await person('cy'), await person('di')];
  const keys = Object.entries({ ada, bo, cy, di }).map(([name, { pem }]) => `  ${name}: { keys: [${keyLine(pem)}] }`);
  const policy = `format: weighmark-policy/1
name: gate
version: 1
expires: 2099-01-01
principals:
${keys.join('\n')}
roles: { publisher: [ada], trainer: [ada], approver: [cy], promoter: [bo], revoker: [di] }
environments: [{ name: prod, require: [bom], approvals: { count: 1 } }]
`;
  const env = { HOME: folder };
  const made = await weighmark.initRegistry(join(folder, 'reg-2'), { env, logKeyFile: join(folder, 'log-2.key') });
  const registry = await weighmark.openRegistry(made.location, {
    env,
    logVkeys: made.vkeys,
    logKeyFile: join(folder, 'log-2.key'),
  });
  const [data, model] = [artifact('data-2', 'a,b\n3,4\n'), artifact('model-2', 'weights,c\n')];
  await weighmark.seal(data, { signer: ada.signer, name: 'data:1' });
  await weighmark.push(data, registry);
  const step = { step: 'train' as const, inputs: ['dataset=data:1'], parameters: {} };
  const { id } = await weighmark.seal(model, { signer: ada.signer, name: 'enc:1', step, registry });
  await weighmark.push(model, registry);
  const asked = { registry, policy, name: 'enc', reference: '1' };
  const gate = { ...asked, environment: 'prod' };
  const early = await weighmark.promote({ ...gate, signer: bo.signer });
  assert.deepEqual(weighmark.findingsOf(early.verdict)[0]?.code, 'approval-missing');
  const no = await weighmark.approve({ ...gate, signer: cy.signer, confirm: async (view) => view.id !== id });
  assert.deepEqual([no.asked, no.approved], [true, null]);
  const yes = await weighmark.approve({ ...gate, signer: cy.signer, confirm: async () => true });
  assert.equal(yes.approved?.by, 'cy');
  assert.equal((await weighmark.promote({ ...gate, signer: bo.signer })).promoted?.by, 'bo');

  const trust = [{ name: 'ada', anchor: { kind: 'key' as const, pem: ada.pem } }];
  const pulled = await weighmark.pull(join(folder, 'out'), registry, { name: 'enc', reference: '1', trust });
  assert.deepEqual([pulled.id, pulled.verdict?.outcome], [id, 'verified']);
  const stranger = [{ name: 'bo', anchor: { kind: 'key' as const, pem: bo.pem } }];
  const refused = await weighmark.pull(join(folder, 'none'), registry, {
    name: 'enc',
    reference: '1',
    trust: stranger,
  });
  assert.notEqual(refused.verdict?.exitCode, 0);
  assert.equal(existsSync(join(folder, 'none')), false);

  const standing = async () =>
    (await weighmark.audit({ registry, policy })).promotions.map((each) => each.verdict.exitCode);
  assert.deepEqual(await standing(), [0]);
  await assert.rejects(weighmark.revoke({ ...asked, signer: bo.signer, reason: 'x' }), { code: 'wrong-signer' });
  assert.equal((await weighmark.revoke({ ...asked, signer: di.signer, reason: 'it leaks' })).by, 'di');
  assert.deepEqual(await standing(), [1]);
  const back = await weighmark.rollback({
    registry,
    policy,
    name: 'enc',
    environment: 'prod',
    to: null,
    signer: bo.signer,
  });
  assert.deepEqual([back.verdict.exitCode, back.id], [0, null]);
});

test('a policy’s log and the times that were seen bind every call, as they bind the commands', async () => {
  const [eve, fay] = [await person('eve'), await person('fay')];
  const env = { HOME: folder };
  const keyFile = join(folder, 'log-3.key');
  const made = await weighmark.initRegistry(join(folder, 'reg-3'), { env, logKeyFile: keyFile });
  const other = await weighmark.initRegistry(join(folder, 'reg-4'), { env, logKeyFile: join(folder, 'log-4.key') });
  const registry = await weighmark.openRegistry(made.location, { env, logKeyFile: keyFile });
  const policyUnder = (vkey = '') => `format: weighmark-policy/1
name: timed
version: 1
expires: 2099-01-01
principals: { eve: { keys: [${keyLine(eve.pem)}] }, fay: { keys: [${keyLine(fay.pem)}] } }
roles: { publisher: [eve], trainer: [eve], promoter: [fay] }
log: { key: "${vkey}" }
environments: [{ name: prod, require: [bom] }]
`;
  const foreign = policyUnder(other.vkeys[0]);
  const digest = `sha256:${'a'.repeat(64)}`;
  for (const asked of [
    weighmark.impact(digest, { registry, policy: foreign }),
    weighmark.impactOfWeights(`blake3:${'a'.repeat(64)}`, { registry, policy: foreign }),
    weighmark.impactOfRecord('data:1', '{}', { registry, policy: foreign }),
  ])
    await assert.rejects(asked, { code: 'log-key-mismatch' });

  const policy = policyUnder(made.vkeys[0]);
  const data = artifact('data-3', 'a,b\n5,6\n');
  await weighmark.seal(data, { signer: eve.signer, name: 'data:1' });
  await weighmark.push(data, registry);
  const stateFolder = join(folder, 'remembered');
  const { createTimeMemory } = await import('../../src/adapters/time-memory.ts');
  const { createFiles } = await import('../../src/adapters/files/index.ts');
  const anchor = `policy timed of ${made.origin}`;
  await createTimeMemory(createFiles(), stateFolder).remember(new Map([[anchor, Date.now() + 9e9]]));
  const asked = { registry, policy, name: 'data', reference: '1', stateFolder };
  const codes = async (given: Parameters<typeof weighmark.explain>[0]) =>
    (await weighmark.explain(given)).flatMap(weighmark.findingsOf).map(({ code }) => code);
  assert.ok((await codes(asked)).includes('clock-behind'));
  const { stateFolder: _none, ...forgotten } = asked;
  assert.ok(!(await codes(forgotten)).includes('clock-behind'));
});

test('a policy that is none says every problem; the trust store is what the command wrote', async () => {
  await assert.rejects(weighmark.parsePolicy('format: weighmark-policy/1\nname: 3\n'), { code: 'policy-invalid' });
  const { pem } = await person('anna');
  const file = join(folder, 'trust.yaml');
  await assert.rejects(weighmark.trustStore(file), { code: 'trust-unavailable' });
  const { formatTrustFile } = await import('../../src/domain/trust/store.ts');
  const entries = [{ name: 'anna', anchor: { kind: 'key' as const, pem } }];
  writeFileSync(file, formatTrustFile({ entries, allowed: [] }), { mode: 0o600 });
  assert.deepEqual(
    (await weighmark.trustStore(file)).map(({ name }) => name),
    ['anna'],
  );
  assert.deepEqual(await weighmark.trustStore({ env: { HOME: join(folder, 'nobody') } }), []);
});

test('seal without a registry takes inputs by path or digest alone', async () => {
  const { signer } = await person('rob');
  const path = artifact('alone', 'q,r\n');
  const step = { step: 'train' as const, inputs: ['dataset=data:1'] };
  await assert.rejects(weighmark.seal(path, { signer, step }), { code: 'usage', message: /give a `registry`/ });
});
