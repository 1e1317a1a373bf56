import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { spdxOf, type SpdxDocument, type SpdxNode } from '../../../src/domain/bom/spdx.ts';
import { bomOf, safetensors } from './support.ts';

/** The official schema, as schemas/spdx/README.md says where it is from. */
const text = readFileSync(new URL('../../../schemas/spdx/spdx-3.0.1.schema.json', import.meta.url));
const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(text.toString()) as object);

function requireValid(document: SpdxDocument): void {
  assert.ok(validate(JSON.parse(JSON.stringify(document))), JSON.stringify(validate.errors?.slice(0, 5), null, 1));
}

const ofType = (document: SpdxDocument, type: string): readonly SpdxNode[] =>
  document['@graph'].filter((node) => node.type === type);

const MODEL = {
  'model.safetensors': safetensors({ w: { dtype: 'F32', shape: [2, 2] } }),
  'config.json': '{"architectures":["BertModel"],"model_type":"bert"}\n',
  'README.md':
    '---\nlicense: gemma\nbase_model: acme/base\ndatasets: [acme/rows]\npipeline_tag: fill-mask\n' +
    'model-index:\n- name: m\n  results:\n  - task: {type: fill-mask}\n    dataset: {name: rows, type: rows}\n' +
    '    metrics: [{type: accuracy, value: 0.5}]\n---\n# m\n',
};

test('the schema is the one whose source is named', () => {
  const readme = readFileSync(new URL('../../../schemas/spdx/README.md', import.meta.url), 'utf8');
  assert.ok(readme.includes(createHash('sha256').update(text).digest('hex')));
});

test('a model with files, datasets, a base and a licence of its own is valid SPDX 3.0.1 in every layout', async () => {
  for (const layout of ['guide', 'flat'] as const) {
    const document = spdxOf(await bomOf(MODEL, { layout }));
    requireValid(document);
    const [model] = ofType(document, 'ai_AIPackage');
    assert.deepEqual(model?.['ai_domain'], ['fill-mask']);
    const [metric] = (model?.['ai_metric'] ?? []) as readonly { key: string; value: string }[];
    assert.match(metric?.key ?? '', /^accuracy/);
    assert.equal(metric?.value, '0.5');
    const relations = ofType(document, 'Relationship').map((node) => String(node['relationshipType']));
    for (const wanted of ['contains', 'trainedOn', 'descendantOf', 'hasDeclaredLicense'])
      assert.ok(relations.includes(wanted), `${layout}: ${wanted} in ${relations.join()}`);
    assert.ok(
      ofType(document, 'simplelicensing_LicenseExpression').some(
        (node) => node['simplelicensing_licenseExpression'] === 'LicenseRef-gemma',
      ),
    );
    const files = ofType(document, 'software_File');
    assert.equal(files.length, 3);
    for (const file of files)
      assert.deepEqual(
        (file['verifiedUsing'] as { algorithm: string }[]).map(({ algorithm }) => algorithm).toSorted(),
        ['blake3', 'sha256'],
      );
  }
});

test('every id that is named is there, once, and the same BOM gives the same document', async () => {
  const bom = await bomOf(MODEL);
  const document = spdxOf(bom);
  const ids = document['@graph'].flatMap(({ spdxId }) => (typeof spdxId === 'string' ? [spdxId] : []));
  assert.equal(new Set(ids).size, ids.length);
  const named = document['@graph'].flatMap((node) =>
    ['from', 'to', 'rootElement', 'element', 'suppliedBy', 'createdBy', 'createdUsing'].flatMap(
      (key) => node[key] ?? [],
    ),
  );
  assert.deepEqual(
    (named as string[]).filter((id) => !ids.includes(id)),
    [],
  );
  assert.equal(JSON.stringify(spdxOf(bom)), JSON.stringify(document));
});

test('a dataset, and what says next to nothing, are valid too', async () => {
  const dataset = spdxOf(
    await bomOf({ 'rows.csv': 'a,b\n1,2\n', 'README.md': '---\nlicense: cc0-1.0\nsize_categories: [n<1K]\n---\n' }),
  );
  requireValid(dataset);
  requireValid(spdxOf(await bomOf({ 'model.safetensors': MODEL['model.safetensors'] })));
  const bare = await bomOf({ 'a.bin': 'x' });
  const { component: _, ...metadata } = bare.metadata;
  requireValid(spdxOf({ ...bare, metadata, components: [] }));
});
