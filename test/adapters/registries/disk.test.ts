import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openRegistry } from '../../../src/adapters/registries/index.ts';
import { BARE, PROGRAM } from '../../program.ts';

let folder = '';

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'weighmark-disk-'));
  mkdirSync(join(folder, 'm'));
  writeFileSync(join(folder, 'm', 'w.bin'), randomBytes(3 << 20));
  assert.equal(run('exec', ['registry', 'init', 'reg']).status, 0);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs weighmark after a shell command that takes something away from it. */
function run(deprivation: string, args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const words = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(' ');
  const script = deprivation === 'exec' ? `exec ${words}` : `${deprivation}; exec ${words}`;
  return spawnSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8', env: { ...BARE, HOME: folder } });
}

/** Files larger than a mebibyte cannot be written: what a full disk does, at a known place. */
const FULL = 'trap "" XFSZ; ulimit -f 1024';

describe('a full disk', () => {
  test('push stops with disk-full; nothing half-written has a name; a repeat with space finishes', async () => {
    const { status, stderr } = run(FULL, ['push', 'm', 'enc:1', '--registry', 'reg']);
    assert.equal(status, 4, stderr);
    assert.match(stderr, /disk-full/);
    const blobs = join(folder, 'reg', 'models', 'enc', 'blobs', 'sha256');
    assert.deepEqual(existsSync(blobs) ? readdirSync(blobs) : [], []);
    assert.equal(run('exec', ['push', 'm', 'enc:1', '--registry', 'reg']).status, 0);
    const { log } = await openRegistry(join(folder, 'reg'), { env: { HOME: folder } });
    assert.equal((await log.verify()).size, 1);
  });

  test('pull stops with disk-full; nothing has the name; a repeat with space finishes', () => {
    const { status, stderr } = run(FULL, ['pull', 'enc:1', 'out', '--registry', 'reg']);
    assert.equal(status, 4, stderr);
    assert.match(stderr, /disk-full/);
    assert.equal(existsSync(join(folder, 'out')), false);
    assert.equal(run('exec', ['pull', 'enc:1', 'out', '--registry', 'reg']).status, 0);
  });
});

describe('a place that may not be written', () => {
  test('a registry that is a file, a target whose parent is a file: said, not crashed', () => {
    writeFileSync(join(folder, 'file'), '');
    assert.equal(run('exec', ['registry', 'init', 'file']).status, 2);
    assert.equal(run('exec', ['pull', 'enc:1', 'file/out', '--registry', 'reg']).status, 2);
    assert.equal(run('exec', ['push', 'm', 'enc:1', '--registry', 'file/reg']).status, 2);
  });
});
