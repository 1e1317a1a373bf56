import assert from 'node:assert/strict';
import { test } from 'node:test';
import { workersText } from '../../../src/domain/bom/worker-digests.ts';
import { PREDICATES } from '../../../src/domain/claims/predicates.ts';
import { auditEvents, type AuditState } from '../../../src/domain/policy/audit-events.ts';
import { licenceProblem } from '../../../src/domain/policy/licence-rule.ts';
import type { Environment } from '../../../src/domain/authority/types.ts';
import { MODEL, bomOf, claim, codes, decide, facts, hex, honest, policy } from './world.ts';

const prod = (rules: string): ReturnType<typeof policy> =>
  policy(
    `\n  - name: prod\n${rules
      .split('\n')
      .map((line) => `    ${line}`)
      .join('\n')}`,
  );

test('licence expressions: OR needs one, AND needs both, WITH follows its licence, denied wins', () => {
  const allow = { allow: ['MIT', 'Apache-2.0'] };
  for (const good of [
    'MIT',
    'mit',
    'MIT OR GPL-3.0-only',
    'MIT AND Apache-2.0',
    '(GPL-3.0-only OR MIT) AND Apache-2.0',
    'Apache-2.0 WITH LLVM-exception',
  ])
    assert.equal(licenceProblem(good, allow), null, good);
  for (const bad of [
    'GPL-3.0-only',
    'MIT AND GPL-3.0-only',
    '(MIT',
    'MIT OR',
    '',
    'my own',
    'MIT MIT',
    '(GPL-3.0-only AND MIT) OR GPL-2.0-only',
  ])
    assert.notEqual(licenceProblem(bad, allow), null, bad);
  assert.equal(licenceProblem('MIT', { deny: ['GPL-3.0-only'] }), null);
  for (const bad of ['GPL-3.0-only', 'GPL-3.0-only AND MIT', 'something else'])
    assert.notEqual(licenceProblem(bad, { deny: ['GPL-3.0-only'] }), null, bad);
  assert.notEqual(licenceProblem('MIT', { allow: ['MIT'], deny: ['MIT'] }), null);
});

test('formats are judged by the bytes: nothing known is nothing allowed', async () => {
  const claims = Object.values(await honest());
  const content = (...formats: readonly string[]) => ({
    content: { formats: new Map(formats.map((format, index) => [`file${index}`, format])), declaredBases: [] },
  });
  const rules = prod('formats: { allow: [safetensors, json] }');
  assert.deepEqual(codes(decide(facts(claims, content('safetensors', 'json')), rules)), []);
  assert.deepEqual(codes(decide(facts(claims, content('safetensors', 'pickle')), rules)), ['format-refused']);
  assert.deepEqual(codes(decide(facts(claims, content()), rules)), ['format-refused']);
  assert.deepEqual(codes(decide(facts(claims, content('gguf')), prod('formats: { deny: [pickle] }'))), []);
  assert.deepEqual(codes(decide(facts(claims, content('pickle')), prod('formats: { deny: [pickle] }'))), [
    'format-refused',
  ]);
});

test('workerDigests: refuse wants a BOM by somebody who read every file', async () => {
  const { bom, ...rest } = await honest();
  const rules = prod('workerDigests: refuse');
  const saying = (value: unknown, place: 'component' | 'modelCard' = 'component') => {
    const properties = [{ name: 'weighmark:digests-from-workers', value }];
    const said = bomOf('MIT');
    const component = place === 'component' ? { properties } : { modelCard: { properties } };
    const predicate = { ...said, metadata: { component: { type: 'machine-learning-model', ...component } } };
    return claim({ by: 'anna', type: PREDICATES.bom, about: MODEL, predicate, at: '2026-11-19T00:00:00Z' });
  };
  const judged = (...boms: readonly Awaited<ReturnType<typeof saying>>[]) =>
    codes(decide(facts([...Object.values(rest), ...boms]), rules));
  const sample = workersText({ parts: 4, read: 1, files: 24 });
  const refused = ['digests-from-workers'];
  assert.deepEqual(judged(bom), []);
  assert.deepEqual(judged(await saying(workersText({ parts: 4, read: 24, files: 24 }))), []);
  assert.deepEqual(judged(await saying(sample)), refused);
  assert.deepEqual(judged(await saying(sample, 'modelCard')), refused);
  assert.deepEqual(judged(await saying(sample), bom), [], 'sealed anew');
  for (const other of ['4 parts; 0 of 0 files read again', '24 of 24 files read again', `x${sample}`, 7, ''])
    assert.deepEqual(judged(await saying(other)), refused, String(other));
  assert.deepEqual(judged(), refused, 'nobody says who read it');
  assert.deepEqual(codes(decide(facts([...Object.values(rest), await saying(sample)]), prod('maxAge: 90d'))), []);
});

test('closure: covered wants each thing a loader fetches to be an attested input, and the files to have been read', async () => {
  const claims = Object.values(await honest());
  const fetched = (...names: readonly string[]) => ({
    content: {
      formats: new Map([['model.gguf', 'gguf']]),
      declaredBases: [],
      fetched: names.map((name) => ({ name, where: 'config.json' })),
    },
  });
  const rules = prod('closure: covered');
  assert.deepEqual(codes(decide(facts(claims, fetched()), rules)), []);
  assert.deepEqual(codes(decide(facts(claims, fetched('acme/tuned')), rules)), []);
  assert.deepEqual(codes(decide(facts(claims, fetched('acme/tuned', 'acme/code')), rules)), ['undeclared-input']);
  assert.deepEqual(codes(decide(facts(claims), rules)), ['undeclared-input']);
  assert.deepEqual(codes(decide(facts(claims, fetched('acme/code')), prod('maxAge: 30d'))), []);
});

test('a BOM says what the policy wants, and every trusted one does', async () => {
  const { bom, ...rest } = await honest();
  const rules = prod('bom: { minimum: [name, version, licence] }');
  assert.deepEqual(codes(decide(facts([...Object.values(rest), bom]), rules)), []);
  assert.deepEqual(codes(decide(facts([...Object.values(rest), bom]), prod('bom: { minimum: [supplier] }'))), [
    'bom-incomplete',
  ]);
  assert.deepEqual(codes(decide(facts(Object.values(rest)), rules)), ['bom-incomplete']);
  const bare = await claim({
    by: 'anna',
    type: PREDICATES.bom,
    about: MODEL,
    predicate: { bomFormat: 'CycloneDX', metadata: {} },
  });
  assert.deepEqual(codes(decide(facts([...Object.values(rest), bom, bare]), rules)), ['bom-incomplete']);
});

test('licences of the datasets it was made from', async () => {
  const claims = Object.values(await honest());
  const rules = prod('datasets: { licences: { allow: [MIT] } }');
  const described = (digest: string, licence: string): ReturnType<typeof claim> =>
    claim({ by: 'dana', type: PREDICATES.bom, about: digest, predicate: bomOf(licence), name: 'acme/data' });
  assert.deepEqual(codes(decide(facts(claims), rules)), ['licence-refused']);
  const open = policy(`\n  - name: prod\n    datasets: { licences: { allow: [MIT] } }`);
  const both = [await described(hex('d0'), 'MIT'), await described(hex('d1'), 'MIT')];
  assert.deepEqual(codes(decide(facts([...claims, ...both]), open)), []);
  assert.deepEqual(
    codes(decide(facts([...claims, both[0] as never, await described(hex('d1'), 'GPL-3.0-only')]), open)),
    ['licence-refused'],
  );
});

test('assertions speak of verified data only', async () => {
  const claims = Object.values(await honest());
  const rule = (cel: string): ReturnType<typeof policy> => prod(`assert: [{ cel: '${cel}', message: as agreed }]`);
  assert.deepEqual(
    codes(decide(facts(claims), rule('claims.exists(c, c.principal == "erin" && c.predicate.result == "PASSED")'))),
    [],
  );
  assert.deepEqual(
    codes(decide(facts(claims), rule('lineage.nodes.all(n, n.signedBy == "anna") && lineage.depth == 2'))),
    [],
  );
  assert.deepEqual(codes(decide(facts(claims), rule('claims.exists(c, c.principal == "mallory")'))), [
    'policy-refused',
  ]);
  assert.deepEqual(codes(decide(facts(claims), rule('artifact.colour == "red"'))), ['policy-refused']);
  const stranger = await claim({
    by: 'mallory',
    type: PREDICATES.evaluation,
    about: MODEL,
    predicate: { result: 'PASSED', secret: 1 },
  });
  assert.deepEqual(codes(decide(facts([...claims, stranger]), rule('claims.exists(c, has(c.predicate.secret))'))), [
    'policy-refused',
  ]);
});

test('an environment that wants no lineage still refuses what is revoked', async () => {
  const { bom } = await honest();
  const rules = prod('lineage: { required: false }');
  const optional: Environment | undefined = rules.environments[0];
  assert.equal(optional?.lineage.required, false);
  assert.deepEqual(codes(decide(facts([bom]), rules)), []);
  const predicate = { version: 1, action: 'revoke', target: { kind: 'artifact', sha256: MODEL }, reason: 'bad' };
  const revocation = await claim({ by: 'rita', type: PREDICATES.revocation, about: MODEL, predicate });
  assert.deepEqual(codes(decide(facts([bom], { revocations: [{ claim: revocation, index: 1 }] }), rules)), ['revoked']);
});

test('an audit tells what changed since the round before', () => {
  const state = (
    place: string,
    outcome: AuditState['outcome'],
    id = 'sha256:a',
    found: readonly string[] = [],
  ): AuditState => ({ place, id, outcome, codes: found });
  const events = (before: readonly AuditState[], after: readonly AuditState[]): readonly string[] =>
    auditEvents(before, after).map(({ event, place }) => `${event} ${place}`);
  const good = state('a', 'verified');
  assert.deepEqual(events([], [good]), ['appeared a']);
  assert.deepEqual(events([good], [good]), []);
  assert.deepEqual(events([good], [state('a', 'failed', 'sha256:a', ['revoked'])]), ['failed a']);
  assert.deepEqual(events([state('a', 'failed')], [good]), ['recovered a']);
  assert.deepEqual(events([good], [state('a', 'verified', 'sha256:b')]), ['changed a']);
  assert.deepEqual(events([good], []), ['disappeared a']);
});
