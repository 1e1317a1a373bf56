import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createBomValidator } from '../../../src/adapters/bom-validator/index.ts';
import { bomBytes } from '../../../src/domain/bom/create.ts';
import { checkBom } from '../../../src/domain/bom/validate/checks.ts';
import { parseStrictJson } from '../../../src/domain/base/json.ts';
import { bomOf, safetensors } from './support.ts';
import { runs } from '../../thorough.ts';

/** Keys that readers look for, with whatever a hostile or careless publisher may put there. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  'config.json': [
    'architectures',
    'model_type',
    '_name_or_path',
    'torch_dtype',
    'quantization_config',
    'auto_map',
    'transformers_version',
    '__version__',
    'hidden_size',
  ],
  'adapter_config.json': ['base_model_name_or_path', 'peft_type', 'r', 'target_modules', 'task_type', 'revision'],
  'tokenizer_config.json': ['chat_template', 'tokenizer_class', 'model_max_length', 'auto_map'],
  'croissant.json': [
    '@context',
    'name',
    'description',
    'license',
    'url',
    'creator',
    'datePublished',
    'distribution',
    'version',
  ],
  'datapackage.json': ['name', 'title', 'licenses', 'contributors', 'homepage', 'resources', 'version'],
  'meta.json': [
    'lang',
    'name',
    'version',
    'spacy_version',
    'license',
    'sources',
    'performance',
    'pipeline',
    'author',
    'url',
  ],
  'package.json': ['name', 'version', 'license', 'author', 'repository', 'dependencies', 'homepage'],
  'dataset_infos.json': ['default'],
  'release.json': ['license', 'parameters', 'files', 'sha256'],
  'generation_config.json': ['system_prompt', 'chat_template', 'prompts'],
};

const word = fc.oneof(
  fc.string({ maxLength: 20, unit: 'grapheme' }),
  fc.constantFrom(
    '',
    ' ',
    'mit',
    'MIT OR',
    'MIT OR Apache-2.0',
    'https://x.example/a b',
    'https://x.example/ü',
    'javascript:alert(1)',
    'a/b',
    '../x',
    '2024-02-30',
    '2024-13-01T25:00:00Z',
    '2024-01-01',
    'pkg:x',
    'a'.repeat(64),
    'urn:cdx:x',
    '\u202e',
    '1.0',
    '{',
    '__proto__x',
  ),
);
const json = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    word,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom(
        'name',
        'path',
        'url',
        'sha256',
        'hash',
        'license',
        'template',
        'title',
        'bits',
        'quant_method',
        'contentUrl',
        'text',
        'type',
        'x y',
        '~/',
      ),
      tie('value'),
      { maxKeys: 4 },
    ),
  ),
})).value;

const files = fc.record(
  Object.fromEntries(
    Object.entries(KEYS).map(([path, keys]) => [path, fc.dictionary(fc.constantFrom(...keys), json, { maxKeys: 6 })]),
  ),
  { requiredKeys: [] },
);
const validator = createBomValidator();

test('whatever the metadata say, the BOM is valid, its citations resolve, and nothing throws', async () => {
  await fc.assert(
    fc.asyncProperty(
      files,
      fc.constantFrom('1.7', '1.6', '1.5'),
      fc.constantFrom('guide', 'flat'),
      async (contents, specVersion, layout) => {
        const texts = Object.fromEntries(
          Object.entries(contents).map(([path, content]) => [
            path,
            JSON.stringify(path === 'croissant.json' ? { '@context': {}, '@type': 'sc:Dataset', ...content } : content),
          ]),
        );
        const bom = await bomOf(
          { ...texts, 'model.safetensors': safetensors({ w: { dtype: 'F32', shape: [1] } }) },
          { specVersion, layout },
        );
        const text = new TextDecoder().decode(bomBytes(bom));
        assert.deepEqual(await validator.validate(text, specVersion), []);
        assert.deepEqual(checkBom(parseStrictJson(text)), []);
      },
    ),
    { numRuns: runs(150) },
  );
});

test('the same for front matter', async () => {
  const keys = [
    'license',
    'license_name',
    'license_link',
    'base_model',
    'base_model_relation',
    'datasets',
    'language',
    'tags',
    'pipeline_tag',
    'library_name',
    'model-index',
    'co2_eq_emissions',
    'version',
    'model_name',
    'pretty_name',
    'dataset_info',
    'task_categories',
  ];
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom(...keys), json, { maxKeys: 6 }), async (card) => {
      const bom = await bomOf({
        'README.md': `---\n${JSON.stringify(card)}\n---\n# ${JSON.stringify(card['license'])}\n`,
      });
      const text = new TextDecoder().decode(bomBytes(bom));
      assert.deepEqual(await validator.validate(text, '1.7'), []);
      assert.deepEqual(checkBom(parseStrictJson(text)), []);
    }),
    { numRuns: runs(150) },
  );
});
