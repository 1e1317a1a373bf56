import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBomValidator } from '../../../src/adapters/bom-validator/index.ts';
import type { BomInput } from '../../../src/domain/bom/build.ts';
import { bomBytes, createBom } from '../../../src/domain/bom/create.ts';
import { diffBoms } from '../../../src/domain/bom/diff.ts';
import { readBom } from '../../../src/domain/bom/read.ts';
import { summarize } from '../../../src/domain/bom/summary.ts';
import { SPEC_VERSIONS } from '../../../src/domain/bom/types.ts';
import { checkBom } from '../../../src/domain/bom/validate/checks.ts';
import { formatDigestList } from '../../../src/domain/digest/list.ts';
import { sha256Hex } from '../../../src/domain/digest/hex.ts';
import { fact } from '../../../src/domain/metadata/read.ts';
import type { BomFile, Fact } from '../../../src/domain/metadata/types.ts';
import type { FormatReport } from '../../../src/domain/formats/types.ts';
import { propertiesOf, subjectOf } from './support.ts';

const WEIGHTS: FormatReport = {
  path: 'model.safetensors',
  format: 'safetensors',
  kind: 'weights',
  metadata: [],
  matches: ['safetensors'],
  problems: [],
  complete: true,
};

function treeOf(count: number, changed = -1): readonly BomFile[] {
  const plain = Array.from({ length: count }, (_, at): BomFile => {
    const sha256 = sha256Hex(at === changed ? 'changed' : String(at));
    return { path: `images/${String(at).padStart(8, '0')}.jpeg`, sizeBytes: 7, digests: { sha256, blake3: sha256 } };
  });
  const digest = sha256Hex('weights');
  return [
    ...plain,
    { path: 'model.safetensors', sizeBytes: 9, digests: { sha256: digest, blake3: digest }, report: WEIGHTS },
  ];
}

function inputOf(files: readonly BomFile[], facts: readonly Fact[] = [], more: Partial<BomInput> = {}): BomInput {
  return {
    fallbackName: 'train',
    files,
    facts,
    problems: [],
    conflicts: [],
    confirmed: [],
    tool: { name: 'weighmark', version: '0.0.0' },
    specVersion: '1.7',
    layout: 'guide',
    id: `sha256:${'ab'.repeat(32)}`,
    kind: 'model',
    ...more,
  };
}

const said = (at: number, text: string): Fact =>
  fact(
    'fileInfo',
    { path: `images/${String(at).padStart(8, '0')}.jpeg`, licences: [text], sources: [] },
    { file: 'datapackage.json' },
  );
const bytesOf = (files: readonly BomFile[], facts: readonly Fact[] = []) => bomBytes(createBom(inputOf(files, facts)));

test('a BOM names up to 20,000 files each, and of more the notable ones and the list of all: its size does not grow', () => {
  const each = subjectOf(createBom(inputOf(treeOf(19_999)))).components ?? [];
  assert.equal(each.length, 20_000);
  const [small, large] = [bytesOf(treeOf(20_000)), bytesOf(treeOf(80_000))];
  assert.ok(Math.abs(large.length - small.length) < 100, `${small.length} and ${large.length} bytes`);
  const files = treeOf(20_000);
  const [list, ...named] = subjectOf(createBom(inputOf(files, [said(5, 'MIT')]))).components ?? [];
  assert.deepEqual(
    named.map(({ name }) => name),
    ['images/00000005.jpeg', 'model.safetensors'],
  );
  assert.deepEqual(list?.hashes, [
    {
      alg: 'SHA-256',
      content: sha256Hex(
        formatDigestList(
          files.map(({ path, sizeBytes, digests: { sha256 = '', blake3 = '' } }) => ({
            path,
            sizeBytes,
            sha256,
            blake3,
          })),
        ),
      ),
    },
  ]);
  const properties = propertiesOf(list);
  assert.deepEqual(
    [properties['file-list'], properties['files'], properties['files-named'], properties['files-size']],
    ['weighmark-files/1', '20001', '2', String(20_000 * 7 + 9)],
  );
});

test('what is said of very many files still shows: a rule about licences sees each licence', () => {
  const facts = Array.from({ length: 20_000 }, (_, at) => said(at, at === 19_000 ? 'GPL-3.0-only' : 'MIT'));
  const bom = createBom(inputOf(treeOf(20_000), facts));
  const components = subjectOf(bom).components ?? [];
  assert.equal(components.length, 5001, 'the list, and 5,000 files');
  const licences = (components[0]?.licenses ?? []).map((choice) => ('license' in choice ? choice.license.id : ''));
  assert.deepEqual(licences, ['MIT', 'GPL-3.0-only']);
  assert.ok(
    components.some(({ name }) => name === 'model.safetensors'),
    'weights are named before what is merely said',
  );
  const problems = Array.from({ length: 20_000 }, (_, at) => ({
    path: `${at}`,
    code: 'format-invalid' as const,
    message: 'bad',
  }));
  const told = subjectOf(createBom(inputOf(treeOf(20_000), [], { problems }))).properties ?? [];
  assert.equal(told.filter(({ name }) => name === 'weighmark:problem').length, 5000);
  assert.ok(told.some(({ name, value }) => name === 'weighmark:problems' && value === '20000'));
});

test('such a BOM is valid in every version and layout, and reads back', async () => {
  const validator = createBomValidator();
  for (const specVersion of SPEC_VERSIONS) {
    for (const layout of ['guide', 'flat'] as const) {
      const bytes = bomBytes(createBom(inputOf(treeOf(20_000), [said(5, 'MIT')], { specVersion, layout })));
      const text = new TextDecoder().decode(bytes);
      assert.deepEqual(await validator.validate(text, specVersion), []);
      const bom = readBom(bytes, 'bom');
      assert.deepEqual(checkBom(bom.json), []);
      const { files, fileList } = summarize(bom);
      assert.equal(files.length, 2, `${specVersion} ${layout}`);
      assert.equal(fileList?.length, 64);
    }
  }
});

test('of two such BOMs the lists are compared, and the files both name', () => {
  const summaryOf = (files: readonly BomFile[], facts: readonly Fact[] = []) =>
    summarize(readBom(bytesOf(files, facts), 'bom'));
  const before = summaryOf(treeOf(20_000), [said(5, 'MIT')]);
  assert.deepEqual(diffBoms(before, summaryOf(treeOf(20_000), [said(5, 'MIT')])), []);
  assert.deepEqual(
    diffBoms(before, summaryOf(treeOf(20_000, 7))).map(({ what, kind, name }) => `${what} ${kind} ${name}`),
    ['artifact changed digest list', 'citation removed datapackage.json'],
  );
  assert.deepEqual(
    diffBoms(before, summaryOf(treeOf(20_000, 5), [said(5, 'MIT')])).map(
      ({ what, kind, name }) => `${what} ${kind} ${name}`,
    ),
    ['artifact changed digest list', 'file changed images/00000005.jpeg'],
  );
});
