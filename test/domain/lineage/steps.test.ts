import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PREDICATES, ROLES, STEPS, buildTypeOf, type Role, type Step } from '../../../src/domain/claims/predicates.ts';
import type { Statement } from '../../../src/domain/claims/types.ts';
import { edgeWord, timeOf } from '../../../src/domain/lineage/edges.ts';
import type { AcceptedStep, Examined } from '../../../src/domain/lineage/examine.ts';
import {
  inputsSaidToBeManifests,
  isProvenance,
  readInputs,
  readProvenance,
} from '../../../src/domain/lineage/provenance.ts';
import { stepFindings } from '../../../src/domain/lineage/step-rules.ts';

const hex = (digit: string): string => digit.repeat(64);
const NOW = new Date('2026-11-30T12:00:00Z');

/** A node made by a step from inputs of these roles; where no claim counts, nobody asks for a time. */
function madeBy(step: Step | null, roles: readonly Role[], finishedOn?: string): Examined {
  const inputs = roles.map((role, at) => ({ role, sha256: hex(String(at)), digests: {}, name: role, commit: null }));
  const provenance = { step, inputs, builder: '', buildType: '', ...(finishedOn === undefined ? {} : { finishedOn }) };
  const accepted = { provenance, principal: 'anna', claim: { times: [], statement: { predicate: {} } } };
  return { digest: hex('a'), step: accepted, steps: [accepted], described: [] } as unknown as Examined;
}

const codesOf = (node: Examined): readonly string[] =>
  stepFindings(node, () => null, { now: NOW }).map(({ code }) => code);

/** Rule 14: what each step cannot be without; several words are one or the other. */
const NEEDED: Readonly<Record<Step, readonly (readonly Role[])[]>> = {
  preprocess: [['dataset']],
  train: [['dataset']],
  'fine-tune': [['base-model'], ['dataset']],
  adapter: [['base-model'], ['dataset']],
  merge: [['base-model']],
  'adapter-merge': [['base-model'], ['adapter']],
  quantize: [['base-model']],
  cast: [['base-model']],
  reshard: [['base-model']],
  prune: [['base-model']],
  convert: [['base-model', 'adapter', 'dataset']],
  package: [['package']],
};

describe('rule 14: the roles that a step needs', () => {
  for (const step of STEPS) {
    const twice = (role: Role): readonly Role[] => (step === 'merge' ? [role, role] : [role]);
    const whole = NEEDED[step].map(([role = 'code']) => role);

    test(`${step}: with all it needs, in either way`, () => {
      assert.deepEqual(codesOf(madeBy(step, whole.flatMap(twice))), []);
      for (const roles of NEEDED[step])
        for (const role of roles) {
          const others = whole.filter((each) => !roles.includes(each));
          assert.deepEqual(codesOf(madeBy(step, [...others, role].flatMap(twice))), []);
        }
    });

    test(`${step}: without any one of them`, () => {
      for (const missing of whole) {
        const rest = whole.filter((role) => role !== missing);
        assert.ok(codesOf(madeBy(step, [...rest, 'code'])).includes('undeclared-input'), missing);
      }
    });
  }

  test('a merge of one model, twice the same, or of an adapter and a model', () => {
    assert.deepEqual(codesOf(madeBy('merge', ['base-model'])), ['undeclared-input']);
    assert.deepEqual(codesOf(madeBy('merge', ['base-model', 'adapter'])), []);
  });

  test('a step of another tool needs none that we know of', () => {
    assert.deepEqual(codesOf(madeBy(null, [])), []);
  });
});

test('what an input is to what came out, by step and role', () => {
  const words = (step: Step | null): readonly string[] =>
    (['dataset', 'base-model', 'adapter', 'package', 'code', null] as const).map((role) => edgeWord(step, role));
  assert.deepEqual(words('train'), ['trained-on', 'finetune', 'adapter', 'packaged', 'uses', 'uses']);
  assert.deepEqual(words('preprocess'), ['preprocessed', 'preprocessed', 'adapter', 'packaged', 'uses', 'uses']);
  assert.deepEqual(words('convert'), ['converted', 'converted', 'adapter', 'packaged', 'uses', 'uses']);
  assert.deepEqual(words('merge'), ['trained-on', 'merge', 'merge', 'packaged', 'uses', 'uses']);
  assert.deepEqual(words('quantize'), ['trained-on', 'quantized', 'adapter', 'packaged', 'uses', 'uses']);
  assert.deepEqual(words('adapter-merge'), ['trained-on', 'merge', 'merge', 'packaged', 'uses', 'uses']);
  for (const step of ['cast', 'reshard'] as const)
    assert.deepEqual(words(step), ['trained-on', 'converted', 'adapter', 'packaged', 'uses', 'uses']);
  assert.deepEqual(words('prune'), ['trained-on', 'pruned', 'adapter', 'packaged', 'uses', 'uses']);
  assert.deepEqual(words('adapter'), ['trained-on', 'adapter', 'adapter', 'packaged', 'uses', 'uses']);
  assert.deepEqual(words(null), ['trained-on', 'uses', 'adapter', 'packaged', 'uses', 'uses']);
});

test('when a step is known to have been: what an authority says, not what its signer does', () => {
  const withTimes = (times: readonly object[]) => ({ claim: { times } }) as unknown as AcceptedStep;
  assert.equal(timeOf(null), null);
  assert.equal(timeOf(withTimes([])), null);
  const time = '2026-11-01T10:00:00Z';
  assert.equal(timeOf(withTimes([{ time, source: 'rfc3161', authority: 'tsa' }])), '2026-11-01T10:00:00.000Z');
});

const said = (predicate: object, predicateType: string = PREDICATES.provenance): Statement =>
  ({ predicateType, predicate, subject: [] }) as unknown as Statement;

describe('provenance is read strictly', () => {
  const runDetails = { builder: { id: 'https://example.com/b' } };
  const buildDefinition = { buildType: buildTypeOf('train'), resolvedDependencies: [] };

  test('as it is written', () => {
    const { step, builder, inputs } = readProvenance(said({ buildDefinition, runDetails }));
    assert.deepEqual([step, builder, inputs], ['train', 'https://example.com/b', []]);
  });

  test('times, where it states any, as RFC 3339 has them', () => {
    const timed = (metadata: object) =>
      readProvenance(said({ buildDefinition, runDetails: { ...runDetails, metadata } }));
    const [startedOn, finishedOn] = ['2026-11-01T10:00:00Z', '2026-11-01T11:00:00+01:00'];
    const both = timed({ startedOn, finishedOn });
    assert.deepEqual([both.startedOn, both.finishedOn], [startedOn, finishedOn]);
    assert.deepEqual(
      Object.keys(timed({})).filter((key) => key.endsWith('On')),
      [],
    );
    for (const time of ['soon', '2026-11-01', '2026-13-01T10:00:00Z', 1_793_527_200, null, [startedOn]])
      for (const key of ['startedOn', 'finishedOn'])
        assert.throws(() => timed({ [key]: time }), { code: 'claim-malformed', message: /RFC 3339/ });
  });

  test('roles are known ones', () => {
    const roleOf = (role?: unknown) => readInputs([{ annotations: role === undefined ? {} : { role } }])[0]?.role;
    assert.equal(roleOf(), null);
    for (const role of ROLES) assert.equal(roleOf(role), role);
    for (const role of ['model', '', 7, null, ['dataset']])
      assert.throws(() => roleOf(role), { code: 'claim-malformed', message: /unknown role/ });
  });

  test('a test result is no provenance, whatever it holds', () => {
    assert.ok(isProvenance(said({})));
    assert.ok(!isProvenance(said({}, PREDICATES.evaluation)));
  });

  for (const [what, predicate, message] of [
    ['no definition', { runDetails }, /buildDefinition/],
    ['a definition that is a list', { buildDefinition: [], runDetails }, /buildDefinition/],
    ['no build type', { buildDefinition: {}, runDetails }, /buildType/],
    ['an empty build type', { buildDefinition: { buildType: '' }, runDetails }, /buildType/],
    [
      'inputs that are no list',
      { buildDefinition: { ...buildDefinition, resolvedDependencies: {} }, runDetails },
      /list/,
    ],
    [
      'an input that is text',
      { buildDefinition: { ...buildDefinition, resolvedDependencies: ['x'] }, runDetails },
      /object/,
    ],
  ] as const)
    test(what, () => {
      assert.throws(() => readProvenance(said(predicate)), { code: 'claim-malformed', message });
    });

  test('digests of inputs are text', () => {
    assert.throws(() => readInputs([{ digest: { sha256: 7 } }]), { code: 'claim-malformed' });
    assert.throws(() => readInputs([{ digest: [] }]), { code: 'claim-malformed' });
    assert.deepEqual(
      readInputs([{ digest: { sha256: hex('b') } }, { digest: { gitCommit: 'c'.repeat(40) } }, {}]).map(
        ({ sha256, role, commit }) => [sha256, role, commit],
      ),
      [
        [hex('b'), null, null],
        [null, 'code', 'c'.repeat(40)],
        [null, null, null],
      ],
    );
  });

  test('only an input that says so is a manifest', () => {
    const kinds = [{ kind: 'manifest' }, { kind: 'file' }, undefined, []];
    const inputs = kinds.map((annotations, at) => ({ digest: { sha256: hex(String(at)) }, annotations }));
    const short = { digest: { sha256: '0' }, annotations: { kind: 'manifest' } };
    const resolvedDependencies = [...inputs, short, 'x', { annotations: { kind: 'manifest' } }];
    assert.deepEqual(inputsSaidToBeManifests(said({ buildDefinition: { resolvedDependencies } })), [hex('0')]);
    assert.deepEqual(inputsSaidToBeManifests(said({ configuration: inputs }, PREDICATES.evaluation)), [hex('0')]);
    assert.deepEqual(inputsSaidToBeManifests(said({}, PREDICATES.evaluation)), []);
  });
});
