import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { callOf } from '../domain/formats/pickle/assemble.ts';
import { torchZip } from '../domain/scan/build.ts';
import { BARE, PROGRAM } from '../program.ts';

const ROOT = join(import.meta.dirname, '../..');
const MODEL = torchZip(callOf('posix', 'system'));
const SHA256 = createHash('sha256').update(MODEL).digest('hex');
const minimal = readFileSync(join(ROOT, 'fixtures/policy/minimal.yaml'), 'utf8');
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-suppress-'));
  mkdirSync(join(folder, 'bad'));
  writeFileSync(join(folder, 'bad/model.pt'), MODEL);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const env = { ...BARE, HOME: folder, NO_COLOR: '1' };
  return spawnSync(process.execPath, [PROGRAM, ...words], { encoding: 'utf8', cwd: folder, env });
}

function write(name: string, words: string): string {
  writeFileSync(join(folder, name), `${minimal}\nsuppressions: [{ ${words} }]\n`);
  return name;
}

test('suppressed: shown with its reason, marked in JSON and SARIF, not counted', () => {
  const policy = write(
    'policy.yaml',
    `rule: WM-PICKLE-001, path: model.pt, sha256: ${SHA256}, reason: a test of our own, expires: 2099-01-01`,
  );
  assert.equal(run('scan', 'bad').status, 1);
  const text = run('scan', 'bad', '--policy', policy);
  assert.equal(text.status, 0, text.stderr);
  assert.match(text.stdout, /suppressed until 2099-01-01: a test of our own\n/);
  assert.match(text.stdout, /PASS: bad: 1 file, 1 suppressed/);
  const json = JSON.parse(run('scan', 'bad', '--policy', policy, '--json').stdout) as {
    artifacts: { verdict: string; files: { findings: { suppression: object }[] }[] }[];
  };
  const validate = new Ajv2020({ strict: false }).compile(
    JSON.parse(readFileSync(join(ROOT, 'schemas/scan.schema.json'), 'utf8')) as object,
  );
  assert.ok(validate(json), JSON.stringify(validate.errors));
  assert.equal(json.artifacts[0]?.verdict, 'pass');
  assert.deepEqual(json.artifacts[0]?.files[0]?.findings[0]?.suppression, {
    reason: 'a test of our own',
    expires: '2099-01-01T00:00:00Z',
    state: 'active',
  });
  const sarif = JSON.parse(run('scan', 'bad', '--policy', policy, '--format', 'sarif').stdout) as {
    runs: { results: { suppressions: object[] }[] }[];
  };
  assert.deepEqual(sarif.runs[0]?.results[0]?.suppressions, [
    { kind: 'external', status: 'accepted', justification: 'suppressed until 2099-01-01: a test of our own' },
  ]);
  assert.doesNotMatch(run('scan', 'bad', '--policy', policy, '--format', 'junit').stdout, /<failure/);
});

test('other bytes, another model, or a day gone by: it counts', () => {
  assert.equal(
    run(
      'scan',
      'bad',
      '--policy',
      write('bytes.yaml', `rule: WM-PICKLE-001, sha256: ${'a'.repeat(64)}, reason: other bytes, expires: 2099-01-01`),
    ).status,
    1,
  );
  const named = write('named.yaml', 'rule: WM-PICKLE-001, models: [acme/*], reason: only ours, expires: 2099-01-01');
  assert.equal(run('scan', 'bad', '--policy', named).status, 1);
  assert.equal(run('scan', 'bad', '--policy', named, '--name', 'acme/enc:1').status, 0);
  const expired = run(
    'scan',
    'bad',
    '--policy',
    write('expired.yaml', 'rule: WM-PICKLE-001, reason: for a while, expires: 2020-01-01'),
  );
  assert.equal(expired.status, 1);
  assert.match(expired.stdout, /its suppression expired on 2020-01-01: for a while/);
});

test('never from inside the artifact, and never for what was not examined', () => {
  writeFileSync(
    join(folder, 'bad/policy.yaml'),
    `${minimal}\nsuppressions: [{ rule: WM-PICKLE-001, reason: trust me, expires: 2099-01-01 }]\n`,
  );
  const inside = run('scan', 'bad', '--policy', 'bad/policy.yaml');
  assert.notEqual(inside.status, 0);
  assert.match(inside.stderr, /anchor-inside/);
  rmSync(join(folder, 'bad/policy.yaml'));
  writeFileSync(
    join(folder, 'lfs.safetensors'),
    `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 1\n`,
  );
  const policy = write('all.yaml', 'rule: WM-PICKLE-001, path: "**", reason: everything, expires: 2099-01-01');
  assert.equal(run('scan', 'lfs.safetensors', '--policy', policy).status, 4);
});

test('seal refuses what a feed knows, and what the scan finds, unless the policy suppresses it', () => {
  mkdirSync(join(folder, 'plain'));
  writeFileSync(join(folder, 'plain/config.json'), '{}');
  writeFileSync(join(folder, 'feed.txt'), `${createHash('sha256').update('{}').digest('hex')}  config.json\n`);
  run('keygen', 'anna', '--no-password');
  const seal = (path: string, ...more: string[]) =>
    run('seal', path, '--name', 'acme/enc:1', '--key', 'anna.key', ...more);
  const refused = seal('plain', '--feed', 'feed.txt');
  assert.equal(refused.status, 1, refused.stderr);
  assert.match(refused.stdout + refused.stderr, /config\.json.*feed\.txt[\s\S]*NOT SEALED: 1 finding /);
  const json = JSON.parse(seal('plain', '--feed', 'feed.txt', '--json').stdout) as object;
  const validate = new Ajv2020({ strict: false }).compile(
    JSON.parse(readFileSync(join(ROOT, 'schemas/seal.schema.json'), 'utf8')) as object,
  );
  assert.ok(validate(json), JSON.stringify(validate.errors));
  const policy = write('seal.yaml', 'rule: WM-FEED-001, path: config.json, reason: looked at, expires: 2099-01-01');
  const sealed = seal('plain', '--feed', 'feed.txt', '--policy', policy);
  assert.equal(sealed.status, 0, sealed.stderr);
  assert.match(sealed.stdout, /scan +nothing found; 1 suppressed by the policy/);
  assert.equal(seal('bad').status, 1);
  assert.equal(
    seal(
      'bad',
      '--policy',
      write('bad.yaml', 'rule: WM-PICKLE-001, models: [acme/*], reason: ours, expires: 2099-01-01'),
    ).status,
    0,
  );
  assert.equal(seal('plain', '--feed-key', 'anna.pub').status, 2);
});

test('those who only scan write suppressions alone; without a reason or an end there is none', () => {
  const alone = (words: string): string => {
    writeFileSync(join(folder, 'alone.yaml'), `format: weighmark-policy/1\nsuppressions:\n  - { ${words} }\n`);
    return 'alone.yaml';
  };
  const whole = alone('rule: WM-PICKLE-001, reason: a test of our own, expires: 2099-01-01');
  const accepted = run('scan', 'bad', '--policy', whole);
  assert.equal(accepted.status, 0, accepted.stderr);
  assert.match(accepted.stdout, /suppressed until 2099-01-01: a test of our own/);
  assert.equal(run('scan', 'bad', '--policy', alone('rule: WM-PICKLE-001, expires: 2099-01-01')).status, 2);
  assert.equal(run('scan', 'bad', '--policy', alone('rule: WM-PICKLE-001, reason: none')).status, 2);
  const blank = alone('rule: WM-PICKLE-001, reason: "   ", expires: 2099-01-01');
  assert.equal(run('scan', 'bad', '--policy', blank).status, 2);
  const past = run('scan', 'bad', '--policy', alone('rule: WM-PICKLE-001, reason: of old, expires: 2020-01-01'));
  assert.equal(past.status, 1);
  assert.match(past.stdout, /its suppression expired on 2020-01-01: of old/);
  assert.notEqual(run('policy', 'lint', whole).status, 0);
});
