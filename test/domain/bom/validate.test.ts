import { requireLinear } from '../../work.ts';
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { createBomValidator } from '../../../src/adapters/bom-validator/index.ts';
import { WeighmarkError } from '../../../src/domain/base/errors.ts';
import type { Files } from '../../../src/domain/ports/files.ts';
import { checkBom } from '../../../src/domain/bom/validate/checks.ts';
import { checkXmlBom } from '../../../src/domain/bom/validate/xml.ts';
import { minimumElements, type ElementSet } from '../../../src/domain/bom/validate/elements.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { bomValidate, type BomValidateOutcome } from '../../../src/flows/bom/validate.ts';
import { bomOf, NO_VECTORS, safetensors, vector, VECTORS } from './support.ts';
import { THOROUGH } from '../../thorough.ts';

const validator = createBomValidator();

function validateBytes(bytes: Uint8Array, require: readonly ElementSet[] = []): Promise<BomValidateOutcome> {
  const files = { read: () => Promise.resolve(bytes) } as unknown as Files;
  return bomValidate({ path: '/bom', shown: 'bom', require }, { files, validator });
}

const validate = (json: object, require: readonly ElementSet[] = []) =>
  validateBytes(Buffer.from(JSON.stringify(json)), require);

const FOLDER = 'cyclonedx/tests/1.7';
const names = NO_VECTORS === false ? readdirSync(resolve(VECTORS, FOLDER)) : [];

test('all official valid BOMs are accepted', { skip: NO_VECTORS }, async () => {
  const valid = names.filter((name) => /^valid-.*\.json$/.test(name));
  assert.ok(valid.length >= 60, `${valid.length} BOMs`);
  for (const name of valid) {
    const { verdict } = await validateBytes(vector(`${FOLDER}/${name}`));
    assert.equal(verdict.outcome, 'verified', `${name}: ${findingsOf(verdict)[0]?.message ?? ''}`);
  }
});

test('all official invalid BOMs are refused, with the place named', { skip: NO_VECTORS }, async () => {
  const invalid = names.filter((name) => /^(?:informal-)?invalid-.*\.json$/.test(name));
  assert.ok(invalid.length >= 25, `${invalid.length} BOMs`);
  for (const name of invalid) {
    const places = await placesOf(vector(`${FOLDER}/${name}`));
    assert.ok(places.length > 0 && places.every((place) => place.startsWith('/')), `${name}: ${places.join(' ')}`);
  }
});

async function placesOf(bytes: Uint8Array): Promise<readonly string[]> {
  try {
    return findingsOf((await validateBytes(bytes)).verdict).map(({ facts }) => facts?.['place'] ?? 'nowhere');
  } catch (error) {
    return error instanceof WeighmarkError && error.code === 'bom-invalid'
      ? [error.facts['place'] ?? 'nowhere']
      : ['thrown'];
  }
}

const XMLLINT = await validator.validateXml('<bom xmlns="http://cyclonedx.org/schema/bom/1.7"/>', '1.7');

test(
  'the official XML BOMs too, where xmllint-wasm is installed',
  { skip: NO_VECTORS || (XMLLINT === null && 'the optional package xmllint-wasm is not installed') },
  async () => {
    for (const name of names.filter((each) => each.endsWith('.xml')).filter((_, at) => THOROUGH || at % 5 === 0)) {
      const places = await placesOf(vector(`${FOLDER}/${name}`));
      if (name.startsWith('valid-')) assert.deepEqual(places, [], name);
      else
        assert.ok(
          places.length > 0 && places.every((place) => /^(?:line \d|\/)/.test(place)),
          `${name}: ${places.join(' ')}`,
        );
    }
  },
);

test('without xmllint-wasm, XML is undecided, with a way out', async () => {
  const without = { validate: validator.validate.bind(validator), validateXml: () => Promise.resolve(null) };
  const files = {
    read: () => Promise.resolve(Buffer.from('<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.6"/>')),
  } as unknown as Files;
  await assert.rejects(
    bomValidate({ path: '/bom', shown: 'bom.xml' }, { files, validator: without }),
    (error: WeighmarkError) => error.code === 'unreadable' && /xmllint-wasm/.test(error.hint ?? ''),
  );
});

test('XML with a document type of its own is refused before it is parsed', async () => {
  const bomb =
    '<!DOCTYPE bom [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><bom xmlns="http://cyclonedx.org/schema/bom/1.7">&b;</bom>';
  await assert.rejects(validateBytes(Buffer.from(bomb)), { code: 'bom-invalid' });
});

const BOM = { bomFormat: 'CycloneDX', specVersion: '1.7', version: 1 };
const component = (fields: object) => ({ type: 'library', name: 'x', ...fields });
const rulesOf = async (json: object) =>
  (await validate(json)).problems.map(({ rule, pointer }) => `${rule} ${pointer}`);

test('what a schema cannot see: duplicate and dangling references', async () => {
  assert.deepEqual(
    await rulesOf({ ...BOM, components: [component({ 'bom-ref': 'a' }), component({ name: 'y', 'bom-ref': 'a' })] }),
    ['bom-ref-unique /components/1/bom-ref'],
  );
  assert.deepEqual(await rulesOf({ ...BOM, dependencies: [{ ref: 'gone', dependsOn: ['also-gone'] }] }), [
    'reference-dangling /dependencies/0/ref',
    'reference-dangling /dependencies/0/dependsOn/0',
  ]);
  assert.deepEqual(
    await rulesOf({
      ...BOM,
      components: [
        component({ type: 'machine-learning-model', modelCard: { modelParameters: { datasets: [{ ref: 'gone' }] } } }),
      ],
    }),
    ['reference-dangling /components/0/modelCard/modelParameters/datasets/0/ref'],
  );
  assert.deepEqual(await rulesOf({ ...BOM, compositions: [{ aggregate: 'complete', assemblies: ['gone'] }] }), [
    'reference-dangling /compositions/0/assemblies/0',
  ]);
});

test('what the XSD cannot see: references in XML that lead nowhere', async () => {
  const within = (inner: string): string =>
    `<bom xmlns="http://cyclonedx.org/schema/bom/1.7" version="1"><components><component type="library" bom-ref="a&amp;b"><name>x</name></component></components>${inner}</bom>`;
  const places = (inner: string) => checkXmlBom(within(inner)).map(({ rule, pointer }) => `${rule} ${pointer}`);
  assert.deepEqual(
    places(
      '<dependencies><dependency ref="a&amp;b"><dependency ref="gone"/><provides ref="away"/></dependency></dependencies>',
    ),
    [
      'reference-dangling /bom/dependencies/dependency/dependency',
      'reference-dangling /bom/dependencies/dependency/provides',
    ],
  );
  assert.deepEqual(
    places(
      '<compositions><composition><aggregate>complete</aggregate><assemblies><assembly ref="gone"/></assemblies></composition></compositions>',
    ),
    ['reference-dangling /bom/compositions/composition/assemblies/assembly'],
  );
  const card = (ref: string): string =>
    `<components><component type="machine-learning-model"><name>m</name><modelCard><modelParameters><datasets><dataset><ref>${ref}</ref></dataset></datasets></modelParameters></modelCard></component></components>`;
  assert.deepEqual(places(card('gone')), [
    'reference-dangling /bom/components/component/modelCard/modelParameters/datasets/dataset/ref',
  ]);
  assert.deepEqual(places(card(' a&#38;b ')), []);
  assert.deepEqual(
    places(
      '<vulnerabilities><vulnerability><affects><target><ref>gone</ref></target></affects></vulnerability></vulnerabilities>',
    ),
    ['reference-dangling /bom/vulnerabilities/vulnerability/affects/target/ref'],
  );
  assert.deepEqual(
    places(
      '<citations><citation><attributedTo>gone</attributedTo></citation></citations><annotations><annotation><subjects><subject ref="gone"/></subjects></annotation></annotations>',
    ),
    [
      'reference-dangling /bom/citations/citation/attributedTo',
      'reference-dangling /bom/annotations/annotation/subjects/subject',
    ],
  );
  assert.deepEqual(
    places(
      '<dependencies><dependency ref="urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#a"/></dependencies><!-- <dependencies><dependency ref="gone"/></dependencies> -->',
    ),
    [],
  );
});

test('a reference into another BOM is not dangling', async () => {
  assert.deepEqual(
    await rulesOf({ ...BOM, dependencies: [{ ref: 'urn:cdx:f08a6ccd-4dce-4759-bd84-c626675d60a7/1#a' }] }),
    [],
  );
});

test('citations must point at something, by somebody', async () => {
  const cited = {
    ...BOM,
    components: [component({ 'bom-ref': 'a' })],
    citations: [
      { pointers: ['/components/0/name', '/components/9'], timestamp: '2026-01-01T00:00:00Z', attributedTo: 'nobody' },
    ],
  };
  assert.deepEqual(await rulesOf(cited), [
    'reference-dangling /citations/0/attributedTo',
    'citation-pointer /citations/0/pointers/1',
  ]);
});

test('digests have the length of their algorithm', async () => {
  const hashes = [
    { alg: 'SHA-256', content: 'a'.repeat(40) },
    { alg: 'BLAKE3', content: 'b'.repeat(64) },
    { alg: 'MD5', content: 'c'.repeat(64) },
  ];
  assert.deepEqual(await rulesOf({ ...BOM, components: [component({ hashes })] }), [
    'digest-length /components/0/hashes/0/content',
    'digest-length /components/0/hashes/2/content',
  ]);
});

test('purls and licence expressions are what they say', async () => {
  assert.deepEqual(
    await rulesOf({
      ...BOM,
      components: [component({ purl: 'npm/left-pad@1' }), component({ purl: 'pkg:npm/left-pad@1' })],
    }),
    ['purl-syntax /components/0/purl'],
  );
  assert.deepEqual(await rulesOf({ ...BOM, components: [component({ licenses: [{ expression: 'MIT OR gemma' }] })] }), [
    'spdx-expression /components/0/licenses/0/expression',
  ]);
});

test('not a BOM at all', async () => {
  await assert.rejects(validate({ specVersion: '1.7' }), { code: 'bom-invalid' });
  await assert.rejects(validate({ ...BOM, specVersion: '9.9' }), { code: 'bom-invalid' });
  await assert.rejects(
    validateBytes(Buffer.from('{"bomFormat":"CycloneDX","bomFormat":"CycloneDX","specVersion":"1.7"}')),
    { code: 'bom-invalid' },
  );
  await assert.rejects(validateBytes(Buffer.from(`${'['.repeat(100)}${']'.repeat(100)}`)), { code: 'bom-invalid' });
});

test('minimum elements are told; only `--require` makes a missing one a failure', async () => {
  const bom = await bomOf({ 'model.safetensors': safetensors({ w: { dtype: 'F32', shape: [1] } }) });
  const told = await validate(bom);
  assert.equal(told.verdict.exitCode, 0);
  assert.ok(told.elements.ntia.some(({ id, status }) => id === 'NTIA-1' && status === 'missing'));
  const required = await validate(bom, ['ntia']);
  assert.equal(required.verdict.exitCode, 1);
  assert.deepEqual(
    findingsOf(required.verdict).map(({ code, facts }) => `${code} ${facts?.['element'] ?? ''}`),
    ['bom-incomplete NTIA-1', 'bom-incomplete NTIA-3', 'bom-incomplete NTIA-6', 'bom-incomplete NTIA-7'],
  );
});

test('what is listed twice, member for member, is a warning; the same name for two things is not', async () => {
  const tool = { type: 'application', name: 'cdxgen', version: '12.8.4', 'bom-ref': 'tool' };
  const twice = { ...BOM, metadata: { tools: { components: [tool, { ...tool }] } } };
  const repeated = await validate(twice);
  assert.equal(repeated.verdict.exitCode, 0, JSON.stringify(repeated.problems));
  assert.deepEqual(
    repeated.problems.map(({ rule, severity, pointer }) => `${severity} ${rule} ${pointer}`),
    ['warning schema /metadata/tools/components', 'warning bom-ref-unique /metadata/tools/components/1/bom-ref'],
  );
  const other = { ...BOM, metadata: { tools: { components: [tool, { ...tool, version: '12' }] } } };
  assert.deepEqual(
    findingsOf((await validate(other)).verdict).map(({ facts }) => facts?.['rule']),
    ['bom-ref-unique'],
  );
});

const REACHABLE = { name: 'Acme', url: ['https://acme.example'] };
const COMPLETE = {
  ...BOM,
  metadata: {
    timestamp: '2026-11-29T00:00:00Z',
    lifecycles: [{ phase: 'build' }],
    authors: [{ name: 'Anna', email: 'anna@acme.example' }],
    tools: { components: [{ type: 'application', name: 'weighmark', version: '1' }] },
    component: {
      type: 'machine-learning-model',
      'bom-ref': 'm',
      name: 'm',
      version: '1',
      supplier: REACHABLE,
      purl: 'pkg:huggingface/acme/m@1',
      licenses: [{ license: { id: 'MIT' } }],
      hashes: [{ alg: 'SHA-512', content: 'a'.repeat(128) }],
      properties: ['filename', 'executable', 'archive', 'structured'].map((name) => ({
        name: `bsi:component:${name}`,
        value: name,
      })),
    },
  },
  dependencies: [{ ref: 'm' }],
  compositions: [{ aggregate: 'complete', dependencies: ['m'] }],
};

/** Taking one member away leaves exactly these elements missing. */
const LOST: readonly (readonly [string, ElementSet, readonly string[]])[] = [
  ['metadata.timestamp', 'cisa', ['CISA-10']],
  ['metadata.lifecycles', 'cisa', ['CISA-11']],
  ['metadata.tools', 'cisa', ['CISA-9']],
  ['metadata.authors', 'cisa', ['CISA-1']],
  ['metadata.component.supplier', 'cisa', ['CISA-2']],
  ['metadata.component.version', 'cisa', ['CISA-4']],
  ['metadata.component.licenses', 'cisa', ['CISA-7']],
  ['metadata.component.hashes', 'cisa', ['CISA-6']],
  ['dependencies', 'cisa', ['CISA-8']],
  ['metadata.component.supplier', 'bsi', ['BSI-5.2.2-1']],
  ['metadata.component.hashes', 'bsi', ['BSI-5.2.2-7']],
  ['metadata.authors', 'bsi', ['BSI-5.2.1-1']],
  ['compositions', 'bsi', ['BSI-5.2.2-5']],
  ['metadata.component.properties', 'bsi', ['BSI-5.2.2-4', 'BSI-5.2.2-8', 'BSI-5.2.2-9', 'BSI-5.2.2-10']],
];

test('the sets of CISA and BSI TR-03183-2 are satisfied by what they ask for, and by nothing less', async () => {
  for (const set of ['cisa', 'bsi'] as const)
    assert.equal((await validate(COMPLETE, [set])).verdict.exitCode, 0, JSON.stringify(minimumElements(set, COMPLETE)));
  for (const [path, set, missing] of LOST) {
    const bom = structuredClone(COMPLETE) as Record<string, unknown>;
    const keys = path.split('.');
    const holder = keys.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, bom);
    delete holder[keys.at(-1) ?? ''];
    assert.deepEqual(
      minimumElements(set, bom as never)
        .filter(({ status }) => status === 'missing')
        .map(({ id }) => id),
      missing,
      `${set} without ${path}`,
    );
  }
});

test('the elements are those of the G7 list', { skip: NO_VECTORS }, () => {
  const groups = Object.values(JSON.parse(vector('g7-elements.json').toString()) as Record<string, string | string[]>)
    .filter(Array.isArray)
    .flat();
  assert.deepEqual(
    minimumElements('g7', {}).map(({ id }) => id),
    groups.map((text) => text.split(' ', 1)[0]),
  );
});

test('the hashes of a model are its own, or those of all its files, in either layout', async () => {
  const weights = {
    'a.safetensors': safetensors({ w: { dtype: 'F32', shape: [1] } }),
    'b.safetensors': safetensors({ w: { dtype: 'F32', shape: [2] } }),
  };
  for (const layout of ['guide', 'flat'] as const) {
    const bom = JSON.parse(JSON.stringify(await bomOf(weights, { layout }))) as never;
    assert.equal(minimumElements('g7', bom).find(({ id }) => id === 'MDL-07')?.status, 'present', layout);
  }
});

test('a model element is missing from whoever lacks it', () => {
  const models = [
    { type: 'machine-learning-model', name: 'a', 'bom-ref': 'a', version: '1' },
    { type: 'machine-learning-model', name: 'b', 'bom-ref': 'b' },
  ];
  const version = minimumElements('g7', { ...BOM, components: models }).find(({ id }) => id === 'MDL-03');
  assert.deepEqual([version?.status, version?.missingFrom], ['missing', ['b']]);
});

test('our own checks of a large BOM grow with it, and no faster', async () => {
  const components = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      component({ 'bom-ref': `c${index}`, hashes: [{ alg: 'SHA-256', content: 'a'.repeat(64) }] }),
    );
  const problems = await requireLinear(10_000, (count) => {
    const bom = { ...BOM, components: components(count) };
    return () => checkBom(bom);
  });
  assert.deepEqual(problems, []);
});
