import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { BARE, PROGRAM } from '../program.ts';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-several-'));
  run(['keygen', 'anna', '--no-password']);
  for (const name of ['first', 'last', 'bad']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'config.json'), '{}');
    assert.equal(run(['sign', name, '--key', 'anna.key']).status, 0);
  }
  writeFileSync(join(folder, 'bad', 'config.json'), '{"changed":1}');
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...BARE, HOME: folder, NO_COLOR: '1' },
  });
}

function valid(schema: string, stdout: string): Record<string, unknown> {
  const output = JSON.parse(stdout) as Record<string, unknown>;
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(
    JSON.parse(readFileSync(new URL(`../../schemas/${schema}.schema.json`, import.meta.url), 'utf8')) as object,
  );
  assert.ok(validate(output), JSON.stringify(validate.errors));
  return output;
}

test('verify: one that is not there keeps no other from its verdict; the worst exit code wins', () => {
  const { status, stdout } = run(['verify', 'first', 'gone', 'bad', 'last', '--key', 'anna.pub']);
  assert.equal(status, 2);
  assert.deepEqual(
    stdout.split('\n').flatMap((line) => /^(VERIFIED|NOT VERIFIED|FAILED): (\w+)/.exec(line)?.slice(1).join(' ') ?? []),
    ['VERIFIED first', 'NOT VERIFIED gone', 'FAILED 1', 'VERIFIED last'],
  );
  const json = valid('verify', run(['verify', 'gone', 'first', '--key', 'anna.pub', '--json']).stdout);
  assert.deepEqual(
    (json['verdicts'] as { subject: string; exitCode: number }[]).map(({ subject, exitCode }) => [subject, exitCode]),
    [
      ['gone', 2],
      ['first', 0],
    ],
  );
  assert.match(run(['verify', 'gone', 'first', '--key', 'anna.pub', '--format', 'junit']).stdout, /gone/);
});

test('verify -q: of several only what is no yes is shown, and nothing where all are', () => {
  const { status, stdout } = run(['verify', 'first', 'bad', 'last', '--key', 'anna.pub', '-q']);
  assert.equal(status, 1);
  assert.match(stdout, /^FAILED: 1 of 1 files changed/m);
  assert.doesNotMatch(stdout, /VERIFIED/);
  const well = run(['verify', 'first', 'last', '--key', 'anna.pub', '-q', '-o', 'well.txt']);
  assert.deepEqual([well.status, well.stdout, well.stderr], [0, '', '']);
  assert.equal(
    readFileSync(join(folder, 'well.txt'), 'utf8').match(/^VERIFIED/gm)?.length,
    2,
    'a file that was asked for',
  );
});

test('verify: what is wrong with the run is said once, and nothing is verified', () => {
  const { status, stdout } = run(['verify', 'first', 'last', '--key', 'nobody.pub']);
  assert.deepEqual([status, stdout], [4, '']);
});

test('scan: one that is not there keeps no other from being scanned', () => {
  const { status, stdout } = run(['scan', 'first', 'gone', 'last']);
  assert.equal(status, 2);
  assert.deepEqual(
    stdout.split('\n').flatMap((line) => /^(PASS|INCOMPLETE): (\w+)/.exec(line)?.slice(1).join(' ') ?? []),
    ['PASS first', 'INCOMPLETE gone', 'PASS last'],
  );
  const json = valid('scan', run(['scan', 'gone', 'first', '--json']).stdout);
  assert.deepEqual(
    [
      json['exitCode'],
      (json['artifacts'] as { path: string; verdict: string }[]).map(({ path, verdict }) => [path, verdict]),
    ],
    [
      2,
      [
        ['gone', 'incomplete'],
        ['first', 'pass'],
      ],
    ],
  );
});

test('hash: one that is not there keeps no other from being hashed', () => {
  const { status, stdout, stderr } = run(['hash', 'first/config.json', 'gone', 'last/config.json']);
  assert.equal(status, 2);
  assert.deepEqual(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('  ')[1]),
    ['first/config.json', 'last/config.json'],
  );
  assert.match(stderr, /error\[not-found\]: gone/);
});
