import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';

const KERNELS = ['src/adapters/hasher/kernel', 'src/adapters/records/kernel'];

function release(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'weighmark-release-'));
  t.after(() => rmSync(root, { recursive: true }));
  for (const folder of KERNELS) mkdirSync(join(root, folder), { recursive: true });
  cpSync(`${KERNELS[0]}/release.mjs`, join(root, `${KERNELS[0]}/release.mjs`));
  writeFileSync(join(root, 'package.json'), '{"name": "weighmark", "version": "9.9.9"}');
  for (const name of ['kernel-linux-x64', 'kernel-linux-arm64', 'kernel-darwin-arm64', 'records-linux-arm64']) {
    mkdirSync(join(root, 'addons', name), { recursive: true });
    writeFileSync(join(root, 'addons', name, `${name}.node`), name);
  }
  return root;
}

function read(...path: string[]): Record<string, unknown> {
  return JSON.parse(readFileSync(join(...path), 'utf8')) as Record<string, unknown>;
}

const ARGUMENTS = ['src/adapters/hasher/kernel/release.mjs', 'addons', 'packages'];

test('a release has a package an addon of each crate, for the machines it fits, and a table of their digests', (t) => {
  const root = release(t);
  execFileSync(process.execPath, ARGUMENTS, { cwd: root });
  const names = ['kernel-darwin-arm64', 'kernel-linux-arm64-gnu', 'kernel-linux-x64-gnu', 'records-linux-arm64-gnu'];
  assert.deepEqual(
    read(root, 'package.json')['optionalDependencies'],
    Object.fromEntries(names.map((name) => [`weighmark-${name}`, '9.9.9'])),
  );
  const { os, cpu, libc, files } = read(root, 'packages/weighmark-records-linux-arm64-gnu/package.json');
  assert.deepEqual([os, cpu, libc, files], [['linux'], ['arm64'], ['glibc'], ['records-linux-arm64-gnu.node']]);
  const sha256 = createHash('sha256').update('records-linux-arm64').digest('hex');
  assert.deepEqual(read(root, KERNELS[1] ?? '', 'addons.json'), { 'records-linux-arm64-gnu.node': { sha256 } });
  assert.deepEqual(Object.keys(read(root, KERNELS[0] ?? '', 'addons.json')).length, 3);
});

test('a release without an addon of a crate is none', (t) => {
  const root = release(t);
  rmSync(join(root, 'addons/records-linux-arm64'), { recursive: true });
  assert.notEqual(spawnSync(process.execPath, ARGUMENTS, { cwd: root, stdio: 'ignore' }).status, 0);
});
