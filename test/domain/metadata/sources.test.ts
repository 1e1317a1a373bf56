import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { readCard } from '../../../src/domain/metadata/card.ts';
import { readAdapter, readConfig } from '../../../src/domain/metadata/config.ts';
import { dateTime, readCroissant, readDataPackage } from '../../../src/domain/metadata/datasets.ts';
import { readJsonDigests, readSums } from '../../../src/domain/metadata/digests.ts';
import { locationFacts, readDownloadNote } from '../../../src/domain/metadata/location.ts';
import { readNpmPackage, readSpacyMeta } from '../../../src/domain/metadata/packages.ts';
import { readTokenizerConfig } from '../../../src/domain/metadata/prompts.ts';
import {
  readPythonLock,
  readRecord,
  readRequirements,
  readWheelMetadata,
} from '../../../src/domain/metadata/python.ts';
import { NO_VECTORS, vector, VECTORS } from '../bom/support.ts';
import { file, placesOf, valuesOf } from './support.ts';

const SHA = 'ab'.repeat(32);

test('model card: every list item is cited by its place', () => {
  const facts = readCard(
    file(
      'README.md',
      '---\nlicense: gemma\nbase_model:\n- google/a\n- google/b\nbase_model_relation: merge\ndatasets: squad\n---\n',
    ),
  );
  assert.deepEqual(valuesOf(facts, 'baseModel'), [
    { name: 'google/a', relation: 'merge' },
    { name: 'google/b', relation: 'merge' },
  ]);
  assert.deepEqual(placesOf(facts, 'baseModel'), ['/base_model/0', '/base_model/1']);
  assert.deepEqual(
    [valuesOf(facts, 'licence'), valuesOf(facts, 'dataset')],
    [[{ text: 'gemma' }], [{ name: 'squad', hub: true }]],
  );
});

test('`license: other` is what license_name and license_link say', () => {
  const facts = readCard(
    file('README.md', '---\nlicense: other\nlicense_name: acme-1\nlicense_link: https://acme.example/l\n---\n'),
  );
  assert.deepEqual(valuesOf(facts, 'licence'), [{ text: 'acme-1', url: 'https://acme.example/l' }]);
});

test('CO2 as a bare number is grams', () => {
  assert.deepEqual(
    valuesOf(readCard(file('README.md', '---\nco2_eq_emissions: 3.5\nlicense: mit\n---\n')), 'emissions'),
    [{ notes: {}, co2Grams: 3.5 }],
  );
});

test('the first heading names the artifact only if it looks like a name', () => {
  const named = (heading: string) =>
    valuesOf(readCard(file('README.md', `---\nlicense: mit\n---\n${heading}\n`)), 'name');
  assert.deepEqual(named('# all-MiniLM-L6-v2'), ['all-MiniLM-L6-v2']);
  assert.deepEqual(named('# org/gemma-3-270m-Q4_K_M-GGUF'), ['org/gemma-3-270m-Q4_K_M-GGUF']);
  for (const heading of ['# Introduction', '# Model Card for X', '## sub-heading-1', 'text'])
    assert.deepEqual(named(heading), [], heading);
});

test('prose under the usual headings, first paragraph only, never a placeholder', () => {
  const body = [
    '# tiny-1',
    '',
    'A **small** [model](https://x.example) for tests',
    'and nothing else.',
    '',
    'More.',
    '## Uses',
    '### Direct Use',
    'Only for testing this very reader.',
    '### Out-of-Scope Use',
    '[More Information Needed]',
    '## Limitations',
    '| a | b |',
    '## Bias',
    '```',
    'It is code, not prose at all.',
    '```',
    '## Limitations and Bias',
    'It knows nothing of the world.',
  ].join('\n');
  const facts = readCard(file('README.md', `---\nlicense: mit\n---\n${body}\n`));
  assert.deepEqual(
    [
      valuesOf(facts, 'description'),
      valuesOf(facts, 'useCase'),
      valuesOf(facts, 'limitation'),
      valuesOf(facts, 'ethical'),
    ],
    [
      ['A small model for tests and nothing else.'],
      ['Only for testing this very reader.'],
      ['It knows nothing of the world.'],
      [],
    ],
  );
  assert.deepEqual(placesOf(facts, 'limitation'), ['section Limitations and Bias']);
});

test('config.json: what it was loaded from is a hint at the base model, never the name', () => {
  const facts = readConfig(
    file('config.json', {
      _name_or_path: 'nreimers/MiniLM',
      architectures: ['BertModel'],
      model_type: 'bert',
      transformers_version: '4.8.2',
    }),
  );
  assert.deepEqual(
    [valuesOf(facts, 'name'), valuesOf(facts, 'baseModel')],
    [[], [{ name: 'nreimers/MiniLM', hinted: true }]],
  );
  assert.deepEqual(valuesOf(facts, 'software'), [{ name: 'transformers', version: '4.8.2', ecosystem: 'pypi' }]);
  assert.deepEqual(valuesOf(readConfig(file('config.json', { _name_or_path: '/home/me/model' })), 'baseModel'), []);
});

test('quantization is named as the configuration names it', () => {
  const named = (quantization_config: object) =>
    valuesOf(readConfig(file('config.json', { quantization_config })), 'quantization');
  assert.deepEqual(named({ quant_method: 'awq', bits: 4 }), ['awq 4 bits']);
  assert.deepEqual(named({ quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_quant_type: 'nf4' }), [
    'bitsandbytes nf4',
  ]);
});

test('`auto_map` points at the Python it runs, beside the file that says so', () => {
  const facts = readConfig(
    file('sub/config.json', {
      auto_map: { AutoModel: 'modeling_x.XModel', AutoConfig: 'other/repo--configuration_x.XConfig' },
    }),
  );
  assert.deepEqual(
    valuesOf(facts, 'role').map(({ path, role }) => `${role} ${path}`),
    ['remote-code sub/modeling_x.py'],
  );
  assert.deepEqual(valuesOf(facts, 'detail'), [{ name: 'remote-code', value: 'other/repo--configuration_x.XConfig' }]);
});

test('an adapter names its base and how it was made', () => {
  const facts = readAdapter(
    file('adapter_config.json', {
      base_model_name_or_path: 'org/base',
      peft_type: 'LORA',
      r: 8,
      target_modules: ['q', 'v'],
      task_type: 'CAUSAL_LM',
      revision: null,
    }),
  );
  assert.deepEqual(valuesOf(facts, 'baseModel'), [{ name: 'org/base', relation: 'adapter' }]);
  assert.deepEqual(
    valuesOf(facts, 'detail').map(({ name, value }) => `${name} ${value}`),
    ['adapter:peft-type LORA', 'adapter:r 8', 'adapter:target-modules q,v'],
  );
});

test('chat templates are parts of their own, digested', () => {
  const one = valuesOf(readTokenizerConfig(file('tokenizer_config.json', { chat_template: '{{ x }}' })), 'part');
  assert.deepEqual(one, [
    {
      kind: 'chat-template',
      name: 'chat_template',
      digests: { sha256: 'e52c737297f7dad622da7e58f5a16e7437f2716daccb4da859fc567ccd75c9a4' },
      sizeBytes: 7,
      path: 'tokenizer_config.json',
    },
  ]);
  const several = valuesOf(
    readTokenizerConfig(
      file('tokenizer_config.json', {
        chat_template: [
          { name: 'default', template: 'a' },
          { name: 'tool_use', template: 'b' },
        ],
      }),
    ),
    'part',
  );
  assert.deepEqual(
    several.map(({ name }) => name),
    ['chat_template/default', 'chat_template/tool_use'],
  );
});

test('wheel metadata: expression before licence before classifiers', () => {
  const licences = (headers: string) =>
    valuesOf(
      readWheelMetadata(
        file(
          'x-1.dist-info/METADATA',
          `Metadata-Version: 2.4\nName: X_y\nVersion: 1.0\n${headers}\n\nLicense: GPL-3.0\n`,
        ),
      ),
      'licence',
    ).map(({ text }) => text);
  assert.deepEqual(licences('License: MIT\nLicense-Expression: Apache-2.0'), ['Apache-2.0']);
  assert.deepEqual(licences('License: MIT\nClassifier: License :: OSI Approved :: BSD License'), ['MIT']);
  assert.deepEqual(licences('Classifier: License :: OSI Approved :: MIT License'), ['MIT']);
  assert.deepEqual(licences('License: UNKNOWN'), []);
});

test('requirements: exact versions, ranges, markers, hashes, options', () => {
  const facts = readRequirements(
    file(
      'requirements.txt',
      `torch==2.1.0 \\\n    --hash=sha256:${SHA}\nnumpy>=1,<2 ; python_version < "3.12"\n# note\n-r other.txt\n--index-url https://x\nscipy[all]==1.0 # c\nlocal @ file:///x\n`,
    ),
  );
  assert.deepEqual(valuesOf(facts, 'software'), [
    { name: 'torch', ecosystem: 'pypi', version: '2.1.0', digests: [{ alg: 'SHA-256', content: SHA }] },
    { name: 'numpy', ecosystem: 'pypi', requirement: '>=1,<2 ; python_version < "3.12"' },
    { name: 'scipy', ecosystem: 'pypi', version: '1.0' },
    { name: 'local', ecosystem: 'pypi', requirement: '@ file:///x' },
  ]);
});

test('lock files give exact versions', () => {
  const facts = readPythonLock(
    file(
      'uv.lock',
      'version = 1\n[[package]]\nname = "torch"\nversion = "2.1.0"\nsource = { registry = "x" }\n[[package]]\nname = "numpy"\nversion = "1.26.4"\n[package.metadata]\nname = "no"\nversion = "0"\n',
    ),
  );
  assert.deepEqual(
    valuesOf(facts, 'software').map(({ name, version }) => `${name} ${version ?? ''}`),
    ['torch 2.1.0', 'numpy 1.26.4'],
  );
});

test('RECORD: base64url digests, quoted names, relative to the folder above', () => {
  const facts = readRecord(
    file(
      'x-1.dist-info/RECORD',
      'x/a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n"x/b,c.py",sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,1\nx-1.dist-info/RECORD,,\n',
    ),
  );
  assert.deepEqual(
    valuesOf(facts, 'digest').map(({ path, hex, sizeBytes }) => [path, hex.slice(0, 8), sizeBytes]),
    [
      ['x/a.py', 'e3b0c442', 0],
      ['x/b,c.py', 'e3b0c442', 1],
    ],
  );
});

test('digest lists: GNU and BSD lines, relative to their folder', () => {
  const facts = readSums(
    file('sub/SHA256SUMS', `${SHA}  a.bin\n${SHA.toUpperCase()} *./b.bin\nSHA256 (c.bin) = ${SHA}\nnonsense\n`),
  );
  assert.deepEqual(
    valuesOf(facts, 'digest').map(({ path, hex }) => [path, hex === SHA]),
    [
      ['sub/a.bin', true],
      ['sub/b.bin', true],
      ['sub/c.bin', true],
    ],
  );
});

test("a publisher's JSON ties a digest to a file only where it says so", () => {
  const facts = readJsonDigests(
    file('export.json', {
      model_sha256: SHA,
      source_checkpoint: 'a.pt',
      source_checkpoint_sha256: SHA,
      files: { 'a.onnx': { sha256: SHA, bytes: 5 } },
      list: [{ path: 'b.bin', sha256: SHA }],
      sha256: 'https://example.org/x',
      other: SHA,
    }),
  );
  assert.deepEqual(
    valuesOf(facts, 'digest').map(({ path, sizeBytes }) => [path, sizeBytes]),
    [
      [undefined, undefined],
      ['a.pt', undefined],
      ['a.onnx', 5],
      ['b.bin', undefined],
    ],
  );
});

test('Croissant: the real exports; a URL in `sha256` is no digest', { skip: NO_VECTORS }, () => {
  const folder = resolve(VECTORS, 'croissant');
  const results = readdirSync(folder).map((name) => {
    const facts = readCroissant({ path: name, bytes: readFileSync(resolve(folder, name)) });
    const wrong = valuesOf(facts, 'detail').filter(({ name: detail }) => detail === 'not-a-digest').length;
    assert.equal(valuesOf(facts, 'dataset').length, 1, name);
    for (const { hex } of valuesOf(facts, 'digest')) assert.match(hex, /^(?:[0-9a-f]{64}|[0-9a-f]{32})$/, name);
    return wrong > 0;
  });
  assert.equal(results.filter(Boolean).length, 3);
  const titanic = readCroissant({
    path: 'metadata.json',
    bytes: vector('croissant/datasets_1.0_titanic_metadata.json'),
  });
  assert.equal(valuesOf(titanic, 'name')[0], 'Titanic');
});

test('dates become RFC 3339 in UTC, or nothing', () => {
  assert.equal(dateTime('2024-02-29'), '2024-02-29T00:00:00Z');
  assert.equal(dateTime('2024-01-01T12:30:00.5+0200'), '2024-01-01T10:30:00Z');
  for (const none of ['2024-02-30', '2024-13-01', '2024-01-01T25:00:00Z', 'yesterday', '', undefined])
    assert.equal(dateTime(none), undefined, none);
});

test('other JSON of that name is no Croissant', () => {
  assert.deepEqual(readCroissant(file('metadata.json', { epoch_num: '91' })), []);
});

test('datapackage.json: resources with their licences, sources and hashes', () => {
  const facts = readDataPackage({
    path: 'datapackage.json',
    bytes: readFileSync('node_modules/vega-datasets/datapackage.json'),
  });
  assert.deepEqual(
    [valuesOf(facts, 'fileInfo').length, valuesOf(facts, 'digest').length, valuesOf(facts, 'licence')],
    [73, 73, [{ text: 'BSD-3-Clause', url: 'https://opensource.org/license/bsd-3-clause' }]],
  );
  assert.equal(valuesOf(facts, 'fileInfo').filter(({ licences }) => licences.length > 0).length, 58);
});

test('spaCy: name with language, data sources, scalar scores', () => {
  const facts = readSpacyMeta(
    file('meta.json', {
      lang: 'en',
      name: 'core_web_sm',
      version: '3.8.0',
      spacy_version: '>=3.7',
      license: 'MIT',
      sources: [{ name: 'OntoNotes 5', url: 'https://x.example', license: 'commercial', author: 'A' }],
      performance: { tag_acc: 0.97, per_type: { a: 1 } },
    }),
  );
  assert.deepEqual(
    [valuesOf(facts, 'name'), valuesOf(facts, 'metric'), valuesOf(facts, 'dataset')],
    [
      ['en_core_web_sm'],
      [{ type: 'tag_acc', value: '0.97' }],
      [{ name: 'OntoNotes 5', url: 'https://x.example', licence: 'commercial', owner: 'A' }],
    ],
  );
  assert.deepEqual(readSpacyMeta(file('meta.json', { name: 'x' })), []);
});

test('npm package: purl, licence, exact and ranged dependencies', () => {
  const facts = readNpmPackage(
    file('package.json', {
      name: '@a/b',
      version: '1.0.0',
      license: 'SEE LICENSE IN x',
      author: 'Ann <ann@x.example> (https://x)',
      dependencies: { c: '^1.0.0', d: '2.0.0' },
    }),
  );
  assert.deepEqual(
    [valuesOf(facts, 'purl'), valuesOf(facts, 'licence'), valuesOf(facts, 'author')],
    [['pkg:npm/%40a/b@1.0.0'], [], [{ name: 'Ann', email: 'ann@x.example' }]],
  );
  assert.deepEqual(valuesOf(facts, 'software'), [
    { name: 'c', ecosystem: 'npm', requirement: '^1.0.0' },
    { name: 'd', ecosystem: 'npm', version: '2.0.0' },
  ]);
});

test('a Hugging Face cache folder gives name, commit and purl; another folder nothing', () => {
  const commit = '0123456789abcdef0123456789abcdef01234567';
  const facts = locationFacts(`/home/me/.cache/huggingface/hub/models--google--gemma-3-270m/snapshots/${commit}`);
  assert.deepEqual(
    [valuesOf(facts, 'name'), valuesOf(facts, 'version'), valuesOf(facts, 'purl')],
    [['google/gemma-3-270m'], [commit], [`pkg:huggingface/google/gemma-3-270m@${commit}`]],
  );
  assert.deepEqual(locationFacts('/home/me/models/gemma'), []);
});

test('download notes: a 64-digit ETag is SHA-256, a 40-digit one a git blob', () => {
  const note = (etag: string) =>
    valuesOf(
      readDownloadNote(
        file('.cache/huggingface/download/sub/a.bin.metadata', `${'c'.repeat(40)}\n${etag}\n1700000000.0\n`),
      ),
      'digest',
    );
  const recordedBy = 'Hugging Face';
  assert.deepEqual(note(SHA), [{ path: 'sub/a.bin', algorithm: 'sha256', hex: SHA, recordedBy }]);
  assert.deepEqual(note('d'.repeat(40)), [
    { path: 'sub/a.bin', algorithm: 'git-blob-sha1', hex: 'd'.repeat(40), recordedBy },
  ]);
  assert.deepEqual(note('W/"x"'), []);
});
