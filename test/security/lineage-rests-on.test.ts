import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PREDICATES } from '../../src/domain/claims/predicates.ts';
import type { GateFacts } from '../../src/domain/policy/facts.ts';
import {
  BASE,
  D0,
  MODEL,
  PROD,
  bomOf,
  claim,
  codes,
  decide,
  facts,
  hex,
  honest,
  policy,
  step,
  type InputWords,
  type Name,
} from '../domain/policy/world.ts';

/** A model's lineage rests on a step, a dataset's on a description of data, a trusted leaf counts in its role (rule 14). */
const dataBom = {
  ...bomOf('MIT'),
  metadata: { component: { type: 'data', name: 'rows', licenses: [{ license: { id: 'MIT' } }] } },
};

async function decided(
  more: readonly Parameters<typeof claim>[0][],
  over: Partial<GateFacts> = {},
  rest = '',
): Promise<readonly string[]> {
  const { model: _step, bom: _bom, ...others } = await honest();
  const said = await Promise.all(more.map((each) => claim(each)));
  const bom = await claim({ by: 'anna', type: PREDICATES.bom, about: MODEL, predicate: bomOf('MIT') });
  return codes(
    decide(
      facts([...Object.values(others), ...said, ...(rest.includes('no bom') ? [] : [bom])], over),
      policy(PROD, rest.replace('no bom', '')),
    ),
  );
}

const says = (by: Name, type: string, predicate: Record<string, unknown> = {}) => ({
  by,
  type,
  about: MODEL,
  predicate,
});

test('a BOM of the model by somebody who may describe datasets is no lineage', async () => {
  assert.deepEqual(await decided([]), ['lineage-missing']);
  assert.deepEqual(await decided([says('dana', PREDICATES.bom, bomOf('MIT'))]), ['lineage-missing']);
  assert.deepEqual(
    await decided([says('dana', PREDICATES.bom, { bomFormat: 'CycloneDX' })]),
    ['bom-incomplete', 'lineage-missing']
      .filter((code) => code !== 'bom-incomplete')
      .concat('licence-refused')
      .toSorted(),
  );
});

test('nor is a description of data, of what its BOM or its files show to be a model', async () => {
  for (const described of [
    says('dana', PREDICATES.reference, { references: [] }),
    says('dana', PREDICATES.bom, dataBom),
  ]) {
    assert.deepEqual(await decided([described]), ['lineage-missing'], 'its BOM says that it is a model');
    const content = (path: string, format: string) => ({
      content: { formats: new Map([[path, format]]), declaredBases: [] },
    });
    const asData = says('anna', PREDICATES.bom, dataBom);
    assert.deepEqual(await decided([described, asData], content('model.gguf', 'gguf'), 'no bom'), ['lineage-missing']);
    assert.deepEqual(await decided([described, asData], content('model.safetensors', 'unknown'), 'no bom'), [
      'lineage-missing',
    ]);
    for (const [path, format] of [
      ['model.safetensors.gz', 'gzip'],
      ['model.gguf.tar.zst', 'zstd'],
      ['layers.weights.h5', 'hdf5'],
    ] as const)
      assert.deepEqual(await decided([described, asData], content(path, format), 'no bom'), ['lineage-missing'], path);
    for (const path of ['mnist.pkl.gz', 'rows.csv.gz', 'rows.npy.gz'])
      assert.deepEqual(await decided([described, asData], content(path, 'gzip'), 'no bom'), [], path);
    assert.deepEqual(
      await decided([described, asData], content('rows.csv', 'csv'), 'no bom'),
      [],
      'a dataset rests on it',
    );
    assert.deepEqual(await decided([described, asData], content('rows.h5', 'hdf5'), 'no bom'), []);
  }
});

test('a trusted leaf counts in its role only', async () => {
  const leaf = (role: string) => `leaves: [{ sha256: ${MODEL}, role: ${role}, reason: reviewed, expires: 2027-01-01 }]`;
  for (const role of ['tokenizer', 'prompt', 'config', 'code', 'dataset', 'package'])
    assert.deepEqual(await decided([], {}, leaf(role)), ['lineage-missing'], role);
  for (const role of ['base-model', 'adapter']) assert.deepEqual(await decided([], {}, leaf(role)), [], role);
  // As an input: in its role, and not where the step does not say what it was for.
  const { d0: _d0, base: _base, ...rest } = await honest();
  const trained = async (role: 'dataset' | undefined) =>
    step(
      'train',
      (await honest()).base.statement.subject[0]?.digest['sha256'] ?? '',
      [
        { role: 'dataset', of: 'd1' },
        { ...(role === undefined ? {} : { role }), of: 'd0' },
      ],
      '2026-11-01T10:00:00Z',
    );
  const under = (role: string) =>
    policy(PROD, `leaves: [{ sha256: ${D0}, role: ${role}, reason: reviewed, expires: 2027-01-01 }]`);
  assert.deepEqual(codes(decide(facts([...Object.values(rest), await trained('dataset')]), under('dataset'))), []);
  assert.deepEqual(codes(decide(facts([...Object.values(rest), await trained('dataset')]), under('tokenizer'))), [
    'lineage-unattested',
  ]);
  assert.deepEqual(codes(decide(facts([...Object.values(rest), await trained(undefined)]), under('dataset'))), [
    'lineage-unattested',
  ]);
});

test('the evidence names the step', async () => {
  const { checks } = decide(facts(Object.values(await honest())), policy(PROD));
  const lineage = checks.find(({ name }) => name === 'lineage');
  assert.match(JSON.stringify(lineage), /2 steps deep: quantize by anna.*fine-tune.*train/);
});

const DATA: readonly InputWords[] = [{ role: 'dataset', of: 'd0' }];
const AT = '2026-11-03T10:00:00Z';
const prepared = (about: string) => step('preprocess', about, DATA, '2026-11-01T10:00:00Z', 'dana');

test('nor is a step that gives data, by whoever prepares datasets: of the model itself, of its base, packed or not', async () => {
  const claims = await honest();
  const asked = (over: object, given: Partial<GateFacts> = {}) =>
    codes(decide(facts(Object.values({ ...claims, ...over }), given), policy(PROD)));
  const asData = await claim({ by: 'anna', type: PREDICATES.bom, about: MODEL, predicate: dataBom });
  const holding = (format: string) => ({ content: { formats: new Map([['f.bin', format]]), declaredBases: [] } });
  const missing = ['lineage-missing'];
  assert.deepEqual(asked({ model: await prepared(MODEL) }), missing, 'its BOM says that it is a model');
  assert.deepEqual(asked({ model: await prepared(MODEL), bom: asData }, holding('gguf')), missing, 'its files do');
  assert.deepEqual(asked({ model: await prepared(MODEL), bom: asData }, holding('csv')), [], 'a dataset is prepared');
  assert.deepEqual(asked({ model: await step('convert', MODEL, DATA, AT) }), missing);
  const fromModel: readonly InputWords[] = [{ role: 'base-model', of: 'tuned' }];
  assert.deepEqual(asked({ model: await step('convert', MODEL, fromModel, AT) }), []);
  assert.deepEqual(asked({ base: await prepared(BASE) }), missing, 'a base model');
  const merged: readonly InputWords[] = [
    { role: 'base-model', of: 'tuned' },
    { role: 'adapter', of: 'low' },
  ];
  const adapter = await step('adapter', hex('low'), [...fromModel, ...DATA], '2026-11-02T12:00:00Z');
  const model = await step('adapter-merge', MODEL, merged, AT);
  assert.deepEqual(asked({ model, adapter }), []);
  assert.deepEqual(asked({ model, adapter: await prepared(hex('low')) }), missing, 'an adapter');
  const packed = async (of: string, about: string) =>
    step('package', about, [{ role: 'package', of }], about === MODEL ? AT : '2026-11-02T12:00:00Z');
  assert.deepEqual(asked({ model: await packed('tuned', MODEL) }), [], 'packaging gives what was packaged');
  const inner = { data: await prepared(hex('rows')), inner: await packed('rows', hex('inner')) };
  assert.deepEqual(asked({ ...inner, model: await packed('inner', MODEL) }), missing);
  const circle = { inner: await packed('outer', hex('inner')), outer: await packed('inner', hex('outer')) };
  assert.ok(asked({ ...circle, model: await packed('inner', MODEL) }).includes('lineage-cycle'));
});

test('an adapter that is converted stays one; of what is packed from several all must be no data, in any order', async () => {
  const claims = await honest();
  const asked = (over: object) => codes(decide(facts(Object.values({ ...claims, ...over })), policy(PROD)));
  const from: readonly InputWords[] = [{ role: 'base-model', of: 'tuned' }, ...DATA];
  const low = await step('adapter', hex('low'), from, '2026-11-02T12:00:00Z');
  const converted = await step('convert', MODEL, [{ role: 'adapter', of: 'low' }], AT);
  assert.deepEqual(asked({ model: converted, low }), [], 'of an adapter, without its base');
  assert.deepEqual(asked({ model: converted, low: await prepared(hex('low')) }), ['lineage-missing']);
  const ofDataAlone = await step('convert', hex('low'), DATA, '2026-11-02T12:00:00Z');
  assert.deepEqual(asked({ model: converted, low: ofDataAlone }), ['lineage-missing']);
  const rows = await prepared(hex('rows'));
  const packed = async (...of: readonly string[]) =>
    step(
      'package',
      MODEL,
      of.map((each) => ({ role: 'package', of: each }) as const),
      AT,
    );
  assert.deepEqual(asked({ low, model: await packed('tuned', 'low') }), []);
  for (const order of [
    ['tuned', 'rows'],
    ['rows', 'tuned'],
  ])
    assert.deepEqual(asked({ rows, model: await packed(...order) }), ['lineage-missing'], order.join());
});

test('of a step that gives data it is said why it is none', async () => {
  const claims = await honest();
  const { checks } = decide(facts(Object.values({ ...claims, model: await prepared(MODEL) })), policy(PROD));
  assert.match(JSON.stringify(checks), /gives data, and it is a model/);
});
