import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { callOf } from '../domain/formats/pickle/assemble.ts';
import { safetensors, torchZip } from '../domain/scan/build.ts';
import { PROGRAM } from '../program.ts';

const ROOT = join(import.meta.dirname, '../..');
const TENSOR = { a: { dtype: 'F32', shape: [4], data_offsets: [0, 16] } };
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-scan-'));
  mkdirSync(join(folder, 'good'));
  mkdirSync(join(folder, 'bad'));
  writeFileSync(join(folder, 'good/model.safetensors'), safetensors(TENSOR));
  writeFileSync(join(folder, 'good/config.json'), '{"a": 1}');
  writeFileSync(join(folder, 'bad/model.pt'), torchZip(callOf('posix', 'system')));
  writeFileSync(join(folder, 'review.json'), '{"trust_remote_code": true}');
  writeFileSync(
    join(folder, 'lfs.safetensors'),
    `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 1\n`,
  );
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = {
    ...process.env,
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    NO_COLOR: '1',
  };
  return spawnSync(process.execPath, [PROGRAM, ...words], { encoding: 'utf8', cwd: folder, env });
}

function validated(command: string, text: string): Record<string, unknown> {
  const value = JSON.parse(text) as Record<string, unknown>;
  const validate = new Ajv2020({ strict: false }).compile(
    JSON.parse(readFileSync(join(ROOT, `schemas/${command}.schema.json`), 'utf8')) as object,
  );
  assert.ok(validate(value), JSON.stringify(validate.errors));
  return value;
}

test('exit 0 for good files, 1 from --fail-on on, 4 where something was not examined', () => {
  assert.equal(run('scan', 'good').status, 0);
  assert.equal(run('scan', 'bad').status, 1);
  assert.equal(run('scan', 'review.json').status, 0);
  assert.equal(run('scan', 'review.json', '--fail-on', 'medium').status, 1);
  assert.equal(run('scan', 'lfs.safetensors').status, 4);
  assert.equal(run('scan', 'good', 'bad').status, 1);
  assert.equal(run('scan', 'good', '--fail-on', 'never').status, 2);
  assert.equal(run('scan', 'missing').status, 2);
});

test('text says what, where and the verdict last', () => {
  const { stdout } = run('scan', 'bad');
  assert.match(stdout, /critical {2}WM-PICKLE-001 {2}model\.pt!\/archive\/data\.pkl, byte \d+\n/);
  assert.match(
    stdout.trimEnd().split('\n').at(-1) ?? '',
    /^BLOCK: bad: 1 file, 1 critical; weights_only=True refuses it: .*; do not load$/,
  );
});

test('JSON is valid against its schema, SARIF names rules and files', () => {
  for (const path of ['good', 'bad', 'lfs.safetensors', 'review.json'])
    validated('scan', run('scan', path, '--json').stdout);
  const sarif = JSON.parse(run('scan', 'bad', '--format', 'sarif').stdout) as {
    version: string;
    runs: {
      tool: { driver: { rules: { id: string }[] } };
      results: {
        ruleId: string;
        level: string;
        locations: { physicalLocation: { artifactLocation: { uri: string } } }[];
      }[];
    }[];
  };
  const [run0] = sarif.runs;
  assert.equal(sarif.version, '2.1.0');
  assert.equal(run0?.results[0]?.ruleId, 'WM-PICKLE-001');
  assert.equal(run0?.results[0]?.locations[0]?.physicalLocation.artifactLocation.uri, 'bad/model.pt');
  assert.ok(run0?.tool.driver.rules.some(({ id }) => id === 'WM-PICKLE-001'));
  assert.match(run('scan', 'bad', '--format', 'junit').stdout, /<failure type="scan-finding"/);
  assert.match(run('scan', 'bad', '--format', 'markdown').stdout, /\| critical \| WM-PICKLE-001 \|/);
});

test('SARIF is valid against the official schema, and says bytes where there are no lines', () => {
  const schema = JSON.parse(
    readFileSync(join(import.meta.dirname, 'sarif-2.1.0/sarif-schema-2.1.0.json'), 'utf8'),
  ) as Record<string, unknown>;
  const { $schema: _draft4, id: _id, ...rest } = schema;
  const validate = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(rest);
  writeFileSync(join(folder, 'call.pkl'), callOf('posix', 'system'));
  writeFileSync(join(folder, 'pytorch_model.bin'), Buffer.alloc(100, 7));
  for (const paths of [
    ['bad'],
    ['good'],
    ['bad', 'good', 'review.json', 'lfs.safetensors'],
    ['call.pkl'],
    ['pytorch_model.bin'],
  ]) {
    const log = JSON.parse(run('scan', ...paths, '--format', 'sarif').stdout) as object;
    assert.ok(validate(log), JSON.stringify(validate.errors));
  }
  assert.match(run('scan', 'call.pkl', '--format', 'sarif').stdout, /"byteOffset":\s*\d+/);
  const unread = run('scan', 'pytorch_model.bin', '--format', 'sarif');
  assert.equal(unread.status, 4);
  assert.match(unread.stdout, /"text":\s*"not examined: pytorch_model\.bin: weights by its name[^"]*"/);
});

test('-v gives the advice of each rule once; the summary says what it does not list', () => {
  const advice = run('scan', 'bad', '-v').stdout.match(/^advice {4}WM-PICKLE-001 {2}\S.*$/gm);
  assert.equal(advice?.length, 1);
  mkdirSync(join(folder, 'quiet'), { recursive: true });
  writeFileSync(join(folder, 'quiet/a.py'), 'x = 1\n');
  writeFileSync(join(folder, 'quiet/a.xyz'), Buffer.from([1, 2, 3, 4, 5, 0, 7, 200]));
  assert.match(
    run('scan', 'quiet').stdout,
    /^PASS: quiet: 2 files, 1 of no known format, 1 low \(1 not listed: -v\)$/m,
  );
});

test('the summary counts what was not examined, and names the file that a strict loader refuses', () => {
  mkdirSync(join(folder, 'open'), { recursive: true });
  for (let at = 0; at < 12; at++) writeFileSync(join(folder, `open/model.${at}.pt`), Buffer.alloc(100, 7));
  const { stdout } = run('scan', 'open');
  assert.match(stdout, /^ {2}and 2 more not examined \(-v shows all\)$/m);
  assert.match(stdout, /^INCOMPLETE: open: 12 files, not examined in full, of no known format, 12 medium$/m);
  mkdirSync(join(folder, 'two'), { recursive: true });
  writeFileSync(join(folder, 'two/a.txt'), 'text\n');
  writeFileSync(join(folder, 'two/b.pkl'), callOf('posix', 'system'));
  assert.match(
    run('scan', 'two').stdout,
    /^BLOCK: two: 2 files, .*; weights_only=True refuses b\.pkl: .*; do not load$/m,
  );
});

test('a feed by digest, tensor and name; a broken or unsigned one is refused', () => {
  const sha256 = spawnSync('sha256sum', [join(folder, 'good/model.safetensors')], { encoding: 'utf8' }).stdout.slice(
    0,
    64,
  );
  const zeros = '374708fff7719dd5979ec875d56cd2286f6d3cf7ec317a3b25632aab28ec37bb';
  writeFileSync(join(folder, 'list.txt'), `${sha256}  evil\n`);
  writeFileSync(
    join(folder, 'feed.yaml'),
    `weighmark-feed: 1\npublished: 2026-11-01T00:00:00Z\nentries:\n  - {id: T-1, severity: high, tensors: ["${zeros}"]}\n  - {id: N-1, severity: high, models: [{name: acme/enc, versions: "<2"}]}\n`,
  );
  writeFileSync(join(folder, 'broken.json'), '{"type": "bundle"');
  const listed = run('scan', 'good', '--feed', 'list.txt', '--json');
  assert.equal(listed.status, 1);
  validated('scan', listed.stdout);
  const tensor = run('scan', 'good', '--feed', 'feed.yaml');
  assert.match(tensor.stdout, /WM-FEED-001 {2}model\.safetensors, tensor a/);
  assert.match(run('scan', 'good', '--feed', 'feed.yaml', '--name', 'acme/enc:1.4').stdout, /WM-FEED-002/);
  assert.equal(run('scan', 'good', '--feed', 'broken.json').status, 1);
  assert.equal(run('scan', 'good', '--feed', 'missing.txt').status, 2);
  assert.equal(run('scan', 'good', '--feed', 'http://example.org/feed').status, 2);
  assert.equal(run('scan', 'good', '--offline', '--feed', 'https://example.org/feed').status, 4);
});

test('diff: exit 1 when they differ, JSON by its schema', () => {
  mkdirSync(join(folder, 'tuned'), { recursive: true });
  const data = Buffer.alloc(16);
  data.writeFloatLE(1, 4);
  writeFileSync(join(folder, 'tuned/model.safetensors'), safetensors(TENSOR, data));
  writeFileSync(join(folder, 'tuned/config.json'), '{"a": 2}');
  assert.equal(run('diff', 'good', 'good').status, 0);
  const different = run('diff', 'good', 'tuned', '--json');
  assert.equal(different.status, 1);
  const { tensors, files } = validated('diff', different.stdout) as {
    tensors: { name: string; change: { changedElements: number } }[];
    files: { settings?: unknown[] }[];
  };
  assert.deepEqual(
    tensors.map(({ name, change }) => [name, change.changedElements]),
    [['a', 1]],
  );
  assert.deepEqual(files[0]?.settings, [{ pointer: '/a', before: '1', after: '2' }]);
});

test('diff: what the weights are to each other, in text, Markdown and JSON by its schema', () => {
  const weights = new URL('../../fixtures/weights/', import.meta.url).pathname;
  const [parent, child] = [`${weights}kin/child-a`, `${weights}kin/child-a-Q8_0.gguf`];
  const text = run('diff', parent, child);
  assert.equal(text.status, 1);
  assert.match(
    text.stdout,
    /; the weights of \S+Q8_0\.gguf \(F32, Q8_0\) are a conversion of those of \S+child-a: 21 recomputed\n$/,
  );
  assert.doesNotMatch(text.stdout, /blk\.0/);
  assert.match(run('diff', parent, child, '-v').stdout, /^\+ blk\.0\.attn_k\.weight/m);
  assert.match(run('diff', parent, child, '--format', 'markdown').stdout, /are a conversion of those of/);
  const json = run('diff', child, parent, '--json');
  const { weights: derived } = validated('diff', json.stdout) as { weights: Record<string, unknown> };
  assert.deepEqual([derived['is'], derived['made'], derived['word']], ['derived', 'a', 'recomputed']);
  const [plain, npz] = [`${weights}containers/plain.safetensors`, `${weights}containers/plain.npz`];
  assert.match(run('diff', plain, npz).stdout, /; the same weights: 4 tensors under the same names \(set blake3:9e58/);
  validated('diff', run('diff', plain, npz, '--json').stdout);
  const open = run('diff', `${parent}/model.safetensors`, child);
  assert.match(open.stdout, /is undecided: the parent has no config\.json/);
  validated('diff', run('diff', `${parent}/model.safetensors`, child, '--json').stdout);
});
