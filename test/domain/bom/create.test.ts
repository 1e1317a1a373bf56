import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBomValidator } from '../../../src/adapters/bom-validator/index.ts';
import { bomBytes } from '../../../src/domain/bom/create.ts';
import { SPEC_VERSIONS } from '../../../src/domain/bom/types.ts';
import { checkBom } from '../../../src/domain/bom/validate/checks.ts';
import { valueAt } from '../../../src/domain/bom/validate/walk.ts';
import { parseStrictJson } from '../../../src/domain/base/json.ts';
import { fact } from '../../../src/domain/metadata/read.ts';
import { bomOf, propertiesOf, safetensors, subjectOf } from './support.ts';

const CARD = `---
license: apache-2.0
base_model: acme/base
base_model_relation: finetune
pipeline_tag: text-generation
library_name: transformers
language: [en, no]
datasets: [squad, acme/corpus]
tags: [small]
co2_eq_emissions: {emissions: 120.5, source: codecarbon, training_type: fine-tuning}
model-index:
- name: tiny
  results:
  - task: {type: question-answering}
    dataset: {name: SQuAD, type: squad, split: validation}
    metrics: [{type: f1, value: 88.5}, {type: exact_match, value: 81}]
---
# Tiny-1
`;
const CONFIG = JSON.stringify({
  architectures: ['TinyForCausalLM'],
  model_type: 'tiny',
  torch_dtype: 'float32',
  auto_map: { AutoModel: 'modeling_tiny.TinyModel' },
});
const TENSORS = {
  'a.weight': { dtype: 'F32', shape: [4, 8] },
  'b.weight': { dtype: 'BF16', shape: [3] },
  'c.ids': { dtype: 'I64', shape: [7] },
};
const MODEL = {
  'README.md': CARD,
  'config.json': CONFIG,
  'model.safetensors': safetensors(TENSORS),
  'modeling_tiny.py': 'class TinyModel: pass\n',
};

test('the model card holds what the sources say, each once', async () => {
  const subject = subjectOf(await bomOf(MODEL));
  const card = subject.modelCard;
  assert.deepEqual([subject.type, subject.name, subject.version], ['machine-learning-model', 'tiny', undefined]);
  assert.deepEqual(subject.licenses, [{ license: { id: 'Apache-2.0', acknowledgement: 'declared' } }]);
  assert.deepEqual(
    [card?.modelParameters?.task, card?.modelParameters?.modelArchitecture, card?.modelParameters?.architectureFamily],
    ['text-generation', 'TinyForCausalLM', 'tiny'],
  );
  assert.deepEqual(card?.modelParameters?.datasets, [{ ref: 'data:squad' }, { ref: 'data:acme/corpus' }]);
  assert.deepEqual(card?.quantitativeAnalysis?.performanceMetrics, [
    { type: 'f1', value: '88.5', slice: 'SQuAD, validation' },
    { type: 'exact_match', value: '81', slice: 'SQuAD, validation' },
  ]);
});

test('parameters are counted by dtype; integer buffers are none', async () => {
  const properties = propertiesOf(subjectOf(await bomOf(MODEL)).modelCard);
  assert.deepEqual(
    [
      properties['parameters'],
      properties['parameters:F32'],
      properties['parameters:BF16'],
      properties['parameters:I64'],
    ],
    ['35', '32', '3', undefined],
  );
  assert.equal(properties['tensors'], '3');
});

test('`language: no` is Norwegian, not false', async () => {
  const card = subjectOf(await bomOf(MODEL)).modelCard;
  assert.deepEqual(
    card?.properties?.filter(({ name }) => name === 'weighmark:language').map(({ value }) => value),
    ['en', 'no'],
  );
});

test('the base model is an ancestor with its relation, and the way it was made a formula', async () => {
  const bom = await bomOf(MODEL);
  const [ancestor] = subjectOf(bom).pedigree?.ancestors ?? [];
  assert.deepEqual(
    [ancestor?.group, ancestor?.name, ancestor?.purl, propertiesOf(ancestor)['relation']],
    ['acme', 'base', 'pkg:huggingface/acme/base', 'finetune'],
  );
  const [workflow] = bom.formulation?.[0]?.workflows ?? [];
  assert.deepEqual(
    workflow?.inputs?.map(({ resource }) => resource.ref),
    ['base:acme/base', 'data:squad', 'data:acme/corpus'],
  );
});

test('CO2 without a stated energy is a property: no kWh is invented', async () => {
  const environment = subjectOf(await bomOf(MODEL)).modelCard?.considerations?.environmentalConsiderations;
  assert.equal(environment?.energyConsumptions, undefined);
  assert.deepEqual(propertiesOf(environment), {
    'co2eq:grams': '120.5',
    'co2eq:source': 'codecarbon',
    'co2eq:training-type': 'fine-tuning',
  });
});

test('with a stated energy there is a consumption', async () => {
  const card = CARD.replace('{emissions: 120.5,', '{emissions: 2000000, energy_consumed: 12.5,');
  const [consumption] =
    subjectOf(await bomOf({ ...MODEL, 'README.md': card })).modelCard?.considerations?.environmentalConsiderations
      ?.energyConsumptions ?? [];
  assert.deepEqual(
    [consumption?.activity, consumption?.activityEnergyCost, consumption?.co2CostEquivalent],
    ['fine-tuning', { value: 12.5, unit: 'kWh' }, { value: 2, unit: 'tCO2eq' }],
  );
});

test('every file has SHA-256 and BLAKE3; the one weight file lends them to the model', async () => {
  const subject = subjectOf(await bomOf(MODEL));
  for (const file of subject.components ?? [])
    assert.deepEqual(
      file.hashes?.map(({ alg }) => alg),
      ['SHA-256', 'BLAKE3'],
      file.name,
    );
  assert.deepEqual(subject.hashes, subject.components?.find(({ name }) => name === 'model.safetensors')?.hashes);
});

test('code that `auto_map` runs is flagged', async () => {
  const file = subjectOf(await bomOf(MODEL)).components?.find(({ name }) => name === 'modeling_tiny.py');
  const roles = file?.properties?.filter(({ name }) => name === 'weighmark:role').map(({ value }) => value);
  assert.deepEqual(roles, ['remote-code', 'custom-code']);
});

test('what nobody says is absent', async () => {
  const bom = await bomOf({ 'model.safetensors': safetensors({ w: { dtype: 'F32', shape: [2] } }) });
  const subject = subjectOf(bom);
  assert.equal(subject.name, 'folder');
  for (const key of [
    'version',
    'licenses',
    'purl',
    'supplier',
    'description',
    'pedigree',
    'externalReferences',
  ] as const)
    assert.equal(subject[key], undefined, key);
  assert.equal(subject.modelCard?.modelParameters, undefined);
  assert.equal(bom.components, undefined);
});

test('equal input gives equal bytes, whatever the order of the files', async () => {
  const once = bomBytes(await bomOf(MODEL));
  const again = bomBytes(await bomOf(Object.fromEntries(Object.entries(MODEL).toReversed())));
  assert.deepEqual(again, once);
});

test('another content or fact is another serial number', async () => {
  const serials = await Promise.all([
    bomOf(MODEL),
    bomOf({ ...MODEL, 'x.txt': 'x' }),
    bomOf(MODEL, { timestamp: '2026-01-02T03:04:05Z' }),
  ]);
  assert.equal(new Set(serials.map(({ serialNumber }) => serialNumber)).size, 3);
});

for (const specVersion of SPEC_VERSIONS) {
  for (const layout of ['guide', 'flat'] as const) {
    test(`CycloneDX ${specVersion}, ${layout}: valid, and every citation points at something`, async () => {
      const stated = [
        fact('supplier', 'Acme', { statedBy: 'Anna' }),
        fact('dataset', { name: 'own', digests: { sha256: 'a'.repeat(64) } }, { statedBy: 'Anna' }),
        fact('licence', { text: 'MIT OR Apache-2.0' }, { statedBy: 'Anna' }),
      ];
      const bom = await bomOf(
        { ...MODEL, 'requirements.txt': 'torch==2.1.0\nnumpy>=1\n' },
        { specVersion, layout, stated },
      );
      const text = new TextDecoder().decode(bomBytes(bom));
      assert.deepEqual(await createBomValidator().validate(text, specVersion), []);
      assert.deepEqual(checkBom(parseStrictJson(text)), []);
    });
  }
}

test('a citation names the file, the place in it, and exactly the fields it gave', async () => {
  const bom = await bomOf(MODEL);
  const json = parseStrictJson(bomBytes(bom));
  const licence = bom.citations?.find(({ note }) => note === 'README.md#/license');
  assert.equal(licence?.attributedTo, 'file:README.md');
  assert.deepEqual(
    licence?.pointers?.map((pointer) => valueAt(json, pointer)),
    [{ license: { id: 'Apache-2.0', acknowledgement: 'declared' } }],
  );
  const parameters = bom.citations?.find(({ note }) => note === 'model.safetensors#header');
  assert.ok(
    parameters?.pointers?.some(
      (pointer) => JSON.stringify(valueAt(json, pointer)) === '{"name":"weighmark:parameters:F32","value":"32"}',
    ),
  );
});

test('before 1.7 citations are properties', async () => {
  const bom = await bomOf(MODEL, { specVersion: '1.6' });
  assert.equal(bom.citations, undefined);
  assert.ok(
    bom.metadata.properties?.some(({ value }) => value === '/metadata/component/licenses/0 from README.md#/license'),
  );
});

test('a stated fact comes first and is cited as stated, by whom', async () => {
  const bom = await bomOf(MODEL, { stated: [fact('name', 'acme/tiny', { statedBy: 'Anna' })] });
  assert.deepEqual([subjectOf(bom).group, subjectOf(bom).name], ['acme', 'tiny']);
  assert.deepEqual(bom.metadata.authors, [{ 'bom-ref': 'stated-by:Anna', name: 'Anna' }]);
  assert.ok(
    bom.citations?.some(
      ({ attributedTo, note, pointers }) =>
        attributedTo === 'stated-by:Anna' &&
        note === 'stated by Anna' &&
        pointers?.includes('/metadata/component/name'),
    ),
  );
});

test('licences that disagree all stand, and the conflict is said', async () => {
  const METADATA = 'Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\nLicense: MIT\n\n';
  const subject = subjectOf(await bomOf({ ...MODEL, 'tiny-1.0.dist-info/METADATA': METADATA }));
  assert.deepEqual(subject.licenses?.map((choice) => ('license' in choice ? choice.license.id : '')).toSorted(), [
    'Apache-2.0',
    'MIT',
  ]);
  assert.match(
    propertiesOf(subject)['conflict:licence'] ?? '',
    /Apache-2\.0 \(README\.md#\/license\).*MIT \(tiny-1\.0\.dist-info\/METADATA#line 4\)/,
  );
});

test('a folder of two models has the name of neither; a model of models the architecture of the whole', async () => {
  const weights = safetensors({ w: { dtype: 'F32', shape: [2] } });
  const two = subjectOf(
    await bomOf({
      'a/README.md': '---\nlicense: mit\n---\n# model-a\n',
      'b/README.md': '---\nlicense: mit\n---\n# model-b\n',
      'a/model.safetensors': weights,
      'b/model.safetensors': weights,
    }),
  );
  assert.equal(two.name, 'folder');
  const config = (architecture: string) => JSON.stringify({ _class_name: architecture });
  const pipeline = subjectOf(
    await bomOf({
      'model_index.json': config('Pipeline'),
      'unet/config.json': config('UNet'),
      'vae/config.json': config('Vae'),
      'unet/diffusion_pytorch_model.safetensors': weights,
      'vae/diffusion_pytorch_model.safetensors': weights,
    }),
  );
  assert.equal(pipeline.modelCard?.modelParameters?.modelArchitecture, 'Pipeline');
  assert.deepEqual(
    [propertiesOf(pipeline.modelCard)['architecture:unet'], propertiesOf(pipeline.modelCard)['parameters']],
    ['UNet', undefined],
  );
});

test('weights that differ in number have no common count', async () => {
  const subject = subjectOf(
    await bomOf({
      'a.safetensors': safetensors({ w: { dtype: 'F32', shape: [2] } }),
      'b.safetensors': safetensors({ w: { dtype: 'F32', shape: [3] } }),
    }),
  );
  assert.equal(propertiesOf(subject.modelCard)['parameters'], undefined);
  assert.equal(subject.hashes, undefined);
});

test('shards of one checkpoint count together', async () => {
  const shard = (count: number): Uint8Array => safetensors({ [`w${count}`]: { dtype: 'F16', shape: [count] } });
  const properties = propertiesOf(
    subjectOf(
      await bomOf({ 'model-00001-of-00002.safetensors': shard(5), 'model-00002-of-00002.safetensors': shard(7) }),
    ).modelCard,
  );
  assert.deepEqual([properties['parameters'], properties['parameters:F16'], properties['tensors']], ['12', '12', '2']);
});

test('hostile names cannot leave their string: controls and bidi are escaped in the bytes', async () => {
  const text = new TextDecoder().decode(
    bomBytes(
      await bomOf({ 'evil\u202Egnp.md': 'x', 'model.safetensors': safetensors({ w: { dtype: 'F32', shape: [1] } }) }),
    ),
  );
  assert.ok(!text.includes('\u202E') && text.includes('\\u202e'));
  assert.doesNotThrow(() => parseStrictJson(text));
});

test('1,000 shards are described in under two seconds', async () => {
  const shard = safetensors(
    Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [`layer.${index}.weight`, { dtype: 'F16', shape: [8, 8] }]),
    ),
  );
  const files = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [
      `model-${String(index + 1).padStart(5, '0')}-of-01000.safetensors`,
      shard,
    ]),
  );
  const start = performance.now();
  const bom = await bomOf({ ...MODEL, ...files });
  bomBytes(bom);
  const seconds = (performance.now() - start) / 1000;
  assert.equal(subjectOf(bom).components?.length, 1004);
  assert.ok(seconds < 2, `${seconds} s`);
});
