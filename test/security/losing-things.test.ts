import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { keyLine } from '../public-key.ts';
import { BARE, PROGRAM } from '../program.ts';

/** What is lost or leaked, and the commands that mend it; each is run here as a user would. */

const PEOPLE = ['dana', 'anna', 'bob', 'carol', 'ci', 'rita', 'rob', 'boss', 'chief'];
let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-losing-'));
  for (const name of PEOPLE) ok('keygen', name, '--no-password');
  policy(1);
  mkdirSync(join(folder, 'data'));
  writeFileSync(join(folder, 'data', 'rows.csv'), 'a,b\n1,2\n');
  writeFileSync(join(folder, 'croissant.json'), '{"name":"rows"}');
  ok('registry', 'init', 'reg', '--origin', 'one.example');
  ok('attest', 'data', '--type', 'dataset', '--reference', 'croissant.json', '--key', 'dana.key');
  ok('push', 'data', 'acme/data:1');
  for (const version of ['1', '2']) {
    mkdirSync(join(folder, `m${version}`));
    writeFileSync(join(folder, `m${version}`, 'config.json'), `{"version":${version}}`);
    const name = `acme/enc:${version}`;
    ok('seal', `m${version}`, '--name', name, '--step', 'train', '--input', 'dataset=acme/data:1', '--key', 'anna.key');
    ok('push', `m${version}`, name);
  }
});
after(() => rmSync(folder, { recursive: true, force: true }));

function policy(version: number, approvers = '[bob, carol]'): void {
  const line = (name: string): string => keyLine(readFileSync(join(folder, `${name}.pub`), 'utf8'));
  const principals = PEOPLE.map((name) => `  ${name}: { keys: [${line(name)}] }`).join('\n');
  writeFileSync(
    join(folder, 'policy.yaml'),
    `format: weighmark-policy/1\nname: acme\nversion: ${version}\nexpires: 2099-01-01\nprincipals:\n${principals}\nroles:\n  publisher: [dana]\n  trainer: [anna]\n  approver: ${approvers}\n  promoter: [ci]\n  revoker: [rita, rob]\nenvironments:\n  - name: prod\n    require: [bom]\n    approvals: 1\n`,
  );
}

interface Ran {
  readonly status: number | null;
  readonly output: string;
}

function run(...words: string[]): Ran {
  const env = { ...BARE, HOME: folder, WEIGHMARK_POLICY: 'policy.yaml' };
  const registry = words.some((word) => word === '--registry' || word === 'init') ? [] : ['--registry', 'reg'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words, ...registry], {
    cwd: folder,
    encoding: 'utf8',
    env,
  });
  return { status, output: stdout + stderr };
}

function ok(...words: string[]): string {
  const { status, output } = run(...words);
  assert.equal(status, 0, `${words.join(' ')}: ${output}`);
  return output;
}

function refused(code: string, ...words: string[]): string {
  const { status, output } = run(...words);
  assert.notEqual(status, 0, words.join(' '));
  assert.match(output, new RegExp(`error\\[${code}\\]`), output);
  return output;
}

const promote = ['--env', 'prod', '--key', 'ci.key'];

test('an approver’s key leaked: the identity is revoked, and another approves', () => {
  ok('approve', 'acme/enc:1', '--env', 'prod', '--yes', '--key', 'bob.key');
  ok('promote', 'acme/enc:1', ...promote);
  ok(
    'revoke',
    '--identity',
    'bob',
    '--since',
    '2020-01-01T00:00:00Z',
    '--reason',
    'leaked',
    '--yes',
    '--key',
    'rita.key',
  );
  refused('revoked', 'verify', 'acme/enc:1', '--env', 'prod');
  ok('approve', 'acme/enc:1', '--env', 'prod', '--yes', '--key', 'carol.key');
  ok('promote', 'acme/enc:1', ...promote);
  ok('verify', 'acme/enc:1', '--env', 'prod');
});

test('the log’s key is lost: a new log under a new origin continues with what the old one held', () => {
  ok('revoke', 'acme/enc:2', '--reason', 'poisoned', '--yes', '--key', 'rita.key');
  const [key = 'none'] = globSync(join(folder, '.config/weighmark/log-keys/*.pem'));
  renameSync(key, join(folder, 'lost.pem'));
  refused(
    'key-unusable',
    'attest',
    'acme/enc:1',
    '--type',
    'dataset',
    '--reference',
    'croissant.json',
    '--key',
    'dana.key',
  );
  ok('verify', 'acme/enc:1', '--env', 'prod');
  ok('registry', 'init', 'new', '--origin', 'two.example');
  for (const version of ['1', '2']) ok('copy', `acme/enc:${version}`, 'new');
  ok('log', 'verify', '--registry', 'new');
  refused('revoked', 'promote', 'acme/enc:2', ...promote, '--registry', 'new');
  refused('not-promoted', 'verify', 'acme/enc:1', '--env', 'prod', '--registry', 'new');
  ok('promote', 'acme/enc:1', ...promote, '--registry', 'new');
  ok('verify', 'acme/enc:1', '--env', 'prod', '--registry', 'new');
});

test('the new log takes the old one’s place: readers refuse it until its key is named', () => {
  const identity = JSON.parse(readFileSync(join(folder, 'new', 'registry.json'), 'utf8')) as { vkeys: string[] };
  renameSync(join(folder, 'reg'), join(folder, 'old'));
  renameSync(join(folder, 'new'), join(folder, 'reg'));
  const output = refused('log-key-mismatch', 'verify', 'acme/enc:1', '--env', 'prod');
  assert.match(output, /hint: .*--log-vkey/);
  ok('verify', 'acme/enc:1', '--env', 'prod', ...identity.vkeys.flatMap((vkey) => ['--log-vkey', vkey]));
  ok('verify', 'acme/enc:1', '--env', 'prod');
});

test('a policy’s signer is lost: another is trusted for it, and signs it again', () => {
  ok('trust', 'add', 'boss', '--key', 'boss.pub', '--for', 'policy/acme');
  const ask = ['verify', 'acme/enc:1', '--env', 'prod'];
  assert.notEqual(run(...ask).status, 0, 'it is not signed');
  ok('sign', 'policy.yaml', '--key', 'boss.key');
  ok(...ask);
  ok('trust', 'remove', 'boss');
  ok('trust', 'add', 'chief', '--key', 'chief.pub', '--for', 'policy/acme');
  refused('signer-untrusted', ...ask);
  rmSync(join(folder, 'policy.yaml.sig'));
  ok('sign', 'policy.yaml', '--key', 'chief.key');
  ok(...ask);
});
