import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { locate } from '../../src/cli/located.ts';
import { parseReference } from '../../src/domain/registry/reference.ts';
import { BARE, PROGRAM } from '../program.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-s3-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[], input = ''): { status: number | null; stderr: string } {
  const env = { ...BARE, HOME: folder, NO_COLOR: '1', AWS_SECRET_ACCESS_KEY: 'secret/of+nobody' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    cwd: folder,
    encoding: 'utf8',
    env,
    input,
  });
  return { status, stderr: stdout + stderr };
}

test('what lies in a store is a place of its own, and no path below the working folder', () => {
  assert.deepEqual(parseReference('s3://models/acme:1'), { kind: 'path', path: 's3://models/acme:1' });
  assert.equal(locate('/home', 's3://models/acme/'), 's3://models/acme');
  assert.equal(locate('/home', 'models'), '/home/models');
  assert.throws(() => locate('/home', 's3://models/../x'), { code: 'name-invalid' });
});

test('without the package each command that reads a store says how to get it', () => {
  for (const command of ['hash', 'scan', 'inspect', 'verify'])
    for (const place of ['s3://models/enc', 's3://models']) {
      const { status, stderr } = run([command, place]);
      assert.equal(status, 2, stderr);
      assert.match(stderr, /config-invalid[\s\S]+npm install @aws-sdk\/client-s3/);
      assert.doesNotMatch(stderr, /nobody/);
    }
});

test('a command that reads no store says which do', () => {
  const { status, stderr } = run(['bom', 'create', 's3://models/enc']);
  assert.equal(status, 2, stderr);
  assert.match(stderr, /s3:\/\/BUCKET\/PREFIX.* goes with hash, inspect, scan, seal, sign and verify/);
});

test('a list of checksums sends nobody to a store', () => {
  const { status, stderr } = run(['hash', '--check', '-'], `${'0'.repeat(64)}  s3://models/enc\n`);
  assert.equal(status, 1, stderr);
  assert.doesNotMatch(stderr, /aws-sdk/);
});
